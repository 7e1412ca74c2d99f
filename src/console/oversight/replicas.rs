//! Replicas: what each has applied, and how fresh that is.

use askama::Template;
use axum::extract::State;

use crate::console::Console;
use crate::console::layout::PageLayout;
use crate::console::nav::Section;
use crate::console::paths;
use crate::console::render::{PageResult, render};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::console::time::{self, DisplayTime};
use crate::registry::{LostChange, Replica};

#[derive(Debug, Template)]
#[template(path = "oversight/replicas.html")]
struct ReplicasPage {
    page: PageLayout,
    rows: Vec<ReplicaRow>,
    lost: Vec<LostChangeRow>,
    latest: u64,
    /// How long until a replica without proof of fresh state denies every request.
    max_staleness: String,
    /// Whether some replicas have another `max_staleness` than this one.
    differ: bool,
    refresh_path: &'static str,
}

/// A change that was lost.
#[derive(Debug)]
struct LostChangeRow {
    revision: String,
    kind: String,
    id: String,
    action: String,
    noticed: DisplayTime,
}

/// A replica.
#[derive(Debug)]
struct ReplicaRow {
    id: String,
    host: String,
    version: String,
    started: DisplayTime,
    applied: u64,
    /// Revisions that it has not applied.
    behind: u64,
    reported: DisplayTime,
    age: String,
    live: bool,
    /// How long until it denies requests without proof; `None` for an earlier version, which does not report it.
    max_staleness: Option<String>,
    /// Whether that differs from the setting of the replica that rendered this page.
    differs: bool,
    /// Whether it rendered this page.
    own: bool,
}

/// Shows the page.
pub(super) async fn page(State(console): State<Console>, session: Session) -> PageResult {
    let (replicas, latest) = console.registry.replicas().await?;
    let lost = console.registry.lost_changes().await?;
    let settings = console.authority.settings();
    let rows: Vec<ReplicaRow> = replicas
        .into_iter()
        .map(|replica| console.authority.with_own_view(replica))
        .map(|replica| ReplicaRow {
            own: replica.report.id == settings.replica,
            differs: replica.report.max_staleness.is_some_and(|other| other != settings.max_staleness),
            ..ReplicaRow::new(&replica, latest.0, console.authority.is_live(&replica))
        })
        .collect();
    render(&ReplicasPage {
        page: PageLayout::new(&console, &session, Section::Replicas, ENGLISH.replicas.title),
        differ: rows.iter().any(|row| row.differs),
        rows,
        lost: lost.into_iter().map(LostChangeRow::new).collect(),
        latest: latest.0,
        max_staleness: time::in_words(settings.max_staleness.as_secs()),
        refresh_path: paths::REPLICAS,
    })
}

impl LostChangeRow {
    fn new(change: LostChange) -> Self {
        Self {
            revision: change.cursor.to_string(),
            kind: change.kind,
            id: change.subject,
            action: change.action,
            noticed: DisplayTime(change.noticed),
        }
    }
}

impl ReplicaRow {
    fn new(replica: &Replica, latest: u64, live: bool) -> Self {
        let applied = replica.report.applied.0;
        Self {
            id: replica.report.id.to_string(),
            host: replica.report.host.clone(),
            version: replica.report.version.clone(),
            started: DisplayTime(replica.report.started),
            applied,
            // It may have applied something since the latest revision was read.
            behind: latest.saturating_sub(applied),
            reported: DisplayTime(replica.reported),
            age: time::format_age(replica.age.as_secs()),
            live,
            max_staleness: replica.report.max_staleness.map(|longest| time::in_words(longest.as_secs())),
            differs: false,
            own: false,
        }
    }
}
