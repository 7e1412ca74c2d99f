//! `decide` compared with a second, naive implementation, written from the rules as plain loops over lists.
//!
//! A run compares half a million random cases. They are the same in every run, unless `LATCHKEY_TEST_SEED` sets another
//! seed; a failure names its seed.

mod make;

use helpers::naive;
use helpers::naive_decide;
use std::collections::BTreeMap;

use latchkey::model::decision::{Reason, Request, Scope, ScopeEnforcement, StoreEvidence, StoresFrom, decide};
use latchkey::model::time::Timestamp;

use crate::deciding::make::Case;
use helpers::naive_decide::{Answer, GatewayEvidence};
use helpers::random::Random;

const WORLDS: usize = 5_000;
const REQUESTS: usize = 100;

#[test]
#[expect(clippy::print_stdout, reason = "shown with a failure only, which must name its seed")]
fn half_a_million_calls_are_decided_as_naively() {
    let seed = std::env::var("LATCHKEY_TEST_SEED").map_or(20_261_124, |text| text.parse().expect("a number"));
    println!("LATCHKEY_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..WORLDS {
        let Some(mut case) = Case::world(&mut random) else { continue };
        let book = naive::book(&case.list_methods).expect("the world was made of this book");
        for _ in 0..REQUESTS {
            case.next(&mut random);
            let expected = naive_decide::decide(&case.facts(&book));
            let actual = actual(&case);
            assert_eq!(actual, expected, "{case:#?}");
            match actual.failed.first() {
                None => *seen.entry("ALLOWED").or_default() += 1,
                Some(_) => actual.failed.iter().for_each(|reason| *seen.entry(reason).or_default() += 1),
            }
        }
    }
    println!("{seen:?}");
    // Each reason often enough that the comparison means something.
    for reason in [
        Reason::KeyUnknown,
        Reason::KeyRevoked,
        Reason::KeyInactive,
        Reason::KeyNotYetValid,
        Reason::KeyExpired,
        Reason::SecretExpired,
        Reason::NetworkDenied,
        Reason::MethodRequired,
        Reason::PathAmbiguous,
        Reason::MethodUnknown,
        Reason::MethodDenied,
        Reason::StoreRequired,
        Reason::StoreUnknown,
        Reason::StoreInactive,
        Reason::StoreDenied,
        Reason::NoStoreOpen,
        Reason::MethodReadsNoStore,
    ] {
        let times = seen.get(reason.as_str()).copied().unwrap_or_default();
        assert!(times >= 900, "{reason:?} was met {times} times: {seen:?}");
    }
    assert!(seen["ALLOWED"] >= 20_000, "{seen:?}");
}

fn actual(case: &Case) -> Answer {
    let request = Request {
        method: &case.method,
        store: &case.store,
        stores: &case.stores,
        client: case.client.as_deref().map(|address| address.parse().expect("an address")),
        stores_from: case.gateway.map_or(StoresFrom::Service, |seen| {
            let enforcement = match seen {
                GatewayEvidence { scope_applied: true, .. } => ScopeEnforcement::Upstream,
                GatewayEvidence { can_add: 0, .. } => ScopeEnforcement::None,
                GatewayEvidence { can_add: 1, .. } => ScopeEnforcement::AppendOne,
                GatewayEvidence { .. } => ScopeEnforcement::AppendMany,
            };
            StoresFrom::Gateway(StoreEvidence {
                complete: seen.whole,
                verb_inspected: seen.verb,
                limits_call: seen.limited,
                enforcement,
            })
        }),
    };
    let decision = decide(&case.grant, &case.world, &request, Timestamp::from_micros(case.now));
    assert_eq!(decision.allowed(), decision.failed.is_empty());
    Answer {
        failed: decision.failed.iter().map(Reason::as_str).collect(),
        store: decision.store.map(str::to_owned),
        scope: decision.scope.map(|scope| match scope {
            Scope::All => vec!["*".to_owned()],
            Scope::Listed(codes) => codes.into_iter().map(str::to_owned).collect(),
            Scope::Large => vec!["more".to_owned()],
        }),
        denied: decision.denied_stores.into_iter().map(str::to_owned).collect(),
        methods: decision.methods.iter().map(|entry| entry.number.0).collect(),
        key: decision.key.is_some(),
        within_scope: decision.scope_must_be_applied,
    }
}
