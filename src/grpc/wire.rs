//! Zero-copy decoding of requests, and encoding of responses without intermediate messages.
//!
//! The tests compare this with prost, which implements the same messages. Unusual requests are left to prost.

use prost::bytes::Bytes;
use prost::encoding::{encode_varint, encoded_len_varint};
use tonic::{Code, Status};

use super::request::BorrowedRequest;
use crate::model::decision::{Decision, Reason, Scope};
use crate::model::violations::Violation;
use crate::proto::v1 as pb;
use crate::status;

/// Bytes before a message: whether it is compressed, and its length.
const FRAME: usize = 5;
/// Size that most responses fit in, in bytes.
const TYPICAL_SIZE: usize = 320;
/// Bytes that the length of most decisions takes: two ids alone are 80 bytes.
const TYPICAL_LENGTH: usize = 2;

// === reading ===

/// Returns the message in `framed`, if it is exactly one, uncompressed.
pub(super) fn unframe(framed: &[u8]) -> Option<&[u8]> {
    let (&[compressed, length @ ..], message) = framed.split_first_chunk::<FRAME>()?;
    let complete = usize::try_from(u32::from_be_bytes(length)) == Ok(message.len());
    (compressed == 0 && complete).then_some(message)
}

/// Parses an `AuthorizeRequest`; returns `None` if it has uncommon fields or is malformed.
pub(super) fn decode_request(mut message: &[u8]) -> Option<BorrowedRequest<'_>> {
    let mut request = BorrowedRequest::default();
    while let Some((tag, rest)) = message.split_first() {
        let field = match tag >> 3 {
            1 => &mut request.key,
            2 => &mut request.method,
            3 => &mut request.store,
            5 => &mut request.client_address,
            6 => &mut request.min_revision,
            _ => return None,
        };
        let (value, rest) = delimited(*tag, rest)?;
        *field = std::str::from_utf8(value).ok()?;
        message = rest;
    }
    Some(request)
}

/// Parses the requests of a `BatchAuthorizeRequest`, under the same conditions.
pub(super) fn decode_batch(mut message: &[u8]) -> Option<Vec<BorrowedRequest<'_>>> {
    let mut all = Vec::new();
    while let Some((tag, rest)) = message.split_first() {
        if tag >> 3 != 1 {
            return None;
        }
        let (value, rest) = delimited(*tag, rest)?;
        all.push(decode_request(value)?);
        message = rest;
    }
    Some(all)
}

/// Splits a length-delimited field into its value and the bytes after it.
fn delimited(tag: u8, mut bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    // The low bits are the wire type; the highest bit marks a field number with further bytes.
    if tag & 0b1000_0111 != LENGTH {
        return None;
    }
    let length = prost::decode_length_delimiter(&mut bytes).ok()?;
    bytes.split_at_checked(length)
}

// === writing ===

/// Wire types: a number, or a value preceded by its length.
const NUMBER: u8 = 0;
const LENGTH: u8 = 2;

/// A framed message under construction.
#[derive(Debug)]
pub(super) struct Framed(Vec<u8>);

impl Framed {
    /// Creates an empty message with room for `count` results.
    pub(super) fn for_results(count: usize) -> Self {
        let mut bytes = Vec::with_capacity(count * TYPICAL_SIZE);
        bytes.extend([0; FRAME]);
        Self(bytes)
    }

    /// Encodes an `AuthorizeResponse`.
    pub(super) fn response(decision: &Decision<'_>) -> Self {
        let mut framed = Self::for_results(1);
        nested(&mut framed.0, 1, TYPICAL_LENGTH, |into| write_decision(into, decision));
        framed
    }

    /// Appends a decision to a `BatchAuthorizeResponse`.
    pub(super) fn add(&mut self, decision: &Decision<'_>) {
        write_result(&mut self.0, decision);
    }

    /// Appends an encoded result to a `BatchAuthorizeResponse`.
    pub(super) fn add_result(&mut self, result: &[u8]) {
        self.0.extend_from_slice(result);
    }

    /// Returns the position of the next result.
    pub(super) fn position(&self) -> usize {
        self.0.len()
    }

    /// Inserts each of `pieces` at its position. Positions ascend, and refer to the message before the insertions.
    pub(super) fn with_inserted(self, pieces: impl IntoIterator<Item = (usize, Vec<u8>)>) -> Self {
        let (mut all, mut copied) = (Vec::with_capacity(self.0.len()), 0);
        for (position, piece) in pieces {
            all.extend_from_slice(&self.0[copied..position]);
            all.extend_from_slice(&piece);
            copied = position;
        }
        all.extend_from_slice(&self.0[copied..]);
        Self(all)
    }

