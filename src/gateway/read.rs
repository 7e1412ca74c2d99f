//! Reads a request by the plan of its method: key and stores, or the fault that prevents it.
//!
//! The rule: a part that was not read by a grammar that every framework reads alike was not inspected; and such a part
//! passes only for a key to which it could make no difference. The head (target and headers) comes first, so that an
//! invalid key is refused before anything of the body is read.

use std::borrow::Cow;
use std::net::IpAddr;

use super::Tables;
use super::answer::Asked;
use super::fault::Fault;
use super::places::body::{self, BOM, Kind, may_be_json};
use super::places::headers::{self, Said};
use super::places::json::{self, Codes, Json, Step};
use super::places::parameters::{self, Location};
use super::places::{Found, Unseen};
use super::plan::{Plan, Plans};
use super::request::{Body, HttpRequest};
use crate::authority::Query;
use crate::config::profiles::Profile;
use crate::model::book::Resolution;
use crate::model::decision::{Reason, Request, ScopeEnforcement, StoreEvidence, StoresFrom};
use crate::model::path::{self, CanonicalPath};
use crate::model::pattern::Verb;
use crate::model::world::MethodTable;

/// An invalid path, for requests whose path has no single meaning: the decision refuses it as ambiguous.
const AMBIGUOUS: &str = "//";

/// The contents of a request, read in the only possible way.
pub(super) struct Reading<'r> {
    /// `VERB path`, canonical.
    method: String,
    verb: Option<Verb>,
    plan: &'r Plan,
    pub(super) found: Found<'r>,
    pub(super) said: Said<'r>,
    /// The question to Latchkey itself, if it is one.
    pub(super) asks: Option<Asked>,
    pub(super) scope_applied: bool,
}

impl<'r> Reading<'r> {
    /// Reads the head of `request`. `path` is the canonical path, if it has a single meaning.
    pub(super) fn of_head(
        request: &HttpRequest<'r>,
        path: Option<CanonicalPath<'_>>,
        profile: &Profile,
        plans: &'r Plans,
        tables: &Tables,
    ) -> Result<Self, Fault> {
        // Browsers never send what follows a `#`; on the wire some services drop it and some do not.
        let path = path.filter(|_| !request.target.contains(&b'#') && path::is_safe_to_forward(request.target));
        let verb = std::str::from_utf8(request.verb).ok().and_then(|verb| verb.parse::<Verb>().ok());
        let entry = match (verb, &path) {
            (Some(verb), Some(path)) => match tables.methods.book().resolve(Some(verb), path) {
                Resolution::One(entry) if !entry.retired => Some(entry.number),
                _ => None,
            },
            _ => None,
        };
        let plan = plans.of(entry);
        let mut found = Found::default();
        let said = headers::read(request, plan, &mut found)?;
        let query = request.target.iter().position(|byte| *byte == b'?').map(|at| &request.target[at + 1..]);
        parameters::urlencoded(query.unwrap_or_default(), Location::QUERY, &plan.parameters, &mut found)?;
        if said.content_type.is_some_and(body::has_odd_charset) {
            found.unseen = Some(Unseen { why: Fault::ContentType, stores: plan.by_parameter, verb: true });
        }
        found.one_key()?;
        for at in &plan.path {
            let segment = path.as_ref().and_then(|path| path.segments().nth(*at));
            if let Some(segment) = segment {
                found.take_store(Cow::Owned(path::decode(segment).into_owned()), true)?;
            }
        }
        if plan.host {
            // Two hosts that were joined, for instance.
            let host = headers::host(request.host).ok_or(Fault::Host)?;
            if let Some(store) = tables.stores.get_by_host(&host) {
                found.take_store(Cow::Owned(store.code.to_string()), true)?;
            }
        }
        let asks = profile.answers.then(|| path.as_ref().and_then(|path| Asked::read(verb?, path.as_str(), profile)));
        Ok(Self {
            method: format!(
                "{} {}",
                verb.map_or_else(String::new, |verb| verb.to_string()),
                path.as_ref().map_or(AMBIGUOUS, CanonicalPath::as_str)
            ),
            verb,
            plan,
            said,
            asks: asks.flatten(),
            scope_applied: profile.upstream_applies_scope,
            found,
        })
    }

