//! The parts that all pages share: title, navigation, the signed-in operator.

use super::assets;
use super::nav::{self, NavGroup};
use super::texts::Texts;
use super::{ENGLISH, Notice, Session};
use crate::model::operator::Permission;
use crate::registry::Caller;

/// The data of templates/layout.html. Every page's template has one as its field `page`.
#[derive(Debug)]
pub(super) struct PageLayout {
    pub(super) t: &'static Texts,
    /// The address of style sheet and scripts.
    pub(super) assets: &'static str,
    /// The title of the page, which is also its heading.
    pub(super) title: String,
    /// The sections that the reader may see.
    pub(super) nav: Vec<NavGroup>,
    pub(super) operator: Option<Caller>,
    /// Whether the reader may change keys, stores and methods.
    pub(super) may_edit: bool,
    /// The token for the page's forms.
    pub(super) csrf: String,
    /// Scripts in addition to console.js, by name.
    pub(super) scripts: &'static [&'static str],
    /// The result of the last action, shown at the top.
    pub(super) notice: Option<Notice>,
}

impl PageLayout {
    /// Creates the layout of a page in the section at the address `section`.
    pub(super) fn new(session: &Session, section: &str, title: impl Into<String>) -> Self {
        Self {
            nav: nav::groups(session.caller.role, section),
            operator: Some(session.caller.clone()),
            may_edit: session.may(Permission::Edit),
            csrf: session.csrf.clone(),
            ..Self::without_session(title)
        }
    }

    pub(super) fn without_session(title: impl Into<String>) -> Self {
        Self {
            t: &ENGLISH,
            assets: &assets::BASE,
            title: title.into(),
            nav: Vec::new(),
            operator: None,
            may_edit: false,
            csrf: String::new(),
            scripts: &[],
            notice: None,
        }
    }

    /// Adds scripts to those of every page.
    #[must_use]
    pub(super) fn with_scripts(mut self, scripts: &'static [&'static str]) -> Self {
        self.scripts = scripts;
        self
    }

    #[must_use]
    pub(super) fn with_notice(mut self, notice: Option<Notice>) -> Self {
        self.notice = notice;
        self
    }
}
