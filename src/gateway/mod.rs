//! The gateway: decides about requests that proxies hold before they reach a service, in the same way for every proxy.
//!
//! ```text
//! HttpRequest ─▶ profile ─▶ plan of the method ─▶ read key and stores ─▶ Authority ─▶ Outcome
//!                                                    │ could be read in two ways
//!                                                    └─▶ refused, for every key
//! ```
//!
//! The decision must be about what the service behind will read. So every location is read strictly: anything that some
//! service could read differently is a fault and refused. The key must have access to every store mentioned anywhere,
//! and a request that names no store must be confined to the key's scope: by the service, which receives the scope, or
//! by the gateway, which adds the stores where the reference book has the method name its stores.

pub mod ext_authz;
mod fault;
pub mod forward_auth;
mod key_info;
mod locations;
mod outcome;
mod plan;
mod read;
mod refuse;
mod request;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

pub use self::outcome::{Allow, ClientResponse, LogFacts, Outcome};
use self::plan::{CompiledPlans, ProfilePlans};
use self::read::ParsedRequest;
use self::refuse::RefusalReason;
pub use self::request::{Body, HttpRequest};
use crate::authority::{Authority, Undecided};
use crate::config::profiles::{self, ErrorFormat, Profile};
use crate::model::book::Entry;
use crate::model::decision::{Decision, Reason, Scope, ScopeEnforcement, StoreEvidence, StoresFrom};
use crate::model::method::StorePlace;
use crate::model::path::{canonicalize_bytes, encode};
use crate::model::world::{MethodTable, StoreTable};
use crate::telemetry::metrics::Metrics;

/// Longest list of stores in a header, in bytes; a longer one is reported as the scope `large`.
const MAX_STORES_HEADER: usize = 4096;
/// How often a request is evaluated again because the reference book or the stores changed meanwhile.
const MAX_ROUNDS: usize = 4;

/// Decides about requests. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<GatewayInner>,
}

struct GatewayInner {
    authority: Authority,
    metrics: Arc<Metrics>,
    /// Sorted by prefix, longest first.
    profiles: Vec<NamedProfile>,
    compiled: ArcSwapOption<CompiledPlans>,
}

struct NamedProfile {
    name: Arc<str>,
    profile: Profile,
}

/// The tables that a request is read by.
struct Tables {
    methods: Arc<MethodTable>,
    stores: Arc<StoreTable>,
    compiled: Arc<CompiledPlans>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("profiles", &self.inner.profiles.len()).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Creates a gateway that queries `authority`, reads requests by the profiles `all`, counts refusals in `metrics`.
    pub fn new(authority: Authority, all: &BTreeMap<String, Profile>, metrics: Arc<Metrics>) -> Self {
        // Each series exists from the start.
        for fault in fault::KINDS {
            metrics.gateway_refusals("REQUEST_AMBIGUOUS", fault);
        }
        for reason in Reason::ALL.iter().map(|reason| reason.as_str()).chain(["NOT_GOVERNED", "PROFILE_UNKNOWN"]) {
            metrics.gateway_refusals(reason, "");
        }
        let named = |(name, profile): (&String, &Profile)| NamedProfile {
            name: name.as_str().into(),
            profile: profile.clone(),
        };
        let mut profiles: Vec<NamedProfile> = all.iter().map(named).collect();
        // Of two with the same prefix, a configured profile precedes a built-in one.
        let built_in = profiles::built_in();
        profiles.sort_by_cached_key(|named| {
            let is_built_in = built_in.get(&*named.name) == Some(&named.profile);
            (Reverse(named.profile.prefix.trim_end_matches('/').len()), is_built_in)
        });
        Self { inner: Arc::new(GatewayInner { authority, metrics, profiles, compiled: ArcSwapOption::empty() }) }
    }

