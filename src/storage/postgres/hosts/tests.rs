//! Tests of hosts with a custom resolver, and servers that implement only the start of a PostgreSQL connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicUsize;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::tls::connector;
use super::*;
use crate::clock::SystemClock;

/// Longer than any operation here takes.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A server that greets and then responds to everything with an error. Returns its port and counts connections.
#[expect(clippy::disallowed_methods, reason = "the tasks of a test end with it")]
async fn greeting(ip: Ipv4Addr, port: u16, made: &Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind((ip, port)).await.expect("a port is free");
    let port = listener.local_addr().expect("an address").port();
    let made = Arc::clone(made);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            made.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut message = [0_u8; 1024];
                // The client's first message, unencrypted; "authentication is done", "ready".
                let _ = stream.read(&mut message).await?;
                stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await?;
                while stream.read(&mut message).await? > 0 {
                    stream.write_all(b"E\0\0\0\x19SERROR\0C42883\0Mnone\0\0Z\0\0\0\x05I").await?;
                }
                io::Result::Ok(())
            });
        }
    });
    port
}

fn hosts(url: &str, resolve: Resolver) -> Arc<Hosts> {
    let settings = UrlSettings::parse(url).expect("a URL");
    let tls = connector(&settings).expect("TLS");
    let clock: SharedClock = Arc::new(SystemClock);
    Hosts::with_resolver(&settings, tls, &clock, resolve)
}

fn resolving(addresses: &'static [[u8; 4]]) -> Resolver {
    Arc::new(move |_, _| {
        let addresses = addresses.iter().map(|ip| IpAddr::from(*ip)).collect();
        async move { Ok(addresses) }.boxed()
    })
}

fn hanging() -> Resolver {
    Arc::new(|_, _| std::future::pending().boxed())
}

async fn connected(hosts: &Arc<Hosts>) -> NewConnection {
    let made = tokio::time::timeout(TEST_TIMEOUT, hosts.connect()).await.expect("connecting has bounds");
    made.unwrap_or_else(|unreachable| panic!("{unreachable}"))
}

#[tokio::test]
async fn a_name_with_several_addresses_leads_to_the_one_that_answers() {
    let made = Arc::default();
    let port = greeting(Ipv4Addr::new(127, 0, 1, 3), 0, &made).await;
    // One refuses, one accepts but never responds.
    let _silent = std::net::TcpListener::bind((Ipv4Addr::new(127, 0, 1, 2), port)).expect("a port is free");
    let resolve = resolving(&[[127, 0, 1, 1], [127, 0, 1, 2], [127, 0, 1, 3]]);
    let hosts = hosts(&format!("postgres://u@db:{port}/d?sslmode=disable"), resolve);
    for _ in 0..3 {
        let made = connected(&hosts).await;
        assert_eq!(made.origin.endpoint.text, format!("db:{port} (127.0.1.3)"));
    }
    assert_eq!(made.load(Ordering::SeqCst), 3, "the last good address is first");
}

#[tokio::test]
async fn a_name_that_is_not_resolved_holds_up_no_other_host_and_is_named() {
    let made = Arc::default();
    let port = greeting(Ipv4Addr::new(127, 0, 1, 4), 0, &made).await;
    let some = hosts(&format!("postgres://u@db,127.0.1.4:{port}/d?sslmode=disable"), hanging());
    assert_eq!(connected(&some).await.origin.endpoint.text, format!("127.0.1.4:{port}"));
    let none = hosts("postgres://u@db,127.0.1.5:1/d?sslmode=disable&connect_timeout=1", hanging());
    let unreachable = tokio::time::timeout(TEST_TIMEOUT, none.connect()).await.expect("connecting has bounds");
    let message = unreachable.err().expect("no host can be used").to_string();
    assert!(message.starts_with("db:5432: its name could not be resolved within 1s; 127.0.1.5:1: "), "{message}");
    assert!(message.contains("Connection refused"), "{message}");
}

