//! Receiving notifications of commits by NOTIFY, on a dedicated connection: an empty wake-up, so that a change need not
//! wait for the next poll. Only where it works: a pooler in transaction mode accepts LISTEN and delivers nothing, and
//! some compatible engines lack it. So it is probed first, and writes send notifications only after one came through.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Client};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::connect::{ConnectionPool, PooledConnection};
use super::errors::translate_pool;
use super::hosts::Hosts;
use crate::storage::options::Options;
use crate::telemetry::outage::{Outage, causes};

/// The longest wait for the notification of the probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Time between attempts to connect.
const RETRY: Duration = Duration::from_secs(1);
/// Time until the next probe: a busy database may only have been slow.
const PROBE_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(super) struct Notifications {
    pub(super) working: AtomicBool,
    pub(super) notify: Notify,
}

enum ListenEnd {
    /// The connection broke, or could not be made. Contains the cause.
    Broken(String),
    /// No notification is received here.
    Unsupported,
}

/// Starts a task that listens until the returned guard is dropped.
pub(super) fn start(hosts: &Arc<Hosts>, senders: ConnectionPool, options: &Options) -> (Arc<Notifications>, DropGuard) {
    let notifications = Arc::new(Notifications::default());
    let end = CancellationToken::new();
    let outage = Outage::new("listening for changes in the database", &options.clock);
    let run = run(Arc::clone(hosts), senders, Arc::clone(&notifications), outage);
    let (stopped, stopping) = (end.clone(), options.tasks.clone());
    let task = async move {
        tokio::select! {
            () = stopped.cancelled() => {}
            () = stopping.stopping() => {}
            () = run => {}
        }
    };
    drop(options.tasks.spawn(task));
    (notifications, end.drop_guard())
}

async fn run(hosts: Arc<Hosts>, senders: ConnectionPool, notifications: Arc<Notifications>, outage: Outage) {
    let mut reported = false;
    loop {
        match listen(&hosts, &senders, &notifications, &outage).await {
            ListenEnd::Broken(cause) => {
                outage.failed(cause);
                if notifications.working.swap(false, Ordering::Relaxed) {
                    // Polling finds the changes that were missed meanwhile.
                    notifications.notify.notify_one();
                }
                tokio::time::sleep(RETRY).await;
            }
            ListenEnd::Unsupported => {
                outage.succeeded();
                if !std::mem::replace(&mut reported, true) {
                    tracing::info!("no notifications from the database: changes are found only by polling");
                }
                tokio::time::sleep(PROBE_INTERVAL).await;
            }
        }
    }
}

/// Connects, listens and probes whether notifications are received; then forwards them until the connection breaks or
/// another host of the database is in use.
async fn listen(
    hosts: &Arc<Hosts>,
    senders: &ConnectionPool,
    notifications: &Notifications,
    outage: &Outage,
) -> ListenEnd {
    let (client, mut connection, origin) = match hosts.connect().await {
        Ok(made) => (made.client, made.driver, made.origin),
        Err(unreachable) => return ListenEnd::Broken(unreachable.to_string()),
    };
    let mut invalidated = pin!(origin.invalidated());
    let mut probe = pin!(probe(&client, senders));
    loop {
        tokio::select! {
            message = poll_fn(|context| connection.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(_))) => {
                    outage.succeeded();
                    if !notifications.working.swap(true, Ordering::Relaxed) {
                        tracing::info!("notifications from the database work again");
                    }
                    notifications.notify.notify_one();
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return ListenEnd::Broken(format!("its connection broke: {}", causes(&error))),
                None => return ListenEnd::Broken("its connection was closed".to_owned()),
            },
            end = &mut probe, if !notifications.working.load(Ordering::Relaxed) => {
                return end.err().unwrap_or(ListenEnd::Unsupported);
            }
            () = &mut invalidated => return ListenEnd::Broken("its host is no longer in use".to_owned()),
        }
    }
}

/// Probes whether notifications are received; returns if none was.
async fn probe(client: &Client, senders: &ConnectionPool) -> Result<(), ListenEnd> {
    request(client, "LISTEN").await?;
    let sender = senders.get().await.map_err(|error| ListenEnd::Broken(translate_pool(error).to_string()))?;
    let sent = request(&sender.client, "NOTIFY").await;
    if let Err(ListenEnd::Broken(_)) = &sent {
        // An outstanding request would block the next user of the connection.
        drop(PooledConnection::take(sender));
    } else {
        drop(sender);
    }
    sent?;
    tokio::time::sleep(PROBE_TIMEOUT).await;
    Ok(())
}

async fn request(client: &Client, command: &str) -> Result<(), ListenEnd> {
    let sql = format!("{command} latchkey_changes");
    match tokio::time::timeout(PROBE_TIMEOUT, client.batch_execute(&sql)).await {
        Ok(Err(error)) if error.as_db_error().is_some() => Err(ListenEnd::Unsupported),
        Ok(sent) => sent.map_err(|error| ListenEnd::Broken(format!("its connection broke: {}", causes(&error)))),
        Err(_) => Err(ListenEnd::Broken(format!("no response to {command} within {PROBE_TIMEOUT:?}"))),
    }
}
