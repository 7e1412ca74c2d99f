//! Programs that others wrote, around Latchkey: proxies, frameworks, a browser.

pub mod browser;
pub mod frameworks;
pub mod proxies;
