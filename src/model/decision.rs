//! Deciding: one pure function from a grant, a World, a request and the time to an answer.
//!
//! Every failing check is listed, in the order of [`Reason`]; the first is the reason. The rules of stores and methods
//! are in ARCHITECTURE.md, "Deciding".

mod reason;

use std::collections::HashSet;
use std::net::IpAddr;

use super::book::{Entry, Resolution};
use super::change::Revision;
use super::grant::{Grant, Members, Standing};
use super::id::{KeyId, SecretId};
use super::marks::Moment;
use super::method::StoreUse;
use super::path::{RequestMethod, canonicalize};
use super::store::StoreNumber;
use super::time::Timestamp;
use super::world::{StoreEntry, World};

pub use self::reason::{REASONS, Reason, Reasons};

/// Most store codes that a decision's scope lists.
pub const MAX_SCOPE: usize = 200;

/// A call to be judged, apart from its token.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `[VERB ]path`; empty if none was named.
    pub method: &'a str,
    /// The store named; empty if none was named here.
    pub store: &'a str,
    /// Further stores named.
    pub stores: &'a [String],
    /// The client's address; none if it is unknown.
    pub client: Option<IpAddr>,
    /// Who says which stores the call names.
    pub stores_from: StoresFrom,
}

/// Who says which stores a call names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoresFrom {
    /// The service that is called: it knows its own requests, and stays within the scope of the answer.
    #[default]
    Service,
    /// A gateway in front of it, which had to look for them.
    Gateway(Sight),
}

/// What a gateway saw of a call's stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Every place was inspected in which a store could be.
    pub complete: bool,
    /// Every place was inspected in which a client could ask for another verb than the request's own.
    pub verb: bool,
    /// The stores found limit the call; otherwise they are merely mentioned in it.
    pub named: bool,
    /// What keeps a call that names no store within the scope.
    pub unnamed: Unnamed,
}

/// What keeps a call that names no store within the scope of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unnamed {
    /// The service behind the gateway, which is told the scope.
    ScopeApplied,
    /// The gateway, which can add any number of stores to the call.
    AddEach,
    /// The gateway, which can add one store to the call.
    AddOne,
    /// Nothing.
    Nothing,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Every check that failed; none: the call is allowed.
    pub failed: Reasons,
    /// The key and the secret, if a key was found that may be named.
    pub key: Option<(KeyId, SecretId)>,
    /// The store that the call is for: the only one named, or the one that the key binds to.
    pub store: Option<&'a str>,
    /// The number of that store, if there is such a one.
    pub store_number: Option<StoreNumber>,
    /// The active stores that the key opens, whichever is named; given when allowed, and with [`Reason::StoreRequired`].
    pub scope: Option<Scope<'a>>,
    /// It is allowed because the caller keeps the call within `scope`: the key is for certain stores, and the method
    /// reads none. A gateway in front of a service that does not apply the scope refuses such a call.
    pub scope_must_be_applied: bool,
    /// The stores named that are not open, in the order given.
    pub denied_stores: Vec<&'a str>,
    /// The entries that the call was judged as.
    pub methods: Vec<&'a Entry>,
    /// The revision of the World judged by.
    pub revision: Revision,
}

/// Stores in reach of a decision. Absent never means all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope<'a> {
    /// All stores, also ones added later.
    All,
    /// Exactly these, in byte order.
    Listed(Vec<&'a str>),
    /// More than [`MAX_SCOPE`].
    Large,
}

// === deciding ===

