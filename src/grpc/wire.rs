//! Questions and answers as bytes: read where they lie, and written without being built first.
//!
//! prost knows the same messages, and is what the tests hold this to. A question that is not as usual is left to it.
//! The encoding is that of <https://protobuf.dev/programming-guides/encoding/>, the frame that of gRPC over HTTP/2.

use prost::bytes::Bytes;
use tonic::Status;

use super::question::Asked;
use crate::model::decision::{Decision, Reason, Scope};
use crate::proto::v1 as proto;
use crate::registry::Violation;

/// Bytes before a message: whether it is compressed, and its length.
const FRAME: usize = 5;
/// Bytes that most answers fit in.
const USUAL: usize = 320;
/// Bytes of the length of most decisions: two ids alone are 80 bytes.
const USUAL_LENGTH: usize = 2;

// === reading ===

/// The message in `framed`, if that is one whole message, not compressed.
pub(super) fn unframed(framed: &[u8]) -> Option<&[u8]> {
    let (&[compressed, length @ ..], message) = framed.split_first_chunk::<FRAME>()?;
    let whole = usize::try_from(u32::from_be_bytes(length)) == Ok(message.len());
    (compressed == 0 && whole).then_some(message)
}

/// An `AuthorizeRequest`, unless it has anything but the fields that nearly all have, or is none.
pub(super) fn question(mut message: &[u8]) -> Option<Asked<'_>> {
    let mut asked = Asked::default();
    while let Some((tag, rest)) = message.split_first() {
        let field = match tag >> 3 {
            1 => &mut asked.key,
            2 => &mut asked.method,
            3 => &mut asked.store,
            5 => &mut asked.client_address,
            6 => &mut asked.min_revision,
            _ => return None,
        };
        let (value, rest) = delimited(*tag, rest)?;
        *field = std::str::from_utf8(value).ok()?;
        message = rest;
    }
    Some(asked)
}

/// The questions of a `BatchAuthorizeRequest`, on the same terms.
pub(super) fn questions(mut message: &[u8]) -> Option<Vec<Asked<'_>>> {
    let mut all = Vec::new();
    while let Some((tag, rest)) = message.split_first() {
        if tag >> 3 != 1 {
            return None;
        }
        let (value, rest) = delimited(*tag, rest)?;
        all.push(question(value)?);
        message = rest;
    }
    Some(all)
}

/// The value of a field that says how long it is, and what comes after it.
fn delimited(tag: u8, mut bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    // The low bits say how a value is written, the highest that the number of the field goes on.
    if tag & 0b1000_0111 != LENGTH {
        return None;
    }
    let length = prost::decode_length_delimiter(&mut bytes).ok()?;
    bytes.split_at_checked(length)
}

// === writing ===

/// How a field is written: as a number, or with its length before it.
const NUMBER: u8 = 0;
const LENGTH: u8 = 2;

/// A message in its frame, as it is built.
#[derive(Debug)]
pub(super) struct Framed(Vec<u8>);

impl Framed {
    /// An empty message with room for `answers`.
    pub(super) fn for_answers(answers: usize) -> Self {
        let mut bytes = Vec::with_capacity(answers * USUAL);
        bytes.extend([0; FRAME]);
        Self(bytes)
    }

    /// An `AuthorizeResponse`.
    pub(super) fn answer(decision: &Decision<'_>) -> Self {
        let mut framed = Self::for_answers(1);
        nested(&mut framed.0, 1, USUAL_LENGTH, |into| write_decision(into, decision));
        framed
    }

    /// Adds a decision to a `BatchAuthorizeResponse`.
    pub(super) fn add(&mut self, decision: &Decision<'_>) {
        write_result(&mut self.0, decision);
    }

    /// Adds a result that is already written to a `BatchAuthorizeResponse`.
    pub(super) fn add_result(&mut self, result: &[u8]) {
        self.0.extend_from_slice(result);
    }

    /// Where the next result will stand.
    pub(super) fn place(&self) -> usize {
        self.0.len()
    }

