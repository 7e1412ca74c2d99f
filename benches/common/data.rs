//! A company of the size that the goals assume: stores, the built-in reference book, and any number of keys.

use std::sync::Arc;
use std::time::Duration;

use latchkey::books;
use latchkey::model::book::MethodNumber;
use latchkey::model::change::{Action, Actor, NewChange, Revision, SubjectKind};
use latchkey::model::grant::{Grant, NumberSet, Standing};
use latchkey::model::id::{KeyId, OperatorId, SecretId};
use latchkey::model::key::{Access, KeySpec, Revocation, TokenOrigin};
use latchkey::model::operator::{Operator, Role};
use latchkey::model::reference::Method;
use latchkey::model::store::{Store, StoreKind, StoreNumber};
use latchkey::model::time::Timestamp;
use latchkey::model::token::Token;
use latchkey::storage::{Feed as _, NewKey, NewSecret, Options, Storage, UsageIncrement};

use super::stats::{Random, scatter};

/// Stores of the company.
pub(crate) const STORES: u32 = 200;

/// Number of keys in one write.
const BATCH: u64 = 10_000;

/// Creation time of the first key: the middle of 2025.
const FIRST: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);

/// Time between the creation of two keys: a million keys in a year.
const STEP: Duration = Duration::from_secs(31);

/// Numbers of the stores and methods that were added to storage.
#[derive(Debug, Clone)]
pub(crate) struct Catalog {
    /// Numbers of its stores.
    pub(crate) stores: Vec<StoreNumber>,
    /// Numbers and identities of its methods.
    pub(crate) methods: Vec<(MethodNumber, String)>,
}

/// Opens storage with default options.
///
/// # Panics
///
/// When it cannot be opened.
pub(crate) async fn open(url: &str) -> Arc<Storage> {
    let url = url.parse().expect("a database URL");
    latchkey::storage::open(Options::new(url)).await.expect("storage opens")
}

/// Returns the token of the key with this number.
#[must_use]
pub(crate) fn token(number: u64) -> Token {
    let mut bytes = [0; 32];
    for (place, part) in bytes.chunks_exact_mut(8).zip(1_u64..) {
        place.copy_from_slice(&scatter(number.wrapping_mul(4).wrapping_add(part)).to_le_bytes());
    }
    Token::issue(bytes)
}

/// Returns the id of the key with this number.
#[must_use]
pub(crate) fn key_id(number: u64) -> KeyId {
    KeyId::new(made(number), random_bytes(number, 1))
}

/// Returns the code of a store.
#[must_use]
pub(crate) fn store_code(number: u32) -> String {
    format!("store-{number:03}")
}

/// Returns the owner of the key with this number: one of 5 000, a few of which own very many keys.
#[must_use]
pub(crate) fn owner(number: u64) -> String {
    let spread = scatter(number);
    format!("partner-{:04}", if spread.is_multiple_of(4) { spread / 4 % 20 } else { spread / 4 % 5_000 })
}

/// Creates an admin and returns its token.
///
/// # Panics
///
/// When storage refuses.
pub(crate) async fn create_admin(storage: &Arc<Storage>) -> Token {
    let token = Token::issue_operator([8; 32]);
    let mut tx = storage.begin(7, &Actor::System, "").await.expect("a write begins");
    let (now, revision) = (tx.now(), tx.revision());
    let operator = Operator {
        id: OperatorId::new(now, [1; 10]),
        name: "admin".to_owned(),
        role: Role::Admin,
        expires: None,
        revoked: None,
        hint: token.hint(),
        created: now,
        updated: now,
        row_revision: revision,
    };
    tx.insert_operator(&operator, &token.digest()).await.expect("an operator is added");
    let change = NewChange {
        action: Action::Create,
        kind: SubjectKind::Operator,
        subject: operator.id.to_string(),
        before: None,
        after: Some(operator.image()),
    };
    tx.append(&[change]).await.expect("the change is noted");
    tx.commit().await.expect("the write is committed");
    token
}

/// Adds stores and the built-in reference book to empty storage.
///
/// # Panics
///
/// When storage refuses.
pub(crate) async fn create_catalog(storage: &Arc<Storage>) -> Catalog {
    create_catalog_of(storage, STORES).await
}

