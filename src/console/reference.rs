//! What forms and lists of keys choose from: all stores, the whole reference book.

use super::Console;
use crate::model::reference::Method;
use crate::model::store::Store;
use crate::registry::{ListMethods, ListStores, PageInput, Result};

/// Entries read at once: as many as the registry gives.
const PIECE: i32 = 1_000;

impl Console {
    /// All stores, in byte order of their codes.
    pub(super) async fn all_stores(&self) -> Result<Vec<Store>> {
        let mut stores = Vec::new();
        let mut list = ListStores { page: PageInput { size: PIECE, token: String::new() }, ..ListStores::default() };
        loop {
            let listed = self.registry.stores(&list).await?;
            stores.extend(listed.items);
            if listed.next.is_empty() {
                return Ok(stores);
            }
            list.page.token = listed.next;
        }
    }

    /// The reference book, in its order.
    pub(super) async fn all_methods(&self) -> Result<Vec<Method>> {
        let mut methods = Vec::new();
        let mut list = ListMethods { page: PageInput { size: PIECE, token: String::new() }, ..ListMethods::default() };
        loop {
            let listed = self.registry.methods(&list).await?;
            methods.extend(listed.items);
            if listed.next.is_empty() {
                return Ok(methods);
            }
            list.page.token = listed.next;
        }
    }
}
