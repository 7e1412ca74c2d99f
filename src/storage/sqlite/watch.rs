//! Noticing writes of other processes to the file: the tools that run at the same time as a server.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Notify;

use super::worker::start_thread;
use crate::storage::Result;

/// Time between two checks. One costs a few system calls.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Starts a thread that checks for commits of other connections until the returned sender is dropped. It does so with
/// `connection`, which is used for nothing else: SQLite counts others' commits for each connection.
pub(super) fn start(connection: Connection, notify: Arc<Notify>) -> Result<mpsc::Sender<()>> {
    // Before the first read of the file, so that no commit is missed.
    let mut seen = version(&connection);
    let (stop, stopped) = mpsc::channel();
    start_thread("sqlite-watch", move || {
        while stopped.recv_timeout(CHECK_INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
            let now = version(&connection);
            if now != seen {
                seen = now;
                notify.notify_one();
            }
        }
    })?;
    Ok(stop)
}

/// Changes when another connection commits. `None` while the file is unreadable: the next poll reports why.
fn version(connection: &Connection) -> Option<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0)).ok()
}
