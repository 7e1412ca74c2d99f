//! Work that clients can cause: for every listener the most expensive work per byte, and the effects of a flood of such
//! requests on other clients.

mod admin;
mod brief_flood;
mod decisions;
mod flood;
mod overload;
mod process_cost;
mod raw;
mod requests;
mod table;
