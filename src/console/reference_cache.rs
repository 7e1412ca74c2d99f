//! The options of forms and lists of keys: all stores, the whole reference book. Cached for as long as the current
//! World has the same tables: with a thousand of each, reading them again would be most of the work of a page.

use std::sync::Arc;

use parking_lot::Mutex;

use super::Console;
use crate::model::reference::Method;
use crate::model::store::Store;
use crate::model::world::{MethodTable, StoreTable};
use crate::registry::{ListMethods, ListStores, Listed, PageInput, Result};

/// Entries per read: the registry's maximum.
const PAGE_SIZE: i32 = 1_000;

#[derive(Debug, Default)]
pub(super) struct ReferenceCache {
    stores: CachedEntries<StoreTable, Store>,
    methods: CachedEntries<MethodTable, Method>,
}

/// The entries of one kind, if they were read, with the table that the World had then: they are at least as new. Every
/// change of an entry creates another table, and holding this one keeps its address from being reused.
type CachedEntries<T, E> = Mutex<Option<(Arc<T>, Arc<[E]>)>>;

/// Returns the cached entries of this table; without a table, no cached entries are known to be valid.
fn get<T, E>(cache: &CachedEntries<T, E>, table: Option<&Arc<T>>) -> Option<Arc<[E]>> {
    let cache = cache.lock();
    let (read, entries) = cache.as_ref()?;
    Arc::ptr_eq(read, table?).then(|| Arc::clone(entries))
}

fn insert<T, E>(cache: &CachedEntries<T, E>, table: Option<Arc<T>>, entries: Vec<E>) -> Arc<[E]> {
    let entries: Arc<[E]> = entries.into();
    if let Some(table) = table {
        *cache.lock() = Some((table, Arc::clone(&entries)));
    }
    entries
}

impl Console {
    /// Returns all stores, in byte order of their codes.
    pub(super) async fn all_stores(&self) -> Result<Arc<[Store]>> {
        let table = self.authority.tables().map(|(_, stores)| stores);
        let list = |page| async move { self.registry.stores(&ListStores { page, ..ListStores::default() }).await };
        match get(&self.reference_cache.stores, table.as_ref()) {
            Some(stores) => Ok(stores),
            None => Ok(insert(&self.reference_cache.stores, table, every(list).await?)),
        }
    }

    /// Returns the reference book, in its order.
    pub(super) async fn all_methods(&self) -> Result<Arc<[Method]>> {
        let table = self.authority.tables().map(|(methods, _)| methods);
        let list = |page| async move { self.registry.methods(&ListMethods { page, ..ListMethods::default() }).await };
        match get(&self.reference_cache.methods, table.as_ref()) {
            Some(methods) => Ok(methods),
            None => Ok(insert(&self.reference_cache.methods, table, every(list).await?)),
        }
    }
}

/// Returns the entries of all pages of a list.
pub(super) async fn every<E, F>(list: impl Fn(PageInput) -> F + Send) -> Result<Vec<E>>
where
    E: Send,
    F: Future<Output = Result<Listed<E>>> + Send,
{
    let (mut entries, mut token) = (Vec::new(), String::new());
    loop {
        let listed = list(PageInput { size: PAGE_SIZE, token }).await?;
        entries.extend(listed.items);
        if listed.next.is_empty() {
            return Ok(entries);
        }
        token = listed.next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_good_for_the_table_they_were_kept_with_alone() {
        let cache: CachedEntries<u8, &str> = CachedEntries::default();
        let (table, same_value) = (Arc::new(1), Arc::new(1));
        assert_eq!(get(&cache, Some(&table)), None);
        insert(&cache, Some(Arc::clone(&table)), vec!["a"]);
        assert_eq!(get(&cache, Some(&table)).as_deref(), Some(["a"].as_slice()));
        assert_eq!(get(&cache, Some(&same_value)), None, "another table, though it says the same");
        assert_eq!(get(&cache, None), None);
    }

    #[test]
    fn without_a_table_nothing_is_kept() {
        let cache: CachedEntries<u8, &str> = CachedEntries::default();
        assert_eq!(*insert(&cache, None, vec!["a"]), ["a"]);
        assert!(cache.lock().is_none());
    }
}
