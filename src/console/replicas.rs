//! Replicas: what each has applied, and how fresh that is.

use askama::Template;
use axum::extract::State;

use super::{Console, ENGLISH, PageLayout, PageResult, Session, paths, render, time};
use crate::registry::{LostChange, Replica};

#[derive(Debug, Template)]
#[template(path = "oversight/replicas.html")]
struct ReplicasPage {
    page: PageLayout,
    rows: Vec<ReplicaRow>,
    lost: Vec<LostChange>,
    latest: u64,
    /// How long until a replica without proof of fresh state denies every request.
    max_staleness: String,
    /// Whether some replicas have another `max_staleness` than this one.
    differ: bool,
}

#[derive(Debug)]
struct ReplicaRow {
    replica: Replica,
    /// Revisions that it has not applied.
    behind: u64,
    age: String,
    live: bool,
    /// How long until it denies requests without proof; `None` for an earlier version, which does not report it.
    max_staleness: Option<String>,
    /// Whether that differs from the setting of the replica that rendered this page.
    differs: bool,
    /// Whether it rendered this page.
    own: bool,
}

pub(super) async fn page(State(console): State<Console>, session: Session) -> PageResult {
    let (replicas, latest) = console.registry.replicas().await?;
    let lost = console.registry.lost_changes().await?;
    let settings = console.authority.settings();
    let row = |replica: Replica| {
        let replica = console.authority.with_own_view(replica);
        let report = &replica.report;
        ReplicaRow {
            // It may have applied something since the latest revision was read.
            behind: latest.0.saturating_sub(report.applied.0),
            age: time::format_age(replica.age.as_secs()),
            live: console.authority.is_live(&replica),
            max_staleness: report.max_staleness.map(|longest| time::in_words(longest.as_secs())),
            differs: report.max_staleness.is_some_and(|other| other != settings.max_staleness),
            own: report.id == settings.replica,
            replica,
        }
    };
    let rows: Vec<ReplicaRow> = replicas.into_iter().map(row).collect();
    render(&ReplicasPage {
        page: PageLayout::new(&session, paths::REPLICAS, ENGLISH.nav.replicas),
        differ: rows.iter().any(|row| row.differs),
        rows,
        lost,
        latest: latest.0,
        max_staleness: time::in_words(settings.max_staleness.as_secs()),
    })
}