/// Does the same as [`create_catalog`] with `size` stores and, if that is more than the book has, as many methods.
///
/// # Panics
///
/// When storage refuses.
pub(crate) async fn create_catalog_of(storage: &Arc<Storage>, size: u32) -> Catalog {
    let mut tx = storage.begin(11, &Actor::System, "").await.expect("a write begins");
    let (now, revision) = (tx.now(), tx.revision());
    let mut changes = Vec::new();
    let mut stores = Vec::new();
    for number in 0..size {
        let store = Store {
            number: StoreNumber(0),
            code: store_code(number).parse().expect("a code"),
            name: format!("Store number {number}"),
            kind: StoreKind::OnlineStore,
            platform: ["bitrix", "shopify", "magento", "own"][number as usize % 4].to_owned(),
            hosts: vec![format!("shop{number}.example")],
            active: !number.is_multiple_of(50),
            created: now,
            updated: now,
            row_revision: revision,
        };
        stores.push(tx.insert_store(&store).await.expect("a store is added"));
        changes.push(created(SubjectKind::Store, store.code.as_str(), store.image()));
    }
    let book = books::parse(books::RETAILCRM).expect("the built-in book is good");
    let listed = book.blocks.iter().flat_map(|block| block.methods.iter().map(move |method| (block, method)));
    let mut methods: Vec<Method> = listed
        .zip(0..)
        .map(|((block, method), position)| Method {
            number: MethodNumber(0),
            identity: method.method.parse().expect("an identity"),
            block: block.title.clone(),
            summary: method.summary.clone(),
            description: method.description.clone(),
            store_use: method.store_use,
            store_places: method.store_places.clone(),
            scope: method.scope.clone(),
            position,
            retired: None,
            created: now,
            updated: now,
            row_revision: revision,
        })
        .collect();
    if size > STORES {
        let further = methods.clone();
        let copies = (0..).flat_map(|copy| further.iter().map(move |method| (copy, method)));
        let wanted = (size as usize).saturating_sub(methods.len());
        methods.extend(
            copies.take(wanted).zip(1_000..).map(|((copy, method), position)| Method {
                identity: format!("{} /copy{copy}{}", method.identity.verb, method.identity.pattern)
                    .parse()
                    .expect("an identity"),
                block: format!("{} {}", method.block, copy + 2),
                position,
                ..method.clone()
            }),
        );
    }
    let numbers = tx.insert_methods(&methods).await.expect("the book is added");
    for method in &methods {
        changes.push(created(SubjectKind::Method, &method.identity.to_string(), method.image()));
    }
    tx.append(&changes).await.expect("the changes are noted");
    tx.commit().await.expect("the write is committed");
    let identities = methods.iter().map(|method| method.identity.to_string());
    Catalog { stores, methods: numbers.into_iter().zip(identities).collect() }
}

/// Adds keys 0 to `count`, and last uses for a third of them. Returns how long each batch took.
///
/// # Panics
///
/// When storage refuses.
pub(crate) async fn fill(storage: &Arc<Storage>, catalog: &Catalog, count: u64) -> Vec<Duration> {
    let mut times = Vec::new();
    for first in (0..count).step_by(usize::try_from(BATCH).expect("a small number")) {
        let numbers = first..(first + BATCH).min(count);
        let keys: Vec<NewKey> = numbers.clone().map(|number| key(catalog, number)).collect();
        let began = super::cpu::wall();
        let mut tx = storage.begin(first + 1, &Actor::System, "").await.expect("a write begins");
        tx.insert_keys(&keys).await.expect("keys are added");
        // One audit line for the batch: the other contents of the audit trail are not measured.
        let image = serde_json::json!({ "keys": keys.len() });
        tx.append(&[created(SubjectKind::Key, &keys[0].id.to_string(), image)]).await.expect("the change is noted");
        tx.commit().await.expect("the write is committed");
        times.push(super::cpu::wall().saturating_sub(began));
        let used: Vec<UsageIncrement> = numbers.filter(|number| scatter(*number).is_multiple_of(3)).map(used).collect();
        storage.add_usage(&used).await.expect("uses are counted");
    }
    times
}

fn created(kind: SubjectKind, subject: &str, image: serde_json::Value) -> NewChange {
    NewChange { action: Action::Create, kind, subject: subject.to_owned(), before: None, after: Some(image) }
}

/// Properties of the key with one number.
#[expect(clippy::struct_excessive_bools, reason = "four throws of dice")]
struct KeyTraits {
    all_stores: bool,
    all_methods: bool,
    revoked: bool,
    active: bool,
    /// Days from its creation to its expiry.
    lasts: Option<u64>,
}

