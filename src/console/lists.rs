//! What lists have in common: filters that live in the address, and what is wrong with them.

use super::failure::Failure;
use super::form::Errors;
use crate::registry::{Error, Listed, Result};

/// An address with what is said of these parameters.
pub(super) fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The entries found, or none and what is wrong with the filters.
pub(super) fn listed<T>(result: Result<Listed<T>>) -> std::result::Result<(Listed<T>, Errors), Failure> {
    match result {
        Ok(listed) => Ok((listed, Errors::none())),
        // An address whose end was cut: the list begins anew.
        Err(Error::Invalid(violations)) if violations.told().iter().any(|wrong| wrong.field == "page_token") => {
            Err(Failure::BadAddress(String::new()))
        }
        Err(Error::Invalid(violations)) => {
            Ok((Listed { items: Vec::new(), next: String::new() }, Errors::of(&violations)))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_stays_out_of_the_address() {
        assert_eq!(address("/a", &[("x", ""), ("y", "")]), "/a");
        assert_eq!(address("/a", &[("x", ""), ("y", "b & c")]), "/a?y=b+%26+c");
    }
}
