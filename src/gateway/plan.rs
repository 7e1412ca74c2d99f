//! Plans: where key and stores are in requests to one method under one profile, compiled once per reference book.
//!
//! A parameter that matters is looked for in every location where a framework may read parameters: query, form, JSON
//! and cookies. PHP's `$_REQUEST` and Laravel's `input()` merge them under one name, so a location that is not
//! configured is still read; the key must have access to a store found there, and it never counts as naming the store.

use std::collections::HashMap;
use std::sync::Arc;

use super::places::json::{self, Step};
use super::places::names::Name;
use super::places::parameters::Location;
use crate::config::profiles::{KeyPlace, OVERRIDES, Profile};
use crate::model::book::{Entry, MethodNumber};
use crate::model::method::{StoreLocation, StorePlace};
use crate::model::pattern::{Segment, Verb};
use crate::model::world::MethodTable;

/// Where key and stores are in a request.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(crate) struct Plan {
    /// Parameters that matter, in whatever location they are.
    pub(crate) parameters: Vec<Governed>,
    /// Stores that pointers lead to from the top of a JSON body.
    pub(crate) json: Vec<Pointed>,
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
    pub(crate) add: Option<(Box<str>, bool)>,
}

/// A parameter that matters.
#[derive(Debug)]
pub(crate) struct Governed {
    pub(crate) name: Name,
    pub(crate) uses: Vec<Use>,
    /// Where the parameter holds something else, for this method.
    pub(crate) excepted: Vec<StoreLocation>,
}

/// The purpose of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Use {
    /// It holds the key, in this location.
    Key(StoreLocation),
    /// It holds stores, which limit the call if they count and are in this location.
    Store { location: StoreLocation, steps: Box<[Step]>, counts: bool, own: bool },
    /// It overrides the method.
    Override,
    /// It may have only this value.
    Fixed(Box<str>),
}

/// Stores in a JSON body that no top-level member names.
#[derive(Debug)]
pub(crate) struct Pointed {
    pub(crate) steps: Box<[Step]>,
    pub(crate) told: String,
    pub(crate) counts: bool,
    /// Declared by the method's entry; otherwise merely inspected.
    pub(crate) own: bool,
}

/// A header that matters.
#[derive(Debug)]
pub(crate) struct GovernedHeader {
    pub(crate) name: Box<str>,
    /// Whether it holds the key; otherwise a store.
    pub(crate) key: bool,
    pub(crate) counts: bool,
}

/// The plans of a profile for all methods of a book.
#[derive(Debug)]
pub(crate) struct Plans {
    by_method: HashMap<MethodNumber, Plan>,
    /// For methods that are not in the book.
    other: Plan,
}

/// The plans of all profiles, and the book that they were compiled for.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) methods: Arc<MethodTable>,
    pub(crate) plans: Vec<Plans>,
}

impl Use {
    /// Returns whether the location is in bodies.
    fn is_in_body(&self) -> bool {
        let (Self::Key(location) | Self::Store { location, .. }) = self else { return false };
        *location != StoreLocation::Query
    }
}

impl Plans {
    /// Compiles plans for each method of `methods`.
    pub(crate) fn new(profile: &Profile, methods: &MethodTable) -> Self {
        let live = methods.book().entries().iter().filter(|entry| !entry.retired);
        let plan = |entry: &Entry| Plan::new(profile, Some((entry, methods.store_places(entry.number))));
        Self { by_method: live.map(|entry| (entry.number, plan(entry))).collect(), other: Plan::new(profile, None) }
    }

    /// Returns the plan for a method; without one, the plan for methods that are not in the book.
    pub(crate) fn of(&self, method: Option<MethodNumber>) -> &Plan {
        method.and_then(|number| self.by_method.get(&number)).unwrap_or(&self.other)
    }
}

