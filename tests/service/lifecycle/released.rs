//! Databases that the released version wrote are opened, upgraded and served.
//!
//! tests/contract has one for each engine, with the tokens of their keys and operators in a text file; a release adds its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use latchkey::proto::v1 as proto;
use latchkey::proto::v1::Reason;
use latchkey::storage::{self, Options, SchemaState};

use helpers::calls::{Client, key_with_access};
use helpers::support::postgres::Cluster;
use helpers::support::process::LatchkeyProcess;
use helpers::support::workspace::Workspace;

/// Method that the narrow key may call.
const STATUSES: &str = "GET /api/v5/orders/statuses";

fn released(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract").join(name)
}

/// Returns the tokens of a released database, by the names that its maker gave them.
fn tokens(engine: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(released(&format!("0.1.0.{engine}.tokens"))).expect("the tokens are there");
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(name, token)| (name.to_owned(), token.to_owned())).collect()
}

/// Opens the database at `url` with this version, and checks that everything in it works as before.
async fn is_served(engine: &str, url: &str) {
    let options = Options::new(url.parse().expect("a URL"));
    assert!(matches!(storage::schema(&options).await.expect("a schema is read"), SchemaState::Older { version: 3 }));
    let tokens = tokens(engine);
    let server = LatchkeyProcess::builder().database(url).start();
    assert_eq!(storage::schema(&options).await.expect("a schema is read"), SchemaState::Current);

    let service = Client::new(server.addresses(), &tokens["order-api"]);
    for (key, method, store, expected) in [
        ("narrow", STATUSES, "main", Reason::Allowed),
        ("narrow", STATUSES, "second", Reason::StoreDenied),
        ("narrow", "POST /api/v5/orders/create", "main", Reason::MethodDenied),
        ("wide", "POST /api/v5/orders/create", "second", Reason::Allowed),
        ("wide", STATUSES, "closed", Reason::StoreUnknown),
        ("off", STATUSES, "main", Reason::KeyInactive),
        ("revoked", STATUSES, "main", Reason::KeyRevoked),
        ("ended", STATUSES, "second", Reason::KeyRevoked),
        ("rotated", STATUSES, "second", Reason::Allowed),
        ("rotated", STATUSES, "main", Reason::StoreDenied),
        ("deleted", STATUSES, "main", Reason::KeyUnknown),
    ] {
        let decision = service.authorize(&tokens[key], method, store).await.expect("a call is decided");
        assert_eq!(decision.reason(), expected, "{key}, {method}, {store}: {decision:?}");
    }

    let admin = Client::new(server.addresses(), &tokens["admin"]);
    let listed = admin.keys().list_keys(proto::ListKeysRequest::default()).await.expect("keys are listed").into_inner();
    let names: Vec<_> = listed.keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["Rotated", "Leaked", "Switched off", "CRM", "Bitrix module"]);
    let narrow = listed.keys.last().expect("it is the oldest");
    assert_eq!((narrow.owner.as_str(), narrow.comment.as_str()), ("integration team", "Orders only"));
    assert_eq!(
        (&narrow.stores[..], narrow.labels.get("team").map(String::as_str)),
        (&["main".to_owned()][..], Some("crm"))
    );
    assert!(narrow.last_use_time.is_some() && narrow.contact.is_empty(), "{narrow:?}");
    let before = newest_revision(&admin).await;

    // Written as to a database of this version.
    let key = key_with_access("new", &["main"], &["GET /api/v*/orders"]);
    let (_, token) =
        admin.create_key(proto::Key { contact: "owner@example.com".into(), ..key }).await.expect("a key is made");
    assert_eq!(newest_revision(&admin).await, before + 1);
    assert!(service.authorize(&token, "GET /api/v5/orders", "main").await.expect("a call is decided").allowed);
}

async fn newest_revision(admin: &Client) -> u64 {
    let listed = admin.audit().list_changes(proto::ListChangesRequest::default()).await.expect("changes are listed");
    listed.into_inner().changes[0].revision
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_released_sqlite_file_is_upgraded_and_served() {
    let workspace = Workspace::new("released");
    let file = workspace.path().join("latchkey.db");
    std::fs::copy(released("0.1.0.sqlite"), &file).expect("the file is copied");
    is_served("sqlite", &format!("sqlite:{}", file.display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_released_postgresql_database_is_upgraded_and_served() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let dump = std::fs::read_to_string(released("0.1.0.postgres.dump")).expect("the dump is there");
    database.run_script(cluster, &dump);
    is_served("postgres", database.url()).await;
}
