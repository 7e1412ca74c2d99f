//! Well-formed tokens that nobody was given, tried as fast as the server answers: in batches of a thousand and one by
//! one, over several connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use latchkey::model::token::{KEY_PREFIX, check_key_token};
use latchkey::proto::v1 as proto;
use proto::Reason;
use proto::batch_authorize_result::Result as Answer;
use tonic::Code;

use crate::calls::{Client, STATUSES, beside};
use crate::support::process::Addresses;

/// Connections that ask in batches, one batch at a time.
const BATCHING: usize = 3;

/// Connections that ask one by one, each with several calls at once.
const SINGLE: usize = 2;

/// Calls at once on a connection that asks one by one.
const AT_ONCE: usize = 32;

/// Questions in a batch.
const BATCH: u64 = 1_000;

/// Digits of base 62, in their order.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How forged tokens were answered.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    /// Refused as unknown.
    pub(crate) unknown: u64,
    /// Not decided: UNAVAILABLE, as too many were waiting.
    pub(crate) undecided: u64,
}

impl Tally {
    /// All of them.
    #[must_use]
    pub(crate) const fn asked(&self) -> u64 {
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

/// Whoever tries the tokens. No token is tried twice.
#[derive(Debug)]
pub(crate) struct Attack {
    batching: Vec<Client>,
    single: Vec<Client>,
    next: u64,
}

impl Attack {
    /// Asks the server at `addresses` with an operator's token.
    #[must_use]
    pub(crate) fn new(addresses: Addresses, token: &str) -> Self {
        let clients = |count| (0..count).map(|_| Client::new(addresses, token)).collect();
        Self { batching: clients(BATCHING), single: clients(SINGLE), next: 0 }
    }

    /// Tries `count` tokens, a multiple of a batch.
    ///
    /// # Panics
    ///
    /// When one of them is answered by anything but that it is unknown, or that nothing can be decided.
    pub(crate) async fn run(&mut self, count: u64) -> Tally {
        assert!(count.is_multiple_of(BATCH));
        // Handed out in runs of a batch, to whoever is ready for more.
        let source = Arc::new(AtomicU64::new(self.next));
        let end = self.next + count;
        self.next = end;
        let mut tasks: Vec<_> = Vec::new();
        for client in &self.batching {
            tasks.push(beside(in_batches(client.clone(), Arc::clone(&source), end)));
        }
        for client in &self.single {
            for _ in 0..AT_ONCE {
                tasks.push(beside(one_by_one(client.clone(), Arc::clone(&source), end)));
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
        let requests = (first..(first + BATCH).min(end)).map(question).collect();
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
        match client.authorization().authorize(question(number)).await {
            Ok(answer) => tally.count(answer.into_inner().decision.expect("an answer has a decision").reason()),
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                tally.undecided += 1;
            }
        }
    }
    tally
}

/// The first of the next `count` numbers; none at the end.
fn take(source: &AtomicU64, count: u64, end: u64) -> Option<u64> {
    let first = source.fetch_add(count, Ordering::Relaxed);
    (first < end).then_some(first)
}

fn question(number: u64) -> proto::AuthorizeRequest {
    proto::AuthorizeRequest { key: forged(number), method: STATUSES.to_owned(), ..Default::default() }
}

/// A token with the right form and checksum. Its number is scattered over all of it, as in real ones.
fn forged(number: u64) -> String {
    let mut text = String::with_capacity(64);
    text.push_str(KEY_PREFIX);
    let mut state = number;
    while text.len() < KEY_PREFIX.len() + 43 {
        state = scatter(state);
        let mut bits = state;
        for _ in 0..10.min(KEY_PREFIX.len() + 43 - text.len()) {
            // The first digit of real ones is small: 43 digits hold a little more than 256 bits.
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

/// SplitMix64: a step of it, and its mixing.
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
