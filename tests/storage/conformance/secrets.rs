//! Secrets: added, bounded, ended; how a key lists them, and what their tokens find.

use latchkey::model::change::SubjectKind;
use latchkey::model::grant::Standing;
use latchkey::model::key::{Key, KeySpec, Revocation, TokenOrigin};
use latchkey::model::time::Timestamp;
use latchkey::model::token::Digest;
use latchkey::storage::{Feed as _, FoundSecret, NewKey, NewSecret, Storage};

use crate::conformance::engine::Case;
use crate::conformance::factory::{BEGINNING, RecordFactory, secret_as_read};
use crate::conformance::write::{add_keys, begin};

async fn read(storage: &Storage, key: &NewKey) -> Key {
    storage.key(key.id).await.expect("a key is read").expect("it is there")
}

async fn find(storage: &Storage, digest: &Digest) -> FoundSecret {
    storage.find_key(digest).await.expect("a digest is looked up").expect("it is there")
}

async fn standing(storage: &Storage, digest: &Digest) -> Standing {
    storage.grant(digest).await.expect("a grant is read").grant.expect("it is there").standing
}

async fn a_second_secret_opens_what_the_first_does(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let key = factory.key("rotated");
    add_keys(storage, std::slice::from_ref(&key)).await;
    let first = read(storage, &key).await;
    let second = NewSecret { origin: TokenOrigin::Supplied, ..factory.secret() };
    let mut write = begin(storage).await;
    write.insert_secret(key.id, &second).await.expect("a secret is added");
    write.note(SubjectKind::Key, key.id).await;
    let (now, revision) = (write.now(), write.revision());
    let within = write.key(key.id).await.expect("within the write").expect("it is there");
    assert_eq!(write.key_of_secret(second.id).await.expect("a secret is looked up"), Some(key.id));
    write.done().await;

    let expected = Key {
        secrets: vec![secret_as_read(&second, now), first.secrets[0].clone()],
        updated: now,
        row_revision: revision,
        ..first
    };
    assert_eq!(within, expected, "within the write, the newest first");
    assert_eq!(read(storage, &key).await, expected);
    for (digest, secret) in [(&key.secret.digest, &expected.secrets[1]), (&second.digest, &expected.secrets[0])] {
        let found = find(storage, digest).await;
        assert_eq!(found, FoundSecret { key: expected.clone(), secret: secret.clone(), deleted: false, ended: None });
        let grant = storage.grant(digest).await.expect("a grant is read").grant.expect("it is there");
        assert_eq!((grant.key, grant.secret), (key.id, secret.id));
        assert_eq!((grant.standing, grant.row_revision), (Standing::Active, revision), "both are of the last change");
    }
}

async fn a_secret_may_be_given_an_end_and_be_freed_of_it(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let key = factory.key("bounded");
    add_keys(storage, std::slice::from_ref(&key)).await;
    // A time in the past, too: the caller decides what an expiry means.
    for end in [Some(BEGINNING), Some(Timestamp::from_micros(i64::MAX)), Some(Timestamp::from_micros(i64::MIN)), None] {
        let mut write = begin(storage).await;
        write.expire_secret(key.secret.id, end).await.expect("a secret is bounded");
        write.note(SubjectKind::Key, key.id).await;
        let revision = write.revision();
        write.done().await;
        let read = read(storage, &key).await;
        assert_eq!((read.secrets[0].expires, read.row_revision), (end, revision));
        let grant = storage.grant(&key.secret.digest).await.expect("a grant is read").grant.expect("it is there");
        assert_eq!((grant.secret_expires, grant.row_revision), (end, revision));
        assert_eq!((grant.standing, grant.expires), (Standing::Active, None));
        assert_eq!(find(storage, &key.secret.digest).await.secret.expires, end);
    }
}

async fn an_ended_secret_opens_nothing_and_is_found(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let (key, second) = (factory.key("rotated"), factory.secret());
    add_keys(storage, std::slice::from_ref(&key)).await;
    let mut write = begin(storage).await;
    write.insert_secret(key.id, &second).await.expect("a secret is added");
    write.note(SubjectKind::Key, key.id).await;
    write.done().await;

    let mut write = begin(storage).await;
    write.end_secret(key.secret.id).await.expect("a secret is ended");
    assert_eq!(write.key_of_secret(key.secret.id).await.expect("an ended one too"), Some(key.id));
    write.note(SubjectKind::Key, key.id).await;
    let (now, revision) = (write.now(), write.revision());
    write.done().await;
    let after = read(storage, &key).await;
    assert_eq!(after.secrets.iter().map(|secret| secret.id).collect::<Vec<_>>(), [second.id]);
    assert_eq!((after.updated, after.row_revision), (now, revision));
    assert_eq!(standing(storage, &key.secret.digest).await, Standing::Revoked);
    assert_eq!(standing(storage, &second.digest).await, Standing::Active, "the other one goes on");
    let found = find(storage, &key.secret.digest).await;
    assert_eq!((found.secret.id, found.ended, found.deleted), (key.secret.id, Some(now), false));
    assert_eq!((&found.secret.hint, found.key), (&key.secret.hint, after));
    assert_eq!(find(storage, &second.digest).await.ended, None);

    // Later changes of the key do not bring it back.
    let mut write = begin(storage).await;
    write.update_key(key.id, &key.spec, key.revoked.as_ref()).await.expect("a key is changed");
    write.note(SubjectKind::Key, key.id).await;
    write.done().await;
    assert_eq!(find(storage, &key.secret.digest).await.ended, Some(now));
    assert_eq!(standing(storage, &key.secret.digest).await, Standing::Revoked);
}

