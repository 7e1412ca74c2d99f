//! Peers that make a server wait. The server is in this process, with shorter timeouts than the real one, so that the
//! tests are fast.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Response};
use latchkey::clock::{Clock as _, SystemClock};
use latchkey::lifecycle::{ShutdownOutcome, Tasks};
use latchkey::random::OsRandom;
use latchkey::serve::{self, ConnectionConfig, Limits, Timeouts};
use latchkey::telemetry::metrics::Shed;
use tokio::net::TcpListener;
use tonic::body::Body;

use crate::http2::frames::{END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, Peer, block, frame};
use helpers::support::http;

const SHORT: Duration = Duration::from_millis(300);
/// Bound on a busy machine.
const BUSY_BOUND: Duration = Duration::from_secs(20);

fn timeouts() -> Timeouts {
    Timeouts { preface: SHORT, head: SHORT, ping: SHORT, pong: SHORT, grace: SHORT, ..Timeouts::default() }
}

/// Opens a port where `/slow` takes a second and every other path no time.
async fn port(age: Option<Duration>, connections: usize, timeouts: Timeouts) -> (SocketAddr, Tasks) {
    let tasks = Tasks::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let calls = tower::service_fn(|request: Request<Body>| async move {
        if request.uri().path() == "/slow" {
            let never = std::future::pending::<()>();
            drop(tokio::time::timeout(Duration::from_secs(1), never).await);
        }
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let limits = Limits::decisions(connections, connections, |_| false);
    let connection_config =
        Arc::new(ConnectionConfig::new(None, age, limits, Arc::new(OsRandom), timeouts, Shed::default()));
    tasks.supervise("port", serve::serve(listener, calls, connection_config, tasks.clone()));
    (address, tasks)
}

async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the test's other half goes well")
}

fn get(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    block(&[&[(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a")], more].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_nothing_is_shown_the_door() {
    let (address, _tasks) = port(None, 64, timeouts()).await;
    for said in ["", "PRI * HTT", "GET / HTTP/1.1\r\nho"] {
        run_blocking(move || {
            let mut peer = Peer::connect_silently(address);
            peer.send(said.as_bytes());
            // A response by HTTP/1.1 (408) may come first; only the end matters.
            while peer.next().is_some() {}
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_answer_a_ping_is_gone() {
    let (address, _tasks) = port(None, 64, timeouts()).await;
    run_blocking(move || {
        let mut peer = Peer::connect(address);
        peer.read_until(|frame| frame.kind == PING).expect("the server pings a silent peer");
        while peer.next().is_some() {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_answers_pings_may_stay_idle() {
    let (address, _tasks) = port(None, 64, timeouts()).await;
    run_blocking(move || {
        let mut peer = Peer::connect(address);
        for _ in 0..5 {
            let ping = peer.read_until(|frame| frame.kind == PING && frame.flags == 0).expect("the connection stays");
            peer.send(&frame(PING, 1, 0, &ping.payload));
        }
        assert!(peer.is_alive());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_only_answers_pings_is_asked_to_leave_after_a_while() {
    let (address, _tasks) = port(None, 64, Timeouts { idle: SHORT, ..timeouts() }).await;
    run_blocking(move || {
        let mut peer = Peer::connect(address);
        let mut asked = false;
        // Responds to every ping, and is idle otherwise.
        while let Some(received) = peer.next() {
            asked |= received.kind == GOAWAY;
            if received.kind == PING && received.flags == 0 {
                peer.send(&frame(PING, 1, 0, &received.payload));
            }
        }
        assert!(asked, "the connection ends in order");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_with_calls_is_not_idle() {
    let (address, _tasks) = port(None, 64, Timeouts { idle: SHORT, ping: BUSY_BOUND, ..timeouts() }).await;
    run_blocking(move || {
        let mut peer = Peer::connect(address);
        let began = SystemClock.monotonic();
        let mut stream = 1;
        while SystemClock.monotonic().saturating_sub(began) < SHORT * 4 {
            peer.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/", &[])));
            let answer =
                peer.read_until(|frame| matches!(frame.kind, HEADERS | GOAWAY)).expect("the connection goes on");
            assert_eq!((answer.kind, answer.stream), (HEADERS, stream));
            stream += 2;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_connection_is_asked_to_come_again_and_its_calls_end_first() {
    let patient = Timeouts { grace: BUSY_BOUND, preface: BUSY_BOUND, ..Timeouts::default() };
    let (address, _tasks) = port(Some(SHORT), 64, patient).await;
    run_blocking(move || {
        let mut peer = Peer::connect(address);
        peer.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &get("/slow", &[])));
        peer.read_until(|frame| frame.kind == GOAWAY).expect("it is asked to come again");
        // The server waits for the response to its ping.
        assert!(peer.send(&frame(PING, 1, 0, &[0; 8])));
        let answer = loop {
            let frame = peer.next().expect("the call under way is answered");
            match frame.kind {
                PING if frame.flags == 0 => drop(peer.send(&crate::http2::frames::frame(PING, 1, 0, &frame.payload))),
                HEADERS => break frame,
                _ => {}
            }
        };
        assert_eq!(answer.stream, 1);
        while peer.next().is_some() {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_connection_ends_even_if_its_calls_do_not() {
    let (address, _tasks) = port(Some(SHORT), 64, Timeouts { ping: BUSY_BOUND, ..timeouts() }).await;
    run_blocking(move || {
        let mut peer = Peer::connect(address);
        // A call whose body does not end gets a response, and its stream stays half open; pings get no response.
        peer.send(&frame(HEADERS, END_HEADERS, 1, &get("/slow", &[])));
        peer.read_until(|frame| frame.kind == GOAWAY).expect("it is asked to come again");
        while peer.next().is_some() {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_the_bound_wait_for_a_place() {
    let (address, _tasks) = port(None, 2, Timeouts { preface: BUSY_BOUND, ..Timeouts::default() }).await;
    run_blocking(move || {
        let mut first = Peer::connect(address);
        let mut second = Peer::connect(address);
        assert!(first.is_alive() && second.is_alive());
        let (answer, answered) = std::sync::mpsc::channel();
        let waiting = std::thread::spawn(move || answer.send(http::get(address, "/")).expect("it is waited for"));
        answered.recv_timeout(SHORT).expect_err("there is no place for a third");
        first.finish();
        let answer = answered.recv_timeout(BUSY_BOUND).expect("now there is a place");
        assert_eq!(answer.expect("it is answered").status, 200);
        waiting.join().expect("a thread");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_is_heeded() {
    let (address, _tasks) = port(None, 64, Timeouts::default()).await;
    run_blocking(move || {
        let mut peer = Peer::connect(address);
        let hurried = [("content-type", "application/grpc"), ("grpc-timeout", "50m")];
        let began = SystemClock.monotonic();
        peer.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &get("/slow", &hurried)));
        let answer = peer.read_until(|frame| frame.kind == HEADERS).expect("it is answered");
        let took = SystemClock.monotonic().saturating_sub(began);
        assert!(answer.flags & END_STREAM != 0, "a status and nothing else: {answer:?}");
        assert!(took >= Duration::from_millis(50) && took < Duration::from_millis(900), "{took:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_protocols_on_one_port_end_in_order() {
    let (address, tasks) = port(None, 64, Timeouts::default()).await;
    let (mut idle, status) = run_blocking(move || {
        let mut idle = Peer::connect(address);
        assert!(idle.is_alive());
        (idle, http::get(address, "/slow").expect("HTTP/1.1 is spoken").status)
    })
    .await;
    assert_eq!(status, 200);
    tasks.stop();
    run_blocking(move || {
        idle.read_until(|frame| frame.kind == GOAWAY).expect("it is told to leave");
        // Responds to the ping with which the server confirms that the GOAWAY was received.
        while let Some(received) = idle.next() {
            if received.kind == PING && received.flags == 0 {
                idle.send(&frame(PING, 1, 0, &received.payload));
            }
        }
    })
    .await;
    assert_eq!(tasks.finish(BUSY_BOUND).await, ShutdownOutcome::Orderly);
}
