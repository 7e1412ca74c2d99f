//! Programs that others wrote, around Latchkey: proxies, frameworks, a browser.

mod browser;
mod frameworks;
mod proxies;
