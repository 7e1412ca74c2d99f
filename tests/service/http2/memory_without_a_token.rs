//! Memory of the real server that peers without a token can occupy: it is measured while they occupy what they can and
//! another client is served.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::http2::frames::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, Peer, RST_STREAM, SETTINGS, block, frame, message,
};
use crate::http2::server::TestServer;
use helpers::support::eventually;
use helpers::support::http;

/// Timeout of one read or write: longer than the server waits for a body.
const TIMEOUT: Duration = Duration::from_secs(30);
const MIB: usize = 1 << 20;

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT).expect("the server accepts connections");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a socket takes a bound");
    stream.set_write_timeout(Some(TIMEOUT)).expect("a socket takes a bound");
    stream
}

/// Returns the head of a form with a body of this length.
fn form(address: SocketAddr, path: &str, more: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\n{more}\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// Reads the rest of the response until the server closes the connection.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A server that does not read everything closes the connection with a reset.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A hundred forms of 4 MiB without their last byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_sign_in_forms() {
    let server = TestServer::start().await;
    let admin = server.process.addresses().admin;
    for more in ["", "cookie: latchkey=0000000000000000000000000000000000000000000000000000000000000000\r\n"] {
        for path in ["/sign-in", "/integration/keys/add", "/no/such/page"] {
            server
                .during_attack_at(admin, move |address| {
                    let head = form(address, path, more, 4 * MIB);
                    let body = vec![b'x'; 4 * MIB - 1];
                    let send = |_| {
                        let mut stream = connect(address);
                        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
                        stream
                    };
                    let held: Vec<_> = (0..100).map(send).collect();
                    let answered = held.into_iter().map(rest).filter(|text| text.contains("HTTP/1.1 200")).count();
                    assert_eq!(answered, 0);
                })
                .await;
        }
    }
}

/// The same over one HTTP/2 connection, with its maximum number of streams.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_sign_in_forms_on_one_connection() {
    let server = TestServer::start().await;
    let admin = server.process.addresses().admin;
    let refused = server
        .during_attack_at(admin, |address| {
            let authority = address.to_string();
            let origin = format!("http://{address}");
            let head = block(&[
                (":method", "POST"),
                (":scheme", "http"),
                (":path", "/sign-in"),
                (":authority", &authority),
                ("origin", &origin),
                ("content-type", "application/x-www-form-urlencoded"),
            ]);
            let mut peer = Peer::connect_silently(address);
            peer.send(PREFACE);
            peer.send(&frame(SETTINGS, 0, 0, &[]));
            let drained = peer.refusals();
            let streams = || (0..1_024_u32).map(|number| number * 2 + 1);
            let mut taken = true;
            for stream in streams() {
                taken = taken && peer.send(&frame(HEADERS, END_HEADERS, stream, &head));
            }
            // 240 KiB each, as far as the windows permit: sending more would end the connection, which is the server's
            // right.
            for _ in 0..15 {
                for stream in streams() {
                    taken = taken && peer.send(&frame(DATA, 0, stream, &[b'x'; 16 * 1024]));
                }
            }
            peer.finish();
            drained.join().expect("the reader reads")
        })
        .await;
    assert!(refused > 900, "the console lets {} calls at once open on a connection", 1_024 - refused);
}

/// Heads of 60 KiB that are never complete, on a thousand connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_heads() {
    let server = TestServer::start().await;
    let addresses = server.process.addresses();
    for (address, count) in [(addresses.decision, 1_500), (addresses.admin, 500), (addresses.ops, 500)] {
        server
            .during_attack_at(address, move |address| {
                let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", "x".repeat(60 * 1024));
                let send = |_| {
                    let mut stream = connect(address);
                    let _ = stream.write_all(head.as_bytes());
                    stream
                };
                // Held while the memory is measured.
                (0..count).map(send).collect::<Vec<_>>()
            })
            .await;
    }
}

/// Calls without a token that do not end: health watches, and reflection, whose responses the client does not read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_calls_that_need_no_token() {
    let server = TestServer::start().await;
    let addresses = server.process.addresses();
    let reflect = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let watch = "/grpc.health.v1.Health/Watch";
    // ServerReflectionRequest { file_containing_symbol: "latchkey.v1.KeyService" }, repeated.
    let mut symbol = vec![0x22, 22];
    symbol.extend(b"latchkey.v1.KeyService");
    let asked = message(&symbol).repeat(20);
    for (address, path, body) in [
        (addresses.decision, watch, message(&[])),
        (addresses.admin, watch, message(&[])),
        (addresses.admin, reflect, asked),
    ] {
        let head = block(&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "latchkey"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("x", &"x".repeat(8 * 1024)),
        ]);
        server
            .during_attack_at(address, move |address| {
                let mut held = Vec::new();
                for _ in 0..60 {
                    let mut peer = Peer::connect(address);
                    for stream in (0..200_u32).map(|number| number * 2 + 1) {
                        peer.send(&frame(HEADERS, END_HEADERS, stream, &head));
                        peer.send(&frame(DATA, 0, stream, &body));
                    }
                    held.push(peer);
                }
                held
            })
            .await;
    }
}

