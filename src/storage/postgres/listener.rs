//! Receiving notifications of commits by NOTIFY, on a dedicated connection: an empty wake-up, so that a change need not
//! wait for the next poll. Only where it works: a pooler in transaction mode accepts LISTEN and delivers nothing, and
//! some compatible engines lack it. So it is probed first, and writes send notifications only after one came through.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::connect::{Object, Pool};
use super::errors::of_pool;
use super::hosts::Hosts;
use crate::storage::options::Options;
use crate::telemetry::outage::{Outage, causes};

/// The longest wait for the notification of the probe.
const PROBE: Duration = Duration::from_secs(3);
/// Time between attempts to connect.
const RETRY: Duration = Duration::from_secs(1);
/// Time until the next probe: a busy database may only have been slow.
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
    /// The connection broke, or could not be made. Contains the cause.
    Broken(String),
    /// No notification is received here.
    Deaf,
}

impl Listener {
    /// Starts to listen.
    pub(super) fn start(hosts: &Hosts, sends: Pool, options: &Options) -> Self {
        let heard = Arc::new(Heard::default());
        let end = CancellationToken::new();
        let outage = Outage::new("listening for changes in the database", &options.clock);
        let run = run(hosts.clone(), sends, Arc::clone(&heard), outage);
        let (stopped, stopping) = (end.clone(), options.tasks.clone());
        let task = async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = stopping.stopping() => {}
                () = run => {}
            }
        };
        drop(options.tasks.spawn("storage listener", task));
        Self { heard, _end: end.drop_guard() }
    }

    /// Returns whether notifications are received.
    pub(super) fn works(&self) -> bool {
        self.heard.works.load(Ordering::Relaxed)
    }

    /// As [`crate::storage::Feed::notified`].
    pub(super) async fn notified(&self) {
        self.heard.woken.notified().await;
    }
}

async fn run(hosts: Hosts, sends: Pool, heard: Arc<Heard>, outage: Outage) {
    let mut told = false;
    loop {
        match listen(&hosts, &sends, &heard, &outage).await {
            Ended::Broken(cause) => {
                outage.failed(cause);
                if heard.works.swap(false, Ordering::Relaxed) {
                    // Polling finds the changes that were missed meanwhile.
                    heard.woken.notify_one();
                }
                tokio::time::sleep(RETRY).await;
            }
            Ended::Deaf => {
                outage.succeeded();
                if !std::mem::replace(&mut told, true) {
                    tracing::info!("no notifications from the database: changes are found only by polling");
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Connects, listens and probes whether notifications are received; then forwards them until the connection breaks or
/// another host of the database is in use.
async fn listen(hosts: &Hosts, sends: &Pool, heard: &Heard, outage: &Outage) -> Ended {
    let (client, mut connection, origin) = match hosts.connect().await {
        Ok(made) => (made.client, made.driver, made.origin),
        Err(unreachable) => return Ended::Broken(unreachable.to_string()),
    };
    let refused = |error: &tokio_postgres::Error| match error.as_db_error() {
        Some(_) => Ended::Deaf,
        None => Ended::Broken(format!("its connection broke: {}", causes(error))),
    };
    let mut replaced = pin!(origin.replaced());
    let mut probe = pin!(async {
        match tokio::time::timeout(PROBE, client.batch_execute("LISTEN latchkey_changes")).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return refused(&error),
            Err(_) => return Ended::Broken(format!("no response to LISTEN within {PROBE:?}")),
        }
        let sender = match sends.get().await {
            Ok(sender) => sender,
            Err(error) => return Ended::Broken(of_pool(error).to_string()),
        };
        match tokio::time::timeout(PROBE, sender.batch_execute("NOTIFY latchkey_changes")).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return refused(&error),
            Err(_) => {
                // The outstanding request would block the next user of the connection.
                drop(Object::take(sender));
                return Ended::Broken(format!("no response to NOTIFY within {PROBE:?}"));
            }
        }
        drop(sender);
        tokio::time::sleep(PROBE).await;
        Ended::Deaf
    });
    loop {
        tokio::select! {
            message = poll_fn(|context| connection.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(_))) => {
                    outage.succeeded();
                    if !heard.works.swap(true, Ordering::Relaxed) {
                        tracing::info!("notifications from the database work again");
                    }
                    heard.woken.notify_one();
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Ended::Broken(format!("its connection broke: {}", causes(&error))),
                None => return Ended::Broken("its connection was closed".to_owned()),
            },
            ended = &mut probe, if !heard.works.load(Ordering::Relaxed) => return ended,
            () = &mut replaced => return Ended::Broken("its host is no longer in use".to_owned()),
        }
    }
}
