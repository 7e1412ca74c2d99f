//! Hearing of commits by NOTIFY, on a connection of its own: an empty wake-up, so that a change need not wait for the
//! next poll. Only where it works: a pooler in transaction mode takes LISTEN and delivers nothing, and some engines that
//! speak like PostgreSQL do not have it. So it is tried first, and writes send notifications only once one has arrived.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::config::Settings;
use super::tls::Tls;
use crate::lifecycle::Tasks;

/// Longest wait for the notification that is sent to try whether one arrives.
const PROBE: Duration = Duration::from_secs(3);
/// Time between attempts to connect.
const RETRY: Duration = Duration::from_secs(1);
/// Time until it is tried again whether notifications arrive: a busy database may only have been slow.
const AGAIN: Duration = Duration::from_mins(1);

/// The listener.
#[derive(Debug)]
pub(super) struct Listener {
    heard: Arc<Heard>,
    /// Ends the task when this is dropped.
    _end: DropGuard,
}

#[derive(Debug, Default)]
struct Heard {
    works: AtomicBool,
    woken: Notify,
}

/// Why listening ended.
enum Ended {
    /// The connection broke, or was not made.
    Broken,
    /// No notification arrives here.
    Deaf,
}

impl Listener {
    /// Begins to listen.
    pub(super) fn start(settings: &Settings, tls: &Tls, sends: Pool, tasks: &Tasks) -> Self {
        let heard = Arc::new(Heard::default());
        let end = CancellationToken::new();
        let run = run(settings.clone(), tls.clone(), sends, Arc::clone(&heard));
        let (stopped, stopping) = (end.clone(), tasks.clone());
        let task = async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = stopping.stopping() => {}
                () = run => {}
            }
        };
        drop(tasks.spawn("storage listener", task));
        Self { heard, _end: end.drop_guard() }
    }

    /// Whether notifications arrive.
    pub(super) fn works(&self) -> bool {
        self.heard.works.load(Ordering::Relaxed)
    }

    /// As [`crate::storage::Storage::woken`].
    pub(super) async fn woken(&self) {
        self.heard.woken.notified().await;
    }
}

async fn run(settings: Settings, tls: Tls, sends: Pool, heard: Arc<Heard>) {
    let mut told = false;
    loop {
        match listen(&settings, &tls, &sends, &heard).await {
            Ended::Broken => {
                if heard.works.swap(false, Ordering::Relaxed) {
                    tracing::warn!("the connection that hears of changes broke: connecting anew");
                    // What was missed meanwhile is found by polling.
                    heard.woken.notify_one();
                }
                tokio::time::sleep(RETRY).await;
            }
            Ended::Deaf => {
                if !std::mem::replace(&mut told, true) {
                    tracing::info!("no notifications arrive from the database: changes are found by polling alone");
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Connects, listens and tries whether notifications arrive; then passes on those that do, until the connection breaks.
async fn listen(settings: &Settings, tls: &Tls, sends: &Pool, heard: &Heard) -> Ended {
    let Ok((client, mut connection)) = settings.config.connect(tls.clone()).await else {
        return Ended::Broken;
    };
    let mut probe = pin!(async {
        if let Err(error) = client.batch_execute("LISTEN latchkey_changes").await {
            return if error.as_db_error().is_some() { Ended::Deaf } else { Ended::Broken };
        }
        let Ok(sender) = sends.get().await else { return Ended::Broken };
        match sender.batch_execute("NOTIFY latchkey_changes").await {
            Ok(()) => {}
            Err(error) if error.as_db_error().is_some() => return Ended::Deaf,
            Err(_) => return Ended::Broken,
        }
        drop(sender);
        tokio::time::sleep(PROBE).await;
        Ended::Deaf
    });
    loop {
        tokio::select! {
            message = poll_fn(|context| connection.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(_))) => {
                    if !heard.works.swap(true, Ordering::Relaxed) {
                        tracing::info!("notifications arrive from the database");
                    }
                    heard.woken.notify_one();
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ended::Broken,
            },
            ended = &mut probe, if !heard.works.load(Ordering::Relaxed) => return ended,
        }
    }
}
