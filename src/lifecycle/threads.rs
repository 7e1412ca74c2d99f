//! Runtimes with their own threads: work on one cannot block another.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// Niceness of the threads of [`Threads::start_low_priority`], as in nice(1).
const NICENESS: i32 = 5;

/// A runtime with its own threads. Dropping it does not wait for its tasks.
#[derive(Debug)]
pub struct Threads {
    handle: Handle,
    /// `None` only during drop.
    runtime: Option<Runtime>,
}

impl Threads {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// The system could not create the threads.
    pub fn start(name: &'static str, count: usize) -> io::Result<Self> {
        Self::build(&mut Builder::new_multi_thread(), name, count)
    }

    /// Starts `count` threads with a lower share of a busy CPU than the others of the process.
    ///
    /// # Errors
    /// The system could not create the threads.
    pub fn start_low_priority(name: &'static str, count: usize) -> io::Result<Self> {
        let lower = || {
            // Per thread on Linux. The work is just as bounded without it.
            if let Err(error) = rustix::process::nice(NICENESS) {
                tracing::debug!(error = %error, "a thread keeps its priority");
            }
        };
        Self::build(Builder::new_multi_thread().on_thread_start(lower), name, count)
    }

    fn build(builder: &mut Builder, name: &'static str, count: usize) -> io::Result<Self> {
        let runtime = builder.thread_name(name).worker_threads(count.max(1)).enable_all().build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Returns the handle that spawns tasks on these threads.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