    /// The same with each of `pieces` at its place. The places ascend, and are those of the message as it is.
    pub(super) fn with(self, pieces: impl IntoIterator<Item = (usize, Vec<u8>)>) -> Self {
        let (mut all, mut copied) = (Vec::with_capacity(self.0.len()), 0);
        for (place, piece) in pieces {
            all.extend_from_slice(&self.0[copied..place]);
            all.extend_from_slice(&piece);
            copied = place;
        }
        all.extend_from_slice(&self.0[copied..]);
        Self(all)
    }

    /// The message without its frame.
    pub(super) fn message(&self) -> &[u8] {
        &self.0[FRAME..]
    }

    /// The message in its frame.
    ///
    /// # Errors
    /// It is too long for one.
    pub(super) fn into_bytes(mut self) -> Result<Bytes, Status> {
        let length = u32::try_from(self.message().len());
        let length = length.map_err(|_| Status::resource_exhausted("the answer is longer than a message may be"))?;
        self.0[1..FRAME].copy_from_slice(&length.to_be_bytes());
        Ok(self.0.into())
    }
}

/// A decision as a result of a batch.
pub(super) fn result(decision: &Decision<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(USUAL);
    write_result(&mut bytes, decision);
    bytes
}

/// The result of a question of a batch for which there is no decision: the status of a single call, and its invalid fields.
pub(super) fn undecided(status: &Status, invalid: &[Violation]) -> Vec<u8> {
    let mut bytes = Vec::new();
    nested(&mut bytes, 1, USUAL_LENGTH, |result| {
        nested(result, 2, USUAL_LENGTH, |undecided| {
            text(undecided, 1, &[status.message()]);
            number(undecided, 2, status.code() as u64);
            for Violation { field, description } in invalid {
                nested(undecided, 3, 1, |invalid| {
                    text(invalid, 1, &[field]);
                    text(invalid, 2, &[description]);
                });
            }
        });
    });
    bytes
}

fn write_result(into: &mut Vec<u8>, decision: &Decision<'_>) {
    nested(into, 1, USUAL_LENGTH, |result| {
        nested(result, 1, USUAL_LENGTH, |into| write_decision(into, decision));
    });
}

/// A `Decision`, its fields in the order of their numbers.
fn write_decision(into: &mut Vec<u8>, decision: &Decision<'_>) {
    number(into, 1, u64::from(decision.allowed()));
    let told = decision.failed.first().map_or(proto::Reason::Allowed, to_reason);
    number(into, 2, told as u64);
    if !decision.failed.is_empty() {
        nested(into, 3, 1, |into| into.extend(decision.failed.iter().map(|reason| to_reason(reason) as u8)));
    }
    if let Some((key, _)) = decision.key {
        key.with_text(|parts| text(into, 4, &parts));
    }
    if let Some(store) = decision.store.filter(|store| !store.is_empty()) {
        text(into, 5, &[store]);
    }
    if let Some(scope) = &decision.scope {
        nested(into, 6, 1, |into| write_scope(into, scope));
    }
    for store in &decision.denied_stores {
        text(into, 7, &[store]);
    }
    for entry in &decision.methods {
        text(into, 8, &[entry.identity.verb.as_str(), " ", entry.identity.pattern.as_str()]);
    }
    number(into, 9, decision.revision.0);
    if let Some((_, secret)) = decision.key {
        secret.with_text(|parts| text(into, 10, &parts));
    }
    number(into, 11, u64::from(decision.scope_must_be_applied));
}

fn write_scope(into: &mut Vec<u8>, scope: &Scope<'_>) {
    let (kind, stores) = match scope {
        Scope::All => (proto::ScopeKind::All, &[][..]),
        Scope::Listed(codes) => (proto::ScopeKind::Listed, &codes[..]),
        Scope::Large => (proto::ScopeKind::Large, &[][..]),
    };
    number(into, 1, kind as u64);
    for store in stores {
        text(into, 2, &[store]);
    }
}

/// A number, left out if it is 0.
fn number(into: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        into.push(field << 3 | NUMBER);
        put_varint(into, value);
    }
}

/// A text made of `parts`.
fn text(into: &mut Vec<u8>, field: u8, parts: &[&str]) {
    into.push(field << 3 | LENGTH);
    put_varint(into, parts.iter().map(|part| part.len() as u64).sum());
    for part in parts {
        into.extend_from_slice(part.as_bytes());
    }
}