impl Decision<'_> {
    /// Whether the call may go on.
    pub const fn allowed(&self) -> bool {
        self.failed.is_empty()
    }

    /// The refusal of a call whose token led to no key.
    pub const fn without_key(reason: Reason, revision: Revision) -> Self {
        Self {
            failed: Reasons::only(reason),
            key: None,
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

/// Judges `request`, made with the token of `grant`, by `world` at `now`.
pub fn decide<'a>(grant: &Grant, world: &'a World, request: &Request<'a>, now: impl Into<Moment>) -> Decision<'a> {
    if grant.standing == Standing::Deleted {
        return Decision::without_key(Reason::KeyUnknown, world.revision());
    }
    let mut failed = judge_key(grant, request.client, now);
    let (methods, traits) = judge_method(grant, world, request, &mut failed);
    let judged = judge_stores(grant, world, request, traits, &mut failed);
    let with_scope = failed.is_empty() || failed.first() == Some(Reason::StoreRequired);
    let scope = with_scope.then(|| scope_of(grant, world));
    Decision {
        failed,
        key: Some((grant.key, grant.secret)),
        store: judged.store,
        store_number: judged.number,
        scope,
        scope_must_be_applied: failed.is_empty()
            && traits.reads_none
            && !grant.stores.is_all()
            && request.stores_from == StoresFrom::Service,
        denied_stores: judged.denied,
        methods,
        revision: world.revision(),
    }
}

/// What is wrong with a grant at `now` for a call from `client`, whatever is called.
pub fn judge_key(grant: &Grant, client: Option<IpAddr>, now: impl Into<Moment>) -> Reasons {
    let mut failed = judge_standing(grant, now);
    if !grant.admits(client) {
        failed.add(Reason::NetworkDenied);
    }
    failed
}

/// Tells which methods a grant can call at all, as far as its methods and stores decide.
#[derive(Debug)]
pub struct Reachable<'a> {
    grant: &'a Grant,
    world: &'a World,
    opens_none: bool,
    /// Whether the store that it binds to is active; `None` if it binds to none.
    binds: Option<bool>,
}

impl<'a> Reachable<'a> {
    /// What `grant` can call in `world`.
    pub fn new(grant: &'a Grant, world: &'a World) -> Self {
        let binds = bound_store(grant, world).map(|(_, entry)| entry.active);
        Self { grant, world, opens_none: opens_no_store(grant, world), binds }
    }

    /// Whether [`decide`] allows some call of `entry`, which is in the book: one that names a store the best way that
    /// calls of the method can, as `best` says.
    pub fn has(&self, entry: &Entry, best: StoresFrom) -> bool {
        let method = StoreTraits::of(std::iter::once(entry));
        let can_name = !matches!(best, StoresFrom::Gateway(Sight { named: false, .. }));
        self.grant.methods.contains(entry.number)
            && (method.shared || self.binds != Some(false))
            && (can_name || !method.required || self.binds.is_some())
            && why_unconfined(self.grant, self.world, self.opens_none, method, best).is_none()
    }
}

/// What makes a key unusable at `moment`, whatever is called; no reason: it is valid.
pub fn key_status(
    standing: Standing,
    not_before: Option<Timestamp>,
    expires: Option<Timestamp>,
    moment: Moment,
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

/// What is wrong with a grant at `now`, whatever is called.
pub fn judge_standing(grant: &Grant, now: impl Into<Moment>) -> Reasons {
    let moment = now.into();
    let mut failed = key_status(grant.standing, grant.not_before, grant.expires, moment);
    if grant.secret_expires.is_some_and(|until| moment.is_past(until)) {
        failed.add(Reason::SecretExpired);
    }
    failed
}

/// What the entries that a call is judged as say about stores.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
struct StoreTraits {
    /// One of them requires a store.
    required: bool,
    /// One of them may be about a store. So may whatever is not in the book.
    about_stores: bool,
    /// One of them reads no store, although what it returns may belong to stores.
    reads_none: bool,
    /// All of them return only what belongs to no store.
    shared: bool,
}

impl StoreTraits {
    /// Of what is not in the book, or cannot be told.
    const UNKNOWN: Self = Self { required: false, about_stores: true, reads_none: false, shared: false };

    /// Of these entries, which are in the book.
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

/// Resolves the method and judges it. Returns the entries it was judged as and what they say about stores.
fn judge_method<'a>(
    grant: &Grant,
    world: &'a World,
    request: &Request<'a>,
    failed: &mut Reasons,
) -> (Vec<&'a Entry>, StoreTraits) {
    if request.method.is_empty() {
        failed.add(Reason::MethodRequired);
        return (Vec::new(), StoreTraits::UNKNOWN);
    }
    let wide_open = grant.methods.is_all() && grant.stores.is_all();
    let Ok(method) = RequestMethod::parse(request.method) else {
        // Not even `[VERB ]path`: there is no telling what is called.
        if !wide_open {
            failed.add(Reason::PathAmbiguous);
        }
        return (Vec::new(), StoreTraits::UNKNOWN);
    };
    let Ok(path) = canonicalize(method.path) else {
        if !wide_open {
            failed.add(Reason::PathAmbiguous);
        }
        return (Vec::new(), StoreTraits::UNKNOWN);
    };
    let entries = match world.methods.book().resolve(method.verb, &path) {
        Resolution::One(entry) => vec![entry],
        Resolution::Several(entries) => entries,
        Resolution::Unknown => Vec::new(),
        Resolution::Ambiguous(_) => {
            if !wide_open {
                failed.add(Reason::PathAmbiguous);
            }
            return (Vec::new(), StoreTraits::UNKNOWN);
        }
    };
    let mut traits = StoreTraits::of(entries.iter().copied().filter(|entry| !entry.retired));
    let live = entries.iter().any(|entry| !entry.retired);
    if !live || entries.iter().any(|entry| entry.retired) {
        (traits.about_stores, traits.shared) = (true, false);
        // Not in the book, or not any more: only for keys open to all methods, and then only with all stores or with a
        // store that the caller itself names, because the book cannot say where such a call carries its store.
        let store_named =
            request.stores_from == StoresFrom::Service && (!request.store.is_empty() || !request.stores.is_empty());
        if !(grant.methods.is_all() && (grant.stores.is_all() || store_named)) {
            failed.add(Reason::MethodUnknown);
        }
    }
    for entry in entries.iter().filter(|entry| !entry.retired) {
        if !grant.methods.contains(entry.number) {
            failed.add(Reason::MethodDenied);
        }
    }
    // The service may run another verb on this path. Only where the method itself is open: otherwise that is the reason.
    let verb_inspected = !matches!(request.stores_from, StoresFrom::Gateway(Sight { verb: false, .. }));
    let refused = failed.contains(Reason::MethodUnknown) || failed.contains(Reason::MethodDenied);
    if !verb_inspected && !wide_open && !refused {
        failed.add(Reason::PathAmbiguous);
    }
    (entries, traits)
}

#[derive(Default)]
struct JudgedStores<'a> {
    store: Option<&'a str>,
    number: Option<StoreNumber>,
    denied: Vec<&'a str>,
}

/// Judges the stores named, or binds the key's only one.
fn judge_stores<'a>(
    grant: &Grant,
    world: &'a World,
    request: &Request<'a>,
    method: StoreTraits,
    failed: &mut Reasons,
) -> JudgedStores<'a> {
    let mut judged = JudgedStores::default();
    let mut named: Option<&'a str> = None;
    let mut several = false;
    let first = (!request.store.is_empty()).then_some(request.store);
    // Only where several are denied: comparing each with each would take the square of what a caller sends.
    let mut denied = HashSet::new();
    for code in first.into_iter().chain(request.stores.iter().map(String::as_str)) {
        several |= named.is_some_and(|before| before != code);
        named = Some(code);
        let found = world.stores.get(code);
        judged.number = found.map(|(number, _)| number);
        if let Err(reason) = judge_store(grant, found) {
            failed.add(reason);
            if denied.insert(code) {
                judged.denied.push(code);
            }
        }
    }
    let limited = match request.stores_from {
        StoresFrom::Service => named.is_some(),
        StoresFrom::Gateway(sight) => sight.named,
    };
    let opens_none = opens_no_store(grant, world);
    if let Some(reason) = why_unconfined(grant, world, opens_none, method, request.stores_from) {
        failed.add(reason);
    }
    if limited {
        judged.store = named.filter(|_| !several);
        judged.number = judged.number.filter(|_| !several);
        return judged;
    }
    judged.number = None;
    match bound_store(grant, world) {
        // What belongs to no store does not bind to one that is switched off.
        Some((_, entry)) if method.shared && !entry.active => {}
        Some((number, entry)) => {
            (judged.store, judged.number) = (Some(&*entry.code), Some(number));
            if !entry.active {
                failed.add(Reason::StoreInactive);
                judged.denied.push(&entry.code);
            }
        }
        // Where no store is open, naming one would not help.
        None if method.required && !opens_none => failed.add(Reason::StoreRequired),
        None => {}
    }
    judged
}

