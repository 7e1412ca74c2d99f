//! The oracle works: decisions of a real server pass, and each kind of wrong decision is found.

mod promises;
mod recorded_run;
