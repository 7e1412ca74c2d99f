//! Tests without servers, or that take seconds: `make quick` runs them.

pub mod gateway;
pub mod oracle_works;
pub mod registry;
pub mod support_works;
pub mod tidy;
pub mod vectors;
