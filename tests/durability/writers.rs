//! Eight writers that continue until the server or its storage is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use latchkey::model::token::Token;
use latchkey::proto::v1 as proto;
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::calls::{Client, beside, selected};
use crate::state::{Cut, Life, State, Step};
use crate::support::eventually;

const WRITERS: usize = 8;

/// Bound for the writers to complete the writes of a round.
const PACE: Duration = Duration::from_mins(2);

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
    lives: Vec<Life>,
}

impl Writers {
    /// Creates writers without keys.
    #[must_use]
    pub(crate) const fn new(crash: Crash) -> Self {
        Self { crash, lives: Vec::new() }
    }

    /// Returns the keys that they created, or tried to create.
    #[must_use]
    pub(crate) fn lives(&self) -> &[Life] {
        &self.lives
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
                beside(write(client, format!("w{writer}-r{round}"), acknowledged, killed))
            })
            .collect();
        eventually("the writers are under way", PACE, || {
            let ended = writers.iter().any(tokio::task::JoinHandle::is_finished);
            (ended || acknowledged.load(Ordering::Relaxed) >= target).then_some(())
        });
        killed.store(true, Ordering::SeqCst);
        kill();
        for writer in writers {
            let (lives, status) = writer.await.expect("a writer does not panic");
            let reason = crate::calls::reason(&status);
            let explained = match self.crash {
                // A broken connection gets various codes from the client library; errors of a server have a reason.
                Crash::OfTheServer => reason.is_empty(),
                Crash::OfStorage => {
                    status.code() == Code::Unavailable
                        && ["STORAGE_UNAVAILABLE", "OUTCOME_UNKNOWN"].contains(&reason.as_str())
                }
            };
            assert!(explained, "what a write looks like whose peer was killed: {status:?}");
            self.lives.extend(lives);
        }
    }
}

/// Creates one key after another and runs its steps, until the first error.
async fn write(
    client: Client,
    name: String,
    acknowledged: Arc<AtomicUsize>,
    killed: Arc<AtomicBool>,
) -> (Vec<Life>, Status) {
    let mut lives = Vec::new();
    for number in 0_usize.. {
        let supplied = number % 2 == 0;
        let mut life = Life {
            owner: format!("{name}-k{number}"),
            id: None,
            first: supplied.then(|| token(&name, number, 1)),
            second: token(&name, number, 2),
            done: 0,
            cut: None,
            revision: String::new(),
        };
        // Every writer makes keys with each number of steps.
        for step in &Step::ALL[..=number % Step::ALL.len()] {
            match take(&client, &mut life, *step).await {
                Ok(()) => {
                    life.done += 1;
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Err(status) => {
                    assert!(killed.load(Ordering::SeqCst), "nothing was killed yet, and {step:?} failed: {status:?}");
                    life.cut = Some(Cut::of(&status));
                    lives.push(life);
                    return (lives, status);
                }
            }
        }
        lives.push(life);
    }
    unreachable!("there is always a next key")
}

async fn take(client: &Client, life: &mut Life, step: Step) -> Result<(), Status> {
    let id = life.id.clone().unwrap_or_default();
    let mut keys = client.keys();
    let written = match step {
        Step::Create => {
            let shape = State { steps: 1 };
            let request = proto::CreateKeyRequest {
                key: Some(selected(&life.owner, shape.stores(), shape.methods())),
                token: life.first.as_ref().map(|token| token.reveal().to_owned()).unwrap_or_default(),
                ..Default::default()
            };
            let answer = keys.create_key(request).await?.into_inner();
            life.id = answer.key.map(|key| key.id);
            let told = Token::parse(&answer.token).expect("the answer tells the token");
            assert!(life.first.as_ref().is_none_or(|ours| *ours == told), "a supplied token is kept");
            life.first = Some(told);
            answer.written
        }
        Step::Update => {
            let shape = State { steps: 2 };
            let mut key = selected(&life.name(2), shape.stores(), shape.methods());
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
                token: life.second.reveal().to_owned(),
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
    life.revision = written.expect("a write tells its revision").revision;
    Ok(())
}

/// Returns a unique token.
fn token(name: &str, number: usize, which: usize) -> Token {
    let seed = latchkey::model::token::Digest::of(format!("{name} {number} {which}").as_bytes());
    Token::issue(*seed.as_bytes())
}
