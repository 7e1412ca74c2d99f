//! The server's reference book, for completing abbreviated names.

use std::collections::BTreeSet;

use crate::cli::context::CommandContext;
use crate::cli::exit::Error;
use crate::proto::v1;

pub(in crate::cli) struct ServerBook {
    methods: Vec<v1::Method>,
}

impl ServerBook {
    pub(in crate::cli) async fn load(context: &CommandContext) -> Result<Self, Error> {
        Ok(Self { methods: context.list_methods(v1::ListMethodsRequest::default(), None).await? })
    }

    /// Returns the identity of a method; the book is only read if the verb was omitted.
    pub(in crate::cli) async fn resolve(context: &CommandContext, method: &str) -> Result<String, Error> {
        if method.contains(' ') {
            return Ok(method.to_owned());
        }
        Self::load(context).await?.identity(method)
    }

    /// Returns the identity for `VERB pattern`, or for a pattern that the book has with one verb only.
    pub(in crate::cli) fn identity(&self, method: &str) -> Result<String, Error> {
        if method.contains(' ') {
            return Ok(method.to_owned());
        }
        let found: Vec<_> = self.identities().filter(|(_, pattern)| *pattern == method).collect();
        match found.as_slice() {
            [(one, _)] => Ok((*one).to_owned()),
            [] => Err(Error::NotFound(format!("the reference book has no method `{method}`{}", self.hint(method)))),
            several => Err(Error::Usage(format!(
                "the reference book has `{method}` with several verbs: write {}",
                several.iter().map(|(identity, _)| format!("`{identity}`")).collect::<Vec<_>>().join(" or ")
            ))),
        }
    }

    pub(in crate::cli) fn block(&self, title: &str) -> Result<Vec<String>, Error> {
        let members = self.methods.iter().filter(|method| method.block == title);
        let members: Vec<_> = members.map(|method| method.method.clone()).collect();
        if !members.is_empty() {
            return Ok(members);
        }
        let titles: BTreeSet<&str> = self.methods.iter().map(|method| method.block.as_str()).collect();
        Err(Error::NotFound(if titles.is_empty() {
            format!("the reference book is empty, so it has no block `{title}`")
        } else {
            let titles: Vec<_> = titles.into_iter().collect();
            format!("the reference book has no block `{title}`; its blocks are: {}", titles.join(", "))
        }))
    }

    fn identities(&self) -> impl Iterator<Item = (&str, &str)> {
        self.methods
            .iter()
            .filter_map(|method| method.method.split_once(' ').map(|(_, pattern)| (method.method.as_str(), pattern)))
    }

    /// Suggests a pattern with the same end.
    fn hint(&self, method: &str) -> String {
        if self.methods.is_empty() {
            return ", because it is empty: import one with `latchkey methods import`".to_owned();
        }
        let tail = method.rsplit('/').next().unwrap_or_default();
        let near: Vec<_> = self
            .identities()
            .filter(|(_, pattern)| !tail.is_empty() && pattern.rsplit('/').next() == Some(tail))
            .map(|(identity, _)| format!("`{identity}`"))
            .take(3)
            .collect();
        if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> ServerBook {
        let method = |method: &str, block: &str| v1::Method {
            method: method.to_owned(),
            block: block.to_owned(),
            ..Default::default()
        };
        ServerBook {
            methods: vec![
                method("GET /api/v*/orders/statuses", "Orders"),
                method("GET /api/v*/orders", "Orders"),
                method("POST /api/v*/orders", "Orders"),
                method("GET /api/v*/files", "Files"),
            ],
        }
    }

    #[test]
    fn the_verb_may_be_left_out_where_there_is_one() {
        assert_eq!(book().identity("/api/v*/orders/statuses").unwrap(), "GET /api/v*/orders/statuses");
        assert_eq!(book().identity("GET /anything").unwrap(), "GET /anything");
        let several = book().identity("/api/v*/orders").unwrap_err();
        assert!(matches!(&several, Error::Usage(text) if text.contains("`GET /api/v*/orders` or `POST")), "{several}");
        let near = book().identity("/orders/statuses").unwrap_err();
        assert!(
            matches!(&near, Error::NotFound(text) if text.contains("did you mean `GET /api/v*/orders/statuses`?")),
            "{near}"
        );
    }

    #[test]
    fn a_block_stands_for_its_members() {
        assert_eq!(book().block("Files").unwrap(), ["GET /api/v*/files"]);
        let unknown = book().block("orders").unwrap_err();
        assert!(matches!(&unknown, Error::NotFound(text) if text.ends_with("Files, Orders")), "{unknown}");
    }
}