/// gRPC without a token, or with an unknown one: refused before the body is read, whatever its announced length.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_calls_with_unknown_tokens() {
    let server = TestServer::start().await;
    let addresses = server.process.addresses();
    let good = server.admin.clone();
    let wrong = format!("{}{}", &good[..good.len() - 1], if good.ends_with('a') { 'b' } else { 'a' });
    for (address, path, token) in [
        (addresses.admin, "/latchkey.v1.KeyService/ImportKeys", "none".to_owned()),
        (addresses.admin, "/latchkey.v1.KeyService/ImportKeys", wrong.clone()),
        (addresses.decision, "/latchkey.v1.AuthorizationService/BatchAuthorize", wrong.clone()),
        (addresses.decision, "/envoy.service.auth.v3.Authorization/Check", wrong),
    ] {
        let refused = server
            .during_attack_at(address, move |address| {
                let head = crate::http2::frames::call(path, &token);
                let mut refused = 0;
                for _ in 0..200 {
                    let mut peer = Peer::connect(address);
                    peer.send(&frame(HEADERS, END_HEADERS, 1, &head));
                    let answer = peer.read_until(|frame| matches!(frame.kind, HEADERS | RST_STREAM | GOAWAY));
                    refused += usize::from(answer.is_some_and(|frame| frame.flags & END_STREAM != 0));
                }
                refused
            })
            .await;
        assert_eq!(refused, 200, "{path} is refused without its body");
    }
}

/// The operations port responds while one client holds the maximum number of its connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_holds_the_operations_port() {
    let server = TestServer::start().await;
    let ops = server.process.addresses().ops;
    server
        .during_attack_at(ops, |address| {
            let held: Vec<_> = (0..300).map(|_| connect(address)).collect();
            let answers = (0..20).filter(|_| http::get(address, "/livez").is_ok_and(|answer| answer.status == 200));
            assert_eq!((answers.count(), held.len()), (20, 300));
        })
        .await;
}

/// One address cannot use all connections of a port.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_peer_has_a_share_of_the_connections() {
    let builder = helpers::support::process::LatchkeyProcess::builder();
    let builder = builder.env("LATCHKEY_MAX_CONNECTIONS", "400").env("LATCHKEY_ADMIN_CONNECTIONS", "200");
    let server = TestServer::start_with(builder).await;
    let addresses = server.process.addresses();
    for address in [addresses.decision, addresses.admin] {
        let open = server
            .during_attack_at(address, |address| {
                let held: Vec<_> = (0..400).map(|_| connect(address)).collect();
                let is_open = |stream: &&TcpStream| {
                    stream.set_nonblocking(true).expect("a socket takes the option");
                    let read = (&mut &**stream).read(&mut [0; 1]);
                    matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
                };
                let most = 100;
                eventually("the others are closed", TIMEOUT, || {
                    let open = held.iter().filter(is_open).count();
                    (open <= most).then_some(open)
                })
            })
            .await;
        assert!(open > 50, "one address holds {open} connections of {address}");
    }
}

/// HTTP/1.1 without an end: chunks, trailers, and a requested upgrade.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_trailers_and_upgrades() {
    let server = TestServer::start().await;
    let admin = server.process.addresses().admin;
    server
        .during_attack_at(admin, |address| {
            let head = form(address, "/sign-in", "", 0).replace("content-length: 0", "transfer-encoding: chunked");
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            let trailers = format!("0\r\n{}", format!("x: {}\r\n", "x".repeat(1_000)).repeat(4_000));
            for body in [chunk.repeat(1_024), trailers] {
                let send = |_| {
                    let mut stream = connect(address);
                    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
                    stream
                };
                let held: Vec<_> = (0..100).map(send).collect();
                drop(held);
            }
            let mut stream = connect(address);
            let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                           sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
            let ask = format!("GET /sign-in HTTP/1.1\r\nhost: {address}\r\n{upgrade}\r\n");
            stream.write_all(ask.as_bytes()).expect("it is sent");
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).expect("it is answered");
            assert_eq!(&answer, b"HTTP/1.1 200", "nothing else is spoken");
        })
        .await;
}

/// A form that is sent very slowly is ended, with a reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_has_a_time_to_come() {
    let server = TestServer::start().await;
    let admin = server.process.addresses().admin;
    let answer = server
        .during_attack_at(admin, |address| {
            let mut stream = connect(address);
            stream.write_all(form(address, "/sign-in", "", 1_000).as_bytes()).expect("it is sent");
            // Sends a byte whenever nothing was received for a while.
            stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a socket takes a bound");
            let (mut answer, mut buffer) = (String::new(), [0; 1_024]);
            for _ in 0..200 {
                match stream.read(&mut buffer) {
                    Ok(read) if read > 0 => answer.push_str(&String::from_utf8_lossy(&buffer[..read])),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => drop(stream.write_all(b"x")),
                    _ => break,
                }
            }
            answer
        })
        .await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}
