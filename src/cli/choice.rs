//! Choosing the access of a key: all, none, members by name, or whole groups, which stand for their current members.

use std::collections::BTreeSet;

use clap::Args;

use super::context::CommandContext;
use super::exit::Error;
use super::methods::ServerBook;
use crate::proto::v1::{self, Access};

#[derive(Debug, Args)]
#[command(next_help_heading = "Stores")]
pub(super) struct StoreChoice {
    /// Access to all stores, including stores added later
    #[arg(long, conflicts_with_all = ["store", "platform", "no_stores"])]
    all_stores: bool,
    /// Access to these stores (codes)
    #[arg(long, value_name = "CODE", num_args = 1.., conflicts_with = "no_stores")]
    store: Vec<String>,
    /// Access to the stores that are on this platform now
    #[arg(long, value_name = "PLATFORM", num_args = 1.., conflicts_with = "no_stores")]
    platform: Vec<String>,
    /// Access to no store
    #[arg(long)]
    no_stores: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Methods")]
pub(super) struct MethodChoice {
    /// Access to all methods, including methods added later
    #[arg(long, conflicts_with_all = ["method", "block", "no_methods"])]
    all_methods: bool,
    /// Access to these methods: `VERB pattern`, or the pattern alone if the reference book has it with one verb only
    #[arg(long, value_name = "METHOD", num_args = 1.., conflicts_with = "no_methods")]
    method: Vec<String>,
    /// Access to the methods that are in this block now
    #[arg(long, value_name = "TITLE", num_args = 1.., conflicts_with = "no_methods")]
    block: Vec<String>,
    /// Access to no method
    #[arg(long)]
    no_methods: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Stores")]
pub(super) struct StoreChange {
    /// Also give access to these stores
    #[arg(long, value_name = "CODE", num_args = 1.., conflicts_with_all = ["all_stores", "store", "platform", "no_stores"])]
    add_store: Vec<String>,
    /// Remove access to these stores
    #[arg(long, value_name = "CODE", num_args = 1.., conflicts_with_all = ["all_stores", "store", "platform", "no_stores"])]
    remove_store: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Methods")]
pub(super) struct MethodChange {
    /// Also give access to these methods
    #[arg(long, value_name = "METHOD", num_args = 1.., conflicts_with_all = ["all_methods", "method", "block", "no_methods"])]
    add_method: Vec<String>,
    /// Also give access to the methods of this block
    #[arg(long, value_name = "TITLE", num_args = 1.., conflicts_with_all = ["all_methods", "method", "block", "no_methods"])]
    add_block: Vec<String>,
    /// Remove access to these methods
    #[arg(long, value_name = "METHOD", num_args = 1.., conflicts_with_all = ["all_methods", "method", "block", "no_methods"])]
    remove_method: Vec<String>,
    /// Remove access to the methods of this block
    #[arg(long, value_name = "TITLE", num_args = 1.., conflicts_with_all = ["all_methods", "method", "block", "no_methods"])]
    remove_block: Vec<String>,
}

/// The chosen access, and its members in byte order if it is selected.
pub(super) type ChosenAccess = (Access, Vec<String>);

fn selected(members: BTreeSet<String>) -> ChosenAccess {
    (Access::Selected, members.into_iter().collect())
}

impl StoreChoice {
    /// Lists the flags for a user who gave none of them.
    pub(super) const REQUIRED: &str = "choose the stores of the key: --all-stores (including stores added later), \
                                       --store CODE…, --platform PLATFORM… or --no-stores";

