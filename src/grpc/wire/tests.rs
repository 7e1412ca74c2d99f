//! Compares random messages with prost, byte for byte.

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::model::book::{Entry, MethodNumber};
use crate::model::change::Revision;
use crate::model::decision::{Reason, Reasons};
use crate::model::id::{KeyId, SecretId};
use crate::model::method::StoreUse;
use crate::model::time::Timestamp;

/// Builds the decision as prost would encode it.
fn built(decision: &Decision<'_>) -> pb::Decision {
    let failed_checks: Vec<i32> = decision.failed.iter().map(|reason| to_reason(reason).into()).collect();
    let scope = |scope: &Scope<'_>| {
        let (kind, stores) = match scope {
            Scope::All => (pb::ScopeKind::All, Vec::new()),
            Scope::Listed(codes) => (pb::ScopeKind::Listed, codes.iter().map(ToString::to_string).collect()),
            Scope::Large => (pb::ScopeKind::Large, Vec::new()),
        };
        pb::Scope { kind: kind.into(), stores }
    };
    pb::Decision {
        allowed: decision.allowed(),
        reason: failed_checks.first().copied().unwrap_or(pb::Reason::Allowed.into()),
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

/// Components of a random decision; it borrows the texts.
type Parts = (u32, Option<([u8; 10], i64)>, Option<String>, u8, Vec<String>, Vec<Entry>, u64);

fn parts() -> impl Strategy<Value = Parts> {
    let codes = prop::collection::vec("[a-z0-9-]{0,40}", 0..30);
    let key = prop::option::of((any::<[u8; 10]>(), 0..4_000_000_000_000_000_i64));
    let revision = prop_oneof![Just(0), 1..1_000_u64, any::<u64>()];
    (0..1_u32 << (Reason::ALL.len() + 1), key, prop::option::of("[a-z]{0,8}"), 0..4_u8, codes, entries(), revision)
}

fn decision(parts: &Parts) -> Decision<'_> {
    let (failed, key, store, scope, codes, entries, revision) = parts;
    let mut reasons = Reasons::default();
    for reason in Reason::ALL.into_iter().filter(|reason| failed >> *reason as u32 & 1 == 1) {
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
        scope: [None, Some(Scope::All), Some(Scope::Listed(listed())), Some(Scope::Large)][usize::from(*scope)].clone(),
        scope_must_be_applied: failed >> Reason::ALL.len() == 1,
        denied_stores: listed(),
        methods: entries.iter().collect(),
        revision: Revision(*revision),
    }
}

fn message(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a small message").to_be_bytes();
    [&[0][..], &length, bytes].concat()
}

