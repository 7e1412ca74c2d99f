//! Pages: how many of a list, from where on.

/// Entries per page when none is asked for.
pub const DEFAULT_SIZE: u32 = 50;
/// Most entries per page.
pub const MAX_SIZE: u32 = 1_000;

/// What part of a list is asked for. The place to go on from is the sort key of the last entry of the page before, so
/// that entries added or removed meanwhile neither repeat nor hide others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Entries, 1..=1 000.
    pub size: u32,
    /// The sort key to go on after; none: from the beginning.
    pub after: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The sort key to go on after; none: this is the last page.
    pub next: Option<String>,
}

impl PageRequest {
    /// The first page of the default size.
    pub const fn first() -> Self {
        Self { size: DEFAULT_SIZE, after: None }
    }
}

impl<T> Page<T> {
    /// Cuts a page of `size` from rows that were read with one row more than that, and remembers the sort key of its
    /// last entry if there was one more.
    pub fn cut(mut items: Vec<T>, size: u32, sort_key: impl Fn(&T) -> String) -> Self {
        let size = size as usize;
        let next = (items.len() > size).then(|| sort_key(&items[size - 1]));
        items.truncate(size);
        Self { items, next }
    }
}
