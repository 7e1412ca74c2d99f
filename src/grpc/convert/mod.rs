//! Conversion between the types of the contract and of the registry: the only place that names both. Values are passed
//! on unchanged; the registry validates them.

mod common;
mod key;
mod method;
mod observe;
mod operator;
mod store;

pub(super) use self::common::{count, duration, options, page, written};
pub(super) use self::key::{create_key, find_key_response, import_keys, key, list_keys, rotate_key, update_key};
pub(super) use self::method::{import_methods, import_methods_response, method, method_draft, update_method};
pub(super) use self::observe::{change, get_usage, list_changes, lost_change, replica, usage_count};
pub(super) use self::operator::{list_operators, operator, operator_draft, update_operator};
pub(super) use self::store::{list_stores, store, store_draft, update_store};
