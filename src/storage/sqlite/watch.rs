//! Noticing writes of other processes to the file: the tools that run at the same time as a server.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Notify;

use crate::storage::{Error, Result};

/// Time between two checks. One costs a few system calls.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// A thread that checks for commits of other connections until this is dropped.
#[derive(Debug)]
pub(super) struct FileWatcher {
    _stop: mpsc::Sender<()>,
}

impl FileWatcher {
    /// Watches with `connection`, which is used for nothing else: SQLite counts others' commits for each connection.
    pub(super) fn start(connection: Connection, notify: Arc<Notify>) -> Result<Self> {
        // Before the first read of the file, so that no commit is missed.
        let mut seen = version(&connection);
        let (stop, stopped) = mpsc::channel::<()>();
        std::thread::Builder::new()
            .name("sqlite-watch".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(CHECK_INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
                    let now = version(&connection);
                    if now != seen {
                        seen = now;
                        notify.notify_one();
                    }
                }
            })
            .map_err(|error| Error::Unavailable {
                what: "starting a thread for SQLite".to_owned(),
                because: None,
                source: Some(Box::new(error)),
            })?;
        Ok(Self { _stop: stop })
    }
}

/// Changes when another connection commits. `None` while the file is unreadable: the next poll reports why.
fn version(connection: &Connection) -> Option<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0)).ok()
}
