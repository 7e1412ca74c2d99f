//! A recorded and replayed scenario on a real server; then each decision is falsified in every way.

use std::sync::Arc;
use std::time::Duration;

use latchkey::clock::SystemClock;
use latchkey::model::token::Token;
use latchkey::proto::v1 as proto;
use prost_types::FieldMask;

use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access};
use helpers::oracle::{Checker, History, Outcome, Recorder, Verdict};
use helpers::support::process::LatchkeyProcess;

const MAX_STALENESS: Duration = Duration::from_secs(60);
const CALLS: [&str; 5] = [STATUSES, "GET /api/v5/orders", "/api/v5/orders/create", "GET /api/v5/none", ""];

struct Setup {
    client: Client,
    recorder: Recorder,
    tokens: Vec<String>,
}

impl Setup {
    async fn create_key(&mut self, key: proto::Key) -> proto::Key {
        let request = proto::CreateKeyRequest { key: Some(key), ..Default::default() };
        let made = self.client.keys().create_key(request).await.expect("a key is made").into_inner();
        self.recorder.record_created(made.key.as_ref(), &made.token, made.written.as_ref());
        self.tokens.push(made.token);
        made.key.expect("an answer has a key")
    }

    fn record_written(&self, written: Option<proto::Written>) {
        self.recorder.record_write(&written.expect("a write tells its revision"));
    }

    async fn update(&self, key: proto::Key, path: &str) {
        let update_mask = Some(FieldMask { paths: vec![path.to_owned()] });
        let request = proto::UpdateKeyRequest { key: Some(key), update_mask, options: None };
        self.record_written(
            self.client.keys().update_key(request).await.expect("a key is changed").into_inner().written,
        );
    }

    /// Makes every call with every token, in one batch for each token.
    async fn authorize_all(&self) {
        for token in &self.tokens {
            let request = |method: &str, stores: &[&str], client_address: &str| proto::AuthorizeRequest {
                key: token.clone(),
                method: method.to_owned(),
                store: stores.first().copied().unwrap_or_default().to_owned(),
                stores: stores.iter().skip(1).map(ToString::to_string).collect(),
                client_address: client_address.to_owned(),
                ..Default::default()
            };
            let mut requests: Vec<_> = CALLS.iter().map(|method| request(method, &[], "192.0.2.9")).collect();
            for stores in [&STORES[..1], &STORES[1..2], &STORES[..2], &["nowhere"]] {
                requests.push(request(STATUSES, stores, "::ffff:192.0.2.9"));
            }
            requests.push(request(STATUSES, &[], "198.51.100.1"));
            let batch = proto::BatchAuthorizeRequest { requests: requests.clone() };
            let sent = self.recorder.now();
            let answer = self.client.authorization().batch_authorize(batch).await.expect("calls are decided");
            for (request, result) in requests.iter().zip(answer.into_inner().results) {
                let Some(proto::batch_authorize_result::Result::Decision(decision)) = result.result else {
                    panic!("a call was not decided")
                };
                self.recorder.record_decision("server", sent, request, &decision);
            }
        }
    }
}

fn key_with_id(id: &str) -> proto::Key {
    proto::Key { id: id.to_owned(), ..Default::default() }
}

async fn run_scenario(server: &LatchkeyProcess) -> Setup {
    let client = Client::for_admin(server);
    client.create_test_data().await;
    let mut setup = Setup { client, recorder: Recorder::new(Arc::new(SystemClock)), tokens: vec![String::new()] };
    setup.tokens.extend([Token::issue([9; 32]).reveal().to_owned(), "lk_mistyped".to_owned()]);
    let statuses = &METHODS[1..2];
    let one = setup.create_key(key_with_access("one store", &STORES[..1], statuses)).await;
    let two = setup.create_key(key_with_access("two stores", &STORES[..2], &METHODS)).await;
    let networks = vec!["192.0.2.0/24".to_owned()];
    setup.create_key(proto::Key { networks, ..key_with_access("one network", &STORES, &METHODS) }).await;
    let all = proto::Access::All.into();
    let everything = proto::Key { store_access: all, method_access: all, name: "all".into(), ..Default::default() };
    let everything = setup.create_key(everything).await;
    let later = Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 });
    setup.create_key(proto::Key { not_before: later, ..key_with_access("later", &STORES, &METHODS) }).await;
    setup.authorize_all().await;

    setup.update(proto::Key { active: Some(false), ..key_with_id(&one.id) }, "active").await;
    setup.update(proto::Key { stores: vec![STORES[1].into()], ..key_with_id(&two.id) }, "stores").await;
    setup.authorize_all().await;
    setup.update(proto::Key { active: Some(true), ..key_with_id(&one.id) }, "active").await;
    let rotate =
        proto::RotateKeyRequest { id: two.id, overlap: Some(prost_types::Duration::default()), ..Default::default() };
    let rotated = setup.client.keys().rotate_key(rotate).await.expect("a key is rotated").into_inner();
    setup.recorder.record_created(rotated.key.as_ref(), &rotated.token, rotated.written.as_ref());
    setup.tokens.push(rotated.token);
    setup.authorize_all().await;

    let mut stores = setup.client.stores();
    let off = proto::Store { code: STORES[1].into(), active: Some(false), ..Default::default() };
    let update_mask = Some(FieldMask { paths: vec!["active".into()] });
    let request = proto::UpdateStoreRequest { store: Some(off), update_mask, options: None };
    setup.record_written(stores.update_store(request).await.expect("a store is switched off").into_inner().written);
    setup.authorize_all().await;
    let request = proto::DeleteStoreRequest { code: STORES[0].into(), allow_rebinding: true, ..Default::default() };
    setup.record_written(stores.delete_store(request).await.expect("a store is deleted").into_inner().written);
    setup.authorize_all().await;
    // Another store with the same code: keys of the first have no access to it.
    setup.client.create_store(STORES[0]).await.expect("a store is made");
    let request = proto::DeleteMethodRequest { method: METHODS[1].into(), ..Default::default() };
    setup.record_written(
        setup.client.methods().delete_method(request).await.expect("it is retired").into_inner().written,
    );
    setup.authorize_all().await;

    let request = proto::RevokeKeyRequest { id: one.id, reason: "a test".into(), ..Default::default() };
    setup.record_written(setup.client.keys().revoke_key(request).await.expect("a key is revoked").into_inner().written);
    let request = proto::DeleteKeyRequest { id: everything.id, ..Default::default() };
    setup.record_written(setup.client.keys().delete_key(request).await.expect("a key is deleted").into_inner().written);
    setup.authorize_all().await;
    setup
}