    pub(super) async fn chosen(self, context: &CommandContext) -> Result<ChosenAccess, Error> {
        if self.all_stores {
            return Ok((Access::All, Vec::new()));
        }
        let mut codes: BTreeSet<String> = self.store.into_iter().collect();
        for platform in self.platform {
            let filter = v1::ListStoresRequest { platform: Some(platform.clone()), ..Default::default() };
            let members = context.list_stores(filter, None).await?;
            if members.is_empty() {
                return Err(Error::NotFound(format!(
                    "no store has the platform `{platform}`; see `latchkey stores list`"
                )));
            }
            codes.extend(members.into_iter().map(|store| store.code));
        }
        Ok(selected(codes))
    }
}

impl MethodChoice {
    /// Lists the flags for a user who gave none of them.
    pub(super) const REQUIRED: &str = "choose the methods of the key: --all-methods (including methods added later), \
                                       --method METHOD…, --block TITLE… or --no-methods";

    pub(super) async fn chosen(self, context: &CommandContext) -> Result<ChosenAccess, Error> {
        if self.all_methods {
            return Ok((Access::All, Vec::new()));
        }
        Ok(selected(members(context, &self.method, &self.block).await?))
    }
}

impl StoreChange {
    /// Returns the access after the change; `None` if nothing changes.
    pub(super) fn applied(&self, key: &v1::Key) -> Result<Option<ChosenAccess>, Error> {
        if self.add_store.is_empty() && self.remove_store.is_empty() {
            return Ok(None);
        }
        let (add, remove) = (self.add_store.iter().cloned().collect(), self.remove_store.iter().cloned().collect());
        change(key.store_access(), &key.stores, add, &remove, "store").map(Some)
    }
}

impl MethodChange {
    pub(super) async fn applied(&self, context: &CommandContext, key: &v1::Key) -> Result<Option<ChosenAccess>, Error> {
        let given = [&self.add_method, &self.add_block, &self.remove_method, &self.remove_block];
        if given.into_iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let add = members(context, &self.add_method, &self.add_block).await?;
        let remove = members(context, &self.remove_method, &self.remove_block).await?;
        change(key.method_access(), &key.methods, add, &remove, "method").map(Some)
    }
}

/// Returns the identities of methods and of the members of blocks.
async fn members(context: &CommandContext, methods: &[String], blocks: &[String]) -> Result<BTreeSet<String>, Error> {
    // The book is only queried if it is needed.
    if blocks.is_empty() && methods.iter().all(|method| method.contains(' ')) {
        return Ok(methods.iter().cloned().collect());
    }
    let book = ServerBook::load(context).await?;
    let mut found = BTreeSet::new();
    for method in methods {
        found.insert(book.identity(method)?);
    }
    for block in blocks {
        found.extend(book.block(block)?);
    }
    Ok(found)
}

fn change(
    access: Access,
    members: &[String],
    add: BTreeSet<String>,
    remove: &BTreeSet<String>,
    thing: &str,
) -> Result<ChosenAccess, Error> {
    if access != Access::Selected {
        return Err(Error::Conflict(format!(
            "the key has access to all {thing}s, so none can be added or removed: list the ones to keep with --{thing}"
        )));
    }
    let had: BTreeSet<String> = members.iter().cloned().collect();
    if let Some(missing) = remove.iter().find(|member| !had.contains(*member)) {
        return Err(Error::Conflict(format!(
            "the key has no access to the {thing} `{missing}`, so it cannot be removed"
        )));
    }
    Ok(selected(had.into_iter().chain(add).filter(|member| !remove.contains(member)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(members: &[&str]) -> BTreeSet<String> {
        members.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn members_are_added_and_removed() {
        let had = ["b".to_owned(), "a".to_owned()];
        let changed = change(Access::Selected, &had, set(&["c", "a"]), &set(&["b"]), "store").unwrap();
        assert_eq!(changed, (Access::Selected, vec!["a".to_owned(), "c".to_owned()]));
    }

    #[test]
    fn nothing_is_added_to_all_and_nothing_removed_that_is_not_there() {
        let conflict = |access, remove: &[&str]| {
            matches!(change(access, &["a".to_owned()], set(&[]), &set(remove), "store"), Err(Error::Conflict(_)))
        };
        assert!(conflict(Access::All, &["a"]));
        assert!(conflict(Access::Selected, &["b"]));
        assert!(!conflict(Access::Selected, &["a"]));
    }
}
