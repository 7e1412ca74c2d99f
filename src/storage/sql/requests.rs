//! Requests that created a key, kept for a day, so that a retry does not create a second one.

use std::time::Duration;

use super::transaction::Transaction;
use crate::model::id::KeyId;
use crate::storage::{Error, Result};

/// How long requests are kept.
pub(super) const RETENTION: Duration = Duration::from_hours(24);

impl Transaction {
    /// Returns the key that an earlier request of this actor with this id created, within the last day.
    pub async fn key_by_request(&mut self, actor: &str, request_id: &str) -> Result<Option<KeyId>> {
        let sql = "SELECT key_id FROM requests WHERE actor = $1 AND request_id = $2 AND created_at >= $3";
        let params = vec![actor.into(), request_id.into(), self.now.minus(RETENTION).into()];
        let row = self.connection.row("request", sql, params).await?;
        row.map(|row| row.read("requests").parsed("key_id")).transpose()
    }

    /// Records that a request created a key; replaces one that is older than a day.
    pub async fn insert_request(&mut self, actor: &str, request_id: &str, key: KeyId) -> Result<()> {
        let sql = "INSERT INTO requests (actor, request_id, key_id, created_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (actor, request_id) DO UPDATE SET key_id = excluded.key_id, \
                   created_at = excluded.created_at WHERE requests.created_at < $5";
        let (now, oldest) = (self.now, self.now.minus(RETENTION));
        let params = vec![actor.into(), request_id.into(), key.to_string().into(), now.into(), oldest.into()];
        if self.connection.execute("insert_request", sql, params).await? == 1 {
            Ok(())
        } else {
            Err(Error::Taken { what: "the request id" })
        }
    }
}
