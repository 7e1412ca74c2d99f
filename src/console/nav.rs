//! The sections of the console, in the order of the navigation. A page of a section that is missing here has no link.

use super::{ENGLISH, paths};
use crate::model::operator::{Permission, Role};

/// The section that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Keys,
    Stores,
    Methods,
    Find,
    Audit,
    Replicas,
    Operators,
}

#[derive(Debug)]
pub(super) struct NavGroup {
    pub(super) title: &'static str,
    pub(super) links: Vec<NavLink>,
}

#[derive(Debug)]
pub(super) struct NavLink {
    pub(super) title: &'static str,
    pub(super) path: &'static str,
    pub(super) is_current: bool,
}

/// Returns the sections that a role may see.
pub(super) fn groups(role: Role, current: Section) -> Vec<NavGroup> {
    let nav = &ENGLISH.nav;
    let all = [
        (nav.integration, nav.keys, paths::KEYS, Section::Keys, Permission::View),
        (nav.integration, nav.stores, paths::STORES, Section::Stores, Permission::View),
        (nav.integration, nav.methods, paths::METHODS, Section::Methods, Permission::View),
        (nav.integration, nav.find, paths::FIND, Section::Find, Permission::View),
        (nav.oversight, nav.audit, paths::AUDIT, Section::Audit, Permission::View),
        (nav.oversight, nav.replicas, paths::REPLICAS, Section::Replicas, Permission::View),
        (nav.oversight, nav.operators, paths::OPERATORS, Section::Operators, Permission::Administer),
    ];
    let mut groups: Vec<NavGroup> = Vec::new();
    for (group, title, path, section, needs) in all {
        if !role.may(needs) {
            continue;
        }
        let link = NavLink { title, path, is_current: current == section };
        match groups.last_mut() {
            Some(last) if last.title == group => last.links.push(link),
            _ => groups.push(NavGroup { title: group, links: vec![link] }),
        }
    }
    groups
}
