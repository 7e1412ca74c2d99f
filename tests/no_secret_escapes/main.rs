//! Everything that can happen to a token happens to some token, on a server with maximum logging. Then all output of
//! the server is searched: no token occurs outside the response that showed it, and no digest outside its one column.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../support/mod.rs"]
pub mod support;
#[path = "../scenarios/world.rs"]
pub mod world;

pub mod secrets;
pub mod storage;
pub mod story;

use std::time::Duration;

use secrets::{Form, Secrets, Trace};
use support::process::LatchkeyProcess;
use support::{eventually_async, http};
use world::{Engine, World};

/// Bound for the server's orderly shutdown.
const END: Duration = Duration::from_secs(60);

/// Name and bytes of some output.
type Heap = (String, Vec<u8>);

async fn nothing_escapes(engine: Engine) {
    let verbose = LatchkeyProcess::builder().env("LATCHKEY_LOG", "trace");
    let mut world = World::begin_with(engine, verbose).await;
    let mut secrets = Secrets::default();
    secrets.add("the first admin's token", &world.server.admin_token());
    let told = story::happen(&world, &mut secrets).await;
    assert!(secrets.len() > 25, "{} secrets were at stake", secrets.len());

    let mut heaps: Vec<Heap> = told.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    let metrics = http::get(world.server.addresses().ops, "/metrics").expect("metrics are told");
    assert!(metrics.body.contains("latchkey_decisions_total"), "{}", metrics.body);
    heaps.push(("metrics".to_owned(), metrics.body.into_bytes()));
    let changes = format!("{:#?}", world.changes().await);
    assert!(changes.contains("rotate") && changes.contains("revoke_secret"), "the audit tells what happened");
    heaps.push(("the audit trail".to_owned(), changes.into_bytes()));
    // While the server runs, so that the write-ahead log is searched, too.
    heaps.extend(files_of(&world));

    world.server.terminate();
    let status = eventually_async("the server ends", END, async || world.server.exited()).await;
    assert!(status.success(), "{status}");
    let log = world.server.stderr();
    assert!(log.matches("TRACE").count() > 20, "the log is as loud as it gets: {} bytes", log.len());
    heaps.push(("standard error".to_owned(), log.into_bytes()));
    heaps.push(("standard output".to_owned(), world.server.stdout().into_bytes()));
    heaps.extend(files_of(&world));
    if engine == Engine::Postgres {
        heaps.push(("the log of the database".to_owned(), support::postgres::Cluster::shared().log().into_bytes()));
    }

    let mut found: Vec<Trace> = Vec::new();
    for (heap, bytes) in &heaps {
        // Database files contain digests, in a column that is checked below.
        let forms: &[Form] = if heap.starts_with("file ") { &Form::WRITTEN } else { &Form::ALL };
        found.extend(secrets.search(heap, bytes, forms));
    }
    let cells = storage::cells(&world);
    assert!(cells.iter().any(|cell| cell.bytes == b"rotated and rotated again"), "the dump has the keys' names");
    let (digests, others): (Vec<_>, Vec<_>) = cells
        .into_iter()
        .partition(|cell| matches!((cell.table.as_str(), cell.column.as_str()), ("secrets" | "operators", "digest")));
    for cell in &others {
        found.extend(secrets.search(&format!("{}.{}", cell.table, cell.column), &cell.bytes, &Form::ALL));
    }
    // The search finds them where they are expected: finding nothing elsewhere proves something.
    for cell in &digests {
        found.extend(secrets.search("a digest's own column", &cell.bytes, &Form::WRITTEN));
    }
    let in_place = digests.iter().filter(|cell| secrets.search("", &cell.bytes, &[Form::RawDigest]).len() == 1).count();
    assert_eq!(
        (in_place, digests.len()),
        (secrets.kept(), secrets.kept()),
        "each digest is kept once, where it belongs"
    );
    assert!(found.is_empty(), "{} traces of secrets:\n{}", found.len(), Trace::list(&found));
}

/// Returns the files of the data folder except the one that is meant to contain a token.
fn files_of(world: &World) -> Vec<Heap> {
    let entries = std::fs::read_dir(world.server.data()).expect("the data folder is readable");
    let paths = entries.map(|entry| entry.expect("the data folder is read to its end").path());
    let others = paths.filter(|path| path.is_file() && !path.ends_with("admin.token"));
    others
        .filter_map(|path| {
            // A file that disappears meanwhile contained nothing.
            let bytes = std::fs::read(&path).ok()?;
            Some((format!("file {}", path.file_name()?.to_string_lossy()), bytes))
        })
        .collect()
}

#[tokio::test]
async fn no_secret_escapes_on_sqlite() {
    nothing_escapes(Engine::Sqlite).await;
}

#[tokio::test]
async fn no_secret_escapes_on_postgres() {
    nothing_escapes(Engine::Postgres).await;
}
