//! The reports of replicas, and the latest time reached: writes that take no revision.

use std::time::Duration;

use super::connection::Connection;
use super::value::{SqlValue, json};
use crate::model::change::Revision;
use crate::model::id::ReplicaId;
use crate::model::marks::{LEAP, Mark, Marks};
use crate::model::time::Timestamp;
use crate::storage::{Replica, ReplicaReport, Result};

/// The shortest time between writes of the time reached: all replicas write to one row.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// Records what a replica has applied, if it is part of this history, and the time reached; returns storage's clock.
pub(super) async fn heartbeat(mut connection: Connection, report: &ReplicaReport, nonce: u64) -> Result<Timestamp> {
    let sql = sql!("INSERT INTO replicas (id, host, version, started_at, applied, reported_at, max_staleness) \
                    VALUES ($1, $2, $3, $4, CASE WHEN EXISTS (SELECT 1 FROM changes WHERE revision = $5 \
                    AND ordinal = 0 AND nonce = $7) THEN $5 ELSE 0 END, coalesce(" NOW ", $6), $8) \
                    ON CONFLICT (id) DO UPDATE SET host = excluded.host, version = excluded.version, \
                    started_at = excluded.started_at, applied = excluded.applied, \
                    reported_at = excluded.reported_at, max_staleness = excluded.max_staleness \
                    RETURNING reported_at, (SELECT reached FROM clock)");
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    let params: Vec<SqlValue> = vec![
        report.id.to_string().into(),
        report.host.as_str().into(),
        report.version.as_str().into(),
        report.started.into(),
        report.applied.into(),
        connection.local_time().into(),
        nonce.cast_signed().into(),
        SqlValue::Int(report.max_staleness.map(micros)),
    ];
    let mut reader = connection.one("renew", sql, params).await?.read("replicas");
    let (now, reached) = (reader.time("reported_at")?, reader.opt_time("reached")?);
    record_time(&mut connection, now, reached).await?;
    connection.commit("commit_renew").await?;
    Ok(now)
}

/// Records that the time `now` is reached, where `reached` was the latest before.
async fn record_time(connection: &mut Connection, now: Timestamp, reached: Option<Timestamp>) -> Result<()> {
    let Some(reached) = reached else {
        // The row was lost, as by a restore of some tables.
        let sql = "INSERT INTO clock (one, revision, reached, marks) SELECT 1, value, $1, '[]' FROM revision \
                   WHERE TRUE ON CONFLICT (one) DO NOTHING";
        return connection.execute("insert_clock", sql, vec![now.into()]).await.map(|_| ());
    };
    if now > reached.plus(WRITE_INTERVAL) {
        // Fails while a restore has not written the revision yet, and the report with it: its row would conflict with
        // those of the restore.
        let sql = "UPDATE clock SET reached = $1, revision = (SELECT value FROM revision) WHERE reached < $2";
        connection.execute("reach", sql, vec![now.into(), now.minus(WRITE_INTERVAL).into()]).await?;
    } else if now < reached.minus(LEAP) {
        // All servers were down, or have not noticed yet: the mark applies at least to everything written by then.
        let (last, mut marks) = lock_clock(connection).await?;
        if now < last.reached.minus(LEAP) {
            marks.add(last);
            let sql = "UPDATE clock SET reached = $1, revision = (SELECT value FROM revision), marks = $2";
            connection.execute("reach_back", sql, vec![now.into(), json(&marks)]).await?;
        }
    }
    Ok(())
}

/// Returns the time reached and the marks, locked until the transaction ends.
async fn lock_clock(connection: &mut Connection) -> Result<(Mark, Marks)> {
    let sql = "UPDATE clock SET one = one WHERE one = 1 RETURNING revision, reached, marks";
    let mut reader = connection.one("hold_clock", sql, Vec::new()).await?.read("clock");
    let last = Mark { revision: reader.revision("revision")?, reached: reader.time("reached")? };
    Ok((last, reader.json("marks")?))
}

/// Adds a mark.
pub(super) async fn add_mark(mut connection: Connection, mark: Mark) -> Result<()> {
    let (_, mut marks) = lock_clock(&mut connection).await?;
    marks.add(mark);
    connection.execute("mark", "UPDATE clock SET marks = $1", vec![json(&marks)]).await?;
    connection.commit("commit_mark").await
}

/// Records that a replica has shut down. The row stays for a while, so that others can distinguish that from a lost
/// row. At the epoch, so that earlier versions treat it as unresponsive.
pub(super) async fn end(mut connection: Connection, replica: ReplicaId) -> Result<()> {
    let sql = "UPDATE replicas SET reported_at = $2 WHERE id = $1";
    connection.execute("forget_replica", sql, vec![replica.to_string().into(), Timestamp::EPOCH.into()]).await?;
    connection.commit("commit_forget").await
}

/// Removes replicas, each if it has not reported since.
pub(super) async fn remove(mut connection: Connection, replicas: &[(ReplicaId, Timestamp)]) -> Result<()> {
    for (replica, reported) in replicas {
        let sql = "DELETE FROM replicas WHERE id = $1 AND reported_at = $2";
        connection.execute("remove_replica", sql, vec![replica.to_string().into(), (*reported).into()]).await?;
    }
    connection.commit("commit_remove").await
}

/// Returns the reports of all replicas, the newest first, and the latest revision.
pub(super) async fn list(connection: &mut Connection) -> Result<(Vec<Replica>, Revision)> {
    let row = connection.one("head_and_clock", sql!("SELECT value, " NOW " FROM revision"), Vec::new()).await?;
    let mut reader = row.read("revision");
    let head = reader.revision("value")?;
    let now = reader.opt_time("now")?.unwrap_or_else(|| connection.local_time());
    let sql = "SELECT id, host, version, started_at, applied, reported_at, max_staleness FROM replicas \
               ORDER BY reported_at DESC, id DESC";
    let rows = connection.rows("replicas", sql, Vec::new()).await?;
    let replicas = rows.into_iter().map(|row| {
        let mut reader = row.read("replicas");
        let (id, host, version) = (reader.parsed("id")?, reader.text("host")?, reader.text("version")?);
        let (started, applied) = (reader.time("started_at")?, reader.revision("applied")?);
        let reported = reader.time("reported_at")?;
        let max_staleness = reader.opt_int("max_staleness")?;
        let max_staleness = max_staleness.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
        let report = ReplicaReport { id, host, version, started, applied, max_staleness };
        Ok(Replica { report, reported, age: now.since(reported) })
    });
    Ok((replicas.collect::<Result<_>>()?, head))
}
