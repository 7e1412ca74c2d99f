//! `latchkey methods import`: the book as a list, and the changes and affected keys of an import.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;

use clap::Args;

use crate::books::{self, MAX_BYTES, RETAILCRM, ReferenceBook};
use crate::cli::context::{CommandContext, LONG_CALL_TIMEOUT};
use crate::cli::display;
use crate::cli::exit::Error;
use crate::cli::input::read_file;
use crate::cli::output::{CommandOutput, CommandResult, table};
use crate::cli::write::WriteArgs;
use crate::model::method::StoreUse;
use crate::proto::v1;

pub(super) const BUILT_IN: &str = "retailcrm";

/// Most changes listed after an import; a dry run, whose purpose is to show them, lists all.
const LISTED: usize = 20;

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// YAML file with a reference book, `-` for standard input, or `retailcrm` for the built-in one
    #[arg(value_name = "BOOK")]
    book: String,
    /// Also retire methods that are missing from the file
    #[arg(long)]
    retire_missing: bool,
    /// Show what would change without changing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl ImportArgs {
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let name = self.book.clone();
        let text = tokio::task::spawn_blocking(move || read(&name))
            .await
            .map_err(|error| Error::Internal(format!("reading the reference book was interrupted: {error}")))??;
        let book = books::parse(&text).map_err(|error| Error::Invalid(format!("{}: {error}", self.book)))?;
        let request = v1::ImportMethodsRequest {
            methods: methods(book),
            retire_missing: self.retire_missing,
            dry_run: self.dry_run,
            options: Some(self.write.options()),
        };
        let what = format!("importing {} methods", request.methods.len());
        let mut client = context.methods().await?;
        let response = context.call_within(LONG_CALL_TIMEOUT, &what, client.import_methods(request)).await?;
        context.render(&response, |response| {
            let output = CommandOutput::from(describe(response, self.dry_run));
            if self.dry_run { output.with_note("dry run: nothing was changed") } else { output }
        })
    }
}

fn read(name: &str) -> Result<String, Error> {
    if name == BUILT_IN {
        return Ok(RETAILCRM.to_owned());
    }
    read_file(Path::new(name), MAX_BYTES as u64 + 1).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::NotFound(format!(
            "there is no file {name} and no built-in reference book with this name; see `latchkey methods books`"
        )),
        _ if name == "-" => Error::Failed(format!("standard input cannot be read: {error}")),
        _ => Error::Failed(format!("{name} cannot be read: {error}")),
    })
}

/// Converts the book's methods to messages of the contract, in the book's order.
fn methods(book: ReferenceBook) -> Vec<v1::Method> {
    let in_block = |block: books::BookBlock| {
        let title = block.title;
        block.methods.into_iter().map(move |method| v1::Method {
            // A book may omit the summary; the server requires one.
            summary: if method.summary.is_empty() { method.method.clone() } else { method.summary },
            method: method.method,
            block: title.clone(),
            description: method.description,
            store_use: match method.store_use {
                StoreUse::None => v1::StoreUse::None,
                StoreUse::Shared => v1::StoreUse::Shared,
                StoreUse::Optional => v1::StoreUse::Optional,
                StoreUse::Required => v1::StoreUse::Required,
            }
            .into(),
            store_places: method.store_places.iter().map(ToString::to_string).collect(),
            scope: method.scope.unwrap_or_default(),
            ..Default::default()
        })
    };
    book.blocks.into_iter().flat_map(in_block).collect()
}

fn describe(response: &v1::ImportMethodsResponse, dry_run: bool) -> String {
    let changes = [("add", &response.added), ("change", &response.changed), ("retire", &response.retired)];
    let rows =
        changes.into_iter().flat_map(|(change, methods)| methods.iter().map(move |method| [change, method.as_str()]));
    let rows: Vec<_> = rows.map(|row| row.map(str::to_owned)).collect();
    let listed = dry_run || rows.len() <= LISTED;
    let mut text = if listed { table(["CHANGE", "METHOD"], rows) } else { String::new() };
    let verb = if dry_run { "would be " } else { "" };
    let _ = writeln!(
        text,
        "{verb}added {}, changed {}, retired {}; unchanged {}",
        response.added.len(),
        response.changed.len(),
        response.retired.len(),
        response.unchanged
    );
    for (one, many, would, keys, total) in [
        ("key gains", "keys gain", "would gain", &response.gaining, response.gaining_total),
        ("key loses", "keys lose", "would lose", &response.losing, response.losing_total),
    ] {
        if total > 0 {
            let whose = if dry_run {
                format!("{} {would}", display::count(total, "key", "keys"))
            } else {
                display::count(total, one, many)
            };
            let _ = writeln!(text, "\n{whose} methods:");
            let rows = keys.iter().map(|key| {
                let methods = display::access(v1::Access::Selected, &key.methods, "methods");
                [key.key_id.clone(), key.name.clone(), methods]
            });
            text.push_str(&table(["KEY", "NAME", "METHODS"], rows));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_book_is_carried_whole() {
        let methods = methods(books::parse(&read(BUILT_IN).unwrap()).unwrap());
        assert_eq!(methods.len(), 199);
        let statuses = methods.iter().find(|method| method.method == "GET /api/v*/orders/statuses").unwrap();
        assert!(!statuses.block.is_empty() && !statuses.summary.is_empty());
        assert!(methods.iter().all(|method| method.store_use != 0));
    }

    #[test]
    fn a_book_that_is_not_there_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("none.yaml");
        assert!(matches!(read(name.to_str().unwrap()), Err(Error::NotFound(_))));
        assert!(matches!(read(folder.path().to_str().unwrap()), Err(Error::Failed(_))));
    }

    #[test]
    fn what_an_import_changes_is_told() {
        let response = v1::ImportMethodsResponse {
            added: vec!["GET /a".to_owned()],
            retired: vec!["GET /b".to_owned()],
            unchanged: 3,
            losing: vec![v1::AffectedKey {
                key_id: "key_1".to_owned(),
                name: "CPA".to_owned(),
                methods: vec!["GET /b".to_owned()],
            }],
            losing_total: 1,
            ..Default::default()
        };
        let text = describe(&response, true);
        for part in ["GET /a", "GET /b", "would be added 1, changed 0, retired 1; unchanged 3", "key_1", "CPA"] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
    }
}
