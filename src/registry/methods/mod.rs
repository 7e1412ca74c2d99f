//! The reference book: adding, changing, retiring, importing and listing methods.

mod check;
mod import;

use crate::model::change::{Action, SubjectKind};
use crate::model::operator::Permission;
use crate::model::pattern::MethodIdentity;
use crate::model::reference::Method;
use crate::model::violations::Violations;
use crate::storage::{self, MethodFilter};

use super::error::{Error, ResourceKind, Result, TakenValue};
use super::input::{Choice, MethodDraft, PageInput, SubjectRef, Update, WriteOptions};
use super::page::Binding;
use super::validate::{self, Mask};
use super::write::{Write, check_etag, work};
use super::{Caller, Listed, Registry, Written};

pub use self::import::{AffectedMethods, ImportMethods, MethodsDiff};

/// The fields that can be changed.
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
    pub async fn create_method(
        &self,
        caller: &Caller,
        draft: &MethodDraft,
        options: &WriteOptions,
    ) -> Result<(Method, Written)> {
        let mut violations = Violations::new();
        let method = violations.within("method", |violations| {
            check::position(violations, draft.position);
            check::method(violations, draft)
        });
        let options = validate::options(&mut violations, options);
        let Some(method) = method.filter(|_| violations.is_empty()) else { return Err(violations.into()) };
        let work = work(move |write| Box::pin(create(write, method)));
        self.write("create method", caller, Permission::Edit, options, work).await
    }

    /// Returns the method with this identity.
    pub async fn method(&self, identity: &str) -> Result<Method> {
        let mut violations = Violations::new();
        let Some(identity) = validate::parse::<MethodIdentity>(&mut violations, "method", identity) else {
            return Err(violations.into());
        };
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
        let page = binding.request(&mut violations, &list.page);
        if !violations.is_empty() {
            return Err(violations.into());
        }
        let page = self.storage.methods(&filter, &page).await?;
        Ok(Listed { next: binding.token(page.next.as_deref()), items: page.items })
    }

    /// Changes the masked fields of a method.
    pub async fn update_method(
        &self,
        caller: &Caller,
        update: &Update<MethodDraft>,
        options: &WriteOptions,
    ) -> Result<(Method, Written)> {
        let mut violations = Violations::new();
        let mask = validate::mask(&mut violations, &update.mask, &FIELDS);
        let identity = violations.within("method", |violations| {
            let identity = validate::parse::<MethodIdentity>(violations, "method", &update.id);
            check::masked(violations, &mask, &update.draft, identity.as_ref());
            identity
        });
        let options = validate::options(&mut violations, options);
        let Some(identity) = identity.filter(|_| violations.is_empty()) else { return Err(violations.into()) };
        let (etag, draft) = (update.etag.clone(), update.draft.clone());
        let work = work(move |write| Box::pin(change(write, identity, etag, mask, draft)));
        self.write("update method", caller, Permission::Edit, options, work).await
    }

    /// Retires a method; returns how many keys selected it.
    pub async fn delete_method(
        &self,
        caller: &Caller,
        method: &SubjectRef,
        options: &WriteOptions,
    ) -> Result<(u64, Written)> {
        let mut violations = Violations::new();
        let identity = validate::parse::<MethodIdentity>(&mut violations, "method", &method.id);
        let options = validate::options(&mut violations, options);
        let Some(identity) = identity.filter(|_| violations.is_empty()) else { return Err(violations.into()) };
        let etag = method.etag.clone();
        let work = work(move |write| Box::pin(retire(write, identity, etag)));
        self.write("delete method", caller, Permission::Edit, options, work).await
    }
}

/// Returns the methods that are not retired, by position, and the one with this identity.
async fn existing(write: &mut Write, identity: &MethodIdentity) -> Result<(Vec<Method>, Method)> {
    let live = write.tx.live_methods().await?;
    let found = live.iter().find(|method| method.identity == *identity).cloned();
    found.map(|method| (live, method)).ok_or_else(|| Error::not_found(ResourceKind::Method, identity))
}

/// Returns the position after all others.
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
    method.created = write.now();
    method.updated = write.now();
    method.row_revision = write.revision();
    let identity = method.identity.clone();
    write.tx.insert_methods(std::slice::from_ref(&method)).await?;
    record_change(write, Action::Create, None, &identity).await
}

async fn change(
    write: &mut Write,
    identity: MethodIdentity,
    etag: String,
    mask: Mask,
    draft: MethodDraft,
) -> Result<Method> {
    let (live, before) = existing(write, &identity).await?;
    check_etag(&etag, SubjectKind::Method, before.row_revision)?;
    let mut after = before.clone();
    if mask.has("block") {
        after.block = draft.block;
    }
    if mask.has("summary") {
        after.summary = draft.summary;
    }
    if mask.has("description") {
        after.description = draft.description;
    }
    if let (true, Choice::Is(store_use)) = (mask.has("store_use"), draft.store_use) {
        after.store_use = store_use;
    }
    if mask.has("store_places") {
        let mut none = Violations::new();
        after.store_places = check::store_places(&mut none, &draft.store_places, Some(&identity));
    }
    if mask.has("scope") {
        after.scope = Some(draft.scope).filter(|scope| !scope.is_empty());
    }
    if mask.has("position") {
        after.position = if draft.position == 0 { last_position(&live) } else { draft.position };
    }
    let mut violations = Violations::new();
    violations.within("method", |violations| {
        check::shared(violations, after.store_use, &identity, !after.store_places.is_empty());
    });
    if !violations.is_empty() {
        return Err(violations.into());
    }
    if after == before {
        return Ok(before);
    }
    after.updated = write.now();
    after.row_revision = write.revision();
    write.tx.update_methods(&[after]).await?;
    record_change(write, Action::Update, Some(&before), &identity).await
}

async fn retire(write: &mut Write, identity: MethodIdentity, etag: String) -> Result<u64> {
    let (_, before) = existing(write, &identity).await?;
    check_etag(&etag, SubjectKind::Method, before.row_revision)?;
    let (_, users) = write.tx.method_users(&[before.number], 1).await?;
    write.tx.retire_methods(&[before.number]).await?;
    write.record(Action::Retire, SubjectKind::Method, &identity, Some(before.image()), None);
    Ok(users)
}

/// Records a change of a method and returns its new state.
async fn record_change(
    write: &mut Write,
    action: Action,
    before: Option<&Method>,
    identity: &MethodIdentity,
) -> Result<Method> {
    let after = write.tx.live_methods().await?.into_iter().find(|method| method.identity == *identity);
    let after = after
        .ok_or_else(|| storage::Error::bug(format!("method {identity} cannot be read by the write that created it")))?;
    write.record(action, SubjectKind::Method, identity, before.map(Method::image), Some(after.image()));
    Ok(after)
}