/// Returns the verdict falsified in every way.
fn falsify(verdict: &Verdict) -> Vec<Verdict> {
    let mut falsified = vec![
        Verdict { allowed: !verdict.allowed, ..verdict.clone() },
        Verdict { reason: "STORE_REQUIRED".into(), ..verdict.clone() },
        Verdict { failed: vec!["KEY_EXPIRED".into()], ..verdict.clone() },
        Verdict { key: "key_other".into(), ..verdict.clone() },
        Verdict { secret: "sec_other".into(), ..verdict.clone() },
        Verdict { store: "warsaw-west".into(), ..verdict.clone() },
        Verdict { scope: Some(vec!["berlin".into(), "paris".into()]), ..verdict.clone() },
        Verdict { denied: vec!["paris".into()], ..verdict.clone() },
        Verdict { within_scope: !verdict.within_scope, ..verdict.clone() },
        Verdict { methods: vec!["GET /other".into()], ..verdict.clone() },
        Verdict { revision: verdict.revision + 1_000, ..verdict.clone() },
    ];
    falsified.retain(|wrong| wrong != verdict);
    falsified
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_servers_answers_are_right_and_each_wrong_one_is_found() {
    let server = LatchkeyProcess::builder().start();
    let setup = run_scenario(&server).await;
    let history =
        History::fetch(async |request| Ok(setup.client.audit().list_changes(request).await?.into_inner())).await;
    let checker = Checker::new(history, MAX_STALENESS);
    let records = setup.recorder.records();
    let report = checker.check(&records);
    report.assert_clean(500);
    for reason in [
        "ALLOWED",
        "KEY_MISSING",
        "KEY_MALFORMED",
        "KEY_UNKNOWN",
        "KEY_REVOKED",
        "KEY_INACTIVE",
        "KEY_NOT_YET_VALID",
        "NETWORK_DENIED",
        "METHOD_REQUIRED",
        "METHOD_UNKNOWN",
        "METHOD_DENIED",
        "STORE_UNKNOWN",
        "STORE_INACTIVE",
        "STORE_DENIED",
    ] {
        assert!(report.reasons.contains_key(reason), "{reason} was never answered: {:?}", report.reasons);
    }

    // All decisions falsified in one way, at once: each causes a complaint.
    let verdicts: Vec<Verdict> = records
        .calls
        .iter()
        .filter_map(|call| match &call.outcome {
            Outcome::Decision(verdict) => Some(verdict.clone()),
            Outcome::Allowed { .. } => None,
        })
        .collect();
    let ways = verdicts.iter().map(|verdict| falsify(verdict).len()).max().expect("there are answers");
    assert!(ways >= 9, "{ways}");
    let mut made = 0;
    for way in 0..ways {
        let mut tampered = records.clone();
        let mut expected = 0;
        for (call, verdict) in tampered.calls.iter_mut().zip(&verdicts) {
            if let Some(wrong) = falsify(verdict).into_iter().nth(way) {
                call.outcome = Outcome::Decision(wrong);
                expected += 1;
            }
        }
        let report = checker.check(&tampered);
        assert_eq!(report.right, verdicts.len() - expected, "way {way}: {:?}", report.complaints.first());
        assert!(report.wrong >= expected, "way {way}");
        made += expected;
    }
    assert!(made >= 5_000, "{made}");

    // A decision from before a revocation, with the revision after it.
    let (before, after) = (verdicts.iter().find(|verdict| verdict.allowed), verdicts.last());
    let mut tampered = records.clone();
    let before = before.expect("something was allowed").clone();
    let at = verdicts.iter().position(|verdict| *verdict == before).expect("it is one of them");
    let revision = after.expect("there is a last answer").revision;
    tampered.calls[at].outcome = Outcome::Decision(Verdict { revision, ..before });
    let report = checker.check(&tampered);
    assert!(report.wrong >= 1 && report.complaints[0].contains("KEY_REVOKED"), "{report:#?}");
}
