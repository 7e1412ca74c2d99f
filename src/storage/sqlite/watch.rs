//! Noticing what other processes write to the file: the tools that work on it beside a server.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Notify;

use crate::storage::{Error, Result};

/// Time between two looks. One costs a few system calls.
const LOOK: Duration = Duration::from_millis(100);

/// A thread that looks for commits of others until this is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    _ends_with: mpsc::Sender<()>,
}

impl Watch {
    /// Watches by `connection`, which is used for nothing else: SQLite counts for each connection what others committed.
    pub(super) fn start(connection: Connection, woken: Arc<Notify>) -> Result<Self> {
        // Before anybody reads the file, so that no commit falls between.
        let mut seen = version(&connection);
        let (ends_with, ended) = mpsc::channel::<()>();
        std::thread::Builder::new()
            .name("sqlite-watch".to_owned())
            .spawn(move || {
                while ended.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Timeout) {
                    let now = version(&connection);
                    if now != seen {
                        seen = now;
                        woken.notify_one();
                    }
                }
            })
            .map_err(|error| Error::Unavailable {
                what: "starting a thread for SQLite".to_owned(),
                because: None,
                source: Some(Box::new(error)),
            })?;
        Ok(Self { _ends_with: ends_with })
    }
}

/// Changes when another connection commits. `None` while the file cannot be read: the next poll says why.
fn version(connection: &Connection) -> Option<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0)).ok()
}