/// A message within the message, whose length is probably one of `room` bytes. A wrong guess costs a move, and less than
/// to find out the length beforehand.
fn nested(into: &mut Vec<u8>, field: u8, room: usize, write: impl FnOnce(&mut Vec<u8>)) {
    into.push(field << 3 | LENGTH);
    let begin = into.len();
    into.resize(begin + room, 0);
    write(into);
    let message = begin + room..into.len();
    let (bytes, used) = varint(message.len() as u64);
    if used != room {
        into.resize(message.end + used.saturating_sub(room), 0);
        let end = begin + used + message.len();
        into.copy_within(message, begin + used);
        into.truncate(end);
    }
    into[begin..begin + used].copy_from_slice(&bytes[..used]);
}

fn put_varint(into: &mut Vec<u8>, value: u64) {
    if let Ok(short @ 0..0x80) = u8::try_from(value) {
        into.push(short);
        return;
    }
    let (bytes, used) = varint(value);
    into.extend_from_slice(&bytes[..used]);
}

/// A number, seven bits a byte, the lowest first; and the number of bytes used.
fn varint(mut value: u64) -> ([u8; 10], usize) {
    let (mut bytes, mut last) = ([0; 10], 0);
    while value >= 0x80 {
        bytes[last] = value.to_le_bytes()[0] | 0x80;
        value >>= 7;
        last += 1;
    }
    bytes[last] = value.to_le_bytes()[0];
    (bytes, last + 1)
}

