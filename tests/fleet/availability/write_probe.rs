//! When writes are acknowledged: a small write through each server, repeatedly.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use latchkey::proto::v1 as proto;
use tokio::task::JoinHandle;

use helpers::calls::{Client, METHODS, STORES, key_with_access, spawn_task};
use helpers::fleet::{Fleet, now};
use helpers::support::{eventually_async, pass};

/// Time between two writes.
const PAUSE: Duration = Duration::from_millis(200);
/// Timeout of a write.
const WRITE_TIMEOUT: Duration = Duration::from_secs(8);

/// Writes through every server.
#[derive(Debug)]
pub struct WriteProbe {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    /// For each server, when its acknowledged writes were sent.
    sent: Vec<Arc<Mutex<Vec<Duration>>>>,
}

impl WriteProbe {
    /// Starts the writes.
    pub async fn start(fleet: &Fleet) -> Self {
        let (stop, mut tasks, mut all) = (Arc::new(AtomicBool::new(false)), Vec::new(), Vec::new());
        for client in fleet.clients() {
            let key = key_with_access(&format!("written {}", now().as_millis()), &STORES[..1], &METHODS[..1]);
            let (key, _) = client.create_key(key).await.expect("a key is made");
            let (sent, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&stop));
            all.push(Arc::clone(&sent));
            tasks.push(spawn_task(async move {
                while !stop.load(Ordering::Relaxed) {
                    let at = now();
                    if tokio::time::timeout(WRITE_TIMEOUT, write(&client, &key.id)).await == Ok(true) {
                        sent.lock().unwrap().push(at);
                    }
                    pass(PAUSE).await;
                }
            }));
        }
        Self { stop, tasks, sent: all }
    }

    /// Starts the writes as soon as every server accepts them again.
    pub async fn start_when_possible(fleet: &Fleet, bound: Duration) -> Self {
        for client in fleet.clients() {
            eventually_async("a server writes again", bound, async || {
                let key = key_with_access(&format!("first {}", now().as_millis()), &STORES[..1], &METHODS[..1]);
                client.create_key(key).await.ok()
            })
            .await;
        }
        Self::start(fleet).await
    }

    /// Returns for each server how long after `fault` the acknowledged write was sent that ended its longest gap;
    /// `None` if there is none yet.
    pub fn gaps(&self, fault: Duration) -> Vec<Option<Duration>> {
        let gap = |sent: &Arc<Mutex<Vec<Duration>>>| {
            let sent = sent.lock().unwrap();
            let after: Vec<_> = sent.iter().filter(|at| **at >= fault).collect();
            let begins = std::iter::once(&fault).chain(after.iter().copied());
            begins.zip(after.iter().copied()).map(|(begin, end)| end.saturating_sub(*begin)).max()
        };
        self.sent.iter().map(gap).collect()
    }

    /// Returns for each server how many writes sent from `from` on were acknowledged.
    pub fn since(&self, from: Duration) -> Vec<usize> {
        let count = |sent: &Arc<Mutex<Vec<Duration>>>| sent.lock().unwrap().iter().filter(|at| **at >= from).count();
        self.sent.iter().map(count).collect()
    }

    /// Stops the writes.
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
    // Does not wait for other replicas: this measures storage.
    let options = proto::WriteOptions { replica_wait: Some(prost_types::Duration::default()), ..Default::default() };
    let request = proto::UpdateKeyRequest { key: Some(key), update_mask, options: Some(options) };
    client.keys().update_key(request).await.is_ok()
}
