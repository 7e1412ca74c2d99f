//! Many concurrent writers: none fails, and a follower sees each revision once, in order, completely.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use latchkey::model::change::{Action, Cursor, NewChange, Revision, SubjectKind};
use latchkey::model::id::KeyId;
use latchkey::model::key::KeySpec;
use latchkey::model::token::Digest;
use latchkey::storage::{ChangeFilter, Feed as _, NewKey, SnapshotSink, Storage};
use tokio::task::JoinSet;

use crate::conformance::engine::Case;
use crate::conformance::factory::{self, RecordFactory};
use crate::conformance::write::{add_keys, begin, gather};

const WRITERS: usize = 16;
const WRITES: usize = 8;

/// The subjects changed by a write, in order.
type Subjects = Vec<(String, String)>;

/// Makes one write: adds a key and a store, increments `shared`, and notes `extra` further subjects.
async fn write_once(
    storage: &Storage,
    factory: &mut RecordFactory,
    shared: &NewKey,
    extra: usize,
) -> (Cursor, Subjects) {
    let mut write = begin(storage).await;
    let before = write.key(shared.id).await.expect("the shared key is read").expect("it is there").spec.comment;
    let count: u64 = before.parse().expect("its comment is a number");
    let spec = KeySpec { comment: (count + 1).to_string(), ..shared.spec.clone() };
    write.update_key(shared.id, &spec, None).await.expect("the shared key is changed");
    let key = factory.key("added");
    write.insert_keys(std::slice::from_ref(&key)).await.expect("a key is added");
    let store = factory::store(&format!("s{:016x}", factory.random.draw()));
    write.insert_store(&store).await.expect("a store is added");
    let mut changes = vec![
        NewChange {
            action: Action::Update,
            kind: SubjectKind::Key,
            subject: shared.id.to_string(),
            before: Some(before.into()),
            after: Some(spec.comment.into()),
        },
        factory::change(Action::Create, SubjectKind::Key, key.id),
        factory::change(Action::Create, SubjectKind::Store, &store.code),
    ];
    changes
        .extend((0..extra).map(|at| factory::change(Action::Update, SubjectKind::Other, format!("{} {at}", key.id))));
    write.append(&changes).await.expect("changes are appended");
    let subjects = changes.into_iter().map(|change| (change.kind.as_str().to_owned(), change.subject)).collect();
    (write.done().await, subjects)
}

/// What a follower of the feed has received.
#[derive(Default)]
struct Follower {
    cursor: Cursor,
    seen: Vec<(Cursor, Subjects)>,
    keys: BTreeMap<KeyId, Revision>,
    digests: BTreeSet<[u8; 32]>,
}

impl Follower {
    /// Polls once, and checks that the result continues exactly from the cursor.
    async fn poll(&mut self, storage: &Storage) {
        let poll = storage.poll(self.cursor, 100_000).await.expect("a poll");
        assert!(poll.continuous, "the history goes on from {:?}", self.cursor);
        assert!(!poll.overflow);
        let mut subjects: BTreeMap<Revision, Subjects> = BTreeMap::new();
        for (revision, kind, subject, _) in poll.subjects {
            subjects.entry(revision).or_default().push((kind, subject));
        }
        for cursor in &poll.revisions {
            assert_eq!(cursor.revision, self.cursor.revision.next(), "each revision once, in order, without a hole");
            let changed = subjects.remove(&cursor.revision).expect("a revision has changes");
            self.seen.push((*cursor, changed));
            self.cursor = *cursor;
        }
        assert_eq!(subjects, BTreeMap::new(), "subjects belong to the revisions told");
        assert_eq!(poll.head, self.cursor, "what is told goes up to the head");
        for (key, revision) in poll.keys {
            assert!(self.keys.insert(key, revision).is_none_or(|before| before < revision), "{key} moves forward");
        }
        self.digests.extend(poll.digests.iter().map(Digest::as_bytes));
        if let Some(stores) = poll.stores {
            // The first write adds none, every other one does.
            assert_eq!(stores.len() as u64 + 1, poll.head.revision.0, "records are as of the head");
        }
    }
}

