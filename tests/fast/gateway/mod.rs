//! The gateway, independent of the proxy: requests as clients of shops send them, as attackers do, and at random.

mod answers;
mod book;
mod book_profile;
mod check_request;
mod closed;
mod fuzz;
mod harness;
mod lenient;
mod locations;
mod refusals;
mod retailcrm_protocol;
mod scope;
mod shared;
mod traps;
