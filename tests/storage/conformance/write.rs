//! Helpers for short writes: begin, modify, note the change, commit.

use std::fmt::Display;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};

use latchkey::model::book::MethodNumber;
use latchkey::model::change::{Action, Actor, Cursor, SubjectKind};
use latchkey::model::key::Key;
use latchkey::model::operator::Operator;
use latchkey::model::page::{Page, PageRequest};
use latchkey::model::reference::Method;
use latchkey::model::store::{Store, StoreNumber};
use latchkey::model::token::Digest;
use latchkey::storage::{Error, KeyFilter, NewKey, Result, Storage, Transaction};

use crate::conformance::factory::change;

/// An open write. Has everything of [`Transaction`], and shortcuts that also append the change.
pub struct Write(Transaction);

/// Returns a nonce that no other write of this process has, and that uses all 64 bits.
pub fn nonce() -> u64 {
    static DRAWN: AtomicU64 = AtomicU64::new(1);
    let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
    // Odd factors are invertible: different draws give different nonces.
    drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 << 63
}

/// Begins a write as Latchkey itself.
///
/// # Panics
///
/// When it cannot begin.
pub async fn begin(storage: &Storage) -> Write {
    try_begin(storage).await.expect("a write begins")
}

/// Begins a write and returns a failure instead of panicking.
///
/// # Errors
///
/// As [`Storage::begin`].
pub async fn try_begin(storage: &Storage) -> Result<Write> {
    storage.begin(nonce(), &Actor::System, "").await.map(Write)
}

/// Begins a write as `actor` with `comment`.
///
/// # Panics
///
/// When it cannot begin.
pub async fn begin_as(storage: &Storage, actor: &Actor, comment: &str) -> Write {
    Write(storage.begin(nonce(), actor, comment).await.expect("a write begins"))
}

impl Write {
    /// Notes a change of `subject`.
    ///
    /// # Panics
    ///
    /// When the change cannot be appended.
    pub async fn note(&mut self, kind: SubjectKind, subject: impl Display + Send) {
        let changes = [change(Action::Update, kind, subject)];
        self.append(&changes).await.expect("a change is appended");
    }

    /// Adds a store and returns it as it is read back.
    ///
    /// # Panics
    ///
    /// When it cannot be added.
    pub async fn add_store(&mut self, store: &Store) -> Store {
        let mut store =
            Store { created: self.now(), updated: self.now(), row_revision: self.revision(), ..store.clone() };
        store.number = self.insert_store(&store).await.expect("a store is added");
        self.note(SubjectKind::Store, &store.code).await;
        store
    }

    /// Adds methods and returns them as they are read back.
    ///
    /// # Panics
    ///
    /// When they cannot be added.
    pub async fn add_methods(&mut self, methods: &[Method]) -> Vec<Method> {
        let (now, revision) = (self.now(), self.revision());
        let mut methods = methods.to_vec();
        for method in &mut methods {
            (method.created, method.updated, method.row_revision) = (now, now, revision);
        }
        let numbers = self.insert_methods(&methods).await.expect("methods are added");
        assert_eq!(numbers.len(), methods.len(), "a number for each method");
        for (method, number) in methods.iter_mut().zip(numbers) {
            method.number = number;
        }
        let changes: Vec<_> =
            methods.iter().map(|method| change(Action::Create, SubjectKind::Method, &method.identity)).collect();
        self.append(&changes).await.expect("changes are appended");
        methods
    }

    /// Adds a key.
    ///
    /// # Panics
    ///
    /// When it cannot be added.
    pub async fn add_key(&mut self, key: &NewKey) {
        self.add_keys(std::slice::from_ref(key)).await;
    }

    /// Adds keys.
    ///
    /// # Panics
    ///
    /// When they cannot be added.
    pub async fn add_keys(&mut self, keys: &[NewKey]) {
        self.insert_keys(keys).await.expect("keys are added");
        let changes: Vec<_> = keys.iter().map(|key| change(Action::Create, SubjectKind::Key, key.id)).collect();
        self.append(&changes).await.expect("changes are appended");
    }

    /// Adds an operator and returns it as it is read back.
    ///
    /// # Panics
    ///
    /// When it cannot be added.
    pub async fn add_operator(&mut self, (operator, digest): &(Operator, Digest)) -> Operator {
        let (now, revision) = (self.now(), self.revision());
        let operator = Operator { created: now, updated: now, row_revision: revision, ..operator.clone() };
        self.insert_operator(&operator, digest).await.expect("an operator is added");
        self.note(SubjectKind::Operator, operator.id).await;
        operator
    }

