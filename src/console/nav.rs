//! The sections of the console, in the order of the navigation. A page of a section that is missing here has no link.

use super::{ENGLISH, paths};
use crate::model::operator::{Permission, Role};

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

/// Returns the sections that a role may see; the page belongs to the one at the address `current`.
pub(super) fn groups(role: Role, current: &str) -> Vec<NavGroup> {
    let nav = &ENGLISH.nav;
    let all = [
        (nav.integration, nav.keys, paths::KEYS, Permission::View),
        (nav.integration, nav.stores, paths::STORES, Permission::View),
        (nav.integration, nav.methods, paths::METHODS, Permission::View),
        (nav.integration, nav.find, paths::FIND, Permission::View),
        (nav.oversight, nav.audit, paths::AUDIT, Permission::View),
        (nav.oversight, nav.replicas, paths::REPLICAS, Permission::View),
        (nav.oversight, nav.operators, paths::OPERATORS, Permission::Administer),
    ];
    let mut groups: Vec<NavGroup> = Vec::new();
    for (group, title, path, needs) in all {
        if !role.may(needs) {
            continue;
        }
        let link = NavLink { title, path, is_current: current == path };
        match groups.last_mut() {
            Some(last) if last.title == group => last.links.push(link),
            _ => groups.push(NavGroup { title: group, links: vec![link] }),
        }
    }
    groups
}
