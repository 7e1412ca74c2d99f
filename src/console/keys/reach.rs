//! A sentence about the access of a key, shown before it is saved. assets/key-form.js builds the same one as boxes are
//! ticked, from the same texts.

use super::choices::ChoiceGroup;
use super::form::KeyForm;
use crate::console::texts::ENGLISH;
use crate::console::texts::key_form::fill;

/// Names that the sentence lists; more are counted.
const MAX_LISTED: usize = 3;

/// Builds the sentence for the contents of the form.
pub(super) fn describe_reach(form: &KeyForm, platforms: &[ChoiceGroup], blocks: &[ChoiceGroup]) -> String {
    let t = &ENGLISH.key_form;
    let stores = match &*form.store_access {
        "all" => t.reach_all_stores.to_owned(),
        "selected" => listed(platforms, |member| member.name.clone(), t.reach_no_store, t.reach_stores),
        _ => return t.reach_unknown.to_owned(),
    };
    let methods = match &*form.method_access {
        "all" => t.reach_all_methods.to_owned(),
        "selected" => listed(blocks, |member| member.value.clone(), t.reach_no_method, t.reach_methods),
        _ => return t.reach_unknown.to_owned(),
    };
    let mut sentence = fill(t.reach, &[&methods, &stores]);
    if form.store_access == "selected" && platforms.iter().map(ChoiceGroup::chosen).sum::<usize>() == 1 {
        sentence.push(' ');
        sentence.push_str(t.reach_binds);
    }
    sentence
}

fn listed(
    groups: &[ChoiceGroup],
    name: impl Fn(&super::choices::Member) -> String,
    none: &'static str,
    several: &'static str,
) -> String {
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
