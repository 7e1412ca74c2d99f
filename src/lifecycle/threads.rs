//! Runtimes with threads of their own: what runs on one cannot keep another waiting.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// How much less of a busy CPU the threads of [`Threads::start_behind`] get, as nice(1) counts.
const BEHIND: i32 = 5;

/// A runtime with threads of its own. Dropped, it waits for nobody.
#[derive(Debug)]
pub struct Threads {
    handle: Handle,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Threads {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// The system gave no threads.
    pub fn start(name: &'static str, count: usize) -> io::Result<Self> {
        Self::of(Builder::new_multi_thread().thread_name(name), count)
    }

    /// Starts `count` threads that get less of a busy CPU than the others of the process.
    ///
    /// # Errors
    /// The system gave no threads.
    pub fn start_behind(name: &'static str, count: usize) -> io::Result<Self> {
        Self::of(
            Builder::new_multi_thread().thread_name(name).on_thread_start(|| {
                // On Linux this is the thread's own. Without it the work is as bounded as with it.
                if let Err(error) = rustix::process::nice(BEHIND) {
                    tracing::debug!(error = %error, "a thread keeps its priority");
                }
            }),
            count,
        )
    }

    fn of(builder: &mut Builder, count: usize) -> io::Result<Self> {
        let runtime = builder.worker_threads(count.max(1)).enable_all().build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Where tasks for these threads are spawned.
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