async fn a_key_may_be_rotated_again_and_again(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let key = factory.key("rotated");
    add_keys(storage, std::slice::from_ref(&key)).await;
    let mut secrets = vec![key.secret.clone()];
    for _ in 0..10 {
        let next = factory.secret();
        let last = secrets.last().expect("there is one").id;
        let mut write = begin(storage).await;
        write.insert_secret(key.id, &next).await.expect("a secret is added");
        write.end_secret(last).await.expect("a secret is ended");
        write.note(SubjectKind::Key, key.id).await;
        write.done().await;
        secrets.push(next);
    }
    let (last, ended) = secrets.split_last().expect("there are some");
    let live = read(storage, &key).await.secrets;
    assert_eq!(live.iter().map(|secret| secret.id).collect::<Vec<_>>(), [last.id]);
    for secret in ended {
        assert_eq!(standing(storage, &secret.digest).await, Standing::Revoked);
        assert!(find(storage, &secret.digest).await.ended.is_some());
    }
    assert_eq!(standing(storage, &last.digest).await, Standing::Active);
}

async fn a_revoked_key_opens_nothing_and_is_found_with_its_reason(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let (key, second) = (factory.key("revoked"), factory.secret());
    add_keys(storage, std::slice::from_ref(&key)).await;
    let mut write = begin(storage).await;
    write.insert_secret(key.id, &second).await.expect("a secret is added");
    write.note(SubjectKind::Key, key.id).await;
    write.done().await;

    let mut write = begin(storage).await;
    let revoked = Some(Revocation { at: write.now(), reason: "leaked".into() });
    write.update_key(key.id, &key.spec, revoked.as_ref()).await.expect("a key is revoked");
    for id in [key.secret.id, second.id] {
        write.end_secret(id).await.expect("a secret is ended");
    }
    write.note(SubjectKind::Key, key.id).await;
    let now = write.now();
    write.done().await;
    let after = read(storage, &key).await;
    assert_eq!((&after.revoked, after.secrets.len()), (&revoked, 0));
    for secret in [&key.secret, &second] {
        assert_eq!(standing(storage, &secret.digest).await, Standing::Revoked);
        let found = find(storage, &secret.digest).await;
        assert_eq!((found.secret.id, found.ended, found.deleted), (secret.id, Some(now), false));
        assert_eq!(found.key, after);
    }
}

async fn a_revoked_key_opens_nothing_even_while_a_secret_has_not_ended(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let key = factory.key("revoked");
    add_keys(storage, std::slice::from_ref(&key)).await;
    let mut write = begin(storage).await;
    let revoked = Some(Revocation { at: write.now(), reason: "leaked".into() });
    write.update_key(key.id, &key.spec, revoked.as_ref()).await.expect("a key is revoked");
    write.note(SubjectKind::Key, key.id).await;
    write.done().await;
    assert_eq!(standing(storage, &key.secret.digest).await, Standing::Revoked);
}

async fn a_key_switched_off_and_on_again_stands_so(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let key = factory.key("switched");
    add_keys(storage, std::slice::from_ref(&key)).await;
    for (active, expected) in [(false, Standing::Inactive), (true, Standing::Active), (false, Standing::Inactive)] {
        let mut write = begin(storage).await;
        write.update_key(key.id, &KeySpec { active, ..key.spec.clone() }, None).await.expect("a key is switched");
        write.note(SubjectKind::Key, key.id).await;
        write.done().await;
        assert_eq!(standing(storage, &key.secret.digest).await, expected);
    }
    // A final state takes precedence over one that is not.
    let mut write = begin(storage).await;
    write.end_secret(key.secret.id).await.expect("a secret is ended");
    write.note(SubjectKind::Key, key.id).await;
    write.done().await;
    assert_eq!(standing(storage, &key.secret.digest).await, Standing::Revoked);
}

for_each_engine! {
    a_second_secret_opens_what_the_first_does,
    a_secret_may_be_given_an_end_and_be_freed_of_it,
    an_ended_secret_opens_nothing_and_is_found,
    a_key_may_be_rotated_again_and_again,
    a_revoked_key_opens_nothing_and_is_found_with_its_reason,
    a_revoked_key_opens_nothing_even_while_a_secret_has_not_ended,
    a_key_switched_off_and_on_again_stands_so,
}