    /// Removes a store.
    ///
    /// # Panics
    ///
    /// When it cannot be removed.
    pub async fn drop_store(&mut self, store: &Store) {
        self.delete_store(store.number).await.expect("a store is deleted");
        self.note(SubjectKind::Store, &store.code).await;
    }

    /// Retires methods.
    ///
    /// # Panics
    ///
    /// When they cannot be retired.
    pub async fn drop_methods(&mut self, methods: &[Method]) {
        let numbers: Vec<MethodNumber> = methods.iter().map(|method| method.number).collect();
        self.retire_methods(&numbers).await.expect("methods are retired");
        for method in methods {
            self.note(SubjectKind::Method, &method.identity).await;
        }
    }

    /// Commits.
    ///
    /// # Panics
    ///
    /// When it cannot be committed.
    pub async fn done(self) -> Cursor {
        self.commit().await.expect("a write is committed")
    }

    /// Commits and returns a failure instead of panicking.
    ///
    /// # Errors
    ///
    /// As [`Transaction::commit`].
    pub async fn commit(self) -> Result<Cursor> {
        self.0.commit().await
    }

    /// Rolls the write back.
    ///
    /// # Panics
    ///
    /// When the rollback fails.
    pub async fn rollback(self) {
        self.0.rollback().await.expect("a write is undone");
    }
}

impl Deref for Write {
    type Target = Transaction;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl std::fmt::Debug for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Write({})", self.0.revision())
    }
}

// === whole writes ===

/// Adds stores with these codes in one write and returns them as they are read back.
pub async fn add_stores(storage: &Storage, codes: &[&str]) -> Vec<Store> {
    let mut write = begin(storage).await;
    let mut stores = Vec::new();
    for code in codes {
        stores.push(write.add_store(&crate::conformance::factory::store(code)).await);
    }
    write.done().await;
    stores
}

/// Adds methods with these identities in one write and returns them as they are read back.
pub async fn add_methods(storage: &Storage, identities: &[&str]) -> Vec<Method> {
    let methods: Vec<_> =
        identities.iter().zip(1..).map(|(identity, at)| crate::conformance::factory::method(identity, at)).collect();
    let mut write = begin(storage).await;
    let methods = write.add_methods(&methods).await;
    write.done().await;
    methods
}

/// Adds keys, in one write.
pub async fn add_keys(storage: &Storage, keys: &[NewKey]) -> Cursor {
    let mut write = begin(storage).await;
    write.add_keys(keys).await;
    write.done().await
}

/// Returns the numbers of stores.
#[must_use]
pub fn store_numbers(stores: &[Store]) -> Vec<StoreNumber> {
    stores.iter().map(|store| store.number).collect()
}

/// Returns the numbers of methods.
#[must_use]
pub fn method_numbers(methods: &[Method]) -> Vec<MethodNumber> {
    methods.iter().map(|method| method.number).collect()
}

// === whole reads ===

/// Returns a whole list, read in pages of `size`.
///
/// # Panics
///
/// When a page cannot be read, is longer than asked for, or is short without being the last.
pub async fn gather<T>(size: u32, read: impl AsyncFn(PageRequest) -> Result<Page<T>>) -> Vec<T> {
    let mut all = Vec::new();
    let mut request = PageRequest { size, after: None };
    loop {
        let page = read(request.clone()).await.expect("a page is read");
        assert!(page.items.len() <= size as usize, "a page of {size} has {} entries", page.items.len());
        assert!(page.next.is_none() || page.items.len() == size as usize, "only the last page is short");
        assert!(page.next.is_none() || page.next != request.after, "each page leads on");
        all.extend(page.items);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return all,
        }
    }
}

/// Returns all keys that pass `filter`, read in pages of `size`.
pub async fn list_keys(storage: &Storage, filter: &KeyFilter, size: u32) -> Vec<Key> {
    gather(size, async |request| storage.keys(filter, &request).await).await
}

/// Returns whether something was refused because it already exists.
#[must_use]
pub fn is_taken<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::Taken { .. }))
}

/// Returns whether storage was unreachable or timed out.
#[must_use]
pub fn is_unavailable<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::Unavailable { .. }))
}
