//! The changes that an import of a reference book would make, and the keys that it would affect.

use std::collections::HashMap;

use serde_json::Value;

use crate::books::ReferenceBook;
use crate::console::ENGLISH;
use crate::console::diff::{FieldDifference, differences};
use crate::model::hex;
use crate::model::pattern::MethodIdentity;
use crate::model::reference::Method;
use crate::model::token::Digest;
use crate::registry::{AffectedMethods, Choice, ImportMethods, MethodDraft, MethodsDiff};

#[derive(Debug)]
pub(super) struct Preview {
    /// Identities and summaries of the new methods.
    pub(super) added: Vec<(String, String)>,
    /// Identities of the changed methods, each with its differences; empty if only the position changes.
    pub(super) changed: Vec<(String, Vec<FieldDifference>)>,
    pub(super) retired: Vec<String>,
    pub(super) unchanged: usize,
    pub(super) gaining: AffectedKeys,
    pub(super) losing: AffectedKeys,
}

/// The keys that gain or lose access.
#[derive(Debug)]
pub(super) struct AffectedKeys {
    /// Some of them: id, name, methods.
    pub(super) keys: Vec<(String, String, Vec<String>)>,
    /// How many more there are.
    pub(super) further: u64,
}

impl Preview {
    /// Builds the preview from `diff`, the result of importing `methods` into a book of `live`.
    pub(super) fn new(live: &[Method], methods: &[MethodDraft], diff: MethodsDiff) -> Self {
        let before: HashMap<String, Value> =
            live.iter().map(|method| (method.identity.to_string(), method.image())).collect();
        let after: HashMap<&str, &MethodDraft> = methods.iter().map(|method| (&*method.method, method)).collect();
        let summary = |identity: &str| after.get(identity).map_or("", |method| &method.summary).to_owned();
        let differing = |identity: &str| {
            let image = after.get(identity).map(|method| image(method));
            let mut found = differences(before.get(identity), image.as_ref());
            found.retain(|difference| difference.field != "position");
            found
        };
        Self {
            added: names(&diff.added).map(|name| (name.clone(), summary(&name))).collect(),
            changed: names(&diff.changed).map(|name| (name.clone(), differing(&name))).collect(),
            retired: names(&diff.retired).collect(),
            unchanged: diff.unchanged,
            gaining: AffectedKeys::new(diff.gaining),
            losing: AffectedKeys::new(diff.losing),
        }
    }

    /// Returns those that gain and those that lose access, each with a title and an explanation.
    pub(super) const fn affected(&self) -> [(&'static str, &'static str, &AffectedKeys); 2] {
        let t = &ENGLISH.import;
        [(t.gaining, t.gaining_help, &self.gaining), (t.losing, t.losing_help, &self.losing)]
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.retired.is_empty()
    }
}

impl AffectedKeys {
    fn new((keys, total): (Vec<AffectedMethods>, u64)) -> Self {
        let shown = u64::try_from(keys.len()).unwrap_or(u64::MAX);
        let keys = keys.into_iter().map(|key| (key.key.to_string(), key.name, names(&key.methods).collect()));
        Self { keys: keys.collect(), further: total.saturating_sub(shown) }
    }
}

fn names(identities: &[MethodIdentity]) -> impl Iterator<Item = String> + '_ {
    identities.iter().map(ToString::to_string)
}

/// Converts the methods of a book to the registry's drafts.
pub(super) fn drafts(book: ReferenceBook) -> Vec<MethodDraft> {
    let of_block = |block: crate::books::BookBlock| {
        let title = block.title;
        block.methods.into_iter().map(move |method| MethodDraft {
            // A book may omit it; the list of methods needs a text.
            summary: if method.summary.is_empty() { method.method.clone() } else { method.summary },
            method: method.method,
            block: title.clone(),
            description: method.description,
            store_use: Choice::Is(method.store_use),
            store_places: method.store_places.iter().map(ToString::to_string).collect(),
            scope: method.scope.unwrap_or_default(),
            position: 0,
        })
    };
    book.blocks.into_iter().flat_map(of_block).collect()
}

/// Returns a method's image as in the audit trail.
fn image(method: &MethodDraft) -> Value {
    let store_use = match method.store_use {
        Choice::Is(store_use) => store_use.as_str(),
        Choice::Unset | Choice::Unknown(_) => "",
    };
    serde_json::json!({
        "method": method.method, "block": method.block, "summary": method.summary, "description": method.description,
        "store_use": store_use, "store_places": method.store_places, "scope": method.scope,
    })
}

/// Renders the request and its effects as a text to compare.
pub(super) fn fingerprint(request: &ImportMethods, diff: &MethodsDiff) -> String {
    let text = format!("{:?} {} {diff:?}", request.methods, request.retire_missing);
    hex::encode(&Digest::of(text.as_bytes()).as_bytes()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_in_a_method_is_told_and_its_place_is_not() {
        let book = crate::books::parse(crate::books::RETAILCRM).unwrap();
        let mut methods = drafts(book);
        methods.truncate(1);
        let before = image(&methods[0]);
        "Something else".clone_into(&mut methods[0].summary);
        let found = differences(Some(&before), Some(&image(&methods[0])));
        assert_eq!(found.iter().map(|difference| &*difference.field).collect::<Vec<_>>(), ["summary"]);
    }
}