pub(super) const fn to_reason(reason: Reason) -> proto::Reason {
    match reason {
        Reason::KeyMissing => proto::Reason::KeyMissing,
        Reason::KeyMalformed => proto::Reason::KeyMalformed,
        Reason::KeyUnknown => proto::Reason::KeyUnknown,
        Reason::KeyRevoked => proto::Reason::KeyRevoked,
        Reason::KeyInactive => proto::Reason::KeyInactive,
        Reason::KeyNotYetValid => proto::Reason::KeyNotYetValid,
        Reason::KeyExpired => proto::Reason::KeyExpired,
        Reason::SecretExpired => proto::Reason::SecretExpired,
        Reason::NetworkDenied => proto::Reason::NetworkDenied,
        Reason::MethodRequired => proto::Reason::MethodRequired,
        Reason::PathAmbiguous => proto::Reason::PathAmbiguous,
        Reason::MethodUnknown => proto::Reason::MethodUnknown,
        Reason::MethodDenied => proto::Reason::MethodDenied,
        Reason::StoreRequired => proto::Reason::StoreRequired,
        Reason::StoreUnknown => proto::Reason::StoreUnknown,
        Reason::StoreInactive => proto::Reason::StoreInactive,
        Reason::StoreDenied => proto::Reason::StoreDenied,
        Reason::NoStoreOpen => proto::Reason::NoStoreOpen,
        Reason::MethodReadsNoStore => proto::Reason::MethodReadsNoStore,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::model::book::{Entry, MethodNumber};
    use crate::model::change::Revision;
    use crate::model::decision::{REASONS, Reasons};
    use crate::model::id::{KeyId, SecretId};
    use crate::model::method::StoreUse;
    use crate::model::time::Timestamp;

    /// A decision as prost would have it.
    fn built(decision: &Decision<'_>) -> proto::Decision {
        let failed_checks: Vec<i32> = decision.failed.iter().map(|reason| to_reason(reason).into()).collect();
        let scope = |scope: &Scope<'_>| {
            let (kind, stores) = match scope {
                Scope::All => (proto::ScopeKind::All, Vec::new()),
                Scope::Listed(codes) => (proto::ScopeKind::Listed, codes.iter().map(ToString::to_string).collect()),
                Scope::Large => (proto::ScopeKind::Large, Vec::new()),
            };
            proto::Scope { kind: kind.into(), stores }
        };
        proto::Decision {
            allowed: decision.allowed(),
            reason: failed_checks.first().copied().unwrap_or(proto::Reason::Allowed.into()),
            failed_checks,
            key_id: decision.key.map(|(key, _)| key.to_string()).unwrap_or_default(),
            store: decision.store.unwrap_or_default().to_owned(),
            scope: decision.scope.as_ref().map(scope),
            denied_stores: decision.denied_stores.iter().map(ToString::to_string).collect(),
            methods: decision.methods.iter().map(|entry| entry.identity.to_string()).collect(),
            revision: decision.revision.0,
            secret_id: decision.key.map(|(_, secret)| secret.to_string()).unwrap_or_default(),
            scope_must_be_applied: decision.scope_must_be_applied,
        }
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let identity = prop::sample::select(vec!["GET /api/v*/orders", "PURGE /", "POST /a/{externalId}/b/**"]);
        let entry = identity.prop_map(|identity| Entry {
            number: MethodNumber(1),
            identity: identity.parse().expect("a method"),
            store_use: StoreUse::Required,
            retired: false,
        });
        prop::collection::vec(entry, 0..4)
    }

    /// What a decision can be made of; the texts lie outside it.
    type Parts = (u32, Option<([u8; 10], i64)>, Option<String>, u8, Vec<String>, Vec<Entry>, u64);

    fn parts() -> impl Strategy<Value = Parts> {
        let codes = prop::collection::vec("[a-z0-9-]{0,40}", 0..30);
        let key = prop::option::of((any::<[u8; 10]>(), 0..4_000_000_000_000_000_i64));
        let revision = prop_oneof![Just(0), 1..1_000_u64, any::<u64>()];
        (0..1_u32 << (REASONS.len() + 1), key, prop::option::of("[a-z]{0,8}"), 0..4_u8, codes, entries(), revision)
    }

    fn decision(parts: &Parts) -> Decision<'_> {
        let (failed, key, store, scope, codes, entries, revision) = parts;
        let mut reasons = Reasons::default();
        for reason in REASONS.into_iter().filter(|reason| failed >> *reason as u32 & 1 == 1) {
            reasons.add(reason);
        }
        let listed = || codes.iter().map(String::as_str).collect::<Vec<_>>();
        let key = key.map(|(random, at)| {
            let at = Timestamp::from_micros(at);
            (KeyId::new(at, random), SecretId::new(at, random.map(|byte| byte ^ 0x5a)))
        });
        Decision {
            failed: reasons,
            key,
            store: store.as_deref(),
            store_number: None,
            scope: [None, Some(Scope::All), Some(Scope::Listed(listed())), Some(Scope::Large)][usize::from(*scope)]
                .clone(),
            scope_must_be_applied: failed >> REASONS.len() == 1,
            denied_stores: listed(),
            methods: entries.iter().collect(),
            revision: Revision(*revision),
        }
    }

    fn message(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).expect("a small message").to_be_bytes();
        [&[0][..], &length, bytes].concat()
    }

    fn request() -> impl Strategy<Value = proto::AuthorizeRequest> {
        let text = || prop_oneof![Just(String::new()), "\\PC{0,20}", "[a-z/ ]{100,300}"];
        let request = (text(), text(), text(), text(), text());
        request.prop_map(|(key, method, store, client_address, min_revision)| proto::AuthorizeRequest {
            key,
            method,
            store,
            stores: Vec::new(),
            client_address,
            min_revision,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn answers_are_written_as_prost_writes_them(all in prop::collection::vec(parts(), 1..6)) {
            let first = built(&decision(&all[0]));
            let answer = proto::AuthorizeResponse { decision: Some(first) };
            let framed = Framed::answer(&decision(&all[0])).into_bytes().expect("a short answer");
            prop_assert_eq!(&framed[..], &message(&answer.encode_to_vec())[..]);

            let decided = |parts| proto::batch_authorize_result::Result::Decision(built(&decision(parts)));
            let results = all.iter().map(|parts| proto::BatchAuthorizeResult { result: Some(decided(parts)) });
            let answer = proto::BatchAuthorizeResponse { results: results.collect() };
            let mut framed = Framed::for_answers(all.len());
            all.iter().for_each(|parts| framed.add(&decision(parts)));
            prop_assert_eq!(framed.message(), &answer.encode_to_vec()[..]);
        }

        /// Whatever is answered later comes to stand where it belongs.
        #[test]
        fn what_was_waited_for_stands_in_its_place(all in prop::collection::vec((parts(), 0..4_u8), 1..8)) {
            let (mut framed, mut later, mut results) = (Framed::for_answers(1), Vec::new(), Vec::new());
            for (parts, when) in &all {
                use proto::batch_authorize_result::Result as Answer;
                let decision = decision(parts);
                let decided = Answer::Decision(built(&decision));
                results.push(proto::BatchAuthorizeResult { result: Some(match when {
                    0 => { framed.add(&decision); decided }
                    1 => { later.push((framed.place(), result(&decision))); decided }
                    2 => {
                        later.push((framed.place(), undecided(&Status::unavailable("too late"), &[])));
                        Answer::Undecided(proto::Undecided { message: "too late".to_owned(), code: 14, invalid_fields: vec![] })
                    }
                    _ => {
                        let field = |number: usize| ("f".repeat(number), "d".repeat(number * 60));
                        let fields = (1..4).map(field).map(|(field, description)| Violation { field, description });
                        let fields: Vec<_> = fields.collect();
                        framed.add_result(&undecided(&Status::invalid_argument("bad"), &fields));
                        let invalid = |Violation { field, description }| proto::InvalidField { field, description };
                        let invalid_fields = fields.into_iter().map(invalid).collect();
                        Answer::Undecided(proto::Undecided { message: "bad".to_owned(), code: 3, invalid_fields })
                    }
                }) });
            }
            let answer = proto::BatchAuthorizeResponse { results };
            let framed = framed.with(later);
            prop_assert_eq!(framed.message(), &answer.encode_to_vec()[..]);
        }

        #[test]
        fn questions_are_read_as_prost_reads_them(all in prop::collection::vec(request(), 0..6)) {
            for request in &all {
                let bytes = request.encode_to_vec();
                prop_assert!(question(&bytes) == Some(Asked::from(request)));
            }
            let batch = proto::BatchAuthorizeRequest { requests: all };
            let bytes = batch.encode_to_vec();
            prop_assert!(questions(&bytes) == Some(batch.requests.iter().map(Asked::from).collect()));
        }

        /// Bytes of any kind, and messages with a few bytes changed: what is read is what prost reads.
        #[test]
        fn nothing_is_read_otherwise_than_prost_reads_it(
            request in request(),
            changed in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            noise in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut bytes = request.encode_to_vec();
            for (at, byte) in changed.iter().filter(|_| !request.encode_to_vec().is_empty()) {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            for bytes in [&bytes, &noise] {
                if let Some(asked) = question(bytes) {
                    let read = proto::AuthorizeRequest::decode(&bytes[..]);
                    prop_assert!(read.is_ok_and(|read| Asked::from(&read) == asked), "{bytes:?}");
                }
                if let Some(asked) = questions(bytes) {
                    let read = proto::BatchAuthorizeRequest::decode(&bytes[..]);
                    let same = |read: proto::BatchAuthorizeRequest| {
                        read.requests.iter().map(Asked::from).collect::<Vec<_>>() == asked
                    };
                    prop_assert!(read.is_ok_and(same), "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_as_usual_is_left_to_prost() {
        let usual = proto::AuthorizeRequest { key: "a".to_owned(), ..Default::default() };
        let stores = proto::AuthorizeRequest { stores: vec!["b".to_owned()], ..usual.clone() };
        assert!(question(&stores.encode_to_vec()).is_none(), "further stores");
        let mut later = usual.encode_to_vec();
        later.extend([7 << 3, 1]);
        assert!(question(&later).is_none(), "a field of a later version");
        assert!(proto::AuthorizeRequest::decode(&later[..]).is_ok());
        assert!(question(&[1 << 3 | LENGTH, 2, 0xff, 0xfe]).is_none(), "no UTF-8");
        assert!(question(&[1 << 3 | LENGTH, 2, b'a']).is_none(), "cut off");
        assert!(question(&[]).is_some() && questions(&[]).is_some_and(|all| all.is_empty()));
    }

    #[test]
    fn only_one_whole_plain_message_is_unframed() {
        let framed = message(b"abc");
        assert_eq!(unframed(&framed), Some(&b"abc"[..]));
        assert_eq!(unframed(&framed[..7]), None, "cut off");
        assert_eq!(unframed(&[&framed[..], &[0]].concat()), None, "something behind it");
        assert_eq!(unframed(&[&[1], &framed[1..]].concat()), None, "compressed");
        assert_eq!(unframed(&message(b"")), Some(&b""[..]));
        assert_eq!(unframed(&[]), None);
    }
}
