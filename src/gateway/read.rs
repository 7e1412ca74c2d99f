//! Reads a request by the plan of its method: key and stores, or the fault that prevents it.
//!
//! The rule: a part that was not read by a grammar that every framework reads alike was not inspected; and such a part
//! passes only for a key to which it could make no difference. The head (target and headers) comes first, so that an
//! invalid key is refused before anything of the body is read.

use std::borrow::Cow;
use std::net::IpAddr;

use super::fault::Fault;
use super::key_info::InfoRequest;
use super::locations::body::{self, BOM, BodyKind, may_be_json};
use super::locations::headers::{self, HeaderFacts};
use super::locations::json::{self, Json, PointerStep};
use super::locations::parameters::{self, Location, Parameters};
use super::locations::{Extracted, Uninspected};
use super::plan::{MethodPlan, ProfilePlans};
use super::request::{Body, HttpRequest, split_once};
use super::{NamedProfile, Tables};
use crate::authority::Query;
use crate::model::book::Resolution;
use crate::model::decision::{Reason, Request, ScopeEnforcement, StoreEvidence, StoresFrom};
use crate::model::path::{self, CanonicalPath};
use crate::model::pattern::Verb;
use crate::model::world::MethodTable;

/// An invalid path, for requests whose path has no single meaning: the decision refuses it as ambiguous.
const AMBIGUOUS: &str = "//";

/// A request, read in the only possible way, and what it was read by.
pub(super) struct ParsedRequest<'r> {
    pub(super) named: &'r NamedProfile,
    pub(super) plans: &'r ProfilePlans,
    plan: &'r MethodPlan,
    /// `VERB path`, canonical.
    method: String,
    verb: Option<Verb>,
    pub(super) extracted: Extracted<'r>,
    pub(super) header_facts: HeaderFacts<'r>,
    /// The question to Latchkey itself, if it is one.
    pub(super) info_request: Option<InfoRequest>,
}

impl<'r> ParsedRequest<'r> {
    /// Reads the head of `request`. `path` is the canonical path, if it has a single meaning.
    pub(super) fn parse_head(
        request: &HttpRequest<'r>,
        path: Option<CanonicalPath<'_>>,
        named: &'r NamedProfile,
        plans: &'r ProfilePlans,
        tables: &Tables,
    ) -> Result<Self, Fault> {
        // Browsers never send what follows a `#`; on the wire some services drop it and some do not.
        let path = path.filter(|_| !request.target.contains(&b'#') && path::is_safe_to_forward(request.target));
        let verb = std::str::from_utf8(request.verb).ok().and_then(|verb| verb.parse::<Verb>().ok());
        let resolved = verb.zip(path.as_ref()).map(|(verb, path)| tables.methods.book().resolve(Some(verb), path));
        let plan = plans.for_method(match resolved {
            Some(Resolution::One(entry)) if !entry.retired => Some(entry.number),
            _ => None,
        });
        let mut extracted = Extracted::default();
        let header_facts = headers::read(request, plan, &mut extracted)?;
        let (_, query) = split_once(request.target, b'?');
        Parameters::new(&plan.parameters, Location::QUERY, &mut extracted).urlencoded(query)?;
        if header_facts.content_type.is_some_and(body::has_odd_charset) {
            extracted.uninspected =
                Some(Uninspected { why: Fault::ContentType, stores: plan.by_parameter, verb: true });
        }
        extracted.check_single_key()?;
        for at in &plan.path {
            if let Some(segment) = path.as_ref().and_then(|path| path.segments().nth(*at)) {
                extracted.add_store(Cow::Owned(path::decode(segment).into_owned()), true)?;
            }
        }
        if plan.host {
            // Two hosts that were joined, for instance.
            let host = headers::host(request.host).ok_or(Fault::Host)?;
            if let Some(store) = tables.stores.get_by_host(&host) {
                extracted.add_store(Cow::Owned(store.code.to_string()), true)?;
            }
        }
        let info_request = path.as_ref().and_then(|path| InfoRequest::read(verb?, path.as_str(), &named.profile));
        let verb_text = verb.map_or_else(String::new, |verb| verb.to_string());
        let method = format!("{verb_text} {}", path.as_ref().map_or(AMBIGUOUS, CanonicalPath::as_str));
        Ok(Self { named, plans, plan, method, verb, extracted, header_facts, info_request })
    }

    pub(super) fn read_body(&mut self, body: Body<'r>) -> Result<(), Fault> {
        let why = match body {
            Body::None if !self.header_facts.body => None,
            Body::Complete([]) => None,
            // Without a type, and if the verb does not call for one, a body is unusual, and no service looks for
            // parameters in it.
            Body::Unknown
                if self.header_facts.content_type.is_none() && matches!(self.verb, Some(Verb::GET | Verb::HEAD)) =>
            {
                if self.plan.body {
                    self.extracted.uninspected =
                        Some(Uninspected { why: Fault::BodyNotInspected("withheld"), stores: true, verb: false });
                }
                None
            }
            // If a header announces a body, there is one, even if the proxy denies it.
            Body::None | Body::Withheld | Body::Unknown => Some("withheld"),
            Body::Truncated => Some("truncated"),
            Body::Complete(_) if self.header_facts.encoded => Some("compressed"),
            Body::Complete(bytes) if bytes.len() > self.named.profile.body_limit => {
                Some("larger than the profile's body_limit")
            }
            Body::Complete(bytes) => {
                self.inspect(bytes)?;
                None
            }
        };
        if let Some(why) = why {
            self.mark_uninspected(Fault::BodyNotInspected(why));
        }
        self.extracted.check_single_key()
    }