#[tokio::test]
async fn an_address_that_was_good_is_used_while_its_name_cannot_be_resolved() {
    let (made, asked) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
    let port = greeting(Ipv4Addr::new(127, 0, 1, 6), 0, &made).await;
    let count = Arc::clone(&asked);
    let once: Resolver = Arc::new(move |_, _| match count.fetch_add(1, Ordering::SeqCst) {
        0 => async { Ok(vec![IpAddr::from([127, 0, 1, 6])]) }.boxed(),
        1 => async { Err(io::Error::other("no name server")) }.boxed(),
        _ => std::future::pending().boxed(),
    });
    let hosts = hosts(&format!("postgres://u@db:{port}/d?sslmode=disable&connect_timeout=50"), once);
    for _ in 0..3 {
        drop(connected(&hosts).await);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3, "a name may lead elsewhere by now");
    let waited = Instant::now();
    drop(connected(&hosts).await);
    assert!(waited.elapsed() < Duration::from_secs(25), "a lookup that hangs is not waited for to its bound");
}

#[tokio::test]
async fn one_lookup_at_a_time_hangs_for_a_name() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolve: Resolver = Arc::new(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::pending().boxed()
    });
    let hosts = hosts("postgres://u@db/d?connect_timeout=1", resolve);
    let attempts = (0..50).map(|_| hosts.connect());
    let all = futures_util::future::join_all(attempts);
    let all = tokio::time::timeout(TEST_TIMEOUT, all).await.expect("connecting has bounds");
    assert!(all.iter().all(Result::is_err));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "each that hangs holds a thread");
}

#[tokio::test]
async fn hosts_that_refuse_are_tried_again_while_another_is_silent_and_not_too_often() {
    let made = Arc::default();
    let unresponsive = std::net::TcpListener::bind((Ipv4Addr::new(127, 0, 1, 9), 0)).expect("a port is free");
    let port = unresponsive.local_addr().expect("an address").port();
    let url = format!("postgres://u@127.0.1.9:{port},127.0.1.10:{port}/d?sslmode=disable");
    let hosts = hosts(&url, hanging());
    let late = async {
        tokio::time::timeout(STAGGER * 3 / 2, std::future::pending::<()>()).await.expect_err("it is pending");
        greeting(Ipv4Addr::new(127, 0, 1, 10), port, &made).await;
        // Longer than the time limit of the unresponsive one.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        made = connected(&hosts) => assert_eq!(made.origin.endpoint.text, format!("127.0.1.10:{port}")),
        () = late => unreachable!("it waits for ever"),
    }
    let refused = hosts.endpoints.lock().iter().map(|endpoint| endpoint.text.clone()).collect::<Vec<_>>();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn connections_to_a_host_that_is_left_are_not_used_again() {
    let made = Arc::default();
    let first = greeting(Ipv4Addr::new(127, 0, 1, 7), 0, &made).await;
    let second = greeting(Ipv4Addr::new(127, 0, 1, 8), 0, &made).await;
    let hosts = hosts(&format!("postgres://u@127.0.1.7:{first},127.0.1.8:{second}/d?sslmode=disable"), hanging());
    let before = connected(&hosts).await;
    assert_eq!(before.origin.endpoint.text, format!("127.0.1.7:{first}"));
    before.origin.record_timeout();
    assert!(before.origin.is_usable(), "its host answered a moment ago: it is one slow statement");
    before.origin.endpoint.last_response.store(0, Ordering::SeqCst);
    before.origin.record_timeout();
    assert!(!before.origin.is_usable());
    tokio::time::timeout(TEST_TIMEOUT, before.origin.invalidated()).await.expect("who listens on it learns of it");
    let after = connected(&hosts).await;
    assert_eq!(after.origin.endpoint.text, format!("127.0.1.8:{second}"), "a silent host is tried last");
    assert!(after.origin.is_usable());
    let address = SocketAddr::from(([127, 0, 1, 8], second));
    assert!(connected(&hosts).await.origin.endpoint.text.contains(&address.to_string()));
}
