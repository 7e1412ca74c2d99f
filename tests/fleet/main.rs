//! Several servers on one database, while something breaks.

pub mod availability;
pub mod chaos;
pub mod three_servers;
