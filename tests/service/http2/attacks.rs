//! A test for each known HTTP/2 attack on servers: memory stays bounded, other clients are served, and where the
//! protocol has a limit only the attacking connection is closed.

use crate::http2::frames::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Peer, RST_STREAM, WINDOW_UPDATE, call, frame,
    message,
};
use crate::http2::server::{AUTHORIZE, TestServer};

/// `ENHANCE_YOUR_CALM`.
const CALM: u32 = 11;
/// `REFUSED_STREAM`.
const REFUSED: u32 = 7;

/// Returns odd numbers: the streams that a client opens.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| number * 2 + 1)
}

/// CVE-2023-44487: calls that are cancelled as soon as they are made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_reset() {
    let server = TestServer::start().await;
    let call = call(AUTHORIZE, &server.admin);
    let seen = server
        .during_attack(move |address| {
            let mut peer = Peer::connect(address);
            let drained = peer.drained();
            let mut sent = 0;
            for stream in streams(60_000) {
                let pair =
                    [frame(HEADERS, END_HEADERS, stream, &call), frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())];
                if !peer.send(&pair.concat()) {
                    break;
                }
                sent += 1;
            }
            peer.finish();
            (sent, drained.join().expect("the reader reads"))
        })
        .await;
    let (sent, _) = seen;
    assert!(sent > 10_000, "{sent} calls were made and cancelled");
}

/// CVE-2025-8671: errors of the peer make the server reset streams.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_that_the_server_is_made_to_send() {
    let server = TestServer::start().await;
    let call = call(AUTHORIZE, &server.admin);
    let seen = server
        .during_attack(move |address| {
            let mut peer = Peer::connect(address);
            let drained = peer.drained();
            for stream in streams(200_000) {
                // Exceeds the maximum window: an error of this stream alone.
                let pair = [
                    frame(HEADERS, END_HEADERS, stream, &call),
                    frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes()),
                ];
                if !peer.send(&pair.concat()) {
                    break;
                }
            }
            drained.join().expect("the reader reads")
        })
        .await;
    assert_eq!(seen, Some(CALM), "the connection is ended");
}

/// RUSTSEC-2024-0332: headers that never end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn continuation_flood() {
    let server = TestServer::start().await;
    let call = call(AUTHORIZE, &server.admin);
    let seen = server
        .during_attack(move |address| {
            let mut peer = Peer::connect(address);
            let drained = peer.drained();
            peer.send(&frame(HEADERS, 0, 1, &call));
            // A header of 100 bytes, repeated.
            let header = [&[0, 4], &b"name"[..], &[100], &[b'x'; 100]].concat();
            let more = frame(CONTINUATION, 0, 1, &header.repeat(150));
            let mut sent = 0;
            while sent < 20_000 && peer.send(&more) {
                sent += 1;
            }
            peer.finish();
            (sent, drained.join().expect("the reader reads"))
        })
        .await;
    let (sent, _) = seen;
    assert!(sent < 20_000, "the server goes on reading headers after {sent} frames of 16 KiB");
}

/// RUSTSEC-2026-0258: empty data frames.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_data() {
    let server = TestServer::start().await;
    let call = call(AUTHORIZE, &server.admin);
    let seen = server
        .during_attack(move |address| {
            let mut peer = Peer::connect(address);
            let drained = peer.drained();
            peer.send(&frame(HEADERS, END_HEADERS, 1, &call));
            let nothing = frame(DATA, 0, 1, &[]).repeat(1_000);
            let mut sent = 0;
            while sent < 2_000 && peer.send(&nothing) {
                sent += 1;
            }
            peer.finish();
            (sent, drained.join().expect("the reader reads"))
        })
        .await;
    let (sent, code) = seen;
    assert!(sent < 2_000, "the connection is ended");
    assert!(code.is_none_or(|code| code == CALM), "{code:?}");
}

