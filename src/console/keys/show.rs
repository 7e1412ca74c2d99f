//! The page of a key: its settings, access, use and history, and the actions on it.

use std::collections::{BTreeMap, HashSet};

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;

use super::check::{self, Check};
use super::used::{self, CHARTED, Day, LOOKED_BACK};
use crate::console::Console;
use crate::console::answer::{Answer, page_with};
use crate::console::done::Notice;
use crate::console::failure::Failure;
use crate::console::form::{Errors, Fields};
use crate::console::layout::Page;
use crate::console::nav::Place;
use crate::console::paths;
use crate::console::session::Session;
use crate::console::time::Moment;
use crate::console::trail::Entry;
use crate::model::decision::Reason;
use crate::model::key::{Key, Secret, TokenOrigin};
use crate::model::marks::DecisionTime;
use crate::model::operator::Permission;
use crate::registry;

#[derive(Debug, Template)]
#[template(path = "keys/show.html")]
struct ShowPage {
    page: Page,
    key: Key,
    etag: String,
    may_edit: bool,
    revoked: Option<Moment>,
    not_before: Option<Moment>,
    expires: Option<Moment>,
    expired: bool,
    created: Moment,
    updated: Moment,
    last_used: Option<Moment>,
    tokens: Vec<Token>,
    /// Selected stores with code, name and last use.
    stores: Vec<(String, String, Option<Moment>)>,
    /// The last call that named no store, or several.
    no_store: Option<Moment>,
    methods_used: Vec<String>,
    methods_unused: Vec<String>,
    chart: Vec<Day>,
    /// Width of the chart.
    width: u32,
    most: u64,
    check: Check,
    history: Vec<Entry>,
    older: bool,
    /// Address of its complete history.
    trail: String,
    /// Errors of a form at the end of the page, and its input.
    errors: Errors,
    reason: String,
}

/// A live token of a key.
#[derive(Debug)]
struct Token {
    id: String,
    hint: String,
    issued: bool,
    created: Moment,
    ends: Option<Moment>,
    used: Option<Moment>,
}

/// Shows the page.
pub(super) async fn page(
    State(console): State<Console>,
    session: Session,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    show(&console, &session, &id, &query, StatusCode::OK, Errors::none(), String::new()).await
}

/// Shows the page with the errors of one of its forms.
pub(super) async fn show(
    console: &Console,
    session: &Session,
    id: &str,
    query: &Fields,
    status: StatusCode,
    errors: Errors,
    reason: String,
) -> Answer {
    let now = console.authority.now();
    let key = key(console, id).await?;
    let moment = console.authority.decision_time(key.row_revision);
    let usage = console.used(&key, LOOKED_BACK, now).await?;
    let chart = used::chart(&usage.counts, now);
    let (methods_used, methods_unused) = methods(&key, &usage.counts);
    let last = used::last_by_store(&usage.counts);
    let stores = stores(console, &key, &last).await?;
    let (history, older) = console.history("key", id).await?;
    let check = check::check(console, &key, query).await?;
    let page = Page::new(console, session, Place::Keys, key.spec.name.clone()).with_notice(Notice::read(query, now));
    let template = ShowPage {
        page,
        etag: registry::etag(key.row_revision),
        may_edit: session.may(Permission::Edit),
        revoked: key.revoked.as_ref().map(|revoked| Moment(revoked.at)),
        not_before: key.spec.not_before.map(Moment),
        expires: key.spec.expires.map(Moment),
        expired: key.status(moment).contains(Reason::KeyExpired),
        created: Moment(key.created),
        updated: Moment(key.updated),
        last_used: key.last_used.map(Moment),
        tokens: tokens(&key, moment),
        no_store: last.get("").copied(),
        stores,
        methods_used,
        methods_unused,
        most: chart.iter().map(|day| day.allowed + day.refused).max().unwrap_or(0),
        chart,
        width: CHARTED * 20,
        check,
        history,
        older,
        trail: paths::trail("key", id),
        errors,
        reason,
        key,
    };
    page_with(status, &template)
}

/// Returns the key of an address; an invalid id is a page that does not exist.
pub(super) async fn key(console: &Console, id: &str) -> Result<Key, Failure> {
    match console.registry.key(id).await {
        Err(registry::Error::Invalid(_)) => Err(Failure::NotFound),
        answer => Ok(answer?),
    }
}

fn tokens(key: &Key, moment: DecisionTime) -> Vec<Token> {
    let token = |secret: &Secret| Token {
        id: secret.id.to_string(),
        hint: secret.hint.clone(),
        issued: secret.origin == TokenOrigin::Issued,
        created: Moment(secret.created),
        ends: secret.expires.map(Moment),
        used: secret.last_used.map(Moment),
    };
    key.live_secrets(moment).map(token).collect()
}

fn methods(key: &Key, counts: &[registry::UsageCount]) -> (Vec<String>, Vec<String>) {
    let granted = key.spec.methods.selected();
    let unused = used::never_used(granted, counts);
    let unused: HashSet<&str> = unused.into_iter().collect();
    granted.iter().cloned().partition(|method| !unused.contains(method.as_str()))
}

async fn stores(
    console: &Console,
    key: &Key,
    last: &BTreeMap<&str, Moment>,
) -> Result<Vec<(String, String, Option<Moment>)>, Failure> {
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
