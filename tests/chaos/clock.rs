//! The database's clock moved back under running servers, by libfaketime. Latchkey has no other clock for the time of
//! day, and the time that passes it takes from one that cannot be set.

use std::path::{Path, PathBuf};
use std::time::Duration;

use latchkey::proto::v1::{self as proto, Key, Reason};

use crate::calls::{METHODS, STATUSES, STORES, beside, selected};
use crate::fleet::load::{Load, Writers};
use crate::fleet::{Fleet, RECOVERY, now, server};
use crate::support::eventually_async;
use crate::support::postgres::{Cluster, Options};
use crate::{CALM, PAUSE, pass};

const MAX_STALENESS: Duration = Duration::from_secs(6);

/// The library that fakes the time of those who load it.
fn libfaketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = folders.map(|entry| entry.path().join("faketime/libfaketime.so.1")).find(|path| path.is_file());
    found.expect("libfaketime is needed: run `make setup` (Debian: faketime)")
}

fn shift(file: &Path, by: &str) {
    // Moved into place, so that nobody reads half of it.
    let aside = file.with_extension("new");
    std::fs::write(&aside, by).expect("the file of the shift can be written");
    std::fs::rename(&aside, file).expect("the file of the shift can be moved into place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_goes_back_revives_nothing_and_stops_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    // The database runs under another account.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("it is open");
    let file = folder.path().join("shift");
    shift(&file, "+0");
    let cluster = Cluster::start(
        Options::default()
            .env("LD_PRELOAD", &libfaketime().to_string_lossy())
            .env("FAKETIME_TIMESTAMP_FILE", &file.to_string_lossy())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    );
    let database = cluster.database();
    let builders = (0..2).map(|_| server(database.url(), MAX_STALENESS)).collect();
    let fleet = Fleet::start(builders, MAX_STALENESS).await;
    let clients = fleet.clients();
    let load = Load::begin(&fleet, 10, 1, PAUSE).await;
    let began = now();

    // A key that ends by itself, and does.
    let rows = database.query("SELECT CAST(extract(epoch FROM now()) AS bigint) + 5");
    let end: i64 = rows[0][0].as_deref().and_then(|text| text.parse().ok()).expect("a number");
    let expire_time = Some(prost_types::Timestamp { seconds: end, nanos: 0 });
    let key = Key { expire_time, ..selected("short", &STORES[..1], &METHODS[1..2]) };
    let (_, short) = clients[0].create_key(key).await.expect("a key is made");
    let writers = Writers::begin(&fleet, &[0, 1], 1, Duration::from_millis(30));
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

    shift(&file, "-3600");
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
            beside(async move {
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
    // Servers that report with earlier times are live all the same, and writes are taken.
    fleet.all_ready().await;
    eventually_async("writes go on", RECOVERY, async || (writers.done() > before + 10).then_some(())).await;
    let listed = clients[0].replicas().list_replicas(proto::ListReplicasRequest {}).await.expect("replicas are told");
    assert!(listed.into_inner().replicas.iter().all(|replica| replica.live));

    // And forward again.
    shift(&file, "+0");
    pass(CALM).await;
    fleet.all_ready().await;
    let (_, failed) = writers.end().await;
    let ended = now();
    // PostgreSQL's own bounds on a transaction go by the time of day: the one that is open when the clock is set may be
    // ended as too long. There is one writer, and the clock was set twice.
    assert!(failed <= 2, "no write needs the clock to go on, but {failed} failed");
    load.end().await.assert_answered(&[0, 1], began, ended);
    fleet.agrees_with_ledger().await;
}
