//! A busy mesh: many small concurrent calls on one connection, and bursts of cancelled calls.

use futures_util::future::join_all;

use crate::http2::frames::{
    CANCEL, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Peer, RST_STREAM, WINDOW_UPDATE, call, frame, message,
};
use crate::http2::server::{AUTHORIZE, TestServer};
use helpers::calls::STATUSES;

/// More than 200 at once, which ended connections with some versions of h2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_calls_at_once_on_one_connection() {
    let server = TestServer::start().await;
    for at_once in [250, 1_000, 2_000] {
        let calls = (0..at_once).map(|_| server.client.authorize(&server.token, STATUSES, ""));
        for answer in join_all(calls).await {
            assert!(answer.expect("no call is lost").allowed);
        }
    }
}

/// The same without a client library, which would replace a lost connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_in_one_write() {
    let server = TestServer::start().await;
    let (call, payload) = (call(AUTHORIZE, &server.admin), message(&server.authorize_message()));
    let seen = server
        .during_attack(move |address| {
            let mut peer = Peer::connect(address);
            let mut drained = 0;
            for round in 0..5 {
                let streams = (0..1_000).map(|number| (round * 1_000 + number) * 2 + 1);
                let bytes: Vec<u8> = streams
                    .flat_map(|stream| {
                        [frame(HEADERS, END_HEADERS, stream, &call), frame(DATA, END_STREAM, stream, &payload)].concat()
                    })
                    .collect();
                assert!(peer.send(&bytes), "the connection goes on");
                let mut answered = 0;
                while answered < 1_000 {
                    let received = peer.next().expect("the connection goes on");
                    assert!(received.kind != GOAWAY && received.kind != RST_STREAM, "{received:?}");
                    answered += usize::from(received.kind == HEADERS && received.flags & END_STREAM != 0);
                    drained += received.payload.len() * usize::from(received.kind == DATA);
                    if drained > 16 * 1024 {
                        // Reading opens the window for more.
                        let window = u32::try_from(drained).expect("small answers").to_be_bytes();
                        peer.send(&frame(WINDOW_UPDATE, 0, 0, &window));
                        drained = 0;
                    }
                }
            }
            peer.is_alive()
        })
        .await;
    assert!(seen);
}

/// A mesh whose calls time out in a burst cancels thousands at once. The connection keeps working for later calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_cancelled_calls_cost_nobody_the_connection() {
    let server = TestServer::start().await;
    let (call, payload) = (call(AUTHORIZE, &server.admin), message(&server.authorize_message()));
    let seen = server
        .during_attack(move |address| {
            let mut peer = Peer::connect(address);
            for burst in 0..3_u32 {
                let first = burst * 20_000 + 1;
                let bytes: Vec<u8> = (0..5_000)
                    .map(|number| first + number * 2)
                    .flat_map(|stream| {
                        let cancel = frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
                        [frame(HEADERS, END_HEADERS, stream, &call), cancel].concat()
                    })
                    .collect();
                assert!(peer.send(&bytes), "the connection goes on");
                let good = first + 10_000;
                peer.send(&frame(HEADERS, END_HEADERS, good, &call));
                peer.send(&frame(DATA, END_STREAM, good, &payload));
                let answer = peer.read_until(|received| {
                    received.kind == GOAWAY || (received.stream == good && received.kind == DATA)
                });
                let answer = answer.expect("the connection goes on");
                assert_eq!(answer.kind, DATA, "{answer:?}");
            }
            peer.is_alive()
        })
        .await;
    assert!(seen);
}
