//! Reading a request by the plan of its method: key and stores, or the fault that forbids to.

use std::borrow::Cow;
use std::net::IpAddr;

use super::Tables;
use super::answer::Asked;
use super::fault::Fault;
use super::places::body::{self, Kind};
use super::places::headers::{self, Said};
use super::places::json::{self, Codes, Json, Step};
use super::places::{Found, parameters};
use super::plan::{Plan, Plans};
use super::request::{Body, HttpRequest};
use crate::authority::Query;
use crate::config::profiles::Profile;
use crate::model::book::Resolution;
use crate::model::decision::{Request, Sight, StoresFrom, Unnamed};
use crate::model::path::{self, CanonicalPath};
use crate::model::pattern::Verb;
use crate::model::world::MethodTable;

/// A path that means nothing, for requests whose path has no single meaning: deciding refuses it as ambiguous.
const AMBIGUOUS: &str = "//";

/// What a request says, read in the only way that it can be.
pub(super) struct Reading<'r> {
    /// `VERB path`, canonical.
    method: String,
    pub(super) found: Found<'r>,
    pub(super) said: Said<'r>,
    /// What is asked of Latchkey itself.
    pub(super) asks: Option<Asked>,
    /// The parameter that stores can be added in, and whether several can.
    pub(super) add: Option<(&'r str, bool)>,
    pub(super) scope_applied: bool,
}

impl<'r> Reading<'r> {
    /// Reads `request`, whose path is canonically `path`, if it has one meaning.
    pub(super) fn new(
        request: &HttpRequest<'r>,
        path: Option<CanonicalPath<'_>>,
        profile: &Profile,
        plans: &'r Plans,
        tables: &Tables,
    ) -> Result<Self, Fault> {
        // What stands behind a # never left a browser; on the wire some cut it off and some do not.
        let path = path.filter(|_| !request.target.contains(&b'#'));
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
        parameters::urlencoded(query.unwrap_or_default(), parameters::QUERY, &plan.query, &mut found)?;
        read_body(request, plan, profile, &said, &mut found)?;
        for at in &plan.path {
            let segment = path.as_ref().and_then(|path| path.segments().nth(*at));
            if let Some(segment) = segment {
                found.take_store(Cow::Owned(path::decode(segment).into_owned()), true);
            }
        }
        // Two hosts that were joined, for instance.
        if plan.host && !headers::is_host(request.host) {
            return Err(Fault::Host);
        }
        if plan.host
            && let Some(store) = headers::host(request.host).and_then(|host| tables.stores.at_host(&host))
        {
            found.take_store(Cow::Owned(store.code.to_string()), true);
        }
        let asks = profile.answers.then(|| path.as_ref().and_then(|path| Asked::read(verb?, path.as_str(), profile)));
        let verb = verb.map_or_else(String::new, |verb| verb.to_string());
        Ok(Self {
            method: format!("{verb} {}", path.as_ref().map_or(AMBIGUOUS, CanonicalPath::as_str)),
            said,
            asks: asks.flatten(),
            add: plan.add.as_ref().filter(|_| !found.full).map(|(name, repeated)| (&**name, *repeated)),
            scope_applied: profile.upstream_applies_scope,
            found,
        })
    }

    /// The token presented; empty if none was.
    pub(super) fn token(&self) -> &str {
        self.found.key.as_deref().unwrap_or_default()
    }

    /// The stores mentioned, the first by itself: usually there is no other, and nothing to allocate.
    pub(super) fn stores(&self) -> (&str, Vec<String>) {
        match &*self.found.stores {
            [only] if !only.is_empty() => (only, Vec::new()),
            several => ("", several.iter().map(ToString::to_string).collect()),
        }
    }

    /// The question to ask.
    pub(super) fn query<'q>(&'q self, store: &'q str, stores: &'q [String], client: Option<IpAddr>) -> Query<'q> {
        let request = Request { method: &self.method, store, stores, client, stores_from: self.stores_from() };
        Query { token: self.token(), request, min_revision: None }
    }

    pub(super) fn stores_from(&self) -> StoresFrom {
        let unnamed = match self.add {
            _ if self.scope_applied => Unnamed::ScopeApplied,
            Some((_, true)) => Unnamed::AddEach,
            Some((_, false)) => Unnamed::AddOne,
            None => Unnamed::Nothing,
        };
        StoresFrom::Gateway(Sight { complete: !self.found.unseen, named: self.found.named, unnamed })
    }

    /// Whether the path is a method's with another verb.
    pub(super) fn has_other_verb(&self, methods: &MethodTable) -> bool {
        let path = self.method.split_once(' ').map_or("", |(_, path)| path);
        path::canonicalize(path).is_ok_and(|path| match methods.book().resolve(None, &path) {
            Resolution::One(entry) => !entry.retired,
            Resolution::Several(entries) => entries.iter().any(|entry| !entry.retired),
            Resolution::Ambiguous(_) | Resolution::Unknown => false,
        })
    }
}

/// Reads the body, if anything in it could matter.
fn read_body<'r>(
    request: &HttpRequest<'r>,
    plan: &Plan,
    profile: &Profile,
    said: &Said<'r>,
    found: &mut Found<'r>,
) -> Result<(), Fault> {
    let kind = said.content_type.map_or(Kind::Unknown, body::kind);
    let opaque = kind == Kind::Opaque;
    let bytes = match request.body {
        Body::None if !said.body => return Ok(()),
        Body::Whole([]) => return Ok(()),
        Body::None | Body::Withheld => {
            found.unseen |= plan.body && !opaque;
            return Ok(());
        }
        _ if opaque => return Ok(()),
        Body::CutOff if plan.body => return Err(Fault::Unseen("cut off")),
        Body::Whole(_) if said.encoded && plan.body => return Err(Fault::Unseen("compressed")),
        Body::Whole(bytes) if bytes.len() > profile.body_limit && plan.body => {
            return Err(Fault::Unseen("larger than the profile's body_limit"));
        }
        // Nothing looked for can be in it, but for a parameter that asks for another method.
        Body::CutOff => return Ok(()),
        Body::Whole(bytes) if said.encoded || bytes.len() > profile.body_limit => return Ok(()),
        Body::Whole(bytes) => bytes,
    };
    match kind {
        Kind::Form => parameters::urlencoded(bytes, "form", &plan.form, found),
        Kind::Multipart(boundary) => parameters::multipart(bytes, boundary, &plan.form, found),
        Kind::Json if !plan.json.is_empty() => {
            let json = json::read(bytes, "the body")?;
            for place in &plan.json {
                // A list has no such member; a method of which only the profile thinks so may well take one.
                if !place.own && matches!((&json, place.steps.first()), (Json::Array(_), Some(Step::Member(_)))) {
                    continue;
                }
                let mut codes = Codes::default();
                json::follow(&json, &place.steps, &place.told, &mut codes)?;
                let counts = place.counts && !codes.gap;
                for code in codes.codes {
                    found.take_store(Cow::Owned(code.into_owned()), counts);
                }
            }
            Ok(())
        }
        Kind::Unknown if plan.body => Err(Fault::ContentType),
        Kind::Json | Kind::Opaque | Kind::Unknown => Ok(()),
    }
}
