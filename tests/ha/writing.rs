//! When writes are acknowledged: a small one through each server, again and again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use latchkey::proto::v1 as proto;
use tokio::task::JoinHandle;

use crate::calls::{Client, METHODS, STORES, beside, selected};
use crate::fleet::{Fleet, now};
use crate::support::{eventually_async, pass};

/// Between two writes.
const PAUSE: Duration = Duration::from_millis(200);
/// For one to be answered.
const PATIENCE: Duration = Duration::from_secs(8);

/// Writes through every server.
#[derive(Debug)]
pub struct Writing {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    /// When those were sent that were acknowledged, of each server.
    sent: Vec<Arc<Mutex<Vec<Duration>>>>,
}

impl Writing {
    /// Begins.
    pub async fn begin(fleet: &Fleet) -> Self {
        let (stop, mut tasks, mut all) = (Arc::new(AtomicBool::new(false)), Vec::new(), Vec::new());
        for client in fleet.clients() {
            let key = selected(&format!("written {}", now().as_millis()), &STORES[..1], &METHODS[..1]);
            let (key, _) = client.create_key(key).await.expect("a key is made");
            let (sent, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&stop));
            all.push(Arc::clone(&sent));
            tasks.push(beside(async move {
                while !stop.load(Ordering::Relaxed) {
                    let at = now();
                    if tokio::time::timeout(PATIENCE, write(&client, &key.id)).await == Ok(true) {
                        sent.lock().unwrap().push(at);
                    }
                    pass(PAUSE).await;
                }
            }));
        }
        Self { stop, tasks, sent: all }
    }

    /// Begins as soon as every server writes again.
    pub async fn begin_when_possible(fleet: &Fleet, bound: Duration) -> Self {
        for client in fleet.clients() {
            eventually_async("a server writes again", bound, async || {
                let key = selected(&format!("first {}", now().as_millis()), &STORES[..1], &METHODS[..1]);
                client.create_key(key).await.ok()
            })
            .await;
        }
        Self::begin(fleet).await
    }

    /// How long after `fault` a write was sent that was acknowledged after the longest time without one, of each server;
    /// `None` where there is none yet.
    pub fn gaps(&self, fault: Duration) -> Vec<Option<Duration>> {
        let gap = |sent: &Arc<Mutex<Vec<Duration>>>| {
            let sent = sent.lock().unwrap();
            let after: Vec<_> = sent.iter().filter(|at| **at >= fault).collect();
            let begins = std::iter::once(&fault).chain(after.iter().copied());
            begins.zip(after.iter().copied()).map(|(begin, end)| end.saturating_sub(*begin)).max()
        };
        self.sent.iter().map(gap).collect()
    }

    /// How many were acknowledged that were sent from `from` on, of each server.
    pub fn since(&self, from: Duration) -> Vec<usize> {
        let count = |sent: &Arc<Mutex<Vec<Duration>>>| sent.lock().unwrap().iter().filter(|at| **at >= from).count();
        self.sent.iter().map(count).collect()
    }

    /// Ends them.
    pub async fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks.drain(..) {
            task.await.expect("no writer panics");
        }
    }
}

async fn write(client: &Client, id: &str) -> bool {
    let key = proto::Key { id: id.to_owned(), comment: format!("{:?}", now()), ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["comment".to_owned()] });
    // Others are not waited for: this is about storage.
    let options = proto::WriteOptions { replica_wait: Some(prost_types::Duration::default()), ..Default::default() };
    let request = proto::UpdateKeyRequest { key: Some(key), update_mask, options: Some(options) };
    client.keys().update_key(request).await.is_ok()
}
