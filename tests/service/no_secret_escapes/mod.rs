//! Everything that can happen to a token happens to some token, on a server with maximum logging. Then all output of
//! the server is searched: no token occurs outside the response that showed it, and no digest outside its one column.

pub mod secrets;
pub mod storage;
pub mod token_lifecycle;

use helpers::support;
use std::time::Duration;

use helpers::support::process::LatchkeyProcess;
use helpers::support::{eventually_async, http};
use helpers::test_server::{Engine, TestServer};
use secrets::{Finding, Form, Secrets};

/// Bound for the server's orderly shutdown.
const END: Duration = Duration::from_secs(60);

/// Name and bytes of some output.
type Output = (String, Vec<u8>);

async fn nothing_escapes(engine: Engine) {
    let verbose = LatchkeyProcess::builder().env("LATCHKEY_LOG", "trace");
    let mut server = TestServer::start_with(engine, verbose).await;
    let mut secrets = Secrets::default();
    secrets.add("the first admin's token", &server.process.admin_token());
    let outputs = token_lifecycle::run_all(&server, &mut secrets).await;
    assert!(secrets.count() > 25, "{} secrets were at stake", secrets.count());

    let mut outputs: Vec<Output> = outputs.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    let metrics = http::get(server.process.addresses().ops, "/metrics").expect("metrics are told");
    assert!(metrics.body.contains("latchkey_decisions_total"), "{}", metrics.body);
    outputs.push(("metrics".to_owned(), metrics.body.into_bytes()));
    let changes = format!("{:#?}", server.changes().await);
    assert!(changes.contains("rotate") && changes.contains("revoke_secret"), "the audit tells what happened");
    outputs.push(("the audit trail".to_owned(), changes.into_bytes()));
    // While the server runs, so that the write-ahead log is searched, too.
    outputs.extend(files_of(&server));

    server.process.terminate();
    let status = eventually_async("the server ends", END, async || server.process.try_wait()).await;
    assert!(status.success(), "{status}");
    let log = server.process.stderr();
    assert!(log.matches("TRACE").count() > 20, "the log is as loud as it gets: {} bytes", log.len());
    outputs.push(("standard error".to_owned(), log.into_bytes()));
    outputs.push(("standard output".to_owned(), server.process.stdout().into_bytes()));
    outputs.extend(files_of(&server));
    if engine == Engine::Postgres {
        outputs.push(("the log of the database".to_owned(), support::postgres::Cluster::shared().log().into_bytes()));
    }

    let mut found: Vec<Finding> = Vec::new();
    for (output, bytes) in &outputs {
        // Database files contain digests, in a column that is checked below.
        let forms: &[Form] = if output.starts_with("file ") { &Form::WRITTEN } else { &Form::ALL };
        found.extend(secrets.search(output, bytes, forms));
    }
    let cells = storage::cells(&server);
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
        (secrets.stored(), secrets.stored()),
        "each digest is stored once, where it belongs"
    );
    assert!(found.is_empty(), "{} secrets found:\n{}", found.len(), Finding::list(&found));
}

/// Returns the files of the data folder except the one that is meant to contain a token.
fn files_of(server: &TestServer) -> Vec<Output> {
    let entries = std::fs::read_dir(server.process.data()).expect("the data folder is readable");
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