async fn many_writers_follow_each_other(case: Case, storages: Vec<Arc<Storage>>) {
    let mut factory = RecordFactory::new();
    let mut shared = factory.key("shared");
    shared.spec.comment = "0".into();
    let start = add_keys(&case.storage, std::slice::from_ref(&shared)).await;

    let over = Arc::new(AtomicBool::new(false));
    let mut followers = JoinSet::new();
    for storage in &storages {
        let (storage, over) = (Arc::clone(storage), Arc::clone(&over));
        followers.spawn(async move {
            let mut follower = Follower { cursor: start, ..Follower::default() };
            while !over.load(Ordering::Acquire) {
                follower.poll(&storage).await;
                tokio::task::yield_now().await;
            }
            follower.poll(&storage).await;
            follower
        });
    }
    let mut writers = JoinSet::new();
    for at in 0..WRITERS {
        let (storage, mut factory, shared) =
            (Arc::clone(&storages[at % storages.len()]), factory.split(), shared.clone());
        writers.spawn(async move {
            let mut written = Vec::new();
            for extra in 0..WRITES {
                written.push(write_once(&storage, &mut factory, &shared, extra).await);
            }
            written
        });
    }
    let mut written: Vec<(Cursor, Subjects)> = Vec::new();
    while let Some(writer) = writers.join_next().await {
        written.extend(writer.expect("no writer fails"));
    }
    over.store(true, Ordering::Release);
    written.sort_by_key(|(cursor, _)| cursor.revision);
    let last = (1 + WRITERS * WRITES) as u64;
    let numbers: Vec<u64> = written.iter().map(|(cursor, _)| cursor.revision.0).collect();
    assert_eq!(numbers, (2..=last).collect::<Vec<_>>(), "every revision exactly once");
    while let Some(follower) = followers.join_next().await {
        let follower = follower.expect("no follower fails");
        assert_eq!(follower.seen, written, "a follower sees what was written, as it was written");
        assert_eq!(follower.keys.get(&shared.id), Some(&Revision(last)));
        // The shared key was touched, so its digest may be reported again.
        let added = follower.digests.iter().filter(|digest| *digest != shared.secret.digest.as_bytes()).count();
        assert_eq!(added, WRITERS * WRITES, "the digest of every new secret is told");
    }
    audit_is_a_chain(&case.storage, &shared).await;
}

/// Each change of the shared key begins where the previous one ended: no write missed another.
async fn audit_is_a_chain(storage: &Storage, shared: &NewKey) {
    let filter =
        ChangeFilter { kind: Some(SubjectKind::Key), subject: Some(shared.id.to_string()), ..ChangeFilter::default() };
    let mut changes = gather(50, async |page| storage.changes(&filter, &page).await).await;
    changes.reverse();
    assert_eq!(changes.len(), WRITERS * WRITES + 1);
    for (count, change) in changes[1..].iter().enumerate() {
        assert_eq!(change.before, Some(count.to_string().into()), "{:?}", change.revision);
        assert_eq!(change.after, Some((count + 1).to_string().into()), "{:?}", change.revision);
        assert!(change.revision.0 == 2 + count as u64, "one change of it a revision");
    }
    let times: Vec<_> = changes.iter().map(|change| change.at).collect();
    assert!(times.is_sorted(), "time goes with the revisions: {times:?}");
}

async fn sixteen_writers_of_one_storage_follow_each_other_without_failure(case: Case) {
    let storages = vec![Arc::clone(&case.storage)];
    many_writers_follow_each_other(case, storages).await;
}

async fn sixteen_writers_of_two_storages_follow_each_other_without_failure(case: Case) {
    let storages = vec![Arc::clone(&case.storage), case.open_again().await];
    many_writers_follow_each_other(case, storages).await;
}

async fn a_snapshot_is_of_one_revision_while_others_write(case: Case) {
    struct Count(u64);
    impl SnapshotSink for Count {
        fn digests(&mut self, digests: &[Digest]) {
            self.0 += digests.len() as u64;
        }
    }
    let mut factory = RecordFactory::new();
    let mut shared = factory.key("shared");
    shared.spec.comment = "0".into();
    add_keys(&case.storage, std::slice::from_ref(&shared)).await;
    let mut writers = JoinSet::new();
    for _ in 0..4 {
        let (storage, mut factory, shared) = (Arc::clone(&case.storage), factory.split(), shared.clone());
        writers.spawn(async move {
            for _ in 0..10 {
                write_once(&storage, &mut factory, &shared, 0).await;
            }
        });
    }
    let mut between = 0;
    loop {
        let over = writers.is_empty();
        let mut count = Count(0);
        let snapshot = case.storage.snapshot(&mut count).await.expect("a snapshot");
        let revision = snapshot.head.revision.0;
        // Revision 1 added a key, and every other one a key and a store.
        assert_eq!(snapshot.stores.len() as u64 + 1, revision, "stores as of the head");
        assert_eq!(count.0, revision, "digests as of the head");
        between += u64::from(revision > 1 && revision < 41);
        if over {
            assert_eq!(revision, 41);
            break;
        }
        while let Some(writer) = writers.try_join_next() {
            writer.expect("no writer fails");
        }
    }
    assert!(between > 0, "some snapshot was taken between two writes");
}

for_each_engine! {
    sixteen_writers_of_one_storage_follow_each_other_without_failure,
    sixteen_writers_of_two_storages_follow_each_other_without_failure,
    a_snapshot_is_of_one_revision_while_others_write,
}