fn key_traits(random: &mut Random) -> KeyTraits {
    KeyTraits {
        all_stores: random.below(10) == 0,
        all_methods: random.below(5) == 0,
        revoked: random.below(50) == 0,
        active: random.below(10) != 0,
        lasts: (random.below(20) == 0).then(|| 1 + random.below(700)),
    }
}

/// Makes a key. One in ten has access to all stores, the others to one to three; one in five to all methods, the others
/// to one to twenty; one in ten is inactive, one in fifty is revoked; one in twenty expires.
fn key(catalog: &Catalog, number: u64) -> NewKey {
    let mut random = Random::new(number.wrapping_mul(31));
    let at = made(number);
    let is = key_traits(&mut random);
    let stores = if is.all_stores { Vec::new() } else { some(&mut random, &catalog.stores, 3) };
    let methods = if is.all_methods {
        Vec::new()
    } else {
        some(&mut random, &catalog.methods, 20).into_iter().map(|(number, _)| number).collect()
    };
    let token = token(number);
    NewKey {
        id: key_id(number),
        spec: KeySpec {
            name: format!("{} of {}", ["Module", "Landing page", "CPA network", "Export"][random.place(4)], number),
            owner: owner(number),
            comment: if random.below(8) == 0 { format!("ticket {}", random.below(90_000)) } else { String::new() },
            active: is.active,
            stores: access(is.all_stores),
            methods: access(is.all_methods),
            expires: is.lasts.map(|days| at.plus(Duration::from_hours(24 * days))),
            ..KeySpec::default()
        },
        stores,
        methods,
        secret: NewSecret {
            id: SecretId::new(at, random_bytes(number, 2)),
            digest: token.digest(),
            hint: token.hint(),
            origin: TokenOrigin::Issued,
        },
        created: at,
        revoked: is.revoked.then(|| Revocation { at, reason: "left".to_owned() }),
    }
}

/// Returns access to everything, or to the given members.
fn access(all: bool) -> Access<String> {
    if all { Access::All } else { Access::Selected(Vec::new()) }
}

/// Returns the grant that storage reads for the key with this number after [`fill`] added it in `row_revision`.
#[must_use]
pub(crate) fn grant(catalog: &Catalog, number: u64, row_revision: Revision) -> Grant {
    let NewKey { id, spec, stores, methods, secret, revoked, .. } = key(catalog, number);
    Grant {
        key: id,
        secret: secret.id,
        name: spec.name.into(),
        standing: match (revoked, spec.active) {
            (Some(_), _) => Standing::Revoked,
            (None, true) => Standing::Active,
            (None, false) => Standing::Inactive,
        },
        not_before: spec.not_before,
        expires: spec.expires,
        secret_expires: None,
        networks: spec.networks.into(),
        stores: if spec.stores.is_all() { NumberSet::All } else { NumberSet::selected(stores) },
        methods: if spec.methods.is_all() { NumberSet::All } else { NumberSet::selected(methods) },
        row_revision,
    }
}

/// Returns the same for a key with access to everything that never expires.
#[must_use]
pub(crate) fn open_grant(catalog: &Catalog, number: u64, row_revision: Revision) -> Grant {
    Grant {
        standing: Standing::Active,
        expires: None,
        stores: NumberSet::All,
        methods: NumberSet::All,
        ..grant(catalog, number, row_revision)
    }
}

/// Draws one to `most` distinct members of `all`; the first ones are more likely.
fn some<T: Clone>(random: &mut Random, all: &[T], most: u64) -> Vec<T> {
    let mut places = std::collections::BTreeSet::new();
    for _ in 0..=random.below(most) {
        let bound = 1 + random.place(all.len());
        places.insert(random.place(bound));
    }
    places.into_iter().map(|place| all[place].clone()).collect()
}

fn used(number: u64) -> UsageIncrement {
    UsageIncrement {
        key: key_id(number),
        secret: SecretId::new(made(number), random_bytes(number, 2)),
        method: None,
        store: None,
        allowed: true,
        calls: 1,
        last: made(number).plus(Duration::from_hours(1 + scatter(number) % 8_000)),
    }
}

fn made(number: u64) -> Timestamp {
    FIRST.plus(STEP * u32::try_from(number).expect("fewer than four billion keys"))
}

fn random_bytes(number: u64, which: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&scatter(number.wrapping_mul(2).wrapping_add(which)).to_le_bytes());
    bytes
}
