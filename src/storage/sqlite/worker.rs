//! A connection on its own thread, which receives jobs: SQLite's calls block.

use std::sync::mpsc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::storage::{Error, Result};

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// A handle to the thread. It ends, and closes the connection, after the handle is dropped and its work is done.
pub(super) struct SqliteWorker {
    jobs: mpsc::Sender<Job>,
}

impl SqliteWorker {
    pub(super) fn start(name: &str, connection: Connection) -> Result<Self> {
        let (jobs, work) = mpsc::channel::<Job>();
        start_thread(name, move || {
            while let Ok(job) = work.recv() {
                job(&connection);
            }
        })?;
        Ok(Self { jobs })
    }

    /// Runs `job` after all earlier jobs, and returns its result. If this future is dropped meanwhile, the job still
    /// runs.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (response, received) = oneshot::channel();
        self.send(move |connection| {
            // The caller may be gone.
            let _ = response.send(job(connection));
        })?;
        received.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Queues `job` after all earlier jobs.
    pub(super) fn send(&self, job: impl FnOnce(&Connection) + Send + 'static) -> Result<()> {
        self.jobs.send(Box::new(job)).map_err(|_| gone())
    }
}

pub(super) fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(|error| Error::Unavailable {
        what: "starting a thread for SQLite".to_owned(),
        because: None,
        source: Some(Box::new(error)),
    })
}

fn gone() -> Error {
    Error::unavailable("the thread that uses the SQLite file has stopped")
}