/// Whether a grant is for certain stores, none of which exists and is active: an empty selection, one whose stores were
/// deleted, or one whose stores are all switched off.
fn opens_no_store(grant: &Grant, world: &World) -> bool {
    !grant.stores.is_all() && !selected(grant, world).any(|(_, entry)| entry.active)
}

/// Why a call could reach more than the stores that its key opens; `None` if it cannot.
fn why_unconfined(
    grant: &Grant,
    world: &World,
    opens_none: bool,
    method: StoreTraits,
    from: StoresFrom,
) -> Option<Reason> {
    match from {
        _ if grant.stores.is_all() => None,
        // The service applies the scope. An empty one leaves nothing to do, and a lax service might read it as all.
        StoresFrom::Service => (opens_none && method.about_stores).then_some(Reason::NoStoreOpen),
        StoresFrom::Gateway(sight) if method.shared => (!sight.complete).then_some(Reason::StoreRequired),
        // A proxy may drop a header without a value, so that the service would see no list of stores at all.
        StoresFrom::Gateway(_) if opens_none => Some(Reason::NoStoreOpen),
        StoresFrom::Gateway(sight) if stays_within(sight, grant, world) => None,
        StoresFrom::Gateway(Sight { named: false, unnamed: Unnamed::Nothing, .. }) if method.reads_none => {
            Some(Reason::MethodReadsNoStore)
        }
        StoresFrom::Gateway(_) => Some(Reason::StoreRequired),
    }
}

