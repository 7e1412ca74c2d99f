//! The server process: the decision port as it is, and beside its services one that does nothing.

use std::io::BufRead as _;
use std::sync::Arc;
use std::time::Duration;

use latchkey::authority::{Authority, Query, Settings};
use latchkey::clock::SystemClock;
use latchkey::grpc;
use latchkey::grpc::auth::{CallerAuth, CallerAuthLayer};
use latchkey::lifecycle::Tasks;
use latchkey::model::decision::{Request, StoresFrom};
use latchkey::model::id::ReplicaId;
use latchkey::model::time::Timestamp;
use latchkey::random::OsRandom;
use latchkey::serve::{self, Patience, Terms};
use latchkey::telemetry::metrics::Metrics;
use tokio::net::TcpListener;
use tower::Layer as _;

use super::KEYS;
use super::noop::Nothing;
use crate::common::{cpu, data};

/// Serves, tells its address and an operator's token, and then answers each line with the CPU time it has spent, in
/// microseconds, until its input ends.
#[expect(clippy::print_stdout, reason = "the leading process reads it")]
pub(crate) fn run(workers: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let url = format!("sqlite:{}", folder.path().join("latchkey.db").display());
    let (address, token) = runtime.block_on(serve(&url));
    println!("{address}\n{token}");
    for _line in std::io::stdin().lock().lines() {
        println!("{}", cpu::of_process().as_micros());
    }
}

async fn serve(url: &str) -> (String, String) {
    let storage = data::open(url).await;
    let token = data::hire(&storage).await;
    let house = data::furnish(&storage).await;
    data::fill(&storage, &house, KEYS).await;
    let settings = Settings {
        replica: ReplicaId::new(Timestamp::EPOCH, [0; 10]),
        host: "bench".to_owned(),
        cache_capacity: 2 * KEYS,
        poll_interval: Duration::from_millis(250),
        max_staleness: Duration::from_mins(1),
        usage: true,
        hash_key: [5; 16],
    };
    let tasks = Tasks::new();
    let clock: latchkey::clock::SharedClock = Arc::new(SystemClock);
    let authority = Authority::start(storage, settings, &clock, &tasks, Arc::new(Metrics::new()));
    while !authority.is_ready() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for number in 0..KEYS {
        let key = data::token(number);
        let request = Request {
            method: "GET /api/v5/orders",
            store: "",
            stores: &[],
            client: None,
            stores_from: StoresFrom::Service,
        };
        let query = Query { token: key.reveal(), request, min_revision: None };
        authority.decide(&query, |_| ()).await.expect("a call is decided");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("a bound socket has an address");
    let (reporter, health) = grpc::health::service(&tasks).await;
    tasks.supervise("health", grpc::health::keep(reporter, authority.clone(), tasks.clone()));
    let routes = grpc::decision_routes(&authority, &tasks, health).add_service(Nothing);
    let calls = CallerAuthLayer::new(authority, CallerAuth::Required).layer(routes);
    let terms = Arc::new(Terms::new(None, None, 64, Arc::new(OsRandom), Patience::default()));
    tasks.supervise("decision port", serve::serve(listener, calls, terms, tasks.clone()));
    (address.to_string(), token.reveal().to_owned())
}
