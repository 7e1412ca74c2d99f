//! Pages: the size of a part of a list and its starting point.

/// The page size if the request sets none.
pub const DEFAULT_SIZE: u32 = 50;
/// The largest page size.
pub const MAX_SIZE: u32 = 1_000;

/// The part of a list that a request selects. The starting point is the sort key of the last entry of the previous
/// page, so entries added or removed meanwhile neither repeat nor hide others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The number of entries, 1..=1 000.
    pub size: u32,
    /// The sort key to continue after; `None` means from the beginning.
    pub after: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The sort key to continue after; `None` on the last page.
    pub next: Option<String>,
}

impl PageRequest {
    /// Requests the first page of the default size.
    pub const fn first() -> Self {
        Self { size: DEFAULT_SIZE, after: None }
    }
}

impl<T> Page<T> {
    /// Cuts a page of `size` from up to `size + 1` rows, and records the sort key of its last entry if there was one
    /// more.
    pub fn cut(mut items: Vec<T>, size: u32, sort_key: impl Fn(&T) -> String) -> Self {
        let size = size as usize;
        let next = (items.len() > size).then(|| sort_key(&items[size - 1]));
        items.truncate(size);
        Self { items, next }
    }
}