    /// Returns the profile of this name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.inner.profiles.iter().find(|named| *named.name == *name).map(|named| &named.profile)
    }

    /// Decides without waiting; returns `None` if something needed is not in memory. `profile` is the name of the
    /// profile to use; without a name it is the profile with the longest prefix that governs the path.
    pub fn check_now(&self, profile: Option<&str>, request: &HttpRequest<'_>) -> Option<Outcome> {
        let authority = &self.inner.authority;
        let tables = self.tables()?;
        let mut parsed = match self.read_head(profile, request, &tables) {
            Ok(parsed) => parsed,
            Err(refused) => return Some(self.record(*refused)),
        };
        if parsed.reads_key_first(request.body) && !authority.check_key_now(parsed.token(), request.client)?.is_empty()
        {
            let query = parsed.key_only_query(request.client);
            let refused = authority.decide_now(&query, |decision| parsed.key_refusal(decision));
            return refused.map(|outcome| self.record(outcome));
        }
        if let Err(fault) = parsed.read_body(request.body) {
            return Some(self.record(parsed.named.refuse(&RefusalReason::Fault(&fault))));
        }
        if parsed.info_request.is_some() {
            return None;
        }
        let (first, rest) = parsed.stores();
        let query = parsed.query(first, &rest, request.client);
        let outcome = authority.decide_now(&query, |decision| parsed.outcome(decision, &tables))?;
        self.is_current(&tables).then(|| self.record(outcome))
    }

    /// Decides about a request. See [`Gateway::check_now`].
    ///
    /// # Errors
    /// No decision was possible.
    pub async fn check(&self, profile: Option<&str>, request: &HttpRequest<'_>) -> Result<Outcome, Undecided> {
        let authority = &self.inner.authority;
        for _ in 0..MAX_ROUNDS {
            let tables = self.tables().ok_or(Undecided::Loading)?;
            let mut parsed = match self.read_head(profile, request, &tables) {
                Ok(parsed) => parsed,
                Err(refused) => return Ok(self.record(*refused)),
            };
            if parsed.reads_key_first(request.body)
                && !authority.check_key(parsed.token(), request.client).await?.is_empty()
            {
                let query = parsed.key_only_query(request.client);
                let refused = authority.decide(&query, |decision| parsed.key_refusal(decision)).await?;
                return Ok(self.record(refused));
            }
            if let Err(fault) = parsed.read_body(request.body) {
                return Ok(self.record(parsed.named.refuse(&RefusalReason::Fault(&fault))));
            }
            let outcome = if let Some(info_request) = parsed.info_request {
                let best = |entry: &Entry| parsed.best_evidence(entry);
                let introspection = authority.introspect_from(parsed.token(), request.client, best).await?;
                parsed.info_response(info_request, &introspection)
            } else {
                let (first, rest) = parsed.stores();
                let query = parsed.query(first, &rest, request.client);
                authority.decide(&query, |decision| parsed.outcome(decision, &tables)).await?
            };
            if self.is_current(&tables) {
                return Ok(self.record(outcome));
            }
        }
        Err(Undecided::Changing)
    }

    /// Returns the outcome; counts it if it is a refusal.
    fn record(&self, outcome: Outcome) -> Outcome {
        if let Outcome::Refuse(refused) = &outcome {
            self.count_refusal(&refused.facts);
        }
        outcome
    }

    fn count_refusal(&self, facts: &LogFacts) {
        self.inner.metrics.gateway_refusals(facts.reason, facts.fault).inc();
    }

    /// Returns the refusal of an allowed request that the proxy could not forward as it was decided about.
    fn not_sendable(&self, profile: &Arc<str>) -> Outcome {
        let wording = self.profile(profile).map_or(ErrorFormat::Plain, |profile| profile.wording);
        let facts = LogFacts { profile: Arc::clone(profile), ..LogFacts::default() };
        self.record(refuse::respond(wording, &RefusalReason::Fault(&fault::Fault::NotSendable), facts))
    }

    /// Counts a request for a decision that is rejected because of its form or its sender.
    fn count_unanswered(&self) {
        self.inner.metrics.gateway_unanswered.inc();
    }

    /// Returns the current tables, and the plans for them.
    fn tables(&self) -> Option<Tables> {
        let (methods, stores) = self.inner.authority.tables()?;
        let compiled = self.inner.compiled.load_full().filter(|compiled| Arc::ptr_eq(&compiled.methods, &methods));
        let compiled = compiled.unwrap_or_else(|| {
            let plans = self.inner.profiles.iter().map(|named| ProfilePlans::new(&named.profile, &methods)).collect();
            let compiled = Arc::new(CompiledPlans { methods: Arc::clone(&methods), plans });
            self.inner.compiled.store(Some(Arc::clone(&compiled)));
            compiled
        });
        Some(Tables { methods, stores, compiled })
    }

    /// Returns whether the tables are still those of the authority: then the decision was made by them, too.
    fn is_current(&self, tables: &Tables) -> bool {
        self.inner.authority.tables().is_some_and(|(methods, stores)| {
            Arc::ptr_eq(&methods, &tables.methods) && Arc::ptr_eq(&stores, &tables.stores)
        })
    }

    /// Finds the profile and reads the head of the request by it.
    fn read_head<'r>(
        &'r self,
        profile: Option<&str>,
        request: &HttpRequest<'r>,
        tables: &'r Tables,
    ) -> Result<ParsedRequest<'r>, Box<Outcome>> {
        let path = canonicalize_bytes(request.target).ok();
        // A path with more than one reading is governed only by profiles that govern all paths.
        let governs = |named: &NamedProfile| {
            named.profile.prefix == "/" || path.as_ref().is_some_and(|path| named.profile.governs(path.as_str()))
        };
        let found = self.inner.profiles.iter().position(|named| match profile {
            Some(name) => *named.name == *name,
            None => named.profile.by_prefix && governs(named),
        });
        let Some(at) = found else {
            let why = if profile.is_some() { RefusalReason::NoProfile } else { RefusalReason::NotGoverned };
            let facts = LogFacts { profile: "-".into(), ..LogFacts::default() };
            return Err(Box::new(refuse::respond(ErrorFormat::Plain, &why, facts)));
        };
        let named = &self.inner.profiles[at];
        if !governs(named) {
            let ambiguous = RefusalReason::FailedCheck(Reason::PathAmbiguous);
            return Err(Box::new(named.refuse(if path.is_none() { &ambiguous } else { &RefusalReason::NotGoverned })));
        }
        ParsedRequest::parse_head(request, path, named, &tables.compiled.plans[at], tables)
            .map_err(|fault| Box::new(named.refuse(&RefusalReason::Fault(&fault))))
    }
}