impl Plan {
    fn new(profile: &Profile, method: Option<(&Entry, &[StorePlace])>) -> Self {
        let mut plan = Self { host: profile.host, ..Self::default() };
        for place in &profile.keys {
            match place {
                KeyPlace::Bearer => plan.bearer = true,
                KeyPlace::Header(name) => plan.header(name, true, false),
                KeyPlace::Query(name) => plan.parameter(name, false, Use::Key(StoreLocation::Query)),
                KeyPlace::Form(name) => plan.parameter(name, false, Use::Key(StoreLocation::Form)),
            }
        }
        let (own, no_store) = method.map_or((&[][..], false), |(entry, own)| (own, entry.store_use.reads_no_store()));
        for place in own {
            // A nested store limits the call only if no store could be named outside of it: the order's own store is
            // `site`, and `order#/customer/site` is merely where its customer is from.
            let counts = place.pointer().is_none() || own.iter().all(|other| other.pointer().is_some());
            plan.store(place, counts, method.map(|(entry, _)| entry));
        }
        let excepted = |place: &StorePlace| {
            let identity = method.map(|(entry, _)| &entry.identity);
            profile.not_stores.iter().any(|(method, other)| Some(method) == identity && other == place)
        };
        for place in profile.stores.iter().filter(|place| !own.contains(place) && !excepted(place)) {
            plan.store(place, own.is_empty() && !no_store, None);
        }
        for place in profile.stores.iter().filter(|place| excepted(place)) {
            let named = plan.parameters.iter_mut().find(|governed| governed.name.as_str() == place.name());
            if let Some(governed) = named {
                governed.excepted.push(place.location());
            }
        }
        for (name, value) in &profile.fixed {
            plan.parameter(name, false, Use::Fixed(value.as_str().into()));
        }
        let mut uses = plan.parameters.iter().flat_map(|governed| &governed.uses);
        plan.by_parameter = uses.any(|used| matches!(used, Use::Store { .. } | Use::Fixed(_)));
        let mut uses = plan.parameters.iter().flat_map(|governed| &governed.uses);
        plan.body = !plan.json.is_empty() || uses.any(Use::is_in_body);
        for name in OVERRIDES {
            plan.parameter(name, false, Use::Override);
        }
        let addable = |repeated: bool| {
            own.iter().find(|place| {
                place.location() == StoreLocation::Query && place.pointer().is_none() && place.repeated() == repeated
            })
        };
        plan.add = addable(true).or_else(|| addable(false)).map(|place| (place.name().into(), place.repeated()));
        plan
    }

    /// Returns whether some request of this verb can name a store in a way that limits it.
    pub(crate) fn can_name_a_store(&self, verb: Verb) -> bool {
        let json = Location::json(Some(verb), true);
        let locations = [Location::QUERY, Location::form(Some(verb), true), json];
        let mut uses = self.parameters.iter().flat_map(|governed| &governed.uses);
        self.host
            || !self.path.is_empty()
            || uses.any(|used| locations.iter().any(|location| location.counts(used)))
            || self.json.iter().any(|pointed| pointed.counts && json.limits(pointed.own))
            || self.headers.iter().any(|header| header.counts)
    }

    fn store(&mut self, place: &StorePlace, counts: bool, entry: Option<&Entry>) {
        let steps = || place.pointer().into_iter().flat_map(json::steps);
        match place.location() {
            StoreLocation::Json if place.name().is_empty() => {
                let steps = steps().collect();
                self.json.push(Pointed { steps, told: place.to_string(), counts, own: entry.is_some() });
            }
            location @ (StoreLocation::Query | StoreLocation::Form | StoreLocation::Json) => {
                let used = Use::Store { location, steps: steps().collect(), counts, own: entry.is_some() };
                self.parameter(place.name(), place.repeated(), used);
            }
            StoreLocation::Header => self.header(place.name(), false, counts),
            StoreLocation::Path => {
                let segments = entry.map(|entry| entry.identity.pattern.segments()).into_iter().flatten();
                let named = |segment| matches!(segment, Segment::Parameter(name) if name == place.name());
                self.path.extend(segments.enumerate().filter(|(_, segment)| named(*segment)).map(|(at, _)| at));
            }
        }
    }

    fn parameter(&mut self, name: &str, repeated: bool, used: Use) {
        if let Some(other) = self.parameters.iter_mut().find(|other| other.name.as_str() == name) {
            other.name.allow_repeated(repeated);
            other.uses.push(used);
        } else {
            let name = Name::new(name, repeated);
            self.parameters.push(Governed { name, uses: vec![used], excepted: Vec::new() });
        }
    }

    fn header(&mut self, name: &str, key: bool, counts: bool) {
        self.headers.push(GovernedHeader { name: name.into(), key, counts });
    }
}
