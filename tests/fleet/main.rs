//! Several servers on one database, while something breaks.

mod chaos;
mod three_servers;
