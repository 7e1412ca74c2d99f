//! The console, requested over HTTP like a browser: what is on a page, what a form does, and what is refused to
//! requests without a page. Resulting decisions are requested over gRPC.

pub mod browser;

mod add_key;
mod edit_key;
mod end_key;
mod headers;
mod key_page;
mod list_of_keys;
mod methods;
mod operators;
mod oversight;
mod roles;
mod sessions;
mod sign_in;
mod stores;
mod unconfirmed;
