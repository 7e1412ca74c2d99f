//! Cookies. PHP's `$_REQUEST` may include them and prefer one to the parameter of the same name, so none may have the
//! name of a parameter that matters.

use super::names::{NameMatch, WrittenName};
use crate::gateway::fault::Fault;
use crate::gateway::plan::GovernedParameter;
use crate::gateway::request::split_once;

/// Checks the value of a cookie header.
pub(crate) fn check(value: &[u8], governed: &[GovernedParameter]) -> Result<(), Fault> {
    for cookie in value.split(|byte| matches!(byte, b';' | b',')).map(<[u8]>::trim_ascii) {
        let (name, _) = split_once(cookie, b'=');
        if name.is_empty() {
            continue;
        }
        let written = WrittenName::new(name, true);
        if let Some(governed) = governed.iter().find(|one| one.name.compare(&written) != NameMatch::Other) {
            return Err(Fault::Cookie { found: written.printable(), expected: governed.name.as_str().to_owned() });
        }
    }
    Ok(())
}