/// The same in single bytes, on the maximum number of calls, none of which ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_in_single_bytes() {
    let server = TestServer::start().await;
    let call = call(AUTHORIZE, &server.admin);
    server
        .during_attack(move |address| {
            let mut peer = Peer::connect(address);
            let drained = peer.drained();
            let open: Vec<u8> = streams(1_000).flat_map(|stream| frame(HEADERS, END_HEADERS, stream, &call)).collect();
            let mut taken = peer.send(&open);
            // The beginning of a message of 60 000 bytes.
            let begin: Vec<u8> =
                streams(1_000).flat_map(|stream| frame(DATA, 0, stream, &[0, 0, 0, 0xea, 0x60])).collect();
            taken &= peer.send(&begin);
            let byte: Vec<u8> = streams(1_000).flat_map(|stream| frame(DATA, 0, stream, b"x")).collect();
            let mut rounds = 0;
            while taken && rounds < 300 {
                taken = peer.send(&byte);
                rounds += 1;
            }
            peer.finish();
            drained.join().expect("the reader reads");
        })
        .await;
}

/// Headers above the limit are refused, and the connection stays open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_list_that_is_too_long() {
    let server = TestServer::start().await;
    let (long, good) = (call(AUTHORIZE, &"x".repeat(20 * 1024)), call(AUTHORIZE, &server.admin));
    let payload = message(&server.authorize_message());
    let seen = server
        .during_attack(move |address| {
            let mut peer = Peer::connect(address);
            let (first, rest) = long.split_at(16_000);
            peer.send(&frame(HEADERS, END_STREAM, 1, first));
            peer.send(&frame(CONTINUATION, END_HEADERS, 1, rest));
            let refusal = peer.read_until(|frame| frame.stream == 1).expect("the call is answered");
            assert!(matches!(refusal.kind, HEADERS | RST_STREAM), "{refusal:?}");
            assert!(peer.is_alive(), "the connection is not to blame");
            peer.send(&frame(HEADERS, END_HEADERS, 3, &good));
            peer.send(&frame(DATA, END_STREAM, 3, &payload));
            let answer =
                peer.read_until(|frame| frame.stream == 3 && frame.kind == DATA).expect("a good call is answered");
            answer.payload.len()
        })
        .await;
    assert!(seen > 5, "there is a decision in it");
}

/// Calls that never end: those beyond the limit are refused, and the others remain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_flood() {
    let server = TestServer::start().await;
    let call = call(AUTHORIZE, &server.admin);
    server
        .during_attack(move |address| {
            let mut peer = Peer::connect(address);
            let mut refused = 0;
            for stream in streams(1_500) {
                assert!(peer.send(&frame(HEADERS, END_HEADERS, stream, &call)), "the connection goes on");
            }
            while refused < 1_500 - 1_024 {
                let frame = peer.next().expect("the connection goes on");
                assert_ne!(frame.kind, GOAWAY, "the connection goes on");
                if frame.kind == RST_STREAM {
                    assert_eq!(frame.payload, REFUSED.to_be_bytes());
                    refused += 1;
                }
            }
            assert!(peer.is_alive());
            // And more of it than any client does by mistake.
            let drained = peer.drained();
            for stream in streams(60_000).skip(1_500) {
                if !peer.send(&frame(HEADERS, END_HEADERS, stream, &call)) {
                    break;
                }
            }
            peer.finish();
            drained.join().expect("the reader reads")
        })
        .await;
}

/// A message whose length exceeds the limit is refused before it is received.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_long() {
    let server = TestServer::start().await;
    let call = call(AUTHORIZE, &server.admin);
    let seen = server
        .during_attack(move |address| {
            let mut peer = Peer::connect(address);
            for stream in streams(100) {
                peer.send(&frame(HEADERS, END_HEADERS, stream, &call));
                // 2 GiB, of which five bytes are sent.
                peer.send(&frame(DATA, 0, stream, &[0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5]));
                let answer = peer.read_until(|frame| frame.stream == stream).expect("the call is answered");
                assert_eq!(answer.kind, HEADERS, "{answer:?}");
            }
            peer.is_alive()
        })
        .await;
    assert!(seen, "the connection is not to blame");
    let long = "x".repeat(2 << 20);
    let refused = server.client.authorize(&long, "GET /", "").await.expect_err("it is too long");
    assert!(matches!(refused.code(), tonic::Code::OutOfRange | tonic::Code::ResourceExhausted), "{refused:?}");
    server.assert_served().await;
}
