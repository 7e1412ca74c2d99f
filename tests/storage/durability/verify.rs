//! Checks after a crash: every key is in a possible state, completely, and all ways to read agree.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use latchkey::proto::v1 as proto;
use tonic::{Code, Status};

use crate::durability::state::{KeyRecord, State};
use helpers::calls::{Client, STATUSES, STORES};

/// Keys checked concurrently.
const AT_ONCE: usize = 8;

/// Largest page.
const PAGE: i32 = 1_000;

/// Checks every key, and the audit trail as a whole.
///
/// # Panics
///
/// When something acknowledged is missing, or something is partial.
pub(crate) async fn check_all(client: &Client, records: &[KeyRecord]) {
    assert!(!records.is_empty());
    assert_no_gaps(client).await;
    stream::iter(records.iter().map(|record| check_one(client, record)))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await
        .expect("a server that is well answers every question");
}

async fn check_one(client: &Client, record: &KeyRecord) -> Result<(), Status> {
    let Some(id) = find(client, record).await? else {
        let possible = record.possible();
        assert!(possible.contains(&State { steps: 0 }), "{} was acknowledged and is gone", record.owner);
        for token in record.first.iter().chain([&record.second]) {
            let found = client.keys().find_key(proto::FindKeyRequest { token: token.reveal().to_owned() }).await;
            let status = found.expect_err("a key that is not there has no token");
            assert_eq!(status.code(), Code::NotFound, "{}: {status:?}", record.owner);
        }
        return Ok(());
    };
    let changes = changes_of(client, &id).await?;
    let actions: Vec<&str> = changes.iter().map(|change| change.action.as_str()).collect();
    let state = State { steps: actions.len() };
    assert!(
        record.possible().contains(&state) && state.actions() == actions,
        "{}: after {} acknowledged steps and then {:?} the audit trail tells {actions:?}",
        record.owner,
        record.done,
        record.interruption
    );
    assert_chain(record, &changes);
    assert_shown(client, record, &id, &state).await?;
    assert_found(client, record, &id, &state).await?;
    assert_decided(client, record, &id, &state).await
}

/// Returns the id of a key: from a response, or found by its token or its owner.
async fn find(client: &Client, record: &KeyRecord) -> Result<Option<String>, Status> {
    let request = proto::ListKeysRequest { owner: record.owner.clone(), page_size: PAGE, ..Default::default() };
    let listed = client.keys().list_keys(request).await?.into_inner().keys;
    assert!(listed.len() <= 1, "{}: one key was asked for", record.owner);
    if let Some(key) = listed.into_iter().next() {
        assert!(record.id.as_ref().is_none_or(|id| *id == key.id));
        return Ok(Some(key.id));
    }
    // Deleted keys are in no list.
    Ok(record.id.clone())
}

/// Returns the changes of a key, oldest first.
async fn changes_of(client: &Client, id: &str) -> Result<Vec<proto::Change>, Status> {
    let request = proto::ListChangesRequest {
        subject_kind: "key".to_owned(),
        subject_id: id.to_owned(),
        page_size: PAGE,
        ..Default::default()
    };
    let mut changes = client.audit().list_changes(request).await?.into_inner().changes;
    changes.reverse();
    Ok(changes)
}

/// Checks that each change begins where the previous one ended.
fn assert_chain(record: &KeyRecord, changes: &[proto::Change]) {
    assert_eq!(changes[0].before, None, "{}: a new key was nothing before", record.owner);
    for pair in changes.windows(2) {
        assert_eq!(pair[0].after, pair[1].before, "{}: from {} to {}", record.owner, pair[0].action, pair[1].action);
    }
}

async fn assert_shown(client: &Client, record: &KeyRecord, id: &str, state: &State) -> Result<(), Status> {
    let got = client.keys().get_key(proto::GetKeyRequest { id: id.to_owned() }).await;
    if state.is_deleted() {
        assert_eq!(got.expect_err("a deleted key is not there").code(), Code::NotFound);
        return Ok(());
    }
    let key = got?.into_inner().key.expect("an answer has a key");
    assert_eq!(key.name, record.name(state.steps));
    assert_eq!(key.stores, state.stores(), "{}", record.owner);
    assert_eq!(key.methods, state.methods(), "{}", record.owner);
    assert_eq!(key.revoke_time.is_some(), state.is_revoked(), "{}", record.owner);
    assert_eq!(key.secrets.len(), state.secrets(), "{}: {:?}", record.owner, key.secrets);
    Ok(())
}

/// Checks that each token of the key finds it, and no other token does.
async fn assert_found(client: &Client, record: &KeyRecord, id: &str, state: &State) -> Result<(), Status> {
    for token in record.tokens(state.steps) {
        let request = proto::FindKeyRequest { token: token.reveal().to_owned() };
        let found = client.keys().find_key(request).await?.into_inner();
        assert_eq!(found.key.map(|key| key.id).as_deref(), Some(id), "{}", record.owner);
        assert_eq!(found.deleted, state.is_deleted(), "{}", record.owner);
        assert_eq!(found.end_time.is_some(), state.is_revoked(), "{}", record.owner);
    }
    if state.steps < 3 {
        let request = proto::FindKeyRequest { token: record.second.reveal().to_owned() };
        let status = client.keys().find_key(request).await.expect_err("the second token is not there yet");
        assert_eq!(status.code(), Code::NotFound);
    }
    Ok(())
}

/// Checks that decisions agree with the state of the key.
async fn assert_decided(client: &Client, record: &KeyRecord, id: &str, state: &State) -> Result<(), Status> {
    for token in record.tokens(state.steps) {
        for store in STORES {
            let request = proto::AuthorizeRequest {
                key: token.reveal().to_owned(),
                method: STATUSES.to_owned(),
                store: store.to_owned(),
                min_revision: record.revision.clone(),
                ..Default::default()
            };
            let answer = client.authorization().authorize(request).await?.into_inner();
            let decision = answer.decision.expect("an answer has a decision");
            let open = !state.is_revoked() && state.stores().contains(&store);
            assert_eq!(decision.allowed, open, "{} at {store} in {state:?}: {decision:?}", record.owner);
            assert!(!open || decision.key_id == id, "{}: {decision:?}", record.owner);
        }
    }
    Ok(())
}

/// Checks that revisions have no gaps, and neither do the changes within each.
async fn assert_no_gaps(client: &Client) {
    let mut seen: Vec<(u64, u32)> = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = proto::ListChangesRequest { page_size: PAGE, page_token, ..Default::default() };
        let answer = client.audit().list_changes(request).await.expect("the audit trail is told").into_inner();
        seen.extend(answer.changes.iter().map(|change| (change.revision, change.ordinal)));
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    seen.reverse();
    assert_eq!(seen[0], (1, 0), "the first change is the first operator's");
    for pair in seen.windows(2) {
        let ((revision, ordinal), next) = (pair[0], pair[1]);
        let follows = next == (revision, ordinal + 1) || next == (revision + 1, 0);
        assert!(follows, "after revision {revision}, change {ordinal}, comes {next:?}");
    }
    let replicas = client.replicas().list_replicas(proto::ListReplicasRequest {}).await.expect("replicas are told");
    let last = seen.last().expect("there is a change").0;
    assert_eq!(replicas.into_inner().head_revision, last, "no revision is without a change");
}
