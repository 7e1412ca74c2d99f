//! Conversion between the types of the contract and of the registry: the only place that names both. Values are passed
//! on unchanged; the registry validates them.

mod common;
mod key;
mod method;
mod observe;
mod operator;
mod store;

pub(super) use self::common::{all, count, duration};
pub(super) use self::key::find_key_response;
pub(super) use self::method::import_methods_response;
pub(super) use self::observe::replica;
