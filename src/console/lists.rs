//! What lists have in common: filters that live in the address, the entries found, and the ways to other pages.

use http::StatusCode;

use super::failure::Failure;
use super::form::Errors;
use super::paths;
use crate::registry::{Error, Listed, Result};

/// What a list is narrowed by. It lives in the address, and so survives reload, Back and a message to a colleague.
pub(super) trait Filters {
    /// Where the list is.
    const PATH: &'static str;

    /// Every filter by its name in the address; an empty one narrows nothing.
    fn pairs(&self) -> Vec<(&'static str, &str)>;

    /// What the pages of one list must agree on, apart from the filters: its name in the address and its value.
    fn shared(&self) -> Option<(&'static str, String)> {
        None
    }
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct ListPage<F, R> {
    pub(super) filters: F,
    /// What is wrong with the filters.
    pub(super) errors: Errors,
    pub(super) rows: Vec<R>,
    /// The token that this page begins at; empty: it is the first.
    from: String,
    /// The token of the next page; empty: there is none.
    next: String,
}

impl<F: Filters, R> ListPage<F, R> {
    /// The page that begins at `from`, of the entries that were found, or without entries if the filters are wrong.
    pub(super) fn new<T>(
        filters: F,
        from: String,
        found: Result<Listed<T>>,
        rows: impl FnOnce(Vec<T>) -> Vec<R>,
    ) -> std::result::Result<Self, Failure> {
        match found {
            Ok(listed) => {
                Ok(Self { filters, errors: Errors::none(), rows: rows(listed.items), from, next: listed.next })
            }
            // An address whose end was cut: the list begins anew.
            Err(Error::Invalid(violations)) if violations.told().iter().any(|wrong| wrong.field == "page_token") => {
                Err(Failure::BadAddress(String::new()))
            }
            Err(Error::Invalid(violations)) => Ok(Self::wrong(filters, from, Errors::of(&violations))),
            Err(error) => Err(error.into()),
        }
    }

    /// The page without entries, because the filters are wrong.
    pub(super) fn wrong(filters: F, from: String, errors: Errors) -> Self {
        Self { filters, errors, rows: Vec::new(), from, next: String::new() }
    }

    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        if self.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
    }

    /// The address of this very page.
    pub(super) fn here(&self) -> String {
        address(&self.filters, &self.from)
    }

    /// The address of the first page; empty: this is it.
    pub(super) fn first(&self) -> String {
        if self.from.is_empty() { String::new() } else { address(&self.filters, "") }
    }

    /// The address of the next page; empty: there is none.
    pub(super) fn next(&self) -> String {
        if self.next.is_empty() { String::new() } else { address(&self.filters, &self.next) }
    }

    /// Whether anything is left out: by a filter, or because this is not the first page.
    pub(super) fn narrow(&self) -> bool {
        self.is_filtered() || !self.from.is_empty()
    }

    /// Whether anything is left out by a filter.
    pub(super) fn is_filtered(&self) -> bool {
        self.filters.pairs().iter().any(|(_, value)| !value.is_empty())
    }
}

/// The address of the page that begins at `page`; empty: of the first.
fn address<F: Filters>(filters: &F, page: &str) -> String {
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

    impl Filters for Sample {
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
        assert_eq!((first.here(), second.here()), (second.first(), first.next()));
        assert!(first.narrow() && second.narrow());
    }
}
