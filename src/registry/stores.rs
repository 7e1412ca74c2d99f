//! Stores: adding, changing, removing and listing them.

use crate::model::change::{Action, SubjectKind};
use crate::model::operator::Permission;
use crate::model::store::{Store, StoreCode, StoreKind, StoreNumber};
use crate::model::violations::Violations;
use crate::storage::{self, StoreFilter};

use super::error::{Error, Precondition, ResourceKind, Result, TakenValue};
use super::input::{Choice, PageInput, StoreDraft, SubjectRef, Update, WriteOptions};
use super::page::Binding;
use super::validate::{self, Lines, Mask};
use super::write::{Write, check_etag, work};
use super::{Caller, Listed, Registry, Written};

/// The most hosts of a store.
const MAX_HOSTS: usize = 100;
/// The possible kinds of stores.
const KINDS: &str = "STORE_KIND_SITE, STORE_KIND_LANDING_PAGE or STORE_KIND_ONLINE_STORE";
/// The fields that can be changed.
const FIELDS: [&str; 5] = ["name", "kind", "platform", "hosts", "active"];

/// A request to remove a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteStore {
    /// The store, by its code.
    pub store: SubjectRef,
    /// Whether keys may be left with exactly one store, and so bind to it.
    pub allow_rebinding: bool,
}

/// A request for a page of stores; all filters that are set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListStores {
    /// The requested page.
    pub page: PageInput,
    /// Whether they are active.
    pub active: Option<bool>,
    /// The platform, exactly.
    pub platform: Option<String>,
    /// The kind of shop.
    pub kind: Choice<StoreKind>,
    /// Text that occurs in them; empty: any.
    pub text: String,
}

impl Registry {
    /// Adds a store.
    pub async fn create_store(
        &self,
        caller: &Caller,
        draft: &StoreDraft,
        options: &WriteOptions,
    ) -> Result<(Store, Written)> {
        let mut violations = Violations::new();
        let store = violations.within("store", |violations| new_store(violations, draft));
        let options = validate::options(&mut violations, options);
        let Some(store) = store.filter(|_| violations.is_empty()) else { return Err(violations.into()) };
        let work = work(move |write| Box::pin(create(write, store)));
        self.write("create store", caller, Permission::Edit, options, work).await
    }

    /// Returns the store with this code.
    pub async fn store(&self, code: &str) -> Result<Store> {
        let mut violations = Violations::new();
        let Some(code) = validate::store_code(&mut violations, "code", code) else { return Err(violations.into()) };
        self.storage.store(&code).await?.ok_or_else(|| Error::not_found(ResourceKind::Store, code))
    }

    /// Returns a page of stores, in byte order of their codes.
    pub async fn stores(&self, list: &ListStores) -> Result<Listed<Store>> {
        let mut violations = Violations::new();
        let platform = list.platform.as_deref().map(|platform| {
            // Unlike other filters it may be empty: it finds stores with an unknown platform.
            validate::search(&mut violations, "platform", platform).unwrap_or_default()
        });
        let filter = StoreFilter {
            active: list.active,
            platform,
            kind: validate::optional(&mut violations, "kind", list.kind, KINDS),
            text: validate::search(&mut violations, "text", &list.text),
        };
        let binding = Binding::new("stores")
            .with("active", filter.active.as_ref())
            .with("platform", filter.platform.as_ref())
            .with("kind", filter.kind.as_ref())
            .with("text", filter.text.as_ref());
        let page = binding.request(&mut violations, &list.page);
        if !violations.is_empty() {
            return Err(violations.into());
        }
        let page = self.storage.stores(&filter, &page).await?;
        Ok(Listed { next: binding.token(page.next.as_deref()), items: page.items })
    }

    /// Changes the masked fields of a store.
    pub async fn update_store(
        &self,
        caller: &Caller,
        update: &Update<StoreDraft>,
        options: &WriteOptions,
    ) -> Result<(Store, Written)> {
        let mut violations = Violations::new();
        let mask = validate::mask(&mut violations, &update.mask, &FIELDS);
        let code = violations.within("store", |violations| {
            check_masked(violations, &mask, &update.draft);
            validate::store_code(violations, "code", &update.id)
        });
        let options = validate::options(&mut violations, options);
        let Some(code) = code.filter(|_| violations.is_empty()) else { return Err(violations.into()) };
        let (etag, draft) = (update.etag.clone(), update.draft.clone());
        let work = work(move |write| Box::pin(change(write, code, etag, mask, draft)));
        self.write("update store", caller, Permission::Edit, options, work).await
    }

