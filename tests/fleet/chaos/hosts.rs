//! Several hosts in `database_url`, some of which do not work: unresponsive, dropping packets, refusing, frozen.

use std::net::SocketAddr;
use std::time::Duration;

use crate::chaos::local;
use helpers::calls::{METHODS, STATUSES, STORES, key_with_access};
use helpers::fleet::{Fleet, RECOVERY, now, server};
use helpers::support::bad_host::{DroppingHost, SilentHost};
use helpers::support::eventually_async;
use helpers::support::machine::free_port;
use helpers::support::postgres::{Cluster, Database, Options};

const MAX_STALENESS: Duration = Duration::from_secs(6);

/// Returns the URL of `database` with `hosts` as its hosts, in this order.
fn url(database: &Database, hosts: &[SocketAddr], parameters: &str) -> String {
    let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    format!("postgres://postgres@{}/{}{parameters}", hosts.join(","), database.name())
}

#[test]
fn a_start_passes_over_hosts_that_accept_connections_and_say_nothing() {
    let cluster = Cluster::shared();
    let silent = [SilentHost::bind([127, 0, 0, 2]), SilentHost::bind([127, 0, 0, 3]), SilentHost::bind([127, 0, 0, 4])];
    let good = local(cluster.port());
    for (silents, parameters) in
        [(1, "?target_session_attrs=read-write"), (1, ""), (2, "?target_session_attrs=read-write"), (3, "")]
    {
        let hosts: Vec<_> = silent[..silents].iter().map(SilentHost::address).chain([good]).collect();
        let started = server(&url(&cluster.database(), &hosts, parameters), MAX_STALENESS).start();
        drop(started);
    }
}

#[test]
fn a_start_passes_over_hosts_that_drop_packets() {
    let cluster = Cluster::shared();
    let dropping = [DroppingHost::bind([127, 0, 0, 5]), DroppingHost::bind([127, 0, 0, 6])];
    let hosts = [dropping[0].address(), dropping[1].address(), local(cluster.port())];
    drop(server(&url(&cluster.database(), &hosts, "?target_session_attrs=read-write"), MAX_STALENESS).start());
}

#[test]
fn a_start_without_a_usable_host_names_each_with_its_own_cause() {
    let (silent, dropping) = (SilentHost::bind([127, 0, 0, 7]), DroppingHost::bind([127, 0, 0, 8]));
    let refusing = SocketAddr::from(([127, 0, 0, 9], free_port()));
    let url = format!(
        "postgres://somebody:hunter2@{},{},{refusing},nobody.invalid:5432/latchkey",
        silent.address(),
        dropping.address()
    );
    let mut server = server(&url, MAX_STALENESS).env("LATCHKEY_START_WAIT", "0s").spawn();
    let status = server.wait_exit(Duration::from_mins(1));
    let said = server.stderr();
    assert_eq!(status.code(), Some(1), "{said}");
    let sentence = said.lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>().join("\n");
    for (host, cause) in [
        (silent.address().to_string(), "accepted the connection but did not respond"),
        (dropping.address().to_string(), "timed out"),
        (refusing.to_string(), "Connection refused"),
        ("nobody.invalid:5432".to_owned(), "name"),
    ] {
        let reported =
            sentence.split_once(&format!("{host}: ")).map(|(_, after)| after.split(';').next().unwrap_or(after));
        assert!(
            reported.is_some_and(|reported| reported.contains(cause)),
            "{host} should have the cause {cause:?}:\n{sentence}"
        );
    }
    assert!(!sentence.contains("hunter2"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_freezes_is_left_for_another() {
    let mut primary = Cluster::start(Options::default());
    let database = primary.database();
    let standby = primary.standby();
    let hosts = [local(primary.port()), local(standby.port())];
    // The second URL has no target_session_attrs: the server must reject a standby by itself.
    let urls = ["?target_session_attrs=read-write", ""].map(|parameters| url(&database, &hosts, parameters));
    let builders = urls.iter().map(|url| server(url, MAX_STALENESS).env("LATCHKEY_LOG", "info")).collect();
    let fleet = Fleet::start(builders, MAX_STALENESS).await;
    let clients = fleet.clients();
    let mut tokens = Vec::new();
    for number in 0..40 {
        let key = key_with_access(&format!("key {number}"), &STORES[..1], &METHODS[1..2]);
        let request = latchkey::proto::v1::CreateKeyRequest { key: Some(key), ..Default::default() };
        tokens.push(clients[0].keys().create_key(request).await.expect("a key is made").into_inner().token);
    }
    for client in &clients {
        assert!(client.authorize(&tokens[0], STATUSES, "").await.expect("a call is decided").allowed);
    }
    primary.wait_caught_up(&standby);
    primary.stop();
    let frozen = now();
    standby.promote();
    // The frozen host still accepts connections, and is the first in the list.
    for (client, member) in clients.iter().zip(&fleet.members) {
        let mut cold = tokens[1..].iter().cycle();
        eventually_async("a key that was never asked about is decided", RECOVERY, async || {
            let token = cold.next().expect("there is always a next");
            client.authorize(token, STATUSES, "").await.ok().filter(|decision| decision.allowed).map(drop)
        })
        .await;
        eventually_async("a write is taken", RECOVERY, async || {
            client.create_store(&format!("s{}", now().as_micros())).await.ok()
        })
        .await;
        eventually_async("notifications arrive from the new primary", RECOVERY, async || {
            let log = member.server.stderr();
            (log.matches("notifications from the database work again").count() > 1).then_some(())
        })
        .await;
    }
    // Later than earlier proof of freshness lasts: reports and polls use the new primary.
    eventually_async("what was proven before would not do any more", RECOVERY, async || {
        (now() > frozen + MAX_STALENESS * 2).then_some(())
    })
    .await;
    for (client, member) in clients.iter().zip(&fleet.members) {
        assert!(member.is_ready());
        assert!(client.authorize(&tokens[0], STATUSES, "").await.expect("a call is decided").allowed);
        let log = member.server.stderr();
        assert!(log.contains(&hosts[0].to_string()), "the frozen host is named:\n{log}");
    }
    // The old primary is not used when it is back, although it still considers itself the primary.
    primary.cont();
    eventually_async("a write is taken", RECOVERY, async || clients[0].create_store("last").await.ok()).await;
    let there = helpers::support::postgres::query(
        &format!("postgres://postgres@{}/{}", hosts[1], database.name()),
        "SELECT count(*) FROM stores WHERE code = 'last'",
    );
    assert_eq!(there.expect("the new primary answers")[0][0].as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_in_an_outage_waits_for_the_database() {
    let mut cluster = Cluster::start(Options::default());
    let database = cluster.database();
    cluster.kill9();
    let mut starting = server(database.url(), MAX_STALENESS).env("LATCHKEY_START_WAIT", "60s").spawn();
    eventually_async("it says that it waits", RECOVERY, async || {
        starting.stderr().contains("opening the database").then_some(())
    })
    .await;
    cluster.restart();
    starting.wait_ready();
    let log = starting.stderr();
    assert!(log.contains("Connection refused"), "the cause is in the log:\n{log}");
}
