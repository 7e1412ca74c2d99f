//! The database's clock is set under running servers, with libfaketime. It is Latchkey's only source of the time of
//! day; elapsed time comes from a monotonic clock, which cannot be set.

use std::path::PathBuf;
use std::time::Duration;

use latchkey::proto::v1::{self as proto, Key, Reason};

use crate::chaos::PAUSE;
use crate::chaos::QUIET;
use crate::chaos::at;
use crate::chaos::local;
use crate::chaos::pass;
use helpers::calls::{METHODS, STATUSES, STORES, key_with_access, spawn_task};
use helpers::fleet::changes::{ChangeKind, Subject};
use helpers::fleet::load::{Load, Writers};
use helpers::fleet::{Fleet, RECOVERY, now, server};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Database, Options};
use helpers::support::relay::{Relay, Traffic};

const MAX_STALENESS: Duration = Duration::from_secs(6);

/// Returns the path of the library that fakes the time of processes that load it.
fn libfaketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = folders.map(|entry| entry.path().join("faketime/libfaketime.so.1")).find(|path| path.is_file());
    found.expect("libfaketime is needed: run `make setup` (Debian: faketime)")
}

/// The clock of a database, which a test can set.
struct DatabaseClock {
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl DatabaseClock {
    /// Starts a cluster and returns it with its clock.
    fn start() -> (Cluster, Self) {
        let folder = tempfile::tempdir().expect("a folder");
        // The database runs under another account.
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("it is open");
        let clock = Self { file: folder.path().join("shift"), _folder: folder };
        clock.shift("+0");
        let cluster = Cluster::start(
            Options::default()
                .env("LD_PRELOAD", &libfaketime().to_string_lossy())
                .env("FAKETIME_TIMESTAMP_FILE", &clock.file.to_string_lossy())
                .env("FAKETIME_NO_CACHE", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        );
        (cluster, clock)
    }

    /// Sets the clock this number of seconds ahead of the machine's.
    fn shift(&self, by: &str) {
        // Moved into place, so that no process reads a partial file.
        let aside = self.file.with_extension("new");
        std::fs::write(&aside, by).expect("the file of the shift can be written");
        std::fs::rename(&aside, &self.file).expect("the file of the shift can be moved into place");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_goes_back_revives_nothing_and_stops_nothing() {
    let (cluster, clock) = DatabaseClock::start();
    let database = cluster.database();
    let builders = (0..2).map(|_| server(database.url(), MAX_STALENESS)).collect();
    let fleet = Fleet::start(builders, MAX_STALENESS).await;
    let clients = fleet.clients();
    let load = Load::start(&fleet, 10, 1, PAUSE).await;
    let began = now();

    // A key that expires during the test.
    let rows = database.query("SELECT CAST(extract(epoch FROM now()) AS bigint) + 5");
    let end: i64 = rows[0][0].as_deref().and_then(|text| text.parse().ok()).expect("a number");
    let expire_time = Some(prost_types::Timestamp { seconds: end, nanos: 0 });
    let key = Key { expire_time, ..key_with_access("short", &STORES[..1], &METHODS[1..2]) };
    let (_, short) = clients[0].create_key(key).await.expect("a key is made");
    let writers = Writers::start(&fleet, &[0, 1], 1, Duration::from_millis(30));
    for client in &clients {
        let decision = client.authorize(&short, STATUSES, "").await.expect("a call is decided");
        assert!(decision.allowed, "{decision:?}");
    }
    for client in &clients {
        eventually_async("the key expires", RECOVERY, async || {
            let decision = client.authorize(&short, STATUSES, "").await.ok()?;
            (decision.reason() == Reason::KeyExpired).then_some(())
        })
        .await;
    }

    clock.shift("-3600");
    let back = |text: &str| text.parse::<i64>().is_ok_and(|at| at < end - 3_000);
    eventually_async("the database's clock has gone back", RECOVERY, async || {
        let rows = database.query("SELECT CAST(extract(epoch FROM now()) AS bigint)");
        rows[0][0].as_deref().is_some_and(back).then_some(())
    })
    .await;
    let before = writers.done();
    let watching: Vec<_> = clients
        .iter()
        .map(|client| {
            let (client, short) = (client.clone(), short.clone());
            spawn_task(async move {
                let until = now() + MAX_STALENESS + Duration::from_secs(1);
                while now() < until {
                    let decision = client.authorize(&short, STATUSES, "").await.expect("a call is decided");
                    assert_eq!(decision.reason(), Reason::KeyExpired, "what has expired stays so");
                    pass(Duration::from_millis(20)).await;
                }
            })
        })
        .collect();
    for task in watching {
        task.await.expect("an expired key stayed expired");
    }
    // Servers that report with earlier times still count as live, and writes are accepted.
    fleet.wait_all_ready().await;
    eventually_async("writes go on", RECOVERY, async || (writers.done() > before + 10).then_some(())).await;
    let listed = clients[0].replicas().list_replicas(proto::ListReplicasRequest {}).await.expect("replicas are told");
    assert!(listed.into_inner().replicas.iter().all(|replica| replica.live));

    // And forward again.
    clock.shift("+0");
    pass(QUIET).await;
    fleet.wait_all_ready().await;
    let (_, failed) = writers.end().await;
    let ended = now();
    // PostgreSQL's own limits on a transaction use the time of day: a transaction that is open when the clock is set
    // may be ended as too long. There is one writer, and the clock was set twice.
    assert!(failed <= 2, "no write needs the clock to go on, but {failed} failed");
    load.end().await.assert_answered(&[0, 1], began, ended);
    fleet.assert_agrees_with_ledger().await;
}

/// Returns the database's clock in seconds.
fn seconds(database: &Database) -> i64 {
    let rows = database.query("SELECT CAST(extract(epoch FROM clock_timestamp()) AS bigint)");
    rows[0][0].as_deref().and_then(|text| text.parse().ok()).expect("a number")
}

/// Waits until every server has followed the database's clock `times` times in this direction.
async fn assert_followed(fleet: &Fleet, direction: &str, times: f64) {
    let series = format!("latchkey_storage_clock_leaps_total{{direction=\"{direction}\"}}");
    for member in &fleet.members {
        eventually_async("a leap of the database's clock is noticed", RECOVERY, async || {
            let page = helpers::support::http::get(member.server.addresses().ops, "/metrics").ok()?.body;
            let line = page.lines().find_map(|line| line.strip_prefix(&series))?;
            (line.trim().parse::<f64>().ok()? >= times).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_leaps_hides_no_server_that_is_cut_off() {
    let (cluster, clock) = DatabaseClock::start();
    let database = cluster.database();
    let relay = Relay::to(local(cluster.port()));
    let builders = vec![
        server(database.url(), MAX_STALENESS),
        server(database.url(), MAX_STALENESS),
        server(&at(database.url(), relay.address()), MAX_STALENESS),
    ];
    let fleet = Fleet::start(builders, MAX_STALENESS).await;
    let (one, other, lost) = (&fleet.members[0], &fleet.members[1], &fleet.members[2]);
    for (round, leap) in ["+25", "+3625", "-3600", "+0"].into_iter().enumerate() {
        let subject = Subject::create_cached(&fleet, 0, ChangeKind::Revoke, &format!("k{round}")).await;
        let cut = now();
        relay.set(Traffic::Silent);
        clock.shift(leap);
        let through = [one, other][round % 2];
        // A transaction that was open when the clock was set may be ended as too long.
        let written = eventually_async("it is revoked", RECOVERY, async || {
            subject.end(&through.client, &fleet.ledger).await.ok()
        })
        .await;
        if now() < cut + MAX_STALENESS / 2 {
            let named = written.pending_unknown || written.pending_replicas.contains(&lost.replica);
            assert!(named, "{leap}: a server that is cut off is named, whatever the clock shows: {written:?}");
        }
        // The ledger checks this response: the server may allow the call only while it is named as pending.
        drop(fleet.ledger.authorize(&lost.client, &lost.replica, &subject.token).await);
        relay.set(Traffic::Open);
        fleet.wait_all_ready().await;
    }
    for direction in ["forward", "back"] {
        assert_followed(&fleet, direction, 1.0).await;
    }
    for member in &fleet.members {
        let log = member.server.stderr();
        assert!(log.contains("the clock of storage jumped"), "it is logged:\n{log}");
    }
    fleet.assert_agrees_with_ledger().await;
}

/// Returns the reason that every server gives for a token.
async fn reasons(fleet: &Fleet, token: &str) -> Vec<Reason> {
    let mut all = Vec::new();
    for member in &fleet.members {
        let answer = eventually_async("it is decided", RECOVERY, async || {
            member.client.authorize(token, STATUSES, "").await.ok()
        });
        all.push(answer.await.reason());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_hour_ahead_time_is_the_same_on_every_server_and_nothing_opens_again() {
    let (cluster, clock) = DatabaseClock::start();
    let database = cluster.database();
    let builders = (0..2).map(|_| server(database.url(), MAX_STALENESS)).collect();
    let mut fleet = Fleet::start(builders, MAX_STALENESS).await;
    let client = fleet.members[0].client.clone();
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let create_key = async |name: &str, from: Option<i64>, until: Option<i64>| {
        let key = Key {
            not_before: from.and_then(at),
            expire_time: until.and_then(at),
            ..key_with_access(name, &STORES[..1], &METHODS[1..2])
        };
        eventually_async("a key is made", RECOVERY, async || client.create_key(key.clone()).await.ok()).await
    };
    let began = seconds(&database);
    let (expiring, ends) = create_key("expires in half an hour", None, Some(began + 1_800)).await;
    let (_, later) = create_key("valid in half an hour", Some(began + 1_800), None).await;
    assert_eq!(reasons(&fleet, &ends).await, [Reason::Allowed; 2]);
    assert_eq!(reasons(&fleet, &later).await, [Reason::KeyNotYetValid; 2]);

    clock.shift("+3600");
    assert_followed(&fleet, "forward", 1.0).await;
    assert_eq!(reasons(&fleet, &ends).await, [Reason::KeyExpired; 2], "time follows the database's clock");
    clock.shift("+0");
    assert_followed(&fleet, "back", 1.0).await;
    let (_, fresh) = create_key("made since", None, Some(seconds(&database) + 300)).await;
    let assert_reported = async |fleet: &Fleet, when: &str| {
        assert_eq!(reasons(fleet, &ends).await, [Reason::KeyExpired; 2], "{when}: what has expired stays so");
        assert_eq!(reasons(fleet, &later).await, [Reason::KeyNotYetValid; 2], "{when}: nothing opens early for good");
        assert_eq!(reasons(fleet, &fresh).await, [Reason::Allowed; 2], "{when}: what was made since is valid");
    };
    assert_reported(&fleet, "running").await;
    fleet.members[1].server.kill9();
    fleet.members[1].server.restart();
    fleet.reconnect(1).await;
    assert_reported(&fleet, "one was started again").await;

    // Updating the expiry makes the key valid again.
    let key = Key { id: expiring.id, expire_time: at(seconds(&database) + 300), ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["expire_time".to_owned()] });
    let request = proto::UpdateKeyRequest { key: Some(key), update_mask, options: None };
    client.keys().update_key(request).await.expect("it is changed");
    assert_eq!(reasons(&fleet, &ends).await, [Reason::Allowed; 2]);

    // All servers are stopped while the clock goes back: storage remembers the latest time.
    clock.shift("+3600");
    assert_followed(&fleet, "forward", 1.0).await;
    let reached = seconds(&database);
    eventually_async("the time is written down", RECOVERY, async || {
        let rows = database.query("SELECT reached / 1000000 FROM clock");
        rows[0][0].as_deref().is_some_and(|text| text.parse::<i64>().is_ok_and(|at| at >= reached)).then_some(())
    })
    .await;
    assert_eq!(reasons(&fleet, &fresh).await, [Reason::KeyExpired; 2]);
    for member in &mut fleet.members {
        member.server.kill9();
    }
    clock.shift("+0");
    for at in 0..2 {
        fleet.members[at].server.restart();
        fleet.reconnect(at).await;
    }
    assert_eq!(reasons(&fleet, &fresh).await, [Reason::KeyExpired; 2], "after a restart of all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_a_longer_max_staleness_is_named_by_its_own() {
    let (short, long) = (Duration::from_secs(5), Duration::from_secs(25));
    let cluster = Cluster::shared();
    let database = cluster.database();
    let relay = Relay::to(local(cluster.port()));
    let builders = vec![server(database.url(), short), server(&at(database.url(), relay.address()), long)];
    // A replica that is named may be behind for as long as its own setting allows.
    let fleet = Fleet::start(builders, long).await;
    let (one, lost) = (&fleet.members[0], &fleet.members[1]);
    let listed = eventually_async("each one reports", RECOVERY, async || {
        let answer = one.client.replicas().list_replicas(proto::ListReplicasRequest {}).await.ok()?.into_inner();
        (answer.replicas.len() == 2).then_some(answer.replicas)
    })
    .await;
    for replica in &listed {
        let expected = if replica.id == lost.replica { long } else { short };
        assert_eq!(replica.max_staleness.map(|age| age.seconds), i64::try_from(expected.as_secs()).ok());
    }
    let subject = Subject::create_cached(&fleet, 0, ChangeKind::Revoke, "k").await;
    let cut = now();
    relay.set(Traffic::Silent);
    pass(short + short / 2).await;
    let written = subject.end(&one.client, &fleet.ledger).await.expect("it is revoked");
    let decision = fleet.ledger.authorize(&lost.client, &lost.replica, &subject.token).await;
    // If a busy machine took longer than this, the check would prove nothing.
    if now() < cut + long / 2 {
        assert!(decision.expect("it goes on deciding").allowed, "it cannot know better");
        assert_eq!(written.pending_replicas, std::slice::from_ref(&lost.replica));
    }
    let said = one.server.stderr();
    assert!(said.contains("have different values of max_staleness"), "it is logged:\n{said}");
    assert_eq!(said.matches("have different values of max_staleness").count(), 1, "once:\n{said}");
    relay.set(Traffic::Open);
    fleet.wait_all_ready().await;
    fleet.assert_agrees_with_ledger().await;
}
