//! Decisions: one pure function of a grant, a World, a request and the time.
//!
//! Every failing check is listed, in the order of [`Reason`]; the first is the reason. The rules of stores and methods
//! are in ARCHITECTURE.md, "Deciding".

mod reason;

use std::collections::HashSet;
use std::net::IpAddr;

use super::book::{Entry, Resolution};
use super::change::Revision;
use super::grant::{Grant, NumberSet, Standing};
use super::id::{KeyId, SecretId};
use super::marks::DecisionTime;
use super::method::StoreUse;
use super::path::{RequestMethod, canonicalize};
use super::store::StoreNumber;
use super::time::Timestamp;
use super::world::{StoreEntry, World};

pub use self::reason::{Reason, Reasons};

/// The most store codes that a decision's scope lists.
pub const MAX_SCOPE: usize = 200;

/// A call to decide, apart from its token.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// `[VERB ]path`; empty if the call names none.
    pub method: &'a str,
    /// The store named; empty if the call names none here.
    pub store: &'a str,
    /// Further stores named.
    pub stores: &'a [String],
    /// The client's address; `None` if unknown.
    pub client: Option<IpAddr>,
    /// The source of the store names.
    pub stores_from: StoresFrom,
}

/// The source of the stores that a call names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoresFrom {
    /// The called service: it knows its own requests, and stays within the scope of the decision.
    #[default]
    Service,
    /// A gateway in front of it, which had to inspect the request for them.
    Gateway(StoreEvidence),
}

/// The evidence that a gateway has about a call's stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreEvidence {
    /// Every location that can contain a store was inspected.
    pub complete: bool,
    /// Every location where a client can override the request's verb was inspected.
    pub verb_inspected: bool,
    /// The stores found limit the call; otherwise they are merely mentioned in it.
    pub limits_call: bool,
    /// How the scope is enforced if the call names no store.
    pub enforcement: ScopeEnforcement,
}

/// How a request that names no store is confined to the key's scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeEnforcement {
    /// By the service behind the gateway, which receives the scope.
    Upstream,
    /// By the gateway, which can add any number of stores to the call.
    AppendMany,
    /// By the gateway, which can add one store to the call.
    AppendOne,
    /// Not at all.
    None,
}

/// The result of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Every check that failed; if empty, the call is allowed.
    pub failed: Reasons,
    /// The key and the secret, if a key was found and may be disclosed.
    pub key: Option<(KeyId, SecretId)>,
    /// The store of the call: the only one named, or the one that the key binds to.
    pub store: Option<&'a str>,
    /// The number of that store, if it exists.
    pub store_number: Option<StoreNumber>,
    /// All active stores of the key, whichever is named; set if allowed, and with [`Reason::StoreRequired`].
    pub scope: Option<Scope<'a>>,
    /// It is allowed only because the caller keeps the call within `scope`: the key selects certain stores, and the
    /// method reads none. A gateway in front of a service that does not apply the scope refuses such a call.
    pub scope_must_be_applied: bool,
    /// The named stores that are denied, in the order given.
    pub denied_stores: Vec<&'a str>,
    /// The entries that the call matched.
    pub methods: Vec<&'a Entry>,
    /// The revision of the World used.
    pub revision: Revision,
}

/// The stores within reach of a decision. Absent never means all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope<'a> {
    /// All stores, including ones added later.
    All,
    /// Exactly these, in byte order.
    Listed(Vec<&'a str>),
    /// More than [`MAX_SCOPE`].
    Large,
}

impl Decision<'_> {
    /// Returns whether the call is allowed.
    pub const fn allowed(&self) -> bool {
        self.failed.is_empty()
    }

    /// Returns the refusal of a call whose token matched no key.
    pub const fn without_key(reason: Reason, revision: Revision) -> Self {
        Self::new(Reasons::only(reason), None, revision)
    }

    const fn new(failed: Reasons, key: Option<(KeyId, SecretId)>, revision: Revision) -> Self {
        Self {
            failed,
            key,
            store: None,
            store_number: None,
            scope: None,
            scope_must_be_applied: false,
            denied_stores: Vec::new(),
            methods: Vec::new(),
            revision,
        }
    }
}