    /// Removes a store; returns how many keys listed it.
    pub async fn delete_store(
        &self,
        caller: &Caller,
        request: &DeleteStore,
        options: &WriteOptions,
    ) -> Result<(u64, Written)> {
        let mut violations = Violations::new();
        let code = validate::store_code(&mut violations, "code", &request.store.id);
        let options = validate::options(&mut violations, options);
        let Some(code) = code.filter(|_| violations.is_empty()) else { return Err(violations.into()) };
        let (etag, allow_rebinding) = (request.store.etag.clone(), request.allow_rebinding);
        let work = work(move |write| Box::pin(delete(write, code, etag, allow_rebinding)));
        self.write("delete store", caller, Permission::Edit, options, work).await
    }
}

fn new_store(violations: &mut Violations, draft: &StoreDraft) -> Option<Store> {
    let code = validate::store_code(violations, "code", &draft.code);
    name(violations, &draft.name);
    let kind = validate::required(violations, "kind", draft.kind, KINDS);
    platform(violations, &draft.platform);
    hosts(violations, &draft.hosts);
    Some(Store {
        number: StoreNumber(0),
        code: code?,
        name: draft.name.clone(),
        kind: kind?,
        platform: draft.platform.clone(),
        // In the given order until storage has checked for conflicts, which are reported by position.
        hosts: draft.hosts.clone(),
        active: draft.active.unwrap_or(true),
        // Storage sets these when it writes the store.
        created: crate::model::time::Timestamp::EPOCH,
        updated: crate::model::time::Timestamp::EPOCH,
        row_revision: crate::model::change::Revision::default(),
    })
}

fn check_masked(violations: &mut Violations, mask: &Mask, draft: &StoreDraft) {
    if mask.has("name") {
        name(violations, &draft.name);
    }
    if mask.has("kind") {
        validate::required(violations, "kind", draft.kind, KINDS);
    }
    if mask.has("platform") {
        platform(violations, &draft.platform);
    }
    if mask.has("hosts") {
        hosts(violations, &draft.hosts);
    }
    if mask.has("active") && draft.active.is_none() {
        violations.add("active", "is required: true or false");
    }
}

fn name(violations: &mut Violations, name: &str) {
    validate::text(violations, "name", name, (1, 200), Lines::One);
}

fn platform(violations: &mut Violations, platform: &str) {
    validate::text(violations, "platform", platform, (0, 100), Lines::One);
}

fn hosts(violations: &mut Violations, hosts: &[String]) {
    if validate::bounded(violations, "hosts", hosts.len(), MAX_HOSTS) {
        for (at, host) in hosts.iter().enumerate() {
            validate::host(violations, format_args!("hosts[{at}]"), host);
        }
        validate::distinct(violations, "hosts", hosts.iter().map(String::as_str), "host");
    }
}

async fn existing(write: &mut Write, code: &StoreCode) -> Result<Store> {
    write.tx.store(code).await?.ok_or_else(|| Error::not_found(ResourceKind::Store, code))
}

/// Refuses hosts of other stores.
async fn check_hosts_are_free(write: &mut Write, store: &StoreCode, given: &[String]) -> Result<()> {
    let mut violations = Violations::new();
    for (at, host) in given.iter().enumerate() {
        if let Some(owner) = write.tx.store_by_host(host).await?
            && owner != *store
        {
            violations.add(
                format_args!("store.hosts[{at}]"),
                format_args!("`{host}` already belongs to the store `{owner}`"),
            );
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::Taken { what: TakenValue::Host, violations }) }
}

