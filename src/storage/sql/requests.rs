//! Requests that made a key, remembered for a day, so that a retry makes no second one.

use std::time::Duration;

use super::link::Link;
use crate::model::id::KeyId;
use crate::model::time::Timestamp;
use crate::storage::{Error, Result};

/// How long requests are remembered.
pub(super) const KEPT: Duration = Duration::from_hours(24);

/// The key that an earlier request made, within the last day before `now`.
pub(super) async fn get(link: &mut Link, actor: &str, request_id: &str, now: Timestamp) -> Result<Option<KeyId>> {
    let sql = "SELECT key_id FROM requests WHERE actor = $1 AND request_id = $2 AND created_at >= $3";
    let params = vec![actor.into(), request_id.into(), now.minus(KEPT).into()];
    let row = link.row("request", sql, params).await?;
    row.map(|row| row.read("requests").parsed("key_id")).transpose()
}

/// Remembers that a request made a key; one that is forgotten makes room.
pub(super) async fn insert(link: &mut Link, actor: &str, request_id: &str, key: KeyId, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO requests (actor, request_id, key_id, created_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (actor, request_id) DO UPDATE SET key_id = excluded.key_id, \
               created_at = excluded.created_at WHERE requests.created_at < $5";
    let params = vec![actor.into(), request_id.into(), key.to_string().into(), now.into(), now.minus(KEPT).into()];
    if link.execute("insert_request", sql, params).await? == 1 {
        Ok(())
    } else {
        Err(Error::Taken { what: "the request id" })
    }
}