/// Decides `request`, made with the token of `grant`, in `world` at `now`.
pub fn decide<'a>(
    grant: &Grant,
    world: &'a World,
    request: &Request<'a>,
    now: impl Into<DecisionTime>,
) -> Decision<'a> {
    if grant.standing == Standing::Deleted {
        return Decision::without_key(Reason::KeyUnknown, world.revision());
    }
    let failed = check_key(grant, request.client, now);
    let mut decision = Decision::new(failed, Some((grant.key, grant.secret)), world.revision());
    let traits = check_method(grant, world, request, &mut decision);
    check_stores(grant, world, request, traits, &mut decision);
    let allowed = decision.allowed();
    if allowed || decision.failed.first() == Some(Reason::StoreRequired) {
        decision.scope = Some(scope(grant, world));
    }
    decision.scope_must_be_applied =
        allowed && traits.reads_none && !grant.stores.is_all() && request.stores_from == StoresFrom::Service;
    decision
}

/// Returns the reasons to refuse any call of a grant at `now` from `client`.
pub fn check_key(grant: &Grant, client: Option<IpAddr>, now: impl Into<DecisionTime>) -> Reasons {
    let mut failed = check_standing(grant, now);
    if !grant.admits(client) {
        failed.add(Reason::NetworkDenied);
    }
    failed
}

/// Finds the methods that a grant can call at all, by its methods and stores.
#[derive(Debug)]
pub struct ReachableMethods<'a> {
    grant: &'a Grant,
    world: &'a World,
    no_active_store: bool,
    /// Whether the store that it binds to is active; `None` if it binds to none.
    binds: Option<bool>,
}

impl<'a> ReachableMethods<'a> {
    /// Prepares the check of what `grant` can call in `world`.
    pub fn new(grant: &'a Grant, world: &'a World) -> Self {
        let binds = bound_store(grant, world).map(|store| store.active);
        Self { grant, world, no_active_store: has_no_active_store(grant, world), binds }
    }

    /// Returns whether [`decide`] allows some call of `entry`, which is in the book: one that names a store in the best
    /// way that calls of the method can, given in `best`.
    pub fn has(&self, entry: &Entry, best: StoresFrom) -> bool {
        let method = StoreTraits::of(std::iter::once(entry));
        let can_name = !matches!(best, StoresFrom::Gateway(StoreEvidence { limits_call: false, .. }));
        self.grant.methods.contains(entry.number)
            && (method.shared || self.binds != Some(false))
            && (can_name || !method.required || self.binds.is_some())
            && unconfined_reason(self.grant, self.world, self.no_active_store, method, best).is_none()
    }
}

/// Returns the reasons why a key is unusable at `moment` for any call; no reason means it is valid.
pub fn key_status(
    standing: Standing,
    not_before: Option<Timestamp>,
    expires: Option<Timestamp>,
    moment: DecisionTime,
) -> Reasons {
    let mut failed = Reasons::default();
    match standing {
        Standing::Active => {}
        Standing::Inactive => failed.add(Reason::KeyInactive),
        Standing::Revoked => failed.add(Reason::KeyRevoked),
        Standing::Deleted => failed.add(Reason::KeyUnknown),
    }
    if not_before.is_some_and(|from| moment.now < from) {
        failed.add(Reason::KeyNotYetValid);
    }
    if expires.is_some_and(|until| moment.is_past(until)) {
        failed.add(Reason::KeyExpired);
    }
    failed
}

/// Returns the reasons to refuse any call of a grant at `now`.
pub fn check_standing(grant: &Grant, now: impl Into<DecisionTime>) -> Reasons {
    let moment = now.into();
    let mut failed = key_status(grant.standing, grant.not_before, grant.expires, moment);
    if grant.secret_expires.is_some_and(|until| moment.is_past(until)) {
        failed.add(Reason::SecretExpired);
    }
    failed
}

/// How the entries that a call matches treat stores.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
struct StoreTraits {
    /// One of them requires a store.
    required: bool,
    /// One of them may be about a store. So may any call that is not in the book.
    about_stores: bool,
    /// One of them reads no store, although its response may belong to stores.
    reads_none: bool,
    /// All of them return only data that belongs to no store.
    shared: bool,
}

impl StoreTraits {
    /// The traits of calls that are not in the book or are ambiguous.
    const UNKNOWN: Self = Self { required: false, about_stores: true, reads_none: false, shared: false };

