//! The page of a key: its settings, access, use and history, and the actions on it.

use std::collections::{BTreeMap, HashSet};

use askama::Template;
use axum::extract::{Path, State};

use super::check::{self, AccessCheck};
use super::usage::{self, ChartDay, USAGE_DAYS};
use crate::console::{
    Console, FieldErrors, FormFields, History, Notice, PageError, PageLayout, PageResult, Session, found, paths, render,
};
use crate::model::decision::Reason;
use crate::model::key::{Key, Secret};
use crate::model::store::Store;
use crate::model::time::Timestamp;

#[derive(Debug, Template)]
#[template(path = "keys/show.html")]
pub(super) struct KeyPage {
    page: PageLayout,
    expired: bool,
    /// The live ones.
    tokens: Vec<Secret>,
    /// Selected stores with code, name and last use.
    stores: Vec<(String, String, Option<Timestamp>)>,
    /// The last call that named no store, or several.
    no_store: Option<Timestamp>,
    methods_used: Vec<String>,
    methods_unused: Vec<String>,
    chart: Vec<ChartDay>,
    peak: u64,
    check: AccessCheck,
    history: History,
    /// Errors of a form at the end of the page, and its input.
    pub(super) errors: FieldErrors,
    pub(super) reason: String,
    key: Key,
}

pub(super) async fn page(
    State(console): State<Console>,
    session: Session,
    Path(id): Path<String>,
    query: FormFields,
) -> PageResult {
    render(&KeyPage::load(&console, &session, &id, &query).await?)
}

impl KeyPage {
    pub(super) async fn load(
        console: &Console,
        session: &Session,
        id: &str,
        query: &FormFields,
    ) -> Result<Self, PageError> {
        let now = console.authority.now();
        let key = found(console.registry.key(id).await)?;
        let moment = console.authority.decision_time(key.row_revision);
        let usage = console.usage(&key, USAGE_DAYS, now).await?;
        let chart = usage::chart(&usage.counts, now);
        let (methods_used, methods_unused) = usage::by_use(key.spec.methods.selected(), &usage.counts);
        let last = usage::last_by_store(&usage.counts);
        let page = PageLayout::new(session, paths::KEYS, key.spec.name.clone());
        Ok(Self {
            page: page.with_notice(Notice::from_query(query, now)),
            expired: key.status(moment).contains(Reason::KeyExpired),
            tokens: key.live_secrets(moment).cloned().collect(),
            stores: stores(console, &key, &last).await?,
            no_store: last.get("").copied(),
            methods_used,
            methods_unused,
            peak: chart.iter().map(|day| day.allowed + day.refused).max().unwrap_or(0),
            chart,
            check: check::check(console, &key, query).await?,
            history: console.history("key", id).await?,
            errors: FieldErrors::default(),
            reason: String::new(),
            key,
        })
    }
}

async fn stores(
    console: &Console,
    key: &Key,
    last: &BTreeMap<&str, Timestamp>,
) -> Result<Vec<(String, String, Option<Timestamp>)>, PageError> {
    let selected: HashSet<&str> = key.spec.stores.selected().iter().map(String::as_str).collect();
    let opens = |code: &str| key.spec.stores.is_all() && last.contains_key(code) || selected.contains(code);
    let all = console.all_stores().await?;
    let opened = all.iter().filter(|store| opens(store.code.as_str()));
    let row = |store: &Store| {
        let code = store.code.as_str();
        (code.to_owned(), store.name.clone(), last.get(code).copied())
    };
    Ok(opened.map(row).collect())
}
