//! Stores: adding, changing, removing and listing them.

use crate::model::change::{Action, Revision, SubjectKind};
use crate::model::operator::Permission::Edit;
use crate::model::store::{Store, StoreCode, StoreKind, StoreNumber};
use crate::model::time::Timestamp;
use crate::model::violations::Violations;
use crate::storage::StoreFilter;

use super::error::{Error, Precondition, ResourceKind, Result, TakenValue};
use super::input::{Choice, PageInput, StoreDraft, SubjectRef, Update, WriteOptions};
use super::page::Binding;
use super::validate::{self, Field, Lines, Mask};
use super::write::{Write, check_etag};
use super::{Caller, Done, Listed, Registry};

const MAX_HOSTS: usize = 100;
const KINDS: &str = "STORE_KIND_SITE, STORE_KIND_LANDING_PAGE or STORE_KIND_ONLINE_STORE";
const FIELDS: [Field<StoreDraft>; 5] = [
    ("name", |violations, draft| validate::text(violations, "name", &draft.name, (1, 200), Lines::One)),
    ("kind", |violations, draft| _ = validate::required(violations, "kind", draft.kind, KINDS)),
    ("platform", |violations, draft| validate::text(violations, "platform", &draft.platform, (0, 100), Lines::One)),
    ("hosts", |violations, draft| validate::list(violations, "host", &draft.hosts, MAX_HOSTS, validate::host)),
    (ACTIVE, |violations, draft| {
        if draft.active.is_none() {
            violations.add(ACTIVE, "is required: true or false");
        }
    }),
];
/// If unset in a new store, the store is active; required in an update.
const ACTIVE: &str = "active";

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
    pub async fn create_store(&self, caller: &Caller, draft: &StoreDraft, options: &WriteOptions) -> Done<Store> {
        let check = |violations: &mut Violations| violations.within("store", |inner| new_store(inner, draft));
        self.write((caller, Edit), options, check, create).await
    }

    /// Returns the store with this code.
    pub async fn store(&self, code: &str) -> Result<Store> {
        let code = validate::checked(|violations| validate::parse::<StoreCode>(violations, "code", code))?;
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
        let page = binding.request(violations, &list.page)?;
        Ok(binding.listed(self.storage.stores(&filter, &page).await?))
    }

    /// Changes the masked fields of a store.
    pub async fn update_store(
        &self,
        caller: &Caller,
        update: &Update<StoreDraft>,
        options: &WriteOptions,
    ) -> Done<Store> {
        let check = |violations: &mut Violations| {
            let mask = validate::mask(violations, &update.mask, &FIELDS.map(|(name, _)| name));
            violations.within("store", |violations| {
                mask.check(violations, &FIELDS, &update.draft);
                Some((validate::parse(violations, "code", &update.id)?, mask, update.clone()))
            })
        };
        self.write((caller, Edit), options, check, change).await
    }

    /// Removes a store; returns how many keys listed it.
    pub async fn delete_store(&self, caller: &Caller, request: &DeleteStore, options: &WriteOptions) -> Done<u64> {
        let check = |violations: &mut Violations| {
            Some((validate::parse(violations, "code", &request.store.id)?, request.clone()))
        };
        self.write((caller, Edit), options, check, delete).await
    }
}

fn new_store(violations: &mut Violations, draft: &StoreDraft) -> Option<Store> {
    let code = validate::parse::<StoreCode>(violations, "code", &draft.code);
    for (_, check) in FIELDS.iter().filter(|(name, _)| *name != ACTIVE) {
        check(violations, draft);
    }
    let Choice::Is(kind) = draft.kind else { return None };
    Some(Store {
        number: StoreNumber(0),
        code: code?,
        name: draft.name.clone(),
        kind,
        platform: draft.platform.clone(),
        // In the given order until storage has checked for conflicts, which are reported by position.
        hosts: draft.hosts.clone(),
        active: draft.active.unwrap_or(true),
        // Storage sets these when it writes the store.
        created: Timestamp::EPOCH,
        updated: Timestamp::EPOCH,
        row_revision: Revision::default(),
    })
}