/// Whether a call behind a gateway cannot reach other stores than its key opens, which are not all.
fn stays_within(sight: Sight, grant: &Grant, world: &World) -> bool {
    let open = || selected(grant, world).filter(|(_, entry)| entry.active).take(MAX_SCOPE + 1).count();
    sight.complete
        && (sight.named
            || match sight.unnamed {
                Unnamed::ScopeApplied => true,
                Unnamed::AddEach => (1..=MAX_SCOPE).contains(&open()),
                Unnamed::AddOne => open() == 1,
                Unnamed::Nothing => false,
            })
}

fn judge_store(grant: &Grant, found: Option<(StoreNumber, &StoreEntry)>) -> Result<(), Reason> {
    let (number, entry) = found.ok_or(Reason::StoreUnknown)?;
    if !entry.active {
        Err(Reason::StoreInactive)
    } else if !grant.stores.contains(number) {
        Err(Reason::StoreDenied)
    } else {
        Ok(())
    }
}

/// The one store that a key selects. Deleted ones do not count, inactive ones do; a key with
/// access to all stores binds to none, however few there are.
fn bound_store<'a>(grant: &Grant, world: &'a World) -> Option<(StoreNumber, &'a StoreEntry)> {
    let mut stores = selected(grant, world);
    let only = stores.next()?;
    stores.next().is_none().then_some(only)
}

/// The active stores that a grant opens.
fn scope_of<'a>(grant: &Grant, world: &'a World) -> Scope<'a> {
    if grant.stores.is_all() {
        return Scope::All;
    }
    let active = selected(grant, world).filter(|(_, entry)| entry.active);
    let mut codes: Vec<&str> = active.map(|(_, entry)| &*entry.code).take(MAX_SCOPE + 1).collect();
    if codes.len() > MAX_SCOPE {
        return Scope::Large;
    }
    codes.sort_unstable();
    Scope::Listed(codes)
}

/// The stores that a grant selects and that exist; none if it opens all.
fn selected<'a>(grant: &Grant, world: &'a World) -> impl Iterator<Item = (StoreNumber, &'a StoreEntry)> {
    let numbers: &[StoreNumber] = match &grant.stores {
        Members::All => &[],
        Members::Selected(numbers) => numbers,
    };
    numbers.iter().filter_map(|number| Some((*number, world.stores.numbered(*number)?)))
}
