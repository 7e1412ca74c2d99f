//! What every page has around what is its own: title, navigation, who is signed in.

use super::Console;
use super::assets::Assets;
use super::done::Notice;
use super::nav::{self, Group, Place};
use super::session::Session;
use super::texts::{ENGLISH, Texts};

/// Who is signed in.
#[derive(Debug)]
pub(super) struct Who {
    pub(super) name: String,
    pub(super) role: &'static str,
}

/// What templates/layout.html needs. Every page's template has one as its field `page`.
#[derive(Debug)]
pub(super) struct Page {
    /// All texts.
    pub(super) t: &'static Texts,
    /// Where style sheet and scripts are.
    pub(super) assets: String,
    /// The title of the page, which is also its heading.
    pub(super) title: String,
    /// The sections that the reader may see.
    pub(super) nav: Vec<Group>,
    /// Who is signed in.
    pub(super) who: Option<Who>,
    /// The token for the page's forms.
    pub(super) csrf: String,
    /// Scripts beside console.js, by name.
    pub(super) scripts: &'static [&'static str],
    /// What was done just now, told on top.
    pub(super) notice: Option<Notice>,
}

impl Page {
    /// A page of somebody who is signed in.
    pub(super) fn new(console: &Console, session: &Session, place: Place, title: impl Into<String>) -> Self {
        Self {
            nav: nav::groups(&ENGLISH, session.caller.role, place),
            who: Some(Who { name: session.caller.name.clone(), role: session.caller.role.as_str() }),
            csrf: session.csrf.clone(),
            ..Self::bare(console, title)
        }
    }

    /// A page for whoever comes.
    pub(super) fn bare(console: &Console, title: impl Into<String>) -> Self {
        Self::of_assets(&console.assets, title)
    }

    /// A page for whoever comes, where nothing else is at hand.
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

    /// With scripts beside the one of every page.
    #[must_use]
    pub(super) fn with_scripts(mut self, scripts: &'static [&'static str]) -> Self {
        self.scripts = scripts;
        self
    }

    /// With what was done just now, if anything.
    #[must_use]
    pub(super) fn with_notice(mut self, notice: Option<Notice>) -> Self {
        self.notice = notice;
        self
    }
}