impl NamedProfile {
    /// Returns the facts of a request without a decision.
    fn facts(&self) -> LogFacts {
        LogFacts { profile: Arc::clone(&self.name), ..LogFacts::default() }
    }

    /// Builds the refusal of a request without a decision.
    fn refuse(&self, why: &RefusalReason<'_>) -> Outcome {
        refuse::respond(self.profile.wording, why, self.facts())
    }
}

// === impl ParsedRequest ===

impl ParsedRequest<'_> {
    /// Returns whether the key is checked before the body: it is known without the body, which takes time to read.
    fn reads_key_first(&self, body: Body<'_>) -> bool {
        matches!(body, Body::Complete(bytes) if !bytes.is_empty()) && !self.token().is_empty()
    }

    /// Builds the refusal of an invalid key, whatever the method.
    fn key_refusal(&self, decision: &Decision<'_>) -> Outcome {
        // The key became valid in between: the client may retry.
        let reason = decision.failed.first().unwrap_or(Reason::MethodRequired);
        refuse::respond(self.named.profile.wording, &RefusalReason::FailedCheck(reason), self.facts(decision))
    }

    fn outcome(&self, decision: &Decision<'_>, tables: &Tables) -> Outcome {
        let mut facts = self.facts(decision);
        let Some(reason) = decision.failed.first() else {
            return Outcome::Allow(self.allow(decision, facts));
        };
        if let Some(fault) = self.uninspected_fault(reason) {
            // The fault is the request's, not the decision's: its path is plain, and it may name a store.
            facts.reason = "";
            return refuse::respond(self.named.profile.wording, &RefusalReason::Fault(fault), facts);
        }
        let why = match reason {
            Reason::StoreRequired => RefusalReason::NotLimited(self.store_parameter(decision, tables)),
            Reason::MethodUnknown if self.has_other_verb(&tables.methods) => RefusalReason::OtherVerb,
            _ => RefusalReason::FailedCheck(reason),
        };
        refuse::respond(self.named.profile.wording, &why, facts)
    }

    /// Returns the most that requests to a method can reveal of their stores; `None` if the profile does not govern it.
    fn best_evidence(&self, entry: &Entry) -> Option<StoresFrom> {
        let profile = &self.named.profile;
        let limits_call = self.plans.for_method(Some(entry.number)).can_name_a_store(entry.identity.verb);
        let enforcement =
            if profile.upstream_applies_scope { ScopeEnforcement::Upstream } else { ScopeEnforcement::None };
        let best =
            StoresFrom::Gateway(StoreEvidence { complete: true, verb_inspected: true, limits_call, enforcement });
        profile.governs(entry.identity.pattern.as_str()).then_some(best)
    }

    /// Returns where a request to the method names its store, as a parameter is written; `None` if that is unknown.
    fn store_parameter(&self, decision: &Decision<'_>, tables: &Tables) -> Option<String> {
        let own = decision.methods.first().map_or(&[][..], |entry| tables.methods.store_places(entry.number));
        let unnested = |places: &[StorePlace]| places.iter().find(|place| place.pointer().is_none()).cloned();
        let place = unnested(own).or_else(|| own.first().cloned()).or_else(|| unnested(&self.named.profile.stores));
        place.map(|place| place.as_parameter())
    }

    fn facts(&self, decision: &Decision<'_>) -> LogFacts {
        LogFacts {
            profile: Arc::clone(&self.named.name),
            reason: decision.failed.first().map_or("ALLOWED", Reason::as_str),
            fault: "",
            key: decision.key.map(|(key, _)| key),
            method: decision.methods.first().map(|entry| entry.identity.to_text()),
            store: decision.store.map(str::to_owned),
            scope: decision.scope.as_ref().map(|scope| match scope {
                Scope::All => "all",
                Scope::Listed(codes) if codes.iter().map(|code| code.len() + 1).sum::<usize>() <= MAX_STORES_HEADER => {
                    "listed"
                }
                Scope::Listed(_) | Scope::Large => "large",
            }),
            revision: decision.revision.0,
        }
    }

    fn allow(&self, decision: &Decision<'_>, facts: LogFacts) -> Allow {
        let mut set_headers = Vec::with_capacity(5);
        if let Some(key) = facts.key {
            set_headers.push(("x-latchkey-key-id", key.to_text()));
        }
        if let Some(store) = &facts.store {
            set_headers.push(("x-latchkey-store", store.clone()));
        }
        if let Some(scope) = facts.scope {
            set_headers.push(("x-latchkey-scope", scope.to_owned()));
        }
        if let (Some(Scope::Listed(codes)), Some("listed")) = (&decision.scope, facts.scope) {
            set_headers.push(("x-latchkey-stores", codes.join(",")));
        }
        set_headers.push(("x-latchkey-revision", facts.revision.to_string()));
        let text = |bytes: &&[u8]| String::from_utf8_lossy(bytes).into_owned();
        let is_set = |name: &str| set_headers.iter().any(|(set, _)| name.eq_ignore_ascii_case(set));
        let removed = self.header_facts.remove.iter().map(text);
        Allow {
            remove_headers: removed.filter(|name| !is_set(name)).collect(),
            remove_parameters: self.extracted.key_parameters.iter().map(text).collect(),
            set_parameters: self.added_stores(decision),
            set_headers,
            facts,
        }
    }

    /// Returns the stores to add to a call that names none, which confine it to its scope.
    fn added_stores(&self, decision: &Decision<'_>) -> Vec<(String, String)> {
        let wanted = !self.extracted.limits_call && !self.named.profile.upstream_applies_scope;
        let (true, Some(Scope::Listed(codes)), Some((name, repeated))) =
            (wanted, &decision.scope, self.addable_parameter())
        else {
            return Vec::new();
        };
        let name = encode(name);
        let named = |at: usize| if repeated { format!("{name}%5B{at}%5D") } else { name.clone() };
        codes.iter().enumerate().map(|(at, code)| (named(at), encode(code))).collect()
    }
}
