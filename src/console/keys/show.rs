//! The page of a key: its settings, access, use and history, and the actions on it.

use std::collections::{BTreeMap, HashSet};

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;

use super::check::{self, AccessCheck};
use super::usage::{self, CHART_DAYS, ChartDay, USAGE_DAYS};
use crate::console::Console;
use crate::console::error::PageError;
use crate::console::form::{FieldErrors, FormFields};
use crate::console::history::HistoryEntry;
use crate::console::layout::PageLayout;
use crate::console::nav::Section;
use crate::console::notice::Notice;
use crate::console::paths;
use crate::console::render::{PageResult, render_with};
use crate::console::session::Session;
use crate::console::time::DisplayTime;
use crate::model::decision::Reason;
use crate::model::key::{Key, Secret, TokenOrigin};
use crate::model::marks::DecisionTime;
use crate::model::operator::Permission;
use crate::registry;

#[derive(Debug, Template)]
#[template(path = "keys/show.html")]
struct KeyPage {
    page: PageLayout,
    key: Key,
    etag: String,
    may_edit: bool,
    revoked: Option<DisplayTime>,
    not_before: Option<DisplayTime>,
    expires: Option<DisplayTime>,
    expired: bool,
    created: DisplayTime,
    updated: DisplayTime,
    last_used: Option<DisplayTime>,
    tokens: Vec<TokenRow>,
    /// Selected stores with code, name and last use.
    stores: Vec<(String, String, Option<DisplayTime>)>,
    /// The last call that named no store, or several.
    no_store: Option<DisplayTime>,
    methods_used: Vec<String>,
    methods_unused: Vec<String>,
    chart: Vec<ChartDay>,
    /// Width of the chart.
    width: u32,
    peak: u64,
    check: AccessCheck,
    history: Vec<HistoryEntry>,
    older: bool,
    /// Address of its complete history.
    full_history: String,
    /// Errors of a form at the end of the page, and its input.
    errors: FieldErrors,
    reason: String,
}

/// A live token of a key.
#[derive(Debug)]
struct TokenRow {
    id: String,
    hint: String,
    issued: bool,
    created: DisplayTime,
    ends: Option<DisplayTime>,
    used: Option<DisplayTime>,
}

/// Shows the page.
pub(super) async fn page(
    State(console): State<Console>,
    session: Session,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> PageResult {
    let query = FormFields::parse(query.unwrap_or_default().as_bytes());
    show(&console, &session, &id, &query, StatusCode::OK, FieldErrors::none(), String::new()).await
}

/// Shows the page with the errors of one of its forms.
pub(super) async fn show(
    console: &Console,
    session: &Session,
    id: &str,
    query: &FormFields,
    status: StatusCode,
    errors: FieldErrors,
    reason: String,
) -> PageResult {
    let now = console.authority.now();
    let key = key(console, id).await?;
    let moment = console.authority.decision_time(key.row_revision);
    let usage = console.usage(&key, USAGE_DAYS, now).await?;
    let chart = usage::chart(&usage.counts, now);
    let (methods_used, methods_unused) = methods(&key, &usage.counts);
    let last = usage::last_by_store(&usage.counts);
    let stores = stores(console, &key, &last).await?;
    let (history, older) = console.history("key", id).await?;
    let check = check::check(console, &key, query).await?;
    let page = PageLayout::new(console, session, Section::Keys, key.spec.name.clone())
        .with_notice(Notice::from_query(query, now));
    let template = KeyPage {
        page,
        etag: registry::etag(key.row_revision),
        may_edit: session.may(Permission::Edit),
        revoked: key.revoked.as_ref().map(|revoked| DisplayTime(revoked.at)),
        not_before: key.spec.not_before.map(DisplayTime),
        expires: key.spec.expires.map(DisplayTime),
        expired: key.status(moment).contains(Reason::KeyExpired),
        created: DisplayTime(key.created),
        updated: DisplayTime(key.updated),
        last_used: key.last_used.map(DisplayTime),
        tokens: tokens(&key, moment),
        no_store: last.get("").copied(),
        stores,
        methods_used,
        methods_unused,
        peak: chart.iter().map(|day| day.allowed + day.refused).max().unwrap_or(0),
        chart,
        width: CHART_DAYS * 20,
        check,
        history,
        older,
        full_history: paths::subject_changes("key", id),
        errors,
        reason,
        key,
    };
    render_with(status, &template)
}

/// Returns the key of an address; an invalid id is a page that does not exist.
pub(super) async fn key(console: &Console, id: &str) -> Result<Key, PageError> {
    match console.registry.key(id).await {
        Err(registry::Error::Invalid(_)) => Err(PageError::NotFound),
        result => Ok(result?),
    }
}

fn tokens(key: &Key, moment: DecisionTime) -> Vec<TokenRow> {
    let token = |secret: &Secret| TokenRow {
        id: secret.id.to_string(),
        hint: secret.hint.clone(),
        issued: secret.origin == TokenOrigin::Issued,
        created: DisplayTime(secret.created),
        ends: secret.expires.map(DisplayTime),
        used: secret.last_used.map(DisplayTime),
    };
    key.live_secrets(moment).map(token).collect()
}

fn methods(key: &Key, counts: &[registry::UsageCount]) -> (Vec<String>, Vec<String>) {
    let granted = key.spec.methods.selected();
    let unused = usage::never_used(granted, counts);
    let unused: HashSet<&str> = unused.into_iter().collect();
    granted.iter().cloned().partition(|method| !unused.contains(method.as_str()))
}

async fn stores(
    console: &Console,
    key: &Key,
    last: &BTreeMap<&str, DisplayTime>,
) -> Result<Vec<(String, String, Option<DisplayTime>)>, PageError> {
    let all = console.all_stores().await?;
    let selected: HashSet<&str> = key.spec.stores.selected().iter().map(String::as_str).collect();
    let opens = |code: &str| key.spec.stores.is_all() && last.contains_key(code) || selected.contains(code);
    let opened = all.iter().filter(|store| opens(store.code.as_str()));
    Ok(opened
        .map(|store| {
            let used = last.get(store.code.as_str()).copied();
            (store.code.as_str().to_owned(), store.name.clone(), used)
        })
        .collect())
}
