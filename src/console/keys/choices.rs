//! The options in the form of a key: stores by platform, methods by block.

use std::collections::{BTreeMap, HashMap};

use super::form::KeyForm;
use crate::console::texts::ENGLISH;
use crate::model::reference::Method;
use crate::model::store::Store;

/// The stores of a platform, or the methods of a block.
#[derive(Debug)]
pub(super) struct ChoiceGroup {
    pub(super) title: String,
    pub(super) members: Vec<Member>,
}

/// A store or a method.
#[derive(Debug)]
pub(super) struct Member {
    /// The value that the form sends: a code or an identity.
    pub(super) value: String,
    pub(super) name: String,
    /// Further text, which the search also covers.
    pub(super) about: String,
    pub(super) chosen: bool,
    /// Whether it is switched off.
    pub(super) off: bool,
}

impl ChoiceGroup {
    /// Returns the number of chosen members.
    pub(super) fn chosen(&self) -> usize {
        self.members.iter().filter(|member| member.chosen).count()
    }

    /// Returns whether only some are chosen.
    pub(super) fn is_partly_chosen(&self) -> bool {
        (1..self.members.len()).contains(&self.chosen())
    }
}

/// Groups the stores by platform, those without one last, ticked as in `form`.
pub(super) fn platforms(stores: &[Store], form: &KeyForm) -> Vec<ChoiceGroup> {
    let mut by_platform: BTreeMap<(bool, String), Vec<Member>> = BTreeMap::new();
    for store in stores {
        let code = store.code.as_str().to_owned();
        let member = Member {
            chosen: form.stores.contains(&code),
            value: code,
            name: store.name.clone(),
            about: store.hosts.join(" "),
            off: !store.active,
        };
        by_platform.entry((store.platform.is_empty(), store.platform.clone())).or_default().push(member);
    }
    let groups = by_platform.into_iter().map(|((unknown, platform), members)| ChoiceGroup {
        title: if unknown { ENGLISH.key_form.no_platform.to_owned() } else { platform },
        members,
    });
    groups.collect()
}

/// Groups the methods by block, in the order of the reference book, ticked as in `form`.
pub(super) fn blocks(methods: &[Method], form: &KeyForm) -> Vec<ChoiceGroup> {
    let mut blocks: Vec<ChoiceGroup> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for method in methods {
        let identity = method.identity.to_string();
        let member = Member {
            chosen: form.methods.contains(&identity),
            value: identity,
            name: method.summary.clone(),
            about: method.description.clone(),
            off: false,
        };
        let place = *places.entry(&method.block).or_insert(blocks.len());
        match blocks.get_mut(place) {
            Some(block) => block.members.push(member),
            None => blocks.push(ChoiceGroup { title: method.block.clone(), members: vec![member] }),
        }
    }
    blocks
}
