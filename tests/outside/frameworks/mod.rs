//! Real frameworks behind the proxies of deploy/: none of them reads an allowed request as another store, key, verb or
//! path than the decision was about.
//!
//! Requests pass Envoy, nginx and Caddy to a service that stores their bytes. The requests that it receives were
//! allowed, and are forwarded, byte for byte, to servers of PHP, Symfony, Laravel, Express, Flask, Django, Sinatra and
//! Go, which return what they read. A run makes the same requests every time, unless `LATCHKEY_TEST_SEED` sets another
//! seed; `LATCHKEY_TEST_CASES` sets their number for each proxy.

pub mod attacks;
pub mod bodies;
pub mod fixture;
pub mod generate;
pub mod oracle;
pub mod random;
pub mod raw;
pub mod replay;
pub mod request;
pub mod servers;
pub mod targets;

use std::fmt::Write as _;
use std::time::Duration;

use crate::proxies::proxy::{Proxy, Upstreams};
use fixture::Fixture;
use generate::{Case, corpus, make, untouched};
use helpers::support::eventually;
use random::Random;
use replay::{Tally, Worker};
use servers::Frameworks;

/// Requests through each proxy.
const CASES: usize = 7_000;
/// Concurrent clients of each proxy.
const CLIENTS: usize = 4;
/// Minimum percentage of requests through all proxies that are allowed.
const LEAST_ALLOWED: usize = 4;

/// The same for unmodified requests. nginx and Caddy send no bodies, which rules out half of the profiles there.
const LEAST_HONEST: usize = 30;

/// Starts a proxy from its file in deploy/.
type Start = fn(Upstreams<'_>) -> Proxy;

/// The proxies.
const PROXIES: [(&str, Start); 3] = [("Envoy", Proxy::envoy), ("nginx", Proxy::nginx), ("Caddy", Proxy::caddy)];

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Latchkey with test data, its proxies and the frameworks.
struct Setup {
    fixture: Fixture,
    proxies: Vec<(&'static str, Proxy)>,
    frameworks: Frameworks,
}

async fn setup() -> Setup {
    let fixture = Fixture::start().await;
    let frameworks = Frameworks::start();
    let proxies: Vec<_> = PROXIES.into_iter().map(|(name, start)| (name, fixture.start_proxy(start))).collect();
    let key = format!("x-api-key: {}", fixture.keys[0].token);
    for (name, proxy) in &proxies {
        eventually(&format!("{name} has found its Latchkey"), Duration::from_secs(30), || {
            (proxy.request("GET", "/site/v5/orders?site=berlin", &[&key], "").status() == 200).then_some(())
        });
    }
    // Requests of the readiness check have no case.
    let _ = fixture.backend.take("");
    Setup { fixture, proxies, frameworks }
}

/// Fails with all violations, the rarest first.
fn no_violations(tally: &Tally) {
    let mut message = String::new();
    for (violation, (times, example)) in &tally.violations {
        let _ = writeln!(message, "{times} × {violation}\n    {example}");
    }
    if let Ok(path) = std::env::var("LATCHKEY_TEST_FINDINGS") {
        std::fs::write(path, &message).expect("the findings can be written");
    }
    let shown: String = message.chars().take(20_000).collect();
    assert!(
        tally.violations.is_empty(),
        "{} kinds of readings are not what was decided:\n{shown}",
        tally.violations.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_framework_reads_a_known_attack_otherwise_than_was_decided() {
    let setup = setup().await;
    let corpus = corpus(&setup.fixture);
    let mut tally = Tally::default();
    for (name, proxy) in &setup.proxies {
        let mut worker = Worker::new(&setup.fixture, name, proxy.port, &setup.frameworks);
        worker.by_request = true;
        for (number, attack) in corpus.iter().enumerate() {
            worker.try_case(&attack.case(&setup.fixture), &format!("{name}-{number}"));
        }
        tally.add(worker.tally);
    }
    println!("{tally}");
    assert!(corpus.len() > 60, "the corpus has {} attacks", corpus.len());
    assert_eq!(setup.fixture.backend.take(""), Vec::<Vec<u8>>::new(), "nothing arrives that no client sent");
    no_violations(&tally);
}

/// The converse: requests of honest clients are allowed, and every framework reads them as decided.
#[tokio::test(flavor = "multi_thread")]
async fn every_framework_reads_honest_requests_as_was_decided() {
    let setup = setup().await;
    let mut tally = Tally::default();
    for (name, proxy) in &setup.proxies {
        let mut random = Random(7);
        let mut worker = Worker::new(&setup.fixture, name, proxy.port, &setup.frameworks);
        for number in 0..300 {
            worker.try_case(&untouched(&setup.fixture, &mut random), &format!("{name}-{number}"));
        }
        tally.add(worker.tally);
    }
    println!("{tally}");
    no_violations(&tally);
    tally.assert_meaningful(LEAST_HONEST, &setup.frameworks);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_framework_reads_what_was_allowed_otherwise_than_was_decided() {
    let setup = setup().await;
    let corpus = corpus(&setup.fixture);
    let cases = number("LATCHKEY_TEST_CASES").unwrap_or(CASES);
    let seed = u64::try_from(number("LATCHKEY_TEST_SEED").unwrap_or(1)).expect("a small number");
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for (at, (name, proxy)) in setup.proxies.iter().enumerate() {
            for client in 0..CLIENTS {
                let (setup, corpus) = (&setup, &corpus);
                workers.push(scope.spawn(move || {
                    let stream = u64::try_from(at * CLIENTS + client).expect("a small number");
                    let mut random = Random(seed.wrapping_mul(0x1_0001).wrapping_add(stream << 32));
                    let mut worker = Worker::new(&setup.fixture, name, proxy.port, &setup.frameworks);
                    for number in 0..cases / CLIENTS {
                        let case: Case = make(&setup.fixture, corpus, &mut random);
                        worker.try_case(&case, &format!("{name}-{client}-{number}"));
                    }
                    worker.tally
                }));
            }
        }
        for worker in workers {
            tally.add(worker.join().expect("a client does not panic"));
        }
    });
    println!("{tally}");
    assert_eq!(setup.fixture.backend.take(""), Vec::<Vec<u8>>::new(), "nothing arrives that no client sent");
    no_violations(&tally);
    tally.assert_meaningful(LEAST_ALLOWED, &setup.frameworks);
}