    /// Combines the traits of these entries, which are in the book.
    fn of<'a>(live: impl Iterator<Item = &'a Entry>) -> Self {
        let mut traits = Self { required: false, about_stores: false, reads_none: false, shared: true };
        for entry in live {
            traits.required |= entry.store_use == StoreUse::Required;
            traits.about_stores |= !entry.store_use.reads_no_store();
            traits.reads_none |= entry.store_use == StoreUse::None;
            traits.shared &= entry.store_use == StoreUse::Shared;
        }
        traits
    }
}

/// Resolves and checks the method. Returns how the matched entries treat stores.
fn check_method<'a>(
    grant: &Grant,
    world: &'a World,
    request: &Request<'a>,
    decision: &mut Decision<'a>,
) -> StoreTraits {
    let failed = &mut decision.failed;
    if request.method.is_empty() {
        failed.add(Reason::MethodRequired);
        return StoreTraits::UNKNOWN;
    }
    let wide_open = grant.methods.is_all() && grant.stores.is_all();
    let resolution = RequestMethod::parse(request.method).and_then(|method| {
        let path = canonicalize(method.path).ok()?;
        Some(world.methods.book().resolve(method.verb, &path))
    });
    let entries = match resolution {
        Some(Resolution::One(entry)) => vec![entry],
        Some(Resolution::Several(entries)) => entries,
        Some(Resolution::Unknown) => Vec::new(),
        // `None`: not even `[VERB ]path`, or no single path, so the method is unknowable.
        Some(Resolution::Ambiguous(_)) | None => {
            if !wide_open {
                failed.add(Reason::PathAmbiguous);
            }
            return StoreTraits::UNKNOWN;
        }
    };
    let live = || entries.iter().copied().filter(|entry| !entry.retired);
    let mut traits = StoreTraits::of(live());
    if entries.is_empty() || entries.iter().any(|entry| entry.retired) {
        (traits.about_stores, traits.shared) = (true, false);
        // Not in the book, or no longer: only for keys with access to all methods, and then only with all stores or a
        // store that the caller itself names: the book does not know where such a call carries its store.
        let store_named =
            request.stores_from == StoresFrom::Service && (!request.store.is_empty() || !request.stores.is_empty());
        if !(grant.methods.is_all() && (grant.stores.is_all() || store_named)) {
            failed.add(Reason::MethodUnknown);
        }
    }
    if live().any(|entry| !grant.methods.contains(entry.number)) {
        failed.add(Reason::MethodDenied);
    }
    // The service may run another verb on this path. Not checked if the method is refused: that is the reason then.
    let verb_inspected =
        !matches!(request.stores_from, StoresFrom::Gateway(StoreEvidence { verb_inspected: false, .. }));
    let refused = failed.contains(Reason::MethodUnknown) || failed.contains(Reason::MethodDenied);
    if !verb_inspected && !wide_open && !refused {
        failed.add(Reason::PathAmbiguous);
    }
    decision.methods = entries;
    traits
}

/// Checks the stores named, or binds the key's only one.
fn check_stores<'a>(
    grant: &Grant,
    world: &'a World,
    request: &Request<'a>,
    method: StoreTraits,
    decision: &mut Decision<'a>,
) {
    let mut named: Option<&'a str> = None;
    let mut number = None;
    let mut several = false;
    let first = (!request.store.is_empty()).then_some(request.store);
    // Only if several are denied: a client controls the length, and comparing each pair takes quadratic time.
    let mut denied = HashSet::new();
    for code in first.into_iter().chain(request.stores.iter().map(String::as_str)) {
        several |= named.is_some_and(|before| before != code);
        named = Some(code);
        let found = world.stores.get(code);
        number = found.map(|store| store.number);
        if let Err(reason) = check_store(grant, found) {
            decision.failed.add(reason);
            if denied.insert(code) {
                decision.denied_stores.push(code);
            }
        }
    }
    let limited = match request.stores_from {
        StoresFrom::Service => named.is_some(),
        StoresFrom::Gateway(evidence) => evidence.limits_call,
    };
    let no_active_store = has_no_active_store(grant, world);
    if let Some(reason) = unconfined_reason(grant, world, no_active_store, method, request.stores_from) {
        decision.failed.add(reason);
    }
    if limited {
        if !several {
            (decision.store, decision.store_number) = (named, number);
        }
        return;
    }
    match bound_store(grant, world) {
        // Calls for data that belongs to no store do not bind to an inactive one.
        Some(store) if method.shared && !store.active => {}
        Some(store) => {
            (decision.store, decision.store_number) = (Some(&*store.code), Some(store.number));
            if !store.active {
                decision.failed.add(Reason::StoreInactive);
                decision.denied_stores.push(&store.code);
            }
        }
        // If no store is available, naming one would not help.
        None if method.required && !no_active_store => decision.failed.add(Reason::StoreRequired),
        None => {}
    }
}

