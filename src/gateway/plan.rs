//! Plans: where key and stores are in requests to one method under one profile, compiled once per reference book.
//!
//! A parameter that matters is looked for in every location where a framework may read parameters: query, form, JSON
//! and cookies. PHP's `$_REQUEST` and Laravel's `input()` merge them under one name, so a location that is not
//! configured is still read; the key must have access to a store found there, and it never counts as naming the store.

use std::collections::HashMap;
use std::sync::Arc;

use super::locations::json::{self, PointerStep};
use super::locations::names::ParameterName;
use super::locations::parameters::Location;
use crate::config::profiles::{KeyLocation, OVERRIDES, Profile};
use crate::model::book::{Entry, MethodNumber};
use crate::model::method::{StoreLocation, StorePlace};
use crate::model::pattern::{Segment, Verb};
use crate::model::world::MethodTable;

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(crate) struct MethodPlan {
    /// Parameters that matter, in whatever location they are.
    pub(crate) parameters: Vec<GovernedParameter>,
    /// Stores that pointers lead to from the top of a JSON body.
    pub(crate) json: Vec<StorePointer>,
    pub(crate) headers: Vec<GovernedHeader>,
    /// Segments of the path that are stores, from the left.
    pub(crate) path: Vec<usize>,
    pub(crate) host: bool,
    /// The key is in `authorization`.
    pub(crate) bearer: bool,
    /// The key or a store may be in the body.
    pub(crate) body: bool,
    /// Some parameter names a store or changes how one is read.
    pub(crate) by_parameter: bool,
    /// The query parameter in which a store, or several if it may be repeated, can be added to a request.
    pub(crate) addable_parameter: Option<(Box<str>, bool)>,
}

/// A parameter that matters.
#[derive(Debug)]
pub(crate) struct GovernedParameter {
    pub(crate) name: ParameterName,
    pub(crate) uses: Vec<ParameterUse>,
    /// Where the parameter holds something else, for this method.
    pub(crate) excepted: Vec<StoreLocation>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ParameterUse {
    /// It holds the key, in this location.
    Key(StoreLocation),
    /// It holds stores, which limit the call if `limits_call` and they are in this location.
    Store { location: StoreLocation, steps: Box<[PointerStep]>, limits_call: bool, own: bool },
    /// It overrides the method.
    Override,
    /// It may have only this value.
    Fixed(Box<str>),
}

/// Stores in a JSON body that no top-level member names.
#[derive(Debug)]
pub(crate) struct StorePointer {
    pub(crate) steps: Box<[PointerStep]>,
    pub(crate) text: String,
    pub(crate) limits_call: bool,
    /// Declared by the method's entry; otherwise merely inspected.
    pub(crate) own: bool,
}

#[derive(Debug)]
pub(crate) struct GovernedHeader {
    pub(crate) name: Box<str>,
    /// Whether it holds the key; otherwise a store.
    pub(crate) key: bool,
    pub(crate) limits_call: bool,
}

/// The plans of a profile for all methods of a book.
#[derive(Debug)]
pub(crate) struct ProfilePlans {
    by_method: HashMap<MethodNumber, MethodPlan>,
    /// For methods that are not in the book.
    other: MethodPlan,
}

/// The plans of all profiles, and the book that they were compiled for.
#[derive(Debug)]
pub(crate) struct CompiledPlans {
    pub(crate) methods: Arc<MethodTable>,
    pub(crate) plans: Vec<ProfilePlans>,
}

impl ProfilePlans {
    pub(crate) fn new(profile: &Profile, methods: &MethodTable) -> Self {
        let live = methods.book().entries().iter().filter(|entry| !entry.retired);
        let plan = |entry: &Entry| MethodPlan::new(profile, Some((entry, methods.store_places(entry.number))));
        Self {
            by_method: live.map(|entry| (entry.number, plan(entry))).collect(),
            other: MethodPlan::new(profile, None),
        }
    }

