//! Requests to AuthorizationService, and their validation.

use std::net::IpAddr;

use crate::authority::Query;
use crate::model::change::{Cursor, CursorError};
use crate::model::decision::{Request, StoresFrom};
use crate::model::violations::Violations;
use crate::proto::v1 as pb;

const MAX_STORES: usize = 1_000;
/// Longest method, in bytes.
const MAX_METHOD: usize = 8_192;

/// The fields of a request, borrowed from any source.
#[derive(Clone, Copy, Default)]
#[cfg_attr(test, derive(PartialEq, Eq))]
pub(super) struct BorrowedRequest<'a> {
    pub(super) key: &'a str,
    pub(super) method: &'a str,
    pub(super) store: &'a str,
    pub(super) stores: &'a [String],
    pub(super) client_address: &'a str,
    pub(super) min_revision: &'a str,
}

impl<'a> From<&'a pb::AuthorizeRequest> for BorrowedRequest<'a> {
    fn from(request: &'a pb::AuthorizeRequest) -> Self {
        let pb::AuthorizeRequest { key, method, store, stores, client_address, min_revision } = request;
        Self { key, method, store, stores, client_address, min_revision }
    }
}

impl<'a> BorrowedRequest<'a> {
    /// Returns the query for an authority; `None` if something is invalid, which is added to `violations`.
    pub(super) fn validate(&self, violations: &mut Violations) -> Option<Query<'a>> {
        let before = violations.total();
        if self.method.len() > MAX_METHOD {
            violations.add("method", format_args!("must have at most {MAX_METHOD} bytes"));
        }
        if self.stores.len() > MAX_STORES {
            violations.add("stores", format_args!("must have at most {MAX_STORES} entries"));
        }
        if let Some(at) = self.stores.iter().position(String::is_empty) {
            violations.add(format_args!("stores[{at}]"), "must not be empty; remove it or name a store");
        }
        let client = (!self.client_address.is_empty()).then(|| self.client_address.parse::<IpAddr>());
        if let Some(Err(_)) = client {
            let what = "must be an IP address without a port, such as `192.0.2.7` or `2001:db8::7`";
            violations.add("client_address", what);
        }
        let min_revision = parse_revision(self.min_revision, "min_revision", violations);
        (violations.total() == before).then_some(Query {
            token: self.key,
            request: Request {
                method: self.method,
                store: self.store,
                stores: self.stores,
                client: client.and_then(Result::ok),
                stores_from: StoresFrom::Service,
            },
            min_revision,
        })
    }
}

/// Parses a revision that a caller got from a write; returns `None` if it is empty or invalid.
pub(super) fn parse_revision(text: &str, field: &str, violations: &mut Violations) -> Option<Cursor> {
    if text.is_empty() {
        return None;
    }
    text.parse().map_err(|error: CursorError| violations.add(field, error)).ok()
}
