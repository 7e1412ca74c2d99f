//! Common parts of lists: filters in the address, the entries found, and links to other pages.

use http::StatusCode;

use super::{FieldErrors, FormFields, PageError, paths};
use crate::registry::{Error, Listed, PageInput, Result};

/// The filters of a list. They are in the address, so that they survive reload, Back and a message to a colleague.
#[derive(Debug, Default)]
pub(super) struct Filters {
    path: &'static str,
    /// Every filter by its name in the address; an empty one is not applied.
    pub(super) values: Vec<(&'static str, String)>,
    /// What the pages of one list share in addition: its name in the address and its value.
    pub(super) shared: Option<(&'static str, String)>,
    /// The token of this page; empty for the first.
    page: String,
}

impl Filters {
    /// Reads the filters of these names from an address.
    pub(super) fn read(path: &'static str, names: &[&'static str], query: &FormFields) -> Self {
        let values = names.iter().map(|name| (*name, query.trimmed(name))).collect();
        Self { path, values, shared: None, page: query.trimmed("page") }
    }

    /// Returns the value of a filter; empty if it is not applied.
    pub(super) fn get(&self, name: &str) -> &str {
        let value = self.values.iter().find(|(known, _)| *known == name);
        debug_assert!(value.is_some(), "no filter of {} is named {name}", self.path);
        value.map_or("", |(_, value)| value)
    }

    pub(super) fn owned(&self, name: &str) -> String {
        self.get(name).to_owned()
    }

    /// Returns the page of at most `size` entries for a request to the registry.
    pub(super) fn page(&self, size: i32) -> PageInput {
        PageInput { size, token: self.page.clone() }
    }

    /// Returns the address of the page that begins at `page`; if that is empty, of the first.
    fn address(&self, page: &str) -> String {
        let mut pairs: Vec<_> = self.values.iter().map(|(name, value)| (*name, &**value)).collect();
        let shared = self.shared.as_ref().filter(|_| !page.is_empty());
        pairs.extend(shared.map(|(name, value)| (*name, &**value)));
        pairs.push(("page", page));
        paths::with_query(self.path, &pairs)
    }
}

#[derive(Debug)]
pub(super) struct ListPage<R> {
    pub(super) filters: Filters,
    pub(super) errors: FieldErrors,
    pub(super) rows: Vec<R>,
    /// The token of the next page; empty if there is none.
    next: String,
}

impl<R> ListPage<R> {
    /// Creates the page with the entries found, or without entries if the filters are invalid.
    pub(super) fn new<T>(
        filters: Filters,
        found: Result<Listed<T>>,
        rows: impl FnOnce(Vec<T>) -> Vec<R>,
    ) -> std::result::Result<Self, PageError> {
        match found {
            Ok(listed) => {
                Ok(Self { filters, errors: FieldErrors::default(), rows: rows(listed.items), next: listed.next })
            }
            // An address with a truncated end: the list begins again.
            Err(Error::Invalid(violations)) if violations.listed().iter().any(|wrong| wrong.field == "page_token") => {
                Err(PageError::BadAddress(String::new()))
            }
            Err(error) => {
                let mut errors = FieldErrors::default();
                errors.extend_from(error)?;
                Ok(Self::invalid(filters, errors))
            }
        }
    }

    /// Creates the page without entries, because the filters are invalid.
    pub(super) fn invalid(filters: Filters, errors: FieldErrors) -> Self {
        Self { filters, errors, rows: Vec::new(), next: String::new() }
    }

    pub(super) fn status(&self) -> StatusCode {
        if self.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
    }

    /// Returns the address of this page.
    pub(super) fn current(&self) -> String {
        self.filters.address(&self.filters.page)
    }

    /// Returns the address of the first page; empty if this is it.
    pub(super) fn first(&self) -> String {
        if self.filters.page.is_empty() { String::new() } else { self.filters.address("") }
    }

    /// Returns the address of the next page; empty if there is none.
    pub(super) fn next(&self) -> String {
        if self.next.is_empty() { String::new() } else { self.filters.address(&self.next) }
    }

    /// Returns whether entries are left out: by a filter, or because this is not the first page.
    pub(super) fn is_narrowed(&self) -> bool {
        self.is_filtered() || !self.filters.page.is_empty()
    }

    /// Returns whether a filter leaves entries out.
    pub(super) fn is_filtered(&self) -> bool {
        self.filters.values.iter().any(|(_, value)| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_live_in_the_address_of_every_page() {
        let page = |from: &str, next: &str| {
            let query = FormFields::parse(format!("text=a%26b&page={from}").as_bytes());
            let filters = Filters::read("/x", &["text", "owner"], &query);
            let filters = Filters { shared: Some(("at", "7".to_owned())), ..filters };
            let listed = Listed { items: vec![1, 2], next: next.to_owned() };
            ListPage::new(filters, Ok(listed), |items| items).unwrap()
        };
        let (first, second) = (page("", "r1"), page("r1", ""));
        assert_eq!((first.first(), first.next()), (String::new(), "/x?text=a%26b&at=7&page=r1".to_owned()));
        assert_eq!((second.first(), second.next()), ("/x?text=a%26b".to_owned(), String::new()));
        assert_eq!((first.current(), second.current()), (second.first(), first.next()));
        assert!(first.is_narrowed() && second.is_narrowed());
    }
}
