//! Tests without servers, or that take seconds: `make quick` runs them.

mod gateway;
mod oracle_works;
mod registry;
mod support_works;
mod tidy;
mod vectors;
