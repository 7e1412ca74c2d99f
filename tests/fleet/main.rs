//! Several servers on one database, while something breaks.

pub mod chaos;
pub mod three_servers;
