//! The options in the form of a key, stores by platform and methods by block, and a sentence about the access that
//! they give, shown before it is saved. assets/key-form.js builds the same one as boxes are ticked, from the same texts.

use std::collections::{BTreeMap, HashMap};

use super::form::KeyForm;
use crate::console::texts::key_form::fill;
use crate::console::{Console, ENGLISH, PageError};
use crate::model::reference::Method;
use crate::model::store::Store;

/// Names that the sentence lists; more are counted.
const MAX_LISTED: usize = 3;

#[derive(Debug)]
pub(super) struct Choices {
    pub(super) platforms: Vec<ChoiceGroup>,
    pub(super) blocks: Vec<ChoiceGroup>,
}

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

impl Choices {
    /// Returns all stores and methods, ticked as in `form`.
    pub(super) async fn new(console: &Console, form: &KeyForm) -> Result<Self, PageError> {
        let platforms = platforms(&console.all_stores().await?, form);
        Ok(Self { platforms, blocks: blocks(&console.all_methods().await?, form) })
    }

    /// Builds the sentence for the contents of the form.
    pub(super) fn describe_reach(&self, form: &KeyForm) -> String {
        let t = &ENGLISH.key_form;
        let stores = match &*form.stores.kind {
            "all" => t.reach_all_stores.to_owned(),
            "selected" => listed(&self.platforms, |member| &member.name, t.reach_no_store, t.reach_stores),
            _ => return t.reach_unknown.to_owned(),
        };
        let methods = match &*form.methods.kind {
            "all" => t.reach_all_methods.to_owned(),
            "selected" => listed(&self.blocks, |member| &member.value, t.reach_no_method, t.reach_methods),
            _ => return t.reach_unknown.to_owned(),
        };
        let mut sentence = fill(t.reach, &[&methods, &stores]);
        if form.stores.kind == "selected" && self.platforms.iter().map(ChoiceGroup::chosen).sum::<usize>() == 1 {
            sentence.push(' ');
            sentence.push_str(t.reach_binds);
        }
        sentence
    }
}

fn listed(groups: &[ChoiceGroup], name: impl Fn(&Member) -> &str, none: &str, several: &str) -> String {
    let chosen: Vec<_> = groups.iter().flat_map(|group| &group.members).filter(|member| member.chosen).collect();
    match chosen.len() {
        0 => none.to_owned(),
        count if count <= MAX_LISTED => chosen.into_iter().map(name).collect::<Vec<_>>().join(", "),
        count => {
            let all: usize = groups.iter().map(|group| group.members.len()).sum();
            fill(several, &[&count.to_string(), &all.to_string()])
        }
    }
}

/// Groups the stores by platform, those without one last.
fn platforms(stores: &[Store], form: &KeyForm) -> Vec<ChoiceGroup> {
    let mut by_platform: BTreeMap<(bool, String), Vec<Member>> = BTreeMap::new();
    for store in stores {
        let code = store.code.as_str().to_owned();
        let member = Member {
            chosen: form.stores.members.contains(&code),
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

/// Groups the methods by block, in the order of the reference book.
fn blocks(methods: &[Method], form: &KeyForm) -> Vec<ChoiceGroup> {
    let mut blocks: Vec<ChoiceGroup> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for method in methods {
        let identity = method.identity.to_string();
        let member = Member {
            chosen: form.methods.members.contains(&identity),
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
