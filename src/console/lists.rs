//! Common parts of lists: filters in the address, the entries found, and links to other pages.

use http::StatusCode;

use super::error::PageError;
use super::form::FieldErrors;
use super::paths;
use crate::registry::{Error, Listed, Result};

/// The filters of a list. They are in the address, so that they survive reload, Back and a message to a colleague.
pub(super) trait ListFilters {
    /// Address of the list.
    const PATH: &'static str;

    /// Returns every filter by its name in the address; an empty one is not applied.
    fn pairs(&self) -> Vec<(&'static str, &str)>;

    /// Returns what the pages of one list share in addition to the filters: its name in the address and its value.
    fn shared(&self) -> Option<(&'static str, String)> {
        None
    }
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct ListPage<F, R> {
    pub(super) filters: F,
    /// Errors of the filters.
    pub(super) errors: FieldErrors,
    pub(super) rows: Vec<R>,
    /// The token that this page begins at; empty for the first.
    from: String,
    /// The token of the next page; empty if there is none.
    next: String,
}

impl<F: ListFilters, R> ListPage<F, R> {
    /// Creates the page that begins at `from`, with the entries found, or without entries if the filters are invalid.
    pub(super) fn new<T>(
        filters: F,
        from: String,
        found: Result<Listed<T>>,
        rows: impl FnOnce(Vec<T>) -> Vec<R>,
    ) -> std::result::Result<Self, PageError> {
        match found {
            Ok(listed) => {
                Ok(Self { filters, errors: FieldErrors::none(), rows: rows(listed.items), from, next: listed.next })
            }
            // An address with a truncated end: the list begins again.
            Err(Error::Invalid(violations)) if violations.listed().iter().any(|wrong| wrong.field == "page_token") => {
                Err(PageError::BadAddress(String::new()))
            }
            Err(Error::Invalid(violations)) => {
                Ok(Self::invalid(filters, from, FieldErrors::from_violations(&violations)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Creates the page without entries, because the filters are invalid.
    pub(super) fn invalid(filters: F, from: String, errors: FieldErrors) -> Self {
        Self { filters, errors, rows: Vec::new(), from, next: String::new() }
    }

    /// Returns its status.
    pub(super) fn status(&self) -> StatusCode {
        if self.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
    }

    /// Returns the address of this page.
    pub(super) fn current(&self) -> String {
        address(&self.filters, &self.from)
    }

    /// Returns the address of the first page; empty if this is it.
    pub(super) fn first(&self) -> String {
        if self.from.is_empty() { String::new() } else { address(&self.filters, "") }
    }

    /// Returns the address of the next page; empty if there is none.
    pub(super) fn next(&self) -> String {
        if self.next.is_empty() { String::new() } else { address(&self.filters, &self.next) }
    }

    /// Returns whether entries are left out: by a filter, or because this is not the first page.
    pub(super) fn is_narrowed(&self) -> bool {
        self.is_filtered() || !self.from.is_empty()
    }

    /// Returns whether a filter leaves entries out.
    pub(super) fn is_filtered(&self) -> bool {
        self.filters.pairs().iter().any(|(_, value)| !value.is_empty())
    }
}

/// Returns the address of the page that begins at `page`; if that is empty, of the first.
fn address<F: ListFilters>(filters: &F, page: &str) -> String {
    let mut pairs = filters.pairs();
    let shared = filters.shared().filter(|_| !page.is_empty());
    pairs.extend(shared.as_ref().map(|(name, value)| (*name, &**value)));
    pairs.push(("page", page));
    paths::with_query(F::PATH, &pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sample;

    impl ListFilters for Sample {
        const PATH: &'static str = "/x";

        fn pairs(&self) -> Vec<(&'static str, &str)> {
            vec![("text", "a&b"), ("owner", "")]
        }

        fn shared(&self) -> Option<(&'static str, String)> {
            Some(("at", "7".to_owned()))
        }
    }

    #[test]
    fn filters_live_in_the_address_of_every_page() {
        let page = |from: &str, next: &str| {
            let listed = Listed { items: vec![1, 2], next: next.to_owned() };
            ListPage::new(Sample, from.to_owned(), Ok(listed), |items| items).unwrap()
        };
        let (first, second) = (page("", "r1"), page("r1", ""));
        assert_eq!((first.first(), first.next()), (String::new(), "/x?text=a%26b&at=7&page=r1".to_owned()));
        assert_eq!((second.first(), second.next()), ("/x?text=a%26b".to_owned(), String::new()));
        assert_eq!((first.current(), second.current()), (second.first(), first.next()));
        assert!(first.is_narrowed() && second.is_narrowed());
    }
}