    fn inspect(&mut self, bytes: &'r [u8]) -> Result<(), Fault> {
        let form = Location::form(self.verb, self.header_facts.sized);
        let read = match self.header_facts.content_type.map_or(BodyKind::Unknown, body::kind) {
            BodyKind::Form if bytes.starts_with(BOM) => {
                Err(Fault::BodyNotInspected("a form that starts with a byte order mark"))
            }
            BodyKind::Form => {
                let other = self.inspect_json(bytes, false);
                Parameters::new(&self.plan.parameters, form, &mut self.extracted).urlencoded(bytes)?;
                other
            }
            BodyKind::Multipart(boundary) => {
                Parameters::new(&self.plan.parameters, form, &mut self.extracted).multipart(bytes, boundary)
            }
            BodyKind::Json { exact } => self.inspect_json_always(bytes, exact).and_then(|()| self.not_a_form(bytes)),
            BodyKind::File => self.inspect_json(bytes, false).and_then(|()| self.not_a_form(bytes)),
            BodyKind::Unknown => Err(Fault::ContentType),
        };
        match read {
            // A body that violates the grammar; other faults are in what the grammar read.
            Err(why @ (Fault::BodyNotInspected(_) | Fault::Json(_) | Fault::Multipart(_) | Fault::ContentType)) => {
                self.mark_uninspected(why);
                Ok(())
            }
            other => other,
        }
    }

    /// Checks that a body of another type holds nothing that matters for services that read forms of any type.
    fn not_a_form(&self, bytes: &[u8]) -> Result<(), Fault> {
        if parameters::is_form_to_some(bytes, &self.plan.parameters) {
            Err(Fault::BodyNotInspected("not declared as a form but contains form parameters"))
        } else {
            Ok(())
        }
    }

    /// Reads a body whose type does not declare JSON as JSON if it may be JSON.
    fn inspect_json(&mut self, bytes: &'r [u8], exact: bool) -> Result<(), Fault> {
        if may_be_json(bytes) { self.inspect_json_always(bytes, exact) } else { Ok(()) }
    }

    /// Reads JSON. Unless the type is `exact`, a store named in it does not limit the call.
    fn inspect_json_always(&mut self, bytes: &'r [u8], exact: bool) -> Result<(), Fault> {
        let json = json::read(bytes, "the body")?;
        let location = Location::json(self.verb, exact && self.header_facts.sized);
        for pointer in &self.plan.json {
            // A list has no such member; if only the profile expects one, the method may well accept a list.
            if !pointer.own && matches!((&json, pointer.steps.first()), (Json::Array(_), Some(PointerStep::Member(_))))
            {
                continue;
            }
            let limits_call = pointer.limits_call && location.limits_call(pointer.own);
            json::add_stores(&json, &pointer.steps, &pointer.text, limits_call, &mut self.extracted)?;
        }
        Parameters::new(&self.plan.parameters, location, &mut self.extracted).json(&json)
    }

    /// Records that the body was not inspected, and what could be in it.
    fn mark_uninspected(&mut self, why: Fault) {
        let parameters = !self.named.profile.upstream_reads_only_places;
        let stores = self.plan.body || parameters && self.plan.by_parameter;
        if parameters || stores {
            self.extracted.uninspected = Some(Uninspected { why, stores, verb: parameters });
        }
    }

    /// Returns why the request was not inspected, if it is refused for that.
    pub(super) fn uninspected_fault(&self, reason: Reason) -> Option<&Fault> {
        let uninspected = self.extracted.uninspected.as_ref()?;
        let because = match reason {
            Reason::StoreRequired => uninspected.stores,
            Reason::PathAmbiguous => uninspected.verb && !self.method.ends_with(AMBIGUOUS),
            _ => false,
        };
        because.then_some(&uninspected.why)
    }

    /// Returns the parameter that stores can be added in, and whether it takes several.
    pub(super) fn addable_parameter(&self) -> Option<(&'r str, bool)> {
        let (name, repeated) = self.plan.addable_parameter.as_ref().filter(|_| !self.extracted.query_full)?;
        Some((&**name, *repeated))
    }

    /// Returns the token presented; empty if there was none.
    pub(super) fn token(&self) -> &str {
        self.extracted.key.as_deref().unwrap_or_default()
    }

    /// Returns the stores mentioned, the first one separately: usually there is no other, so nothing is allocated.
    pub(super) fn stores(&self) -> (&str, Vec<String>) {
        match &*self.extracted.stores {
            [only] if !only.is_empty() => (only, Vec::new()),
            several => ("", several.iter().map(ToString::to_string).collect()),
        }
    }

    pub(super) fn query<'q>(&'q self, store: &'q str, stores: &'q [String], client: Option<IpAddr>) -> Query<'q> {
        let request = Request { method: &self.method, store, stores, client, stores_from: self.stores_from() };
        Query { token: self.token(), request, min_revision: None }
    }

    /// Returns the query that checks the key alone, whatever the method.
    pub(super) fn key_only_query(&self, client: Option<IpAddr>) -> Query<'_> {
        let request = Request { method: "", store: "", stores: &[], client, stores_from: StoresFrom::Service };
        Query { token: self.token(), request, min_revision: None }
    }

    pub(super) fn stores_from(&self) -> StoresFrom {
        let enforcement = match self.addable_parameter() {
            _ if self.named.profile.upstream_applies_scope => ScopeEnforcement::Upstream,
            Some((_, true)) => ScopeEnforcement::AppendMany,
            Some((_, false)) => ScopeEnforcement::AppendOne,
            None => ScopeEnforcement::None,
        };
        let uninspected = self.extracted.uninspected.as_ref();
        StoresFrom::Gateway(StoreEvidence {
            complete: !uninspected.is_some_and(|uninspected| uninspected.stores),
            verb_inspected: !uninspected.is_some_and(|uninspected| uninspected.verb),
            limits_call: self.extracted.limits_call,
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