    /// Reads the body, too.
    pub(super) fn with_body(mut self, body: Body<'r>, profile: &Profile) -> Result<Self, Fault> {
        let kind = self.said.content_type.map_or(Kind::Unknown, body::kind);
        match body {
            Body::None if !self.said.body => {}
            Body::Whole([]) => {}
            // Without a type, and if the verb does not call for one, a body is unusual, and no service looks for
            // parameters in it.
            Body::Unknown if self.said.content_type.is_none() && self.is_verb(&[Verb::GET, Verb::HEAD]) => {
                if self.plan.body {
                    self.found.unseen = Some(Unseen { why: Fault::Unseen("withheld"), stores: true, verb: false });
                }
            }
            // If a header announces a body, there is one, even if the proxy denies it.
            Body::None | Body::Withheld | Body::Unknown => {
                self.not_inspected(Fault::Unseen("withheld"), profile);
            }
            Body::CutOff => self.not_inspected(Fault::Unseen("truncated"), profile),
            Body::Whole(_) if self.said.encoded => {
                self.not_inspected(Fault::Unseen("compressed"), profile);
            }
            Body::Whole(bytes) if bytes.len() > profile.body_limit => {
                self.not_inspected(Fault::Unseen("larger than the profile's body_limit"), profile);
            }
            Body::Whole(bytes) => self.inspect(bytes, &kind, profile)?,
        }
        self.found.one_key()?;
        Ok(self)
    }

    fn inspect(&mut self, bytes: &'r [u8], kind: &Kind<'_>, profile: &Profile) -> Result<(), Fault> {
        let governed = &self.plan.parameters;
        let form = Location::form(self.verb, self.said.sized);
        let read = match kind {
            Kind::Form if bytes.starts_with(BOM) => Err(Fault::Unseen("a form that starts with a byte order mark")),
            Kind::Form => {
                let other = self.inspect_json(bytes, false);
                parameters::urlencoded(bytes, form, governed, &mut self.found)?;
                other
            }
            Kind::Multipart(boundary) => parameters::multipart(bytes, boundary, form, governed, &mut self.found),
            Kind::Json { exact } => self.inspect_json_always(bytes, *exact).and_then(|()| self.not_a_form(bytes)),
            Kind::File => self.inspect_json(bytes, false).and_then(|()| self.not_a_form(bytes)),
            Kind::Unknown => Err(Fault::ContentType),
        };
        match read {
            // A body that violates the grammar; other faults are in what the grammar read.
            Err(why @ (Fault::Unseen(_) | Fault::Json(_) | Fault::Multipart(_) | Fault::ContentType)) => {
                self.not_inspected(why, profile);
                Ok(())
            }
            other => other,
        }
    }

    /// Checks that a body of another type holds nothing that matters for services that read forms of any type.
    fn not_a_form(&self, bytes: &[u8]) -> Result<(), Fault> {
        let is_form = parameters::is_form_to_some(bytes, &self.plan.parameters);
        if is_form { Err(Fault::Unseen("not declared as a form but contains form parameters")) } else { Ok(()) }
    }

    /// Reads a body whose type does not declare JSON as JSON if it may be JSON.
    fn inspect_json(&mut self, bytes: &'r [u8], exact: bool) -> Result<(), Fault> {
        if may_be_json(bytes) { self.inspect_json_always(bytes, exact) } else { Ok(()) }
    }

