//! The reference book: adding, changing, retiring, importing and listing methods.

mod check;
mod import;

use crate::model::change::{Action, SubjectKind};
use crate::model::operator::Permission::Edit;
use crate::model::pattern::MethodIdentity;
use crate::model::reference::Method;
use crate::model::violations::Violations;
use crate::storage::MethodFilter;

use super::error::{Error, ResourceKind, Result, TakenValue};
use super::input::{MethodDraft, PageInput, SubjectRef, Update, WriteOptions};
use super::page::Binding;
use super::validate::{self, Mask};
use super::write::{Write, check_etag};
use super::{Caller, Done, Listed, Registry};

pub use self::import::{AffectedMethods, ImportMethods, MethodsDiff};

const FIELDS: [&str; 7] = ["block", "summary", "description", "store_use", "store_places", "scope", "position"];

/// A request for a page of methods; all filters that are set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListMethods {
    /// The requested page.
    pub page: PageInput,
    /// Title of the block, exactly; empty: any.
    pub block: String,
    /// Text that occurs in them; empty: any.
    pub text: String,
}

impl Registry {
    /// Adds a method to the book.
    pub async fn create_method(&self, caller: &Caller, draft: &MethodDraft, options: &WriteOptions) -> Done<Method> {
        let check = |violations: &mut Violations| {
            violations.within("method", |violations| {
                check::position(violations, draft.position);
                check::method(violations, draft)
            })
        };
        self.write((caller, Edit), options, check, create).await
    }

    /// Returns the method with this identity.
    pub async fn method(&self, identity: &str) -> Result<Method> {
        let identity = validate::checked(|violations| validate::parse(violations, "method", identity))?;
        self.storage.method(&identity).await?.ok_or_else(|| Error::not_found(ResourceKind::Method, identity))
    }

    /// Returns a page of methods, by position.
    pub async fn methods(&self, list: &ListMethods) -> Result<Listed<Method>> {
        let mut violations = Violations::new();
        let filter = MethodFilter {
            block: validate::search(&mut violations, "block", &list.block),
            text: validate::search(&mut violations, "text", &list.text),
        };
        let binding = Binding::new("methods").with("block", filter.block.as_ref()).with("text", filter.text.as_ref());
        let page = binding.request(violations, &list.page)?;
        Ok(binding.listed(self.storage.methods(&filter, &page).await?))
    }

    /// Changes the masked fields of a method.
    pub async fn update_method(
        &self,
        caller: &Caller,
        update: &Update<MethodDraft>,
        options: &WriteOptions,
    ) -> Done<Method> {
        let check = |violations: &mut Violations| {
            let mask = validate::mask(violations, &update.mask, &FIELDS);
            violations.within("method", |violations| {
                let identity = validate::parse::<MethodIdentity>(violations, "method", &update.id);
                check::masked(violations, &mask, &update.draft, identity.as_ref());
                Some((identity?, mask, update.clone()))
            })
        };
        self.write((caller, Edit), options, check, change).await
    }

    /// Retires a method; returns how many keys selected it.
    pub async fn delete_method(&self, caller: &Caller, method: &SubjectRef, options: &WriteOptions) -> Done<u64> {
        let check = |violations: &mut Violations| {
            Some((validate::parse(violations, "method", &method.id)?, method.etag.clone()))
        };
        self.write((caller, Edit), options, check, retire).await
    }
}

/// Returns the methods that are not retired, by position, and the one with this identity.
async fn existing(write: &mut Write, identity: &MethodIdentity) -> Result<(Vec<Method>, Method)> {
    let live = write.tx.live_methods().await?;
    let found = live.iter().find(|method| method.identity == *identity).cloned();
    found.map(|method| (live, method)).ok_or_else(|| Error::not_found(ResourceKind::Method, identity))
}

fn last_position(live: &[Method]) -> i32 {
    live.iter().map(|method| method.position).max().unwrap_or(0).saturating_add(1)
}

async fn create(write: &mut Write, mut method: Method) -> Result<Method> {
    let live = write.tx.live_methods().await?;
    let shape = check::shape(&method.identity);
    if let Some(same) = live.iter().find(|other| check::shape(&other.identity) == shape) {
        let description = format!("matches the same requests as the existing method `{}`", same.identity);
        return Err(Error::taken(TakenValue::Method, "method.method", description));
    }
    if method.position == 0 {
        method.position = last_position(&live);
    }
    method.created = write.tx.now();
    method.updated = write.tx.now();
    method.row_revision = write.tx.revision();
    for number in write.tx.insert_methods(std::slice::from_ref(&method)).await? {
        method.number = number;
    }
    write.record(Action::Create, SubjectKind::Method, &method.identity, None, Some(method.image()));
    Ok(method)
}

async fn change(
    write: &mut Write,
    (identity, mask, update): (MethodIdentity, Mask, Update<MethodDraft>),
) -> Result<Method> {
    let (live, before) = existing(write, &identity).await?;
    check_etag(&update.etag, SubjectKind::Method, before.row_revision)?;
    let (mut after, draft) = (before.clone(), update.draft);
    mask.set("block", &mut after.block, draft.block);
    mask.set("summary", &mut after.summary, draft.summary);
    mask.set("description", &mut after.description, draft.description);
    mask.set("store_use", &mut after.store_use, draft.store_use.or(before.store_use));
    if mask.has("store_places") {
        let mut none = Violations::new();
        after.store_places = check::store_places(&mut none, &draft.store_places, Some(&identity));
    }
    mask.set("scope", &mut after.scope, Some(draft.scope).filter(|scope| !scope.is_empty()));
    if mask.has("position") {
        after.position = if draft.position == 0 { last_position(&live) } else { draft.position };
    }
    let mut violations = Violations::new();
    violations.within("method", |violations| {
        check::shared(violations, after.store_use, &identity, !after.store_places.is_empty());
    });
    validate::none(violations)?;
    if after == before {
        return Ok(before);
    }
    after.updated = write.tx.now();
    after.row_revision = write.tx.revision();
    write.tx.update_methods(std::slice::from_ref(&after)).await?;
    write.record(Action::Update, SubjectKind::Method, &identity, Some(before.image()), Some(after.image()));
    Ok(after)
}

async fn retire(write: &mut Write, (identity, etag): (MethodIdentity, String)) -> Result<u64> {
    let (_, before) = existing(write, &identity).await?;
    check_etag(&etag, SubjectKind::Method, before.row_revision)?;
    let (_, users) = write.tx.method_users(&[before.number], 1).await?;
    write.tx.retire_methods(&[before.number]).await?;
    write.record(Action::Retire, SubjectKind::Method, &identity, Some(before.image()), None);
    Ok(users)
}
