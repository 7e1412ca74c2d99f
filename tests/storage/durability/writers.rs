//! Eight writers that continue until the server or its storage is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use latchkey::model::token::Token;
use latchkey::proto::v1 as proto;
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::durability::state::{Interruption, KeyRecord, State, Step};
use helpers::calls::{Client, key_with_access, spawn_task};
use helpers::support::eventually;

const WRITERS: usize = 8;

/// Bound for the writers to complete the writes of a round.
const ROUND_BOUND: Duration = Duration::from_mins(2);

/// The killed process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The server: its connections break.
    OfTheServer,
    /// Its database: it responds that storage is unavailable, or that the outcome is unknown.
    OfStorage,
}

/// The writers and all of their keys.
#[derive(Debug)]
pub(crate) struct Writers {
    crash: Crash,
    records: Vec<KeyRecord>,
}

impl Writers {
    /// Creates writers without keys.
    #[must_use]
    pub(crate) const fn new(crash: Crash) -> Self {
        Self { crash, records: Vec::new() }
    }

    /// Returns the keys that they created, or tried to create.
    #[must_use]
    pub(crate) fn records(&self) -> &[KeyRecord] {
        &self.records
    }

    /// Writes until `target` writes of this round were acknowledged, then kills and waits until every writer failed.
    ///
    /// # Panics
    ///
    /// When a write fails before the kill, or with an error that the kill does not explain.
    pub(crate) async fn write_until(&mut self, client: &Client, round: usize, target: usize, kill: impl FnOnce()) {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let killed = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (client, acknowledged, killed) = (client.clone(), Arc::clone(&acknowledged), Arc::clone(&killed));
                spawn_task(write(client, format!("w{writer}-r{round}"), acknowledged, killed))
            })
            .collect();
        eventually("the writers are under way", ROUND_BOUND, || {
            let ended = writers.iter().any(tokio::task::JoinHandle::is_finished);
            (ended || acknowledged.load(Ordering::Relaxed) >= target).then_some(())
        });
        killed.store(true, Ordering::SeqCst);
        kill();
        for writer in writers {
            let (records, status) = writer.await.expect("a writer does not panic");
            let reason = helpers::calls::reason(&status);
            let explained = match self.crash {
                // A broken connection gets various codes from the client library; errors of a server have a reason.
                Crash::OfTheServer => reason.is_empty(),
                Crash::OfStorage => {
                    status.code() == Code::Unavailable
                        && ["STORAGE_UNAVAILABLE", "OUTCOME_UNKNOWN"].contains(&reason.as_str())
                }
            };
            assert!(explained, "what a write looks like whose peer was killed: {status:?}");
            self.records.extend(records);
        }
    }
}

/// Creates one key after another and runs its steps, until the first error.
async fn write(
    client: Client,
    name: String,
    acknowledged: Arc<AtomicUsize>,
    killed: Arc<AtomicBool>,
) -> (Vec<KeyRecord>, Status) {
    let mut records = Vec::new();
    for number in 0_usize.. {
        let supplied = number % 2 == 0;
        let mut record = KeyRecord {
            owner: format!("{name}-k{number}"),
            id: None,
            first: supplied.then(|| token(&name, number, 1)),
            second: token(&name, number, 2),
            done: 0,
            interruption: None,
            revision: String::new(),
        };
        // Every writer makes keys with each number of steps.
        for step in &Step::ALL[..=number % Step::ALL.len()] {
            match run_step(&client, &mut record, *step).await {
                Ok(()) => {
                    record.done += 1;
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Err(status) => {
                    assert!(killed.load(Ordering::SeqCst), "nothing was killed yet, and {step:?} failed: {status:?}");
                    record.interruption = Some(Interruption::from_status(&status));
                    records.push(record);
                    return (records, status);
                }
            }
        }
        records.push(record);
    }
    unreachable!("there is always a next key")
}

async fn run_step(client: &Client, record: &mut KeyRecord, step: Step) -> Result<(), Status> {
    let id = record.id.clone().unwrap_or_default();
    let mut keys = client.keys();
    let written = match step {
        Step::Create => {
            let shape = State { steps: 1 };
            let request = proto::CreateKeyRequest {
                key: Some(key_with_access(&record.owner, shape.stores(), shape.methods())),
                token: record.first.as_ref().map(|token| token.reveal().to_owned()).unwrap_or_default(),
                ..Default::default()
            };
            let answer = keys.create_key(request).await?.into_inner();
            record.id = answer.key.map(|key| key.id);
            let token = Token::parse(&answer.token).expect("the answer tells the token");
            assert!(record.first.as_ref().is_none_or(|ours| *ours == token), "a supplied token is kept");
            record.first = Some(token);
            answer.written
        }
        Step::Update => {
            let shape = State { steps: 2 };
            let mut key = key_with_access(&record.name(2), shape.stores(), shape.methods());
            key.id = id;
            let paths = ["name", "stores", "methods"].map(str::to_owned).to_vec();
            let request =
                proto::UpdateKeyRequest { key: Some(key), update_mask: Some(FieldMask { paths }), options: None };
            keys.update_key(request).await?.into_inner().written
        }
        Step::Rotate => {
            let request = proto::RotateKeyRequest {
                id,
                overlap: Some(prost_types::Duration { seconds: 86_400, nanos: 0 }),
                token: record.second.reveal().to_owned(),
                ..Default::default()
            };
            keys.rotate_key(request).await?.into_inner().written
        }
        Step::Revoke => {
            let request = proto::RevokeKeyRequest { id, reason: "the end of it".to_owned(), ..Default::default() };
            keys.revoke_key(request).await?.into_inner().written
        }
        Step::Delete => {
            let request = proto::DeleteKeyRequest { id, ..Default::default() };
            keys.delete_key(request).await?.into_inner().written
        }
    };
    record.revision = written.expect("a write tells its revision").revision;
    Ok(())
}

/// Returns a unique token.
fn token(name: &str, number: usize, which: usize) -> Token {
    let seed = latchkey::model::token::Digest::of(format!("{name} {number} {which}").as_bytes());
    Token::issue(*seed.as_bytes())
}