    /// Reads JSON. Unless the type is `exact`, a store named in it does not limit the call.
    fn inspect_json_always(&mut self, bytes: &'r [u8], exact: bool) -> Result<(), Fault> {
        let json = json::read(bytes, "the body")?;
        let location = Location::json(self.verb, exact && self.said.sized);
        for place in &self.plan.json {
            // A list has no such member; if only the profile expects one, the method may well accept a list.
            if !place.own && matches!((&json, place.steps.first()), (Json::Array(_), Some(Step::Member(_)))) {
                continue;
            }
            let mut codes = Codes::default();
            json::follow(&json, &place.steps, &place.told, &mut codes)?;
            let counts = place.counts && !codes.gap && location.limits(place.own);
            for code in codes.codes {
                self.found.take_store(Cow::Owned(code.into_owned()), counts)?;
            }
        }
        parameters::json(&json, location, &self.plan.parameters, &mut self.found)
    }

    /// Records that the body was not inspected, and what could be in it.
    fn not_inspected(&mut self, why: Fault, profile: &Profile) {
        let parameters = !profile.upstream_reads_only_places;
        let stores = self.plan.body || parameters && self.plan.by_parameter;
        if parameters || stores {
            self.found.unseen = Some(Unseen { why, stores, verb: parameters });
        }
    }

    /// Returns why the request was not inspected, if it is refused for that.
    pub(super) fn not_inspected_for(&self, reason: Reason) -> Option<&Fault> {
        let unseen = self.found.unseen.as_ref()?;
        let because = match reason {
            Reason::StoreRequired => unseen.stores,
            Reason::PathAmbiguous => unseen.verb && !self.method.ends_with(AMBIGUOUS),
            _ => false,
        };
        because.then_some(&unseen.why)
    }

    fn is_verb(&self, verbs: &[Verb]) -> bool {
        self.verb.is_some_and(|verb| verbs.contains(&verb))
    }

    /// Returns the parameter that stores can be added in, and whether it takes several.
    pub(super) fn add(&self) -> Option<(&'r str, bool)> {
        self.plan.add.as_ref().filter(|_| !self.found.full).map(|(name, repeated)| (&**name, *repeated))
    }

    /// Returns the token presented; empty if there was none.
    pub(super) fn token(&self) -> &str {
        self.found.key.as_deref().unwrap_or_default()
    }

    /// Returns the stores mentioned, the first one separately: usually there is no other, so nothing is allocated.
    pub(super) fn stores(&self) -> (&str, Vec<String>) {
        match &*self.found.stores {
            [only] if !only.is_empty() => (only, Vec::new()),
            several => ("", several.iter().map(ToString::to_string).collect()),
        }
    }

    /// Returns the query for the authority.
    pub(super) fn query<'q>(&'q self, store: &'q str, stores: &'q [String], client: Option<IpAddr>) -> Query<'q> {
        let request = Request { method: &self.method, store, stores, client, stores_from: self.stores_from() };
        Query { token: self.token(), request, min_revision: None }
    }

    pub(super) fn stores_from(&self) -> StoresFrom {
        let enforcement = match self.add() {
            _ if self.scope_applied => ScopeEnforcement::Upstream,
            Some((_, true)) => ScopeEnforcement::AppendMany,
            Some((_, false)) => ScopeEnforcement::AppendOne,
            None => ScopeEnforcement::None,
        };
        let unseen = self.found.unseen.as_ref();
        StoresFrom::Gateway(StoreEvidence {
            complete: !unseen.is_some_and(|unseen| unseen.stores),
            verb_inspected: !unseen.is_some_and(|unseen| unseen.verb),
            limits_call: self.found.named,
            enforcement,
        })
    }

    /// Returns whether the path belongs to a method with another verb.
    pub(super) fn has_other_verb(&self, methods: &MethodTable) -> bool {
        let path = self.method.split_once(' ').map_or("", |(_, path)| path);
        path::canonicalize(path).is_ok_and(|path| match methods.book().resolve(None, &path) {
            Resolution::One(entry) => !entry.retired,
            Resolution::Several(entries) => entries.iter().any(|entry| !entry.retired),
            Resolution::Ambiguous(_) | Resolution::Unknown => false,
        })
    }
}
