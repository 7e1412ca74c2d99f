//! Work that clients can cause: for every listener the most expensive work per byte, and the effects of a flood of such
//! requests on other clients.

pub mod admin;
pub mod brief_flood;
pub mod decisions;
pub mod flood;
pub mod overload;
pub mod process_cost;
pub mod raw;
pub mod requests;
pub mod table;