async fn existing(write: &mut Write, code: &StoreCode) -> Result<Store> {
    write.tx.store(code).await?.ok_or_else(|| Error::not_found(ResourceKind::Store, code))
}

async fn check_hosts_are_free(write: &mut Write, store: &StoreCode, given: &[String]) -> Result<()> {
    let mut violations = Violations::new();
    for (at, host) in given.iter().enumerate() {
        if let Some(owner) = write.tx.store_by_host(host).await?
            && owner != *store
        {
            let description = format_args!("`{host}` already belongs to the store `{owner}`");
            violations.add(format_args!("store.hosts[{at}]"), description);
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
    store.created = write.tx.now();
    store.updated = write.tx.now();
    store.row_revision = write.tx.revision();
    store.number = write.tx.insert_store(&store).await?;
    write.record(Action::Create, SubjectKind::Store, &store.code, None, Some(store.image()));
    Ok(store)
}

async fn change(write: &mut Write, (code, mask, update): (StoreCode, Mask, Update<StoreDraft>)) -> Result<Store> {
    let before = existing(write, &code).await?;
    check_etag(&update.etag, SubjectKind::Store, before.row_revision)?;
    let (mut after, draft) = (before.clone(), update.draft);
    mask.set("name", &mut after.name, draft.name);
    mask.set("kind", &mut after.kind, draft.kind.or(before.kind));
    mask.set("platform", &mut after.platform, draft.platform);
    if mask.has("hosts") {
        check_hosts_are_free(write, &code, &draft.hosts).await?;
        after.hosts = draft.hosts;
        after.hosts.sort_unstable();
    }
    mask.set("active", &mut after.active, draft.active.unwrap_or(before.active));
    if after == before {
        return Ok(before);
    }
    after.updated = write.tx.now();
    after.row_revision = write.tx.revision();
    write.tx.update_store(&after).await?;
    write.record(Action::Update, SubjectKind::Store, &code, Some(before.image()), Some(after.image()));
    Ok(after)
}

async fn delete(write: &mut Write, (code, request): (StoreCode, DeleteStore)) -> Result<u64> {
    let before = existing(write, &code).await?;
    check_etag(&request.store.etag, SubjectKind::Store, before.row_revision)?;
    let users = write.tx.store_users(before.number).await?;
    // A key left with one store binds to it: its calls that name no store would now go there.
    if !request.allow_rebinding && !users.left_with_one.is_empty() {
        return Err(Precondition::WouldRebind { keys: users.left_with_one }.into());
    }
    write.tx.delete_store(before.number).await?;
    write.record(Action::Delete, SubjectKind::Store, &code, Some(before.image()), None);
    Ok(users.total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::validate::tests::fields_in;

    #[test]
    fn an_empty_store_hears_of_everything_it_lacks_at_once() {
        let empty = |violations: &mut Violations| assert!(new_store(violations, &StoreDraft::default()).is_none());
        let fields = fields_in(|violations| violations.within("store", empty));
        assert_eq!(fields, ["store.code", "store.name", "store.kind"]);
    }

    #[test]
    fn hosts_are_checked_one_by_one() {
        let given = ["b.example", "a.example", "B.example", "b.example"].map(str::to_owned);
        let check = |hosts: &[String]| {
            let draft = StoreDraft { hosts: hosts.to_vec(), ..StoreDraft::default() };
            fields_in(|violations| violations.within("store", |violations| FIELDS[3].1(violations, &draft)))
        };
        assert_eq!(check(&given), ["store.hosts[2]", "store.hosts[3]"]);
        assert!(check(&given[..2]).is_empty());
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
        let mask = |violations: &mut _| {
            validate::mask(violations, &["code".to_owned()], &FIELDS.map(|(name, _)| name));
        };
        assert_eq!(fields_in(mask), ["update_mask.paths[0]"]);
    }
}
