//! The server process: the real decision port plus a service that does nothing; or, for comparison, plain hyper, which
//! returns the same bytes for every call.

use std::io::BufRead as _;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use latchkey::grpc;
use latchkey::grpc::auth::CallerAuth;
use latchkey::lifecycle::Tasks;
use latchkey::proto::v1 as proto;
use latchkey::random::OsRandom;
use latchkey::serve::{ConnectionConfig, Limits, Timeouts, Watchdog, WorkerPool};
use latchkey::telemetry::metrics::Shed;
use prost::Message as _;
use tokio::net::TcpListener;

use super::noop::{self, Nothing};
use crate::common::generated::GeneratedStorage;
use crate::common::{cpu, data};
use crate::decide;

/// Serves with this number of data threads and keys: prints its address and an operator's token, and then, for each
/// line of input, the CPU time used so far in microseconds, until its input ends.
#[expect(clippy::print_stdout, reason = "the leading process reads it")]
pub(crate) fn run(threads: usize, keys: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let url = format!("sqlite:{}", folder.path().join("latchkey.db").display());
    let (address, token) = runtime.block_on(serve(&url, threads, keys));
    println!("{address}\n{token}");
    report_cpu_time();
}

/// Serves with plain hyper on one thread, with the same protocol of lines.
#[expect(clippy::print_stdout, reason = "the leading process reads it")]
pub(crate) fn run_echo() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || runtime.block_on(echo(&sender)));
    let address: std::net::SocketAddr = receiver.recv().expect("a port is free");
    println!("{address}\n-");
    report_cpu_time();
    drop(thread);
}

/// Prints the CPU time of the process for each line of input, until the input ends.
#[expect(clippy::print_stdout, reason = "the leading process reads it")]
fn report_cpu_time() {
    for _line in std::io::stdin().lock().lines() {
        println!("{}", cpu::of_process().as_micros());
    }
}

async fn echo(sender: &std::sync::mpsc::Sender<std::net::SocketAddr>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    sender.send(listener.local_addr().expect("a bound socket has an address")).expect("the other thread listens");
    let answer = Bytes::from(usual_answer());
    loop {
        let (stream, _) = listener.accept().await.expect("connections come");
        stream.set_nodelay(true).expect("a socket takes the option");
        let answer = answer.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = answer.clone();
            async move {
                request.into_body().collect().await?;
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                let body = Full::new(answer).with_trailers(std::future::ready(Some(Ok(trailers))));
                let mut response = Response::new(body);
                response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
                Ok::<_, hyper::Error>(response)
            }
        });
        let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
        #[expect(clippy::disallowed_methods, reason = "it ends with the client")]
        drop(tokio::task::spawn(connection));
    }
}

/// Returns a response as large as that of Authorize in this benchmark.
fn usual_answer() -> Vec<u8> {
    let decision = proto::Decision {
        allowed: true,
        reason: proto::Reason::Allowed.into(),
        key_id: "key_01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        store: data::store_code(7),
        scope: Some(proto::Scope { kind: proto::ScopeKind::All.into(), stores: Vec::new() }),
        methods: vec!["GET /api/v*/orders".to_owned()],
        revision: 1_000,
        secret_id: "sec_01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        ..Default::default()
    };
    let message = proto::AuthorizeResponse { decision: Some(decision) }.encode_to_vec();
    let length = u32::try_from(message.len()).expect("a small message").to_be_bytes();
    [&[0][..], &length, &message].concat()
}

/// Counts calls that do nothing like those of a known caller, as Authorize is.
fn checks_caller(head: &http::request::Parts) -> bool {
    head.uri.path() == noop::PATH || grpc::checks_caller(head)
}

async fn serve(url: &str, threads: usize, keys: u32) -> (String, String) {
    let storage = data::open(url).await;
    let token = data::create_admin(&storage).await;
    let catalog = data::create_catalog(&storage).await;
    // Every key has access to everything: every call must be allowed.
    let generated = GeneratedStorage::new(storage, catalog, keys, data::open_grant).await;
    let tasks = Tasks::new();
    let authority = decide::started(Arc::new(generated), keys.into(), &tasks).await;
    decide::warm(&authority, keys.into()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("a bound socket has an address");
    let (reporter, health) = grpc::health::service(&tasks).await;
    tasks.open();
    tasks.supervise("health", grpc::health::run(reporter, authority.clone(), tasks.clone()));
    let limits = Limits::decisions(64, 64, checks_caller);
    let connection_config =
        Arc::new(ConnectionConfig::new(None, None, limits, Arc::new(OsRandom), Timeouts::decisions(), Shed::default()));
    let workers = WorkerPool::start(threads, &connection_config, Watchdog::default(), &tasks, || {
        let worker = authority.for_worker();
        let routes = grpc::decision_routes(&worker, &tasks, health.clone()).add_service(Nothing);
        grpc::decision_service(worker, CallerAuth::Required, routes)
    });
    tasks.supervise("decision port", workers.expect("threads can be started").accept(listener, tasks.clone()));
    (address.to_string(), token.reveal().to_owned())
}
