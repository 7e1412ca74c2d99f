//! The reports of replicas, and the latest time reached: writes that take no revision.

use std::time::Duration;

use super::connection::Connection;
use super::value::json;
use crate::model::change::Revision;
use crate::model::id::ReplicaId;
use crate::model::marks::{LEAP, Mark, Marks};
use crate::model::time::Timestamp;
use crate::storage::{Replica, ReplicaReport, Result};

/// The shortest time between writes of the time reached: all replicas write to one row.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn heartbeat(mut connection: Connection, report: &ReplicaReport, nonce: u64) -> Result<Timestamp> {
    let sql = sql!("INSERT INTO replicas (id, host, version, started_at, applied, reported_at, max_staleness) \
                    VALUES ($1, $2, $3, $4, CASE WHEN EXISTS (SELECT 1 FROM changes WHERE revision = $5 \
                    AND ordinal = 0 AND nonce = $7) THEN $5 ELSE 0 END, coalesce(" NOW ", $6), $8) \
                    ON CONFLICT (id) DO UPDATE SET host = excluded.host, version = excluded.version, \
                    started_at = excluded.started_at, applied = excluded.applied, \
                    reported_at = excluded.reported_at, max_staleness = excluded.max_staleness \
                    RETURNING reported_at, (SELECT reached FROM clock)");
    let ReplicaReport { id, host, version, started, applied, max_staleness } = report;
    let (now, nonce) = (connection.local_time(), nonce.cast_signed());
    let params = params![*id, host, version, *started, *applied, now, nonce, *max_staleness];
    let mut row = connection.one("renew", sql, params, "replicas").await?;
    let (now, reached) = (row.get("reported_at")?, row.get("reached")?);
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
        return connection.execute("insert_clock", sql, params![now]).await.map(drop);
    };
    if now > reached.plus(WRITE_INTERVAL) {
        // Fails while a restore has not written the revision yet, and the report with it: its row would conflict with
        // those of the restore.
        let sql = "UPDATE clock SET reached = $1, revision = (SELECT value FROM revision) WHERE reached < $2";
        connection.execute("reach", sql, params![now, now.minus(WRITE_INTERVAL)]).await?;
    } else if now < reached.minus(LEAP) {
        // All servers were down, or have not noticed yet: the mark applies at least to everything written by then.
        let (last, mut marks) = lock_clock(connection).await?;
        if now < last.reached.minus(LEAP) {
            marks.add(last);
            let sql = "UPDATE clock SET reached = $1, revision = (SELECT value FROM revision), marks = $2";
            connection.execute("reach_back", sql, params![now, json(&marks)]).await?;
        }
    }
    Ok(())
}

/// Returns the time reached and the marks, locked until the transaction ends.
async fn lock_clock(connection: &mut Connection) -> Result<(Mark, Marks)> {
    let sql = "UPDATE clock SET one = one WHERE one = 1 RETURNING revision, reached, marks";
    let mut row = connection.one("hold_clock", sql, params![], "clock").await?;
    let last = Mark { revision: row.get("revision")?, reached: row.get("reached")? };
    Ok((last, row.get("marks")?))
}

pub(super) async fn add_mark(mut connection: Connection, mark: Mark) -> Result<()> {
    let (_, mut marks) = lock_clock(&mut connection).await?;
    marks.add(mark);
    connection.execute("mark", "UPDATE clock SET marks = $1", params![json(&marks)]).await?;
    connection.commit("commit_mark").await
}

/// Records that a replica has shut down. The row stays for a while, so that others can distinguish that from a lost
/// row. At the epoch, so that earlier versions treat it as unresponsive.
pub(super) async fn end(mut connection: Connection, replica: ReplicaId) -> Result<()> {
    let sql = "UPDATE replicas SET reported_at = $2 WHERE id = $1";
    connection.execute("forget_replica", sql, params![replica, Timestamp::EPOCH]).await?;
    connection.commit("commit_forget").await
}

pub(super) async fn remove(mut connection: Connection, replicas: &[(ReplicaId, Timestamp)]) -> Result<()> {
    for (replica, reported) in replicas {
        let sql = "DELETE FROM replicas WHERE id = $1 AND reported_at = $2";
        connection.execute("remove_replica", sql, params![*replica, *reported]).await?;
    }
    connection.commit("commit_remove").await
}

pub(super) async fn list(connection: &mut Connection) -> Result<(Vec<Replica>, Revision)> {
    let sql = sql!("SELECT value, " NOW " FROM revision");
    let mut row = connection.one("head_and_clock", sql, params![], "revision").await?;
    let head = row.get("value")?;
    let now: Timestamp = row.get::<Option<_>>("now")?.unwrap_or_else(|| connection.local_time());
    let sql = "SELECT id, host, version, started_at, applied, max_staleness, reported_at FROM replicas \
               ORDER BY reported_at DESC, id DESC";
    let replicas = connection.rows("replicas", sql, params![], "replicas").await?.into_iter().map(|mut row| {
        let report = record!(row => ReplicaReport {
            id, host, version, started: "started_at", applied, max_staleness
        });
        let reported = row.get("reported_at")?;
        Ok(Replica { report, reported, age: now.since(reported) })
    });
    Ok((replicas.collect::<Result<_>>()?, head))
}
