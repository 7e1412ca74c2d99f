//! The parts that all pages share: title, navigation, the signed-in operator.

use super::Console;
use super::assets::Assets;
use super::done::Notice;
use super::nav::{self, Group, Place};
use super::session::Session;
use super::texts::{ENGLISH, Texts};

/// The operator who is signed in.
#[derive(Debug)]
pub(super) struct Who {
    pub(super) name: String,
    pub(super) role: &'static str,
}

/// The data of templates/layout.html. Every page's template has one as its field `page`.
#[derive(Debug)]
pub(super) struct Page {
    /// All texts.
    pub(super) t: &'static Texts,
    /// The address of style sheet and scripts.
    pub(super) assets: String,
    /// The title of the page, which is also its heading.
    pub(super) title: String,
    /// The sections that the reader may see.
    pub(super) nav: Vec<Group>,
    /// The operator who is signed in.
    pub(super) who: Option<Who>,
    /// The token for the page's forms.
    pub(super) csrf: String,
    /// Scripts in addition to console.js, by name.
    pub(super) scripts: &'static [&'static str],
    /// The result of the last action, shown at the top.
    pub(super) notice: Option<Notice>,
}

impl Page {
    /// Creates a page for a session.
    pub(super) fn new(console: &Console, session: &Session, place: Place, title: impl Into<String>) -> Self {
        Self {
            nav: nav::groups(&ENGLISH, session.caller.role, place),
            who: Some(Who { name: session.caller.name.clone(), role: session.caller.role.as_str() }),
            csrf: session.csrf.clone(),
            ..Self::bare(console, title)
        }
    }

    /// Creates a page without a session.
    pub(super) fn bare(console: &Console, title: impl Into<String>) -> Self {
        Self::of_assets(&console.assets, title)
    }

    /// Creates a page without a session, from the assets alone.
    pub(super) fn of_assets(assets: &Assets, title: impl Into<String>) -> Self {
        Self {
            t: &ENGLISH,
            assets: assets.base.clone(),
            title: title.into(),
            nav: Vec::new(),
            who: None,
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

    /// Adds the result of the last action, if any.
    #[must_use]
    pub(super) fn with_notice(mut self, notice: Option<Notice>) -> Self {
        self.notice = notice;
        self
    }
}
