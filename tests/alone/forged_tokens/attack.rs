//! Well-formed tokens that were never issued, tried as fast as the server responds: in batches of a thousand and one by
//! one, over several connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use latchkey::model::token::{KEY_PREFIX, check_key_token};
use latchkey::proto::v1 as proto;
use proto::Reason;
use proto::batch_authorize_result::Result as Answer;
use tonic::Code;

use helpers::calls::{Client, STATUSES, spawn_task};
use helpers::support::process::Addresses;

/// Connections that send batches, one batch at a time.
const BATCHING: usize = 3;

/// Connections that send single calls, several at once.
const SINGLE: usize = 2;

/// Concurrent calls on a connection of single calls.
const AT_ONCE: usize = 32;

/// Requests in a batch.
const BATCH: u64 = 1_000;

/// Base 62 digits in order.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Results of forged tokens.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    /// Refused as unknown.
    pub(crate) unknown: u64,
    /// No decision: UNAVAILABLE, because too many calls were waiting.
    pub(crate) undecided: u64,
}

impl Tally {
    /// Returns the number of all calls.
    #[must_use]
    pub(crate) const fn total(&self) -> u64 {
        self.unknown + self.undecided
    }

    fn add(&mut self, other: Self) {
        self.unknown += other.unknown;
        self.undecided += other.undecided;
    }

    fn count(&mut self, reason: Reason) {
        assert_eq!(reason, Reason::KeyUnknown, "what a well-formed token that nobody has is refused for");
        self.unknown += 1;
    }
}

/// An attacker who tries tokens. No token is tried twice.
#[derive(Debug)]
pub(crate) struct Attack {
    batching: Vec<Client>,
    single: Vec<Client>,
    next: u64,
}

impl Attack {
    /// Creates an attacker who calls the server at `addresses` with an operator's token.
    #[must_use]
    pub(crate) fn new(addresses: Addresses, token: &str) -> Self {
        let clients = |count| (0..count).map(|_| Client::new(addresses, token)).collect();
        Self { batching: clients(BATCHING), single: clients(SINGLE), next: 0 }
    }

    /// Tries `count` tokens, a multiple of a batch.
    ///
    /// # Panics
    ///
    /// When any result is neither that the token is unknown, nor that there is no decision.
    pub(crate) async fn run(&mut self, count: u64) -> Tally {
        assert!(count.is_multiple_of(BATCH));
        // Assigned in runs of a batch to the next free connection.
        let source = Arc::new(AtomicU64::new(self.next));
        let end = self.next + count;
        self.next = end;
        let mut tasks: Vec<_> = Vec::new();
        for client in &self.batching {
            tasks.push(spawn_task(in_batches(client.clone(), Arc::clone(&source), end)));
        }
        for client in &self.single {
            for _ in 0..AT_ONCE {
                tasks.push(spawn_task(one_by_one(client.clone(), Arc::clone(&source), end)));
            }
        }
        let mut tally = Tally::default();
        for task in tasks {
            tally.add(task.await.expect("forged tokens are answered right"));
        }
        tally
    }
}

async fn in_batches(client: Client, source: Arc<AtomicU64>, end: u64) -> Tally {
    let mut tally = Tally::default();
    while let Some(first) = take(&source, BATCH, end) {
        let requests = (first..(first + BATCH).min(end)).map(authorize_request).collect();
        let answer = client.authorization().batch_authorize(proto::BatchAuthorizeRequest { requests }).await;
        for result in answer.expect("a batch is answered").into_inner().results {
            match result.result.expect("a result is one or the other") {
                Answer::Decision(decision) => tally.count(decision.reason()),
                Answer::Undecided(_) => tally.undecided += 1,
            }
        }
    }
    tally
}

async fn one_by_one(client: Client, source: Arc<AtomicU64>, end: u64) -> Tally {
    let mut tally = Tally::default();
    while let Some(number) = take(&source, 1, end) {
        match client.authorization().authorize(authorize_request(number)).await {
            Ok(answer) => tally.count(answer.into_inner().decision.expect("an answer has a decision").reason()),
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                tally.undecided += 1;
            }
        }
    }
    tally
}

/// Takes the next `count` numbers and returns the first; `None` at the end.
fn take(source: &AtomicU64, count: u64, end: u64) -> Option<u64> {
    let first = source.fetch_add(count, Ordering::Relaxed);
    (first < end).then_some(first)
}

fn authorize_request(number: u64) -> proto::AuthorizeRequest {
    proto::AuthorizeRequest { key: forged(number), method: STATUSES.to_owned(), ..Default::default() }
}

/// Returns a token with valid form and checksum. The bits of its number are spread over it, as in real ones.
fn forged(number: u64) -> String {
    let mut text = String::with_capacity(64);
    text.push_str(KEY_PREFIX);
    let mut state = number;
    while text.len() < KEY_PREFIX.len() + 43 {
        state = scatter(state);
        let mut bits = state;
        for _ in 0..10.min(KEY_PREFIX.len() + 43 - text.len()) {
            // The first digit of real tokens is small: 43 digits hold a little more than 256 bits.
            let digit = if text.len() == KEY_PREFIX.len() { bits % 5 } else { bits % 62 };
            text.push(digit_of(digit));
            bits /= 62;
        }
    }
    let mut check = u64::from(crc32fast::hash(text.as_bytes()));
    let mut digits = [' '; 6];
    for digit in digits.iter_mut().rev() {
        *digit = digit_of(check % 62);
        check /= 62;
    }
    text.extend(digits);
    text
}

fn digit_of(number: u64) -> char {
    char::from(DIGITS[usize::try_from(number).expect("a digit is below 62")])
}

/// Makes one step of SplitMix64.
const fn scatter(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[test]
fn forged_tokens_are_well_formed_and_differ() {
    let tokens: std::collections::HashSet<String> = (0..10_000).map(forged).collect();
    assert_eq!(tokens.len(), 10_000);
    for token in tokens {
        assert_eq!(check_key_token(token.as_bytes()), Ok(()));
    }
}
