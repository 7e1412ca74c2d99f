//! The sections of the console, in the order of the navigation. A page of a section that is missing here has no link.

use super::paths;
use super::texts::Texts;
use crate::model::operator::{Permission, Role};

/// The section that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Integration › API access keys.
    Keys,
    /// Integration › Stores.
    Stores,
    /// Integration › Reference book.
    Methods,
    /// Integration › Find a key.
    Find,
    /// Oversight › Audit trail.
    Audit,
    /// Oversight › Replicas.
    Replicas,
    /// Oversight › Operators.
    Operators,
}

/// A group of sections.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) links: Vec<Link>,
}

/// A section.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) title: &'static str,
    pub(super) path: &'static str,
    /// Whether it is the current section.
    pub(super) here: bool,
}

/// Returns the sections that a role may see.
pub(super) fn groups(t: &'static Texts, role: Role, here: Place) -> Vec<Group> {
    let nav = &t.nav;
    // Group, title, path, place, permission.
    let all: &[(&'static str, &'static str, &'static str, Place, Permission)] = &[
        (nav.integration, nav.keys, paths::KEYS, Place::Keys, Permission::View),
        (nav.integration, nav.stores, paths::STORES, Place::Stores, Permission::View),
        (nav.integration, nav.methods, paths::METHODS, Place::Methods, Permission::View),
        (nav.integration, nav.find, paths::FIND, Place::Find, Permission::View),
        (nav.oversight, nav.audit, paths::AUDIT, Place::Audit, Permission::View),
        (nav.oversight, nav.replicas, paths::REPLICAS, Place::Replicas, Permission::View),
        (nav.oversight, nav.operators, paths::OPERATORS, Place::Operators, Permission::Administer),
    ];
    let mut groups: Vec<Group> = Vec::new();
    for (group, title, path, place, needs) in all {
        if !role.may(*needs) {
            continue;
        }
        let link = Link { title, path, here: here == *place };
        match groups.last_mut() {
            Some(last) if last.title == *group => last.links.push(link),
            _ => groups.push(Group { title: group, links: vec![link] }),
        }
    }
    groups
}
