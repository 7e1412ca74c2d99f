//! Tables: created once even if many processes start together; refused only by programs too old or new for them.

use latchkey::model::change::SubjectKind;
use latchkey::model::method::StoreUse;
use latchkey::model::reference::Method;
use latchkey::storage::{self, ChangeFilter, Error, Feed as _, Options, Result, SCHEMA_VERSION, SchemaState, Storage};
use tokio::task::JoinSet;

use crate::conformance::engine::Location;
use crate::conformance::write::begin;

/// Returns options that neither create nor change tables.
fn as_it_is(location: &Location) -> Options {
    Options { migrate: false, ..location.options() }
}

async fn write_once(storage: &Storage) -> u64 {
    let mut write = begin(storage).await;
    write.note(SubjectKind::Other, "it").await;
    write.done().await.revision.0
}

/// Returns the reason why it cannot be used.
fn unusable<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Err(Error::Unusable { sentence }) => sentence,
        other => panic!("it is not unusable: {other:?}"),
    }
}

async fn opening_empty_storage_makes_its_tables(location: Location) {
    assert_eq!(storage::schema(&location.options()).await.expect("the schema is read"), SchemaState::Empty);
    assert_eq!(write_once(&*location.open().await).await, 1);
    assert_eq!(storage::schema(&location.options()).await.expect("the schema is read"), SchemaState::Current);
    assert_eq!(location.text("SELECT value FROM meta WHERE key = 'schema_version'"), SCHEMA_VERSION.to_string());
}

async fn opening_again_finds_what_is_there(location: Location) {
    let first = location.open().await;
    assert_eq!(write_once(&first).await, 1);
    let second = location.open().await;
    assert_eq!(write_once(&second).await, 2, "beside the first");
    drop((first, second));
    let third = storage::open(as_it_is(&location)).await.expect("it opens without leave to make tables");
    assert_eq!(write_once(&third).await, 3, "after both were closed");
    let changes = third.changes(&ChangeFilter::default(), &latchkey::model::page::PageRequest::first()).await;
    assert_eq!(changes.expect("changes are listed").items.len(), 3);
}

async fn eight_that_open_empty_storage_together_all_succeed(location: Location) {
    let mut openings = JoinSet::new();
    for _ in 0..8 {
        let options = location.options();
        openings.spawn(async move {
            let storage = storage::open(options).await.expect("it opens");
            write_once(&storage).await
        });
    }
    let mut revisions = Vec::new();
    while let Some(revision) = openings.join_next().await {
        revisions.push(revision.expect("no opening fails"));
    }
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=8).collect::<Vec<_>>(), "all write to the same tables");
}

async fn empty_storage_is_refused_without_leave_to_make_tables(location: Location) {
    let sentence = unusable(storage::open(as_it_is(&location)).await);
    assert!(sentence.contains("latchkey migrate"), "{sentence}");
    assert_eq!(storage::schema(&location.options()).await.expect("the schema is read"), SchemaState::Empty);
}

async fn migrating_makes_the_tables_once(location: Location) {
    storage::migrate(&location.options()).await.expect("tables are made");
    let storage = storage::open(as_it_is(&location)).await.expect("it opens");
    assert_eq!(write_once(&storage).await, 1);
    storage::migrate(&location.options()).await.expect("and made no second time, beside who uses them");
    assert_eq!(write_once(&storage).await, 2);
}

async fn older_tables_are_refused_without_leave_to_change_them(location: Location) {
    drop(location.open().await);
    location.execute("UPDATE meta SET value = '0' WHERE key = 'schema_version'");
    assert_eq!(storage::schema(&location.options()).await.expect("it is read"), SchemaState::Older { version: 0 });
    let sentence = unusable(storage::open(as_it_is(&location)).await);
    assert!(sentence.contains("latchkey migrate"), "{sentence}");
}

