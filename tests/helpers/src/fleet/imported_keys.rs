//! Many keys at once, most of them unused: their changes must not affect the keys in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use latchkey::model::token::Token;
use latchkey::proto::v1 as proto;
use tokio::task::JoinHandle;

use super::Member;
use crate::calls::{Client, METHODS, STORES, key_with_access, spawn_task};

/// Keys of one import.
const AT_ONCE: usize = 2_000;

/// Imported keys: id and token of each.
#[derive(Debug, Clone)]
pub struct ImportedKeys(pub Vec<(String, String)>);

impl ImportedKeys {
    /// Imports `count` keys with access to [`crate::calls::STATUSES`].
    ///
    /// # Panics
    ///
    /// When the server refuses.
    pub async fn import(client: &Client, count: usize) -> Self {
        let mut all = Vec::with_capacity(count);
        for first in (0..count).step_by(AT_ONCE) {
            let numbers = first..(first + AT_ONCE).min(count);
            let tokens: Vec<String> = numbers
                .clone()
                .map(|number| {
                    let mut seed = [7; 32];
                    seed[..8].copy_from_slice(&number.to_le_bytes());
                    Token::issue(seed).reveal().to_owned()
                })
                .collect();
            let keys = numbers.zip(&tokens).map(|(number, token)| proto::ImportedKey {
                key: Some(key_with_access(&format!("imported {number}"), &STORES[..1], &METHODS[1..2])),
                secret: Some(proto::imported_key::Secret::Token(token.clone())),
                ..Default::default()
            });
            let request = proto::ImportKeysRequest { keys: keys.collect(), ..Default::default() };
            let ids = client.keys().import_keys(request).await.expect("keys are imported").into_inner().ids;
            all.extend(ids.into_iter().zip(tokens));
        }
        Self(all)
    }
}

/// Changes of keys at a steady rate, regardless of when the server responds.
#[derive(Debug)]
pub struct Changes {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<()>>,
}

impl Changes {
    /// Starts to change the comments of the keys with these ids through a server, `a_second` of them per second.
    #[must_use]
    pub fn start(client: &Client, ids: &Arc<Vec<String>>, a_second: u32) -> Self {
        /// Concurrent writers: a write waits for its commit.
        const WRITERS: u32 = 8;
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..WRITERS).map(|writer| {
            let (client, ids, stop, done) = (client.clone(), Arc::clone(ids), Arc::clone(&stop), Arc::clone(&done));
            spawn_task(async move {
                let mut pace = tokio::time::interval(Duration::from_secs(1) * WRITERS / a_second);
                for number in (usize::try_from(writer).expect("a few")..).step_by(8) {
                    pace.tick().await;
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let key = proto::Key {
                        id: ids[number * 31 % ids.len()].clone(),
                        comment: format!("change {number}"),
                        ..Default::default()
                    };
                    let options = proto::WriteOptions {
                        replica_wait: Some(prost_types::Duration::default()),
                        ..Default::default()
                    };
                    let update_mask = Some(prost_types::FieldMask { paths: vec!["comment".to_owned()] });
                    let request = proto::UpdateKeyRequest { key: Some(key), update_mask, options: Some(options) };
                    client.keys().update_key(request).await.expect("a comment is changed");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let tasks = tasks.collect();
        Self { stop, done, tasks }
    }

    /// Returns how many changes were made so far.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Stops the changes, and returns their number.
    ///
    /// # Panics
    ///
    /// When one was refused.
    pub async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("changes are made");
        }
        self.done.load(Ordering::Relaxed)
    }
}

/// Returns how many grants a server has read from storage: by its count of misses, and by that of storage calls.
///
/// # Panics
///
/// When the server does not report the metric.
#[must_use]
pub fn grants_read(member: &Member) -> (f64, f64) {
    let page = crate::support::http::get(member.server.addresses().ops, "/metrics").expect("metrics are told").body;
    let sum = |begins: &str, with: &str| {
        let lines = page.lines().filter(|line| line.starts_with(begins) && line.contains(with));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
    };
    (sum("latchkey_cache_misses_total", ""), sum("latchkey_storage_call_seconds_count{", "call=\"grant\""))
}