async fn create(write: &mut Write, mut store: Store) -> Result<Store> {
    if write.tx.store(&store.code).await?.is_some() {
        let description = format!("a store with the code `{}` already exists", store.code);
        return Err(Error::taken(TakenValue::StoreCode, "store.code", description));
    }
    check_hosts_are_free(write, &store.code, &store.hosts).await?;
    store.hosts.sort_unstable();
    store.created = write.now();
    store.updated = write.now();
    store.row_revision = write.revision();
    write.tx.insert_store(&store).await?;
    record_change(write, Action::Create, None, &store.code).await
}

async fn change(write: &mut Write, code: StoreCode, etag: String, mask: Mask, draft: StoreDraft) -> Result<Store> {
    let before = existing(write, &code).await?;
    check_etag(&etag, SubjectKind::Store, before.row_revision)?;
    let mut after = before.clone();
    if mask.has("name") {
        after.name.clone_from(&draft.name);
    }
    if let (true, Choice::Is(kind)) = (mask.has("kind"), draft.kind) {
        after.kind = kind;
    }
    if mask.has("platform") {
        after.platform.clone_from(&draft.platform);
    }
    if mask.has("hosts") {
        check_hosts_are_free(write, &code, &draft.hosts).await?;
        after.hosts = draft.hosts;
        after.hosts.sort_unstable();
    }
    if mask.has("active") {
        after.active = draft.active.unwrap_or(after.active);
    }
    if after == before {
        return Ok(before);
    }
    after.updated = write.now();
    after.row_revision = write.revision();
    write.tx.update_store(&after).await?;
    record_change(write, Action::Update, Some(&before), &code).await
}

async fn delete(write: &mut Write, code: StoreCode, etag: String, allow_rebinding: bool) -> Result<u64> {
    let before = existing(write, &code).await?;
    check_etag(&etag, SubjectKind::Store, before.row_revision)?;
    let users = write.tx.store_users(before.number).await?;
    // A key left with one store binds to it: its calls that name no store would now go there.
    if !allow_rebinding && !users.left_with_one.is_empty() {
        return Err(Precondition::WouldRebind { keys: users.left_with_one }.into());
    }
    write.tx.delete_store(before.number).await?;
    write.record(Action::Delete, SubjectKind::Store, &code, Some(before.image()), None);
    Ok(users.total)
}

/// Records a change of a store and returns its new state.
async fn record_change(write: &mut Write, action: Action, before: Option<&Store>, code: &StoreCode) -> Result<Store> {
    let after = write.tx.store(code).await?;
    let after = after
        .ok_or_else(|| storage::Error::bug(format!("store {code} cannot be read by the write that created it")))?;
    write.record(action, SubjectKind::Store, code, before.map(Store::image), Some(after.image()));
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations_in(check: impl FnOnce(&mut Violations)) -> Vec<String> {
        let mut violations = Violations::new();
        violations.within("store", check);
        violations.listed().iter().map(|violation| violation.field.clone()).collect()
    }

    #[test]
    fn an_empty_store_hears_of_everything_it_lacks_at_once() {
        let fields = violations_in(|violations| assert!(new_store(violations, &StoreDraft::default()).is_none()));
        assert_eq!(fields, ["store.code", "store.name", "store.kind"]);
    }

    #[test]
    fn hosts_are_checked_one_by_one() {
        let given = ["b.example", "a.example", "B.example", "b.example"].map(str::to_owned);
        assert_eq!(violations_in(|violations| hosts(violations, &given)), ["store.hosts[2]", "store.hosts[3]"]);
        assert!(violations_in(|violations| hosts(violations, &given[..2])).is_empty());
    }

    #[test]
    fn a_store_is_active_unless_said_otherwise() {
        let draft = StoreDraft {
            code: "main".to_owned(),
            name: "Main".to_owned(),
            kind: Choice::Is(StoreKind::Site),
            ..StoreDraft::default()
        };
        let mut violations = Violations::new();
        assert!(new_store(&mut violations, &draft).unwrap().active);
        assert!(!new_store(&mut violations, &StoreDraft { active: Some(false), ..draft }).unwrap().active);
        assert!(violations.is_empty());
    }

    #[test]
    fn the_code_of_a_store_cannot_be_changed() {
        let mut violations = Violations::new();
        validate::mask(&mut violations, &["code".to_owned()], &FIELDS);
        assert_eq!(violations.listed()[0].field, "update_mask.paths[0]");
    }
}