/// Restores version 3 of the tables, with a method written by a program of that version.
const BEFORE_SHARED: &str = "ALTER TABLE keys DROP COLUMN contact; ALTER TABLE methods DROP COLUMN shared; \
    ALTER TABLE replicas DROP COLUMN max_staleness; \
    DROP TABLE clock; DROP TABLE lost_changes; \
    DELETE FROM meta WHERE key = 'deployment'; DELETE FROM refinery_schema_history WHERE version >= 4; \
    UPDATE meta SET value = '3' WHERE key = 'schema_version'; \
    INSERT INTO methods (identity, block, summary, description, store_use, store_places, position, search, created_at, \
    updated_at, row_revision) VALUES ('GET /a', 'b', 's', '', 'none', '[]', 1, '', 0, 0, 1)";

async fn tables_from_before_methods_were_shared_are_brought_up_and_shared_with_programs_of_then(location: Location) {
    write_once(&*location.open().await).await;
    location.execute(BEFORE_SHARED);
    assert_eq!(storage::schema(&location.options()).await.expect("it is read"), SchemaState::Older { version: 3 });
    let storage = location.open().await;
    let read = async || {
        let found = storage.method(&"GET /a".parse().expect("an identity")).await.expect("a method is read");
        found.expect("it is there")
    };
    let before = read().await;
    assert_eq!(before.store_use, StoreUse::None, "nobody said that it is shared");
    let mut write = begin(&storage).await;
    let (updated, row_revision) = (write.now(), write.revision());
    let shared = Method { store_use: StoreUse::Shared, updated, row_revision, ..before };
    write.update_methods(std::slice::from_ref(&shared)).await.expect("it is changed");
    write.note(SubjectKind::Method, &shared.identity).await;
    write.done().await;
    assert_eq!(read().await, shared);
    // An older program reads only this column, and refuses more; its writes remain valid.
    assert_eq!(location.text("SELECT store_use FROM methods WHERE identity = 'GET /a'"), "none");
    location.execute("UPDATE methods SET store_use = 'optional' WHERE identity = 'GET /a'");
    assert_eq!(read().await.store_use, StoreUse::Optional);
}

/// Restores version 4 of the tables, with a report written by a program of that version.
const BEFORE_CLOCKS: &str = "ALTER TABLE keys DROP COLUMN contact; \
    ALTER TABLE replicas DROP COLUMN max_staleness; DROP TABLE clock; DROP TABLE lost_changes; \
    DELETE FROM meta WHERE key = 'deployment'; DELETE FROM refinery_schema_history WHERE version >= 5; \
    UPDATE meta SET value = '4' WHERE key = 'schema_version'; \
    INSERT INTO replicas (id, host, version, started_at, applied, reported_at) VALUES \
    ('rep_01940000-0000-7000-8000-000000000001', 'h', '0', 1, 1, 1)";

async fn tables_from_before_replicas_told_their_settings_are_brought_up_and_shared_with_programs_of_then(
    location: Location,
) {
    write_once(&*location.open().await).await;
    location.execute(BEFORE_CLOCKS);
    let storage = location.open().await;
    let (replicas, _) = storage.replicas().await.expect("replicas are listed");
    assert_eq!(replicas.iter().map(|replica| replica.report.max_staleness).collect::<Vec<_>>(), [None]);
    // A program of that version keeps reporting, and removes its report when it ends.
    location.execute("UPDATE replicas SET applied = 2, reported_at = 2");
    assert_eq!(storage.replicas().await.expect("replicas are listed").0[0].report.applied.0, 2);
    location.execute("DELETE FROM replicas");
    // A partial restore omits the clock: the next report creates it again.
    location.execute("DELETE FROM clock");
    let mut factory = crate::conformance::factory::RecordFactory::new();
    let report = storage::ReplicaReport {
        id: factory.replica_id(),
        host: String::new(),
        version: String::new(),
        started: crate::conformance::factory::BEGINNING,
        applied: latchkey::model::change::Revision(0),
        max_staleness: None,
    };
    storage.heartbeat(&report, 0).await.expect("a replica renews");
    assert_eq!(location.text("SELECT marks FROM clock"), "[]");
    // A clock that went back while no server ran: records written before prove the later time.
    location.execute("UPDATE clock SET reached = reached + 3600000000");
    storage.heartbeat(&report, 0).await.expect("a replica renews");
    assert!(
        location.text("SELECT marks FROM clock").starts_with("[[1,"),
        "{}",
        location.text("SELECT marks FROM clock")
    );
    storage.heartbeat(&report, 0).await.expect("a replica renews");
    let head = storage.head().await.expect("the head is read");
    assert!(!storage.poll(head, 1).await.expect("a poll").marks.is_empty());
}