    /// Returns the plan for a method; without one, the plan for methods that are not in the book.
    pub(crate) fn for_method(&self, method: Option<MethodNumber>) -> &MethodPlan {
        method.and_then(|number| self.by_method.get(&number)).unwrap_or(&self.other)
    }
}

impl MethodPlan {
    fn new(profile: &Profile, method: Option<(&Entry, &[StorePlace])>) -> Self {
        let mut plan = Self { host: profile.host, ..Self::default() };
        for place in &profile.keys {
            match place {
                KeyLocation::Bearer => plan.bearer = true,
                KeyLocation::Header(name) => plan.header(name, true, false),
                KeyLocation::Query(name) => plan.parameter(name, false, ParameterUse::Key(StoreLocation::Query)),
                KeyLocation::Form(name) => plan.parameter(name, false, ParameterUse::Key(StoreLocation::Form)),
            }
        }
        let (own, no_store) = method.map_or((&[][..], false), |(entry, own)| (own, entry.store_use.reads_no_store()));
        for place in own {
            // A nested store limits the call only if no store could be named outside of it: the order's own store is
            // `site`, and `order#/customer/site` is merely where its customer is from.
            let limits_call = place.pointer().is_none() || own.iter().all(|other| other.pointer().is_some());
            plan.store(place, limits_call, method.map(|(entry, _)| entry));
        }
        let excepted = |place: &StorePlace| {
            let identity = method.map(|(entry, _)| &entry.identity);
            profile.not_stores.iter().any(|(method, other)| Some(method) == identity && other == place)
        };
        for place in profile.stores.iter().filter(|place| !own.contains(place) && !excepted(place)) {
            plan.store(place, own.is_empty() && !no_store, None);
        }
        for place in profile.stores.iter().filter(|place| excepted(place)) {
            if let Some(governed) = plan.parameters.iter_mut().find(|one| one.name.as_str() == place.name()) {
                governed.excepted.push(place.location());
            }
        }
        for (name, value) in &profile.fixed {
            plan.parameter(name, false, ParameterUse::Fixed(value.as_str().into()));
        }
        let by_parameter = plan.uses().any(|used| matches!(used, ParameterUse::Store { .. } | ParameterUse::Fixed(_)));
        let in_body = |used: &ParameterUse| match used {
            ParameterUse::Key(location) | ParameterUse::Store { location, .. } => *location != StoreLocation::Query,
            ParameterUse::Override | ParameterUse::Fixed(_) => false,
        };
        let body = !plan.json.is_empty() || plan.uses().any(in_body);
        (plan.by_parameter, plan.body) = (by_parameter, body);
        for name in OVERRIDES {
            plan.parameter(name, false, ParameterUse::Override);
        }
        let addable = own.iter().filter(|place| place.location() == StoreLocation::Query && place.pointer().is_none());
        let addable = addable.min_by_key(|place| !place.repeated());
        plan.addable_parameter = addable.map(|place| (place.name().into(), place.repeated()));
        plan
    }

    /// Returns whether some request of this verb can name a store in a way that limits it.
    pub(crate) fn can_name_a_store(&self, verb: Verb) -> bool {
        let json = Location::json(Some(verb), true);
        let locations = [Location::QUERY, Location::form(Some(verb), true), json];
        self.host
            || !self.path.is_empty()
            || self.uses().any(|used| locations.iter().any(|location| location.limits_call_by(used)))
            || self.json.iter().any(|pointer| pointer.limits_call && json.limits_call(pointer.own))
            || self.headers.iter().any(|header| header.limits_call)
    }

    fn uses(&self) -> impl Iterator<Item = &ParameterUse> {
        self.parameters.iter().flat_map(|governed| &governed.uses)
    }

    fn store(&mut self, place: &StorePlace, limits_call: bool, entry: Option<&Entry>) {
        let steps = place.pointer().into_iter().flat_map(json::steps).collect();
        let own = entry.is_some();
        match place.location() {
            StoreLocation::Json if place.name().is_empty() => {
                self.json.push(StorePointer { steps, text: place.to_string(), limits_call, own });
            }
            location @ (StoreLocation::Query | StoreLocation::Form | StoreLocation::Json) => {
                let used = ParameterUse::Store { location, steps, limits_call, own };
                self.parameter(place.name(), place.repeated(), used);
            }
            StoreLocation::Header => self.header(place.name(), false, limits_call),
            StoreLocation::Path => {
                let segments = entry.map(|entry| entry.identity.pattern.segments()).into_iter().flatten();
                let named = |segment| matches!(segment, Segment::Parameter(name) if name == place.name());
                self.path.extend(segments.enumerate().filter(|(_, segment)| named(*segment)).map(|(at, _)| at));
            }
        }
    }

    fn parameter(&mut self, name: &str, repeated: bool, used: ParameterUse) {
        if let Some(other) = self.parameters.iter_mut().find(|other| other.name.as_str() == name) {
            other.name.repeated |= repeated;
            other.uses.push(used);
        } else {
            let name = ParameterName::new(name, repeated);
            self.parameters.push(GovernedParameter { name, uses: vec![used], excepted: Vec::new() });
        }
    }

    fn header(&mut self, name: &str, key: bool, limits_call: bool) {
        self.headers.push(GovernedHeader { name: name.into(), key, limits_call });
    }
}