/// Returns whether a grant selects certain stores, none of which exists and is active: an empty selection, one whose
/// stores were deleted, or one whose stores are all switched off.
fn has_no_active_store(grant: &Grant, world: &World) -> bool {
    !grant.stores.is_all() && active_stores(grant, world).next().is_none()
}

/// Returns why a call could reach more than the stores of its key; `None` if it cannot.
fn unconfined_reason(
    grant: &Grant,
    world: &World,
    no_active_store: bool,
    method: StoreTraits,
    from: StoresFrom,
) -> Option<Reason> {
    match from {
        _ if grant.stores.is_all() => None,
        // The service applies the scope. An empty one leaves nothing to do, and a lax service might treat it as all.
        StoresFrom::Service => (no_active_store && method.about_stores).then_some(Reason::NoStoreOpen),
        StoresFrom::Gateway(evidence) if method.shared => (!evidence.complete).then_some(Reason::StoreRequired),
        // A proxy may drop a header without a value, and the service would receive no list of stores at all.
        StoresFrom::Gateway(_) if no_active_store => Some(Reason::NoStoreOpen),
        StoresFrom::Gateway(evidence) if stays_within(evidence, grant, world) => None,
        StoresFrom::Gateway(StoreEvidence { limits_call: false, enforcement: ScopeEnforcement::None, .. })
            if method.reads_none =>
        {
            Some(Reason::MethodReadsNoStore)
        }
        StoresFrom::Gateway(_) => Some(Reason::StoreRequired),
    }
}

/// Returns whether a call behind a gateway can reach no stores other than its key's, which are not all.
fn stays_within(evidence: StoreEvidence, grant: &Grant, world: &World) -> bool {
    let open = || active_stores(grant, world).take(MAX_SCOPE + 1).count();
    evidence.complete
        && (evidence.limits_call
            || match evidence.enforcement {
                ScopeEnforcement::Upstream => true,
                ScopeEnforcement::AppendMany => (1..=MAX_SCOPE).contains(&open()),
                ScopeEnforcement::AppendOne => open() == 1,
                ScopeEnforcement::None => false,
            })
}

fn check_store(grant: &Grant, found: Option<&StoreEntry>) -> Result<(), Reason> {
    let store = found.ok_or(Reason::StoreUnknown)?;
    if !store.active {
        Err(Reason::StoreInactive)
    } else if !grant.stores.contains(store.number) {
        Err(Reason::StoreDenied)
    } else {
        Ok(())
    }
}

/// Returns the one store that a key selects. Deleted ones do not count, inactive ones do; a key with access to all
/// stores binds to none, however few there are.
fn bound_store<'a>(grant: &Grant, world: &'a World) -> Option<&'a StoreEntry> {
    let mut stores = selected_stores(grant, world);
    let only = stores.next()?;
    stores.next().is_none().then_some(only)
}

/// Returns the active stores that a grant has access to.
fn scope<'a>(grant: &Grant, world: &'a World) -> Scope<'a> {
    if grant.stores.is_all() {
        return Scope::All;
    }
    let mut codes: Vec<&str> = active_stores(grant, world).map(|store| &*store.code).take(MAX_SCOPE + 1).collect();
    if codes.len() > MAX_SCOPE {
        return Scope::Large;
    }
    codes.sort_unstable();
    Scope::Listed(codes)
}

/// Returns the existing stores that a grant selects; empty if it has access to all.
fn selected_stores<'a>(grant: &Grant, world: &'a World) -> impl Iterator<Item = &'a StoreEntry> {
    let numbers: &[StoreNumber] = match &grant.stores {
        NumberSet::All => &[],
        NumberSet::Selected(numbers) => numbers,
    };
    numbers.iter().filter_map(|number| world.stores.get_by_number(*number))
}

/// Returns those of them that are active.
fn active_stores<'a>(grant: &Grant, world: &'a World) -> impl Iterator<Item = &'a StoreEntry> {
    selected_stores(grant, world).filter(|store| store.active)
}