async fn newer_tables_that_this_program_can_work_with_are_used_as_they_are(location: Location) {
    write_once(&*location.open().await).await;
    let newer = SCHEMA_VERSION + 5;
    location.execute(&format!("UPDATE meta SET value = '{newer}' WHERE key = 'schema_version'"));
    let state = storage::schema(&location.options()).await.expect("the schema is read");
    assert_eq!(state, SchemaState::Newer { version: newer });
    for options in [location.options(), as_it_is(&location)] {
        let storage = storage::open(options).await.expect("it opens");
        assert!(write_once(&storage).await > 1);
    }
    storage::migrate(&location.options()).await.expect("there is nothing to bring up");
    assert_eq!(
        location.text("SELECT value FROM meta WHERE key = 'schema_version'"),
        newer.to_string(),
        "none is taken back"
    );
}

async fn tables_that_this_program_is_too_old_for_are_refused(location: Location) {
    write_once(&*location.open().await).await;
    let newer = SCHEMA_VERSION + 5;
    location.execute(&format!(
        "UPDATE meta SET value = '{newer}' WHERE key = 'schema_version'; \
         UPDATE meta SET value = '{newer}' WHERE key = 'compatible_from'"
    ));
    let state = storage::schema(&location.options()).await.expect("the schema is read");
    assert_eq!(state, SchemaState::TooNew { version: newer, compatible_from: newer });
    let refusals = [
        unusable(storage::open(location.options()).await),
        unusable(storage::open(as_it_is(&location)).await),
        unusable(storage::migrate(&location.options()).await),
    ];
    for sentence in refusals {
        assert!(sentence.contains(&newer.to_string()), "it names the schema: {sentence}");
        assert!(!sentence.contains("latchkey migrate"), "migrating would not help: {sentence}");
    }
    assert_eq!(location.text("SELECT value FROM meta WHERE key = 'compatible_from'"), newer.to_string());
}

async fn tables_that_are_in_the_way_are_left_alone_and_nothing_half_made_stays(location: Location) {
    location.execute("CREATE TABLE changes (of text); INSERT INTO changes VALUES ('somebody else')");
    let refused = storage::open(location.options()).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(location.text("SELECT of FROM changes"), "somebody else");
    location.execute("DROP TABLE changes");
    assert_eq!(write_once(&*location.open().await).await, 1, "as if nothing had been tried");
}

for_each_engine! {
    with run_at:
    opening_empty_storage_makes_its_tables,
    opening_again_finds_what_is_there,
    eight_that_open_empty_storage_together_all_succeed,
    empty_storage_is_refused_without_leave_to_make_tables,
    migrating_makes_the_tables_once,
    older_tables_are_refused_without_leave_to_change_them,
    tables_from_before_methods_were_shared_are_brought_up_and_shared_with_programs_of_then,
    tables_from_before_replicas_told_their_settings_are_brought_up_and_shared_with_programs_of_then,
    newer_tables_that_this_program_can_work_with_are_used_as_they_are,
    tables_that_this_program_is_too_old_for_are_refused,
    tables_that_are_in_the_way_are_left_alone_and_nothing_half_made_stays,
}