    /// Returns the message without its frame.
    pub(super) fn message(&self) -> &[u8] {
        &self.0[FRAME..]
    }

    /// Returns the message in its frame.
    ///
    /// # Errors
    /// The message is too long.
    pub(super) fn into_bytes(mut self) -> Result<Bytes, Status> {
        let length = u32::try_from(self.message().len());
        let length = length
            .map_err(|_| status::new(Code::ResourceExhausted, "the response exceeds the maximum message size"))?;
        self.0[1..FRAME].copy_from_slice(&length.to_be_bytes());
        Ok(self.0.into())
    }
}

/// Encodes a decision as a result of a batch.
pub(super) fn encode_result(decision: &Decision<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(TYPICAL_SIZE);
    write_result(&mut bytes, decision);
    bytes
}

/// Encodes the result of a batch request without a decision: the status of a single call, and its invalid fields.
pub(super) fn encode_undecided(status: &Status, invalid: &[Violation]) -> Vec<u8> {
    let mut bytes = Vec::new();
    nested(&mut bytes, 1, TYPICAL_LENGTH, |result| {
        nested(result, 2, TYPICAL_LENGTH, |undecided| {
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
    nested(into, 1, TYPICAL_LENGTH, |result| {
        nested(result, 1, TYPICAL_LENGTH, |into| write_decision(into, decision));
    });
}

/// Encodes a `Decision`, its fields in the order of their numbers.
fn write_decision(into: &mut Vec<u8>, decision: &Decision<'_>) {
    number(into, 1, u64::from(decision.allowed()));
    let reason = decision.failed.first().map_or(pb::Reason::Allowed, to_reason);
    number(into, 2, reason as u64);
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
        Scope::All => (pb::ScopeKind::All, &[][..]),
        Scope::Listed(codes) => (pb::ScopeKind::Listed, &codes[..]),
        Scope::Large => (pb::ScopeKind::Large, &[][..]),
    };
    number(into, 1, kind as u64);
    for store in stores {
        text(into, 2, &[store]);
    }
}

/// Encodes a number; omits 0.
fn number(into: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        into.push(field << 3 | NUMBER);
        encode_varint(value, into);
    }
}

/// Encodes a text composed of `parts`.
fn text(into: &mut Vec<u8>, field: u8, parts: &[&str]) {
    into.push(field << 3 | LENGTH);
    encode_varint(parts.iter().map(|part| part.len() as u64).sum(), into);
    for part in parts {
        into.extend_from_slice(part.as_bytes());
    }
}

/// Encodes a nested message whose length probably takes `room` bytes. A wrong guess costs a move, which is cheaper than
/// computing the length beforehand.
fn nested(into: &mut Vec<u8>, field: u8, room: usize, write: impl FnOnce(&mut Vec<u8>)) {
    into.push(field << 3 | LENGTH);
    let begin = into.len();
    into.resize(begin + room, 0);
    write(into);
    let message = begin + room..into.len();
    let length = message.len() as u64;
    let used = encoded_len_varint(length);
    if used != room {
        into.resize(message.end + used.saturating_sub(room), 0);
        let end = begin + used + message.len();
        into.copy_within(message, begin + used);
        into.truncate(end);
    }
    encode_varint(length, &mut &mut into[begin..begin + used]);
}

pub(super) const fn to_reason(reason: Reason) -> pb::Reason {
    match reason {
        Reason::KeyMissing => pb::Reason::KeyMissing,
        Reason::KeyMalformed => pb::Reason::KeyMalformed,
        Reason::KeyUnknown => pb::Reason::KeyUnknown,
        Reason::KeyRevoked => pb::Reason::KeyRevoked,
        Reason::KeyInactive => pb::Reason::KeyInactive,
        Reason::KeyNotYetValid => pb::Reason::KeyNotYetValid,
        Reason::KeyExpired => pb::Reason::KeyExpired,
        Reason::SecretExpired => pb::Reason::SecretExpired,
        Reason::NetworkDenied => pb::Reason::NetworkDenied,
        Reason::MethodRequired => pb::Reason::MethodRequired,
        Reason::PathAmbiguous => pb::Reason::PathAmbiguous,
        Reason::MethodUnknown => pb::Reason::MethodUnknown,
        Reason::MethodDenied => pb::Reason::MethodDenied,
        Reason::StoreRequired => pb::Reason::StoreRequired,
        Reason::StoreUnknown => pb::Reason::StoreUnknown,
        Reason::StoreInactive => pb::Reason::StoreInactive,
        Reason::StoreDenied => pb::Reason::StoreDenied,
        Reason::NoStoreOpen => pb::Reason::NoStoreOpen,
        Reason::MethodReadsNoStore => pb::Reason::MethodReadsNoStore,
    }
}

#[cfg(test)]
mod tests;
