//! A connection on its own thread, which receives jobs: SQLite's calls block.

use std::fmt;
use std::sync::mpsc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::storage::{Error, Result};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the thread. It ends, and closes the connection, after the last handle is dropped and its work is done.
#[derive(Clone)]
pub(super) struct SqliteWorker {
    jobs: mpsc::Sender<Job>,
}

impl fmt::Debug for SqliteWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker")
    }
}

impl SqliteWorker {
    /// Starts a thread called `name` for `connection`.
    pub(super) fn start(name: &str, mut connection: Connection) -> Result<Self> {
        let (jobs, work) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Ok(job) = work.recv() {
                    job(&mut connection);
                }
            })
            .map_err(|error| Error::Unavailable {
                what: "starting a thread for SQLite".to_owned(),
                because: None,
                source: Some(Box::new(error)),
            })?;
        Ok(Self { jobs })
    }

    /// Runs `job` after all earlier jobs, and returns its result. If this future is dropped meanwhile, the job still
    /// runs.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (response, received) = oneshot::channel();
        self.send(move |connection| {
            // The caller may be gone.
            let _ = response.send(job(connection));
        })?;
        received.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Queues `job` after all earlier jobs.
    pub(super) fn send(&self, job: impl FnOnce(&mut Connection) + Send + 'static) -> Result<()> {
        self.jobs.send(Box::new(job)).map_err(|_| gone())
    }
}

fn gone() -> Error {
    Error::unavailable("the thread that uses the SQLite file has stopped")
}