fn request() -> impl Strategy<Value = pb::AuthorizeRequest> {
    let text = || prop_oneof![Just(String::new()), "\\PC{0,20}", "[a-z/ ]{100,300}"];
    let request = (text(), text(), text(), text(), text());
    request.prop_map(|(key, method, store, client_address, min_revision)| pb::AuthorizeRequest {
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
        let answer = pb::AuthorizeResponse { decision: Some(first) };
        let framed = Framed::response(&decision(&all[0])).into_bytes().expect("a short answer");
        prop_assert_eq!(&framed[..], &message(&answer.encode_to_vec())[..]);

        let decided = |parts| pb::batch_authorize_result::Result::Decision(built(&decision(parts)));
        let results = all.iter().map(|parts| pb::BatchAuthorizeResult { result: Some(decided(parts)) });
        let answer = pb::BatchAuthorizeResponse { results: results.collect() };
        let mut framed = Framed::for_results(all.len());
        all.iter().for_each(|parts| framed.add(&decision(parts)));
        prop_assert_eq!(framed.message(), &answer.encode_to_vec()[..]);
    }

    /// Results that come later are inserted at their positions.
    #[test]
    fn what_was_waited_for_stands_in_its_place(all in prop::collection::vec((parts(), 0..4_u8), 1..8)) {
        let (mut framed, mut later, mut results) = (Framed::for_results(1), Vec::new(), Vec::new());
        for (parts, when) in &all {
            use pb::batch_authorize_result::Result as Answer;
            let decision = decision(parts);
            let decided = Answer::Decision(built(&decision));
            results.push(pb::BatchAuthorizeResult { result: Some(match when {
                0 => { framed.add(&decision); decided }
                1 => { later.push((framed.position(), encode_result(&decision))); decided }
                2 => {
                    later.push((framed.position(), encode_undecided(&Status::unavailable("too late"), &[])));
                    Answer::Undecided(pb::Undecided { message: "too late".to_owned(), code: 14, invalid_fields: vec![] })
                }
                _ => {
                    let field = |number: usize| ("f".repeat(number), "d".repeat(number * 60));
                    let fields = (1..4).map(field).map(|(field, description)| Violation { field, description });
                    let fields: Vec<_> = fields.collect();
                    framed.add_result(&encode_undecided(&Status::invalid_argument("bad"), &fields));
                    let invalid = |Violation { field, description }| pb::InvalidField { field, description };
                    let invalid_fields = fields.into_iter().map(invalid).collect();
                    Answer::Undecided(pb::Undecided { message: "bad".to_owned(), code: 3, invalid_fields })
                }
            }) });
        }
        let answer = pb::BatchAuthorizeResponse { results };
        let framed = framed.with_inserted(later);
        prop_assert_eq!(framed.message(), &answer.encode_to_vec()[..]);
    }

    #[test]
    fn questions_are_read_as_prost_reads_them(all in prop::collection::vec(request(), 0..6)) {
        for request in &all {
            let bytes = request.encode_to_vec();
            prop_assert!(decode_request(&bytes) == Some(BorrowedRequest::from(request)));
        }
        let batch = pb::BatchAuthorizeRequest { requests: all };
        let bytes = batch.encode_to_vec();
        prop_assert!(decode_batch(&bytes) == Some(batch.requests.iter().map(BorrowedRequest::from).collect()));
    }

    /// Arbitrary bytes, and messages with a few changed bytes, are read exactly as prost reads them.
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
            if let Some(decoded) = decode_request(bytes) {
                let read = pb::AuthorizeRequest::decode(&bytes[..]);
                prop_assert!(read.is_ok_and(|read| BorrowedRequest::from(&read) == decoded), "{bytes:?}");
            }
            if let Some(decoded) = decode_batch(bytes) {
                let read = pb::BatchAuthorizeRequest::decode(&bytes[..]);
                let same = |read: pb::BatchAuthorizeRequest| {
                    read.requests.iter().map(BorrowedRequest::from).collect::<Vec<_>>() == decoded
                };
                prop_assert!(read.is_ok_and(same), "{bytes:?}");
            }
        }
    }
}

#[test]
fn what_is_not_as_usual_is_left_to_prost() {
    let usual = pb::AuthorizeRequest { key: "a".to_owned(), ..Default::default() };
    let stores = pb::AuthorizeRequest { stores: vec!["b".to_owned()], ..usual.clone() };
    assert!(decode_request(&stores.encode_to_vec()).is_none(), "further stores");
    let mut later = usual.encode_to_vec();
    later.extend([7 << 3, 1]);
    assert!(decode_request(&later).is_none(), "a field of a later version");
    assert!(pb::AuthorizeRequest::decode(&later[..]).is_ok());
    assert!(decode_request(&[1 << 3 | LENGTH, 2, 0xff, 0xfe]).is_none(), "no UTF-8");
    assert!(decode_request(&[1 << 3 | LENGTH, 2, b'a']).is_none(), "truncated");
    assert!(decode_request(&[]).is_some() && decode_batch(&[]).is_some_and(|all| all.is_empty()));
}

#[test]
fn only_one_whole_plain_message_is_unframed() {
    let framed = message(b"abc");
    assert_eq!(unframe(&framed), Some(&b"abc"[..]));
    assert_eq!(unframe(&framed[..7]), None, "truncated");
    assert_eq!(unframe(&[&framed[..], &[0]].concat()), None, "something behind it");
    assert_eq!(unframe(&[&[1], &framed[1..]].concat()), None, "compressed");
    assert_eq!(unframe(&message(b"")), Some(&b""[..]));
    assert_eq!(unframe(&[]), None);
}
