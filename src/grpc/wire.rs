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
        let length = length.map_err(|_| Status::resource_exhausted("the response exceeds the maximum message size"))?;
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
mod tests;
