//! Kind 9: what clients without a key may use of a proxy from deploy/: time, streams, connections, headers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use latchkey::proto::v1 as proto;

use crate::proxies::Fixture;
use crate::proxies::proxy::{Proxy, change};
use crate::proxies::shop::ClientConnection;
use helpers::calls::{Client, key_with_access, spawn_task};
use helpers::support::{eventually, pass};

const PROFILE: &str = "keys = [\"header:x-api-key\"]\nstores = [\"query:site\"]\n";
const TARGET: &str = "/api/v5/orders?site=berlin";

/// Waits until the proxy decides.
fn wait_ready(fixture: &Fixture, proxy: &Proxy) -> String {
    let key = format!("x-api-key: {}", fixture.token);
    eventually("the proxy has found its Latchkey", Duration::from_secs(20), || {
        (proxy.request("GET", TARGET, &[&key], "").status() == 200).then_some(())
    });
    let _ = fixture.shop.take();
    key
}

/// The proxy ends a head that never ends, well before the client's timeout; a slow body passes.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_is_ended_and_a_slow_upload_passes() {
    let fixture = Fixture::start(PROFILE).await;
    let proxies =
        [fixture.start_proxy(Proxy::envoy), fixture.start_proxy(Proxy::nginx), fixture.start_proxy(Proxy::caddy)];
    let mut streams = Vec::new();
    for proxy in &proxies {
        let _ = wait_ready(&fixture, proxy);
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port)).expect("it listens");
        stream.write_all(b"GET / HTTP/1.1\r\nhost: shop.example\r\nx-slow: ").expect("it takes a beginning");
        stream.set_read_timeout(Some(Duration::from_secs(40))).expect("a socket");
        streams.push(stream);
    }
    // A body in four parts, over more than a second, with a key for which nginx and Caddy need not send it.
    let all = proto::Access::All.into();
    let wide = proto::Key { store_access: all, method_access: all, ..key_with_access("wide", &[], &[]) };
    let (_, wide) = Client::for_admin(&fixture.server).create_key(wide).await.expect("a key is made");
    let key = format!("x-api-key: {wide}");
    for proxy in &proxies {
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port)).expect("it listens");
        let _ = wait_ready(&fixture, proxy);
        let kind = "content-type: application/octet-stream";
        let length = 40_000;
        let head = format!(
            "GET {TARGET} HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n{key}\r\n{kind}\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the head is taken");
        for _ in 0..4 {
            pass(Duration::from_millis(300)).await;
            stream.write_all(&vec![b'x'; length / 4]).expect("the body is taken");
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(fixture.received_request().body.len(), length, "all of it arrives");
    }
    for mut stream in streams {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("the proxy ends it by itself");
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_bounds_streams_headers_and_connections() {
    let fixture = Fixture::start(PROFILE).await;
    let few =
        |text: &str| change(text, "max_active_downstream_connections: 10000", "max_active_downstream_connections: 20");
    let envoy = fixture.start_proxy(|upstreams| Proxy::envoy_with(upstreams, few));
    let key = wait_ready(&fixture, &envoy);

    let stream = tokio::net::TcpStream::connect(("127.0.0.1", envoy.port)).await.expect("it listens");
    let (sender, connection) = h2::client::handshake(stream).await.expect("it speaks HTTP/2");
    drop(spawn_task(connection));
    eventually("Envoy has said how many streams", Duration::from_secs(20), || {
        (sender.current_max_send_streams() == 100).then_some(())
    });
    drop(sender);

    let many: Vec<String> = (0..101).map(|n| format!("x-{n}: {n}")).collect();
    let mut headers: Vec<&str> = many.iter().map(String::as_str).collect();
    headers.push(&key);
    assert_eq!(envoy.request("GET", TARGET, &headers, "").status(), 431);
    for name in ["X_Latchkey_Store", "x_store", "Script_Name"] {
        assert_eq!(envoy.request("GET", TARGET, &[&format!("{name}: a"), &key], "").status(), 400, "{name}");
    }
    assert_eq!(fixture.shop.take(), []);

    // Idle connections above the limit are closed at once, and requests work again once there is room.
    let idle: Vec<_> = (0..40).filter_map(|_| ClientConnection::connect(envoy.port).ok()).collect();
    eventually("Envoy closes what is over the bound", Duration::from_secs(20), || {
        let stats = envoy.read_admin("/stats?filter=downstream_cx_overload_reject|downstream_global_cx_overflow");
        let counted = stats.lines().filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok()).sum::<u32>();
        (counted >= 20).then_some(())
    });
    drop(idle);
    eventually("there is room again", Duration::from_secs(20), || {
        let answer = ClientConnection::connect(envoy.port)
            .and_then(|mut line| line.send("GET", TARGET.as_bytes(), &[&key], b""));
        answer.is_ok_and(|answer| answer.status() == 200).then_some(())
    });
}
