//! Page tokens: where a list continues, bound to the list and its filters, so that a token of another list, or of the
//! same list with other filters, is refused instead of returning wrong entries.
//!
//! A token is the sort key of the last entry of the previous page, in hexadecimal, after eight bytes of a digest over
//! the list's name, its filters and that key. The digest prevents mistakes, not attacks: there is nothing to gain,
//! since a caller who may request the list may read all of it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::model::change::SubjectKind;
use crate::model::hex;
use crate::model::id::OperatorId;
use crate::model::operator::Role;
use crate::model::page::{DEFAULT_SIZE, MAX_SIZE, Page, PageRequest};
use crate::model::store::StoreKind;
use crate::model::time::Timestamp;
use crate::model::violations::Violations;

use super::Listed;
use super::error::Result;
use super::input::PageInput;
use super::validate;

/// The number of digest bytes in a token.
const CHECK: usize = 8;
/// The longest token, in characters: sort keys are ids, codes, positions and revisions.
const MAX_TOKEN: usize = 2_000;

pub(super) trait Bound {
    /// Returns the value's text in bindings. It never changes: during an upgrade, the replica of another version that
    /// returns the next page has to accept the token. So it contains no name of Rust.
    fn text(&self) -> String;
}

impl Bound for String {
    /// Returns it in quotes, with line ends escaped: a text cannot look like another filter.
    fn text(&self) -> String {
        serde_json::Value::from(self.as_str()).to_string()
    }
}

macro_rules! displayed {
    ($($type:ident),+) => {$(
        impl Bound for $type {
            fn text(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

macro_rules! named {
    ($($type:ident { $($value:ident = $text:literal),+ })+) => {$(
        impl Bound for $type {
            fn text(&self) -> String {
                match self { $(Self::$value => $text),+ }.to_owned()
            }
        }
    )+};
}

displayed!(bool, Timestamp, OperatorId);
named! {
    Role { Admin = "Admin", Editor = "Editor", Viewer = "Viewer", Authorizer = "Authorizer" }
    StoreKind { Site = "Site", LandingPage = "LandingPage", OnlineStore = "OnlineStore" }
    SubjectKind { Key = "Key", Store = "Store", Method = "Method", Operator = "Operator", Other = "Other" }
}

/// A list and the filters that are set.
#[derive(Debug, Clone)]
pub(super) struct Binding(String);

impl Binding {
    /// Creates the binding of the list with this name, without filters.
    pub(super) fn new(list: &'static str) -> Self {
        Self(list.to_owned())
    }

    /// Adds a filter, if it is set. Unset filters leave no trace, so that a version with more filters still accepts the
    /// tokens of one with fewer.
    #[must_use]
    pub(super) fn with<T: Bound>(mut self, filter: &'static str, value: Option<&T>) -> Self {
        if let Some(value) = value {
            write!(self.0, "\n{filter}={}", value.text()).expect("a String takes everything");
        }
        self
    }

    /// Parses the requested page. Fails with its violations and those of the filters.
    pub(super) fn request(&self, mut violations: Violations, page: &PageInput) -> Result<PageRequest> {
        let size = match u32::try_from(page.size) {
            Ok(0) => DEFAULT_SIZE,
            Ok(size @ 1..=MAX_SIZE) => size,
            _ => {
                violations.add("page_size", format_args!("must be 1 to {MAX_SIZE}, or 0 for {DEFAULT_SIZE}"));
                DEFAULT_SIZE
            }
        };
        let after = (!page.token.is_empty()).then(|| self.read(&page.token));
        if after == Some(None) {
            violations.add(
                "page_token",
                "is not valid for this list with these filters; send `next_page_token` unchanged, or start again \
                 without it",
            );
        }
        validate::none(violations)?;
        Ok(PageRequest { size, after: after.flatten() })
    }

    /// Converts a page that storage returned for this list.
    pub(super) fn listed<T>(&self, page: Page<T>) -> Listed<T> {
        Listed { next: self.token(page.next.as_deref()), items: page.items }
    }

    /// Returns the token to continue after `sort_key`; empty if the list ends there.
    fn token(&self, sort_key: Option<&str>) -> String {
        let Some(key) = sort_key else { return String::new() };
        hex::encode(&[&self.check(key), key.as_bytes()].concat())
    }

    fn read(&self, token: &str) -> Option<String> {
        if token.len() > MAX_TOKEN || !token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let bytes = hex::decode(token)?;
        let (check, key) = bytes.split_at_checked(CHECK)?;
        let key = std::str::from_utf8(key).ok()?;
        // No sort key has control characters; a text with them would not even be compared in storage.
        (check == self.check(key) && !key.chars().any(char::is_control)).then(|| key.to_owned())
    }

    fn check(&self, key: &str) -> [u8; CHECK] {
        let mut digest = Sha256::new();
        digest.update(self.0.as_bytes());
        digest.update([0]);
        digest.update(key.as_bytes());
        let digest: [u8; 32] = digest.finalize().into();
        let mut check = [0; CHECK];
        check.copy_from_slice(&digest[..CHECK]);
        check
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Error;

    fn read(binding: &Binding, size: i32, token: &str) -> std::result::Result<PageRequest, String> {
        binding.request(Violations::new(), &PageInput { size, token: token.to_owned() }).map_err(|error| match error {
            Error::Invalid(violations) => violations.listed()[0].field.clone(),
            other => panic!("{other}"),
        })
    }

    #[test]
    fn a_token_reads_back_with_the_same_list_and_filters_only() {
        let plain = Binding::new("keys");
        let filtered = Binding::new("keys").with("active", Some(&true)).with::<String>("text", None);
        let token = filtered.token(Some("key_0198"));
        assert_eq!(read(&filtered, 0, &token), Ok(PageRequest { size: 50, after: Some("key_0198".to_owned()) }));
        assert_eq!(read(&Binding::new("keys").with("active", Some(&true)), 7, &token).unwrap().size, 7);
        assert_eq!(read(&plain, 0, &token), Err("page_token".to_owned()));
        assert_eq!(read(&Binding::new("stores").with("active", Some(&true)), 0, &token), Err("page_token".to_owned()));
    }

    /// A change of any of these texts makes replicas of two versions refuse each other's tokens.
    #[test]
    fn the_format_of_a_binding_never_changes() {
        let time = Timestamp::from_micros(1_795_482_123_000_004);
        let actor = OperatorId::new(Timestamp::EPOCH, [1; 10]);
        let roles = [Role::Admin, Role::Editor, Role::Viewer, Role::Authorizer].map(|role| role.text());
        let stores = [StoreKind::Site, StoreKind::LandingPage, StoreKind::OnlineStore].map(|kind| kind.text());
        let subjects =
            [SubjectKind::Key, SubjectKind::Store, SubjectKind::Method, SubjectKind::Operator, SubjectKind::Other];
        assert_eq!(roles, ["Admin", "Editor", "Viewer", "Authorizer"]);
        assert_eq!(stores, ["Site", "LandingPage", "OnlineStore"]);
        assert_eq!(subjects.map(|kind| kind.text()), ["Key", "Store", "Method", "Operator", "Other"]);
        let binding = Binding::new("keys")
            .with("active", Some(&false))
            .with("text", Some(&"a\n\"b\" ж".to_owned()))
            .with("start", Some(&time))
            .with("actor", Some(&actor))
            .with("role", Some(&Role::Admin))
            .with::<bool>("used", None);
        let expected = format!(
            "keys\nactive=false\ntext=\"a\\n\\\"b\\\" ж\"\nstart=2026-11-24T01:02:03.000004Z\nactor={actor}\nrole=Admin"
        );
        assert_eq!(binding.0, expected);
        assert_eq!(
            Binding::new("keys").with("active", Some(&true)).token(Some("key_0198")),
            "9bd40c8ad450f4c46b65795f30313938"
        );
    }

    #[test]
    fn an_altered_token_is_refused_wherever_it_was_altered() {
        let binding = Binding::new("keys");
        let token = binding.token(Some("key_0198"));
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'0' { b'1' } else { b'0' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(read(&binding, 0, &altered), Err("page_token".to_owned()), "{altered}");
        }
        let long = binding.token(Some(&"x".repeat(MAX_TOKEN)));
        for bad in ["0", "zz", "é", &token.to_uppercase(), &token[..token.len() - 1], &long] {
            assert_eq!(read(&binding, 0, bad), Err("page_token".to_owned()), "{bad}");
        }
    }

    #[test]
    fn the_last_page_has_no_token_and_none_is_the_first_page() {
        let binding = Binding::new("keys");
        assert_eq!(binding.token(None), "");
        assert_eq!(read(&binding, 1_000, ""), Ok(PageRequest { size: 1_000, after: None }));
    }

    #[test]
    fn sizes_have_bounds() {
        for size in [-1, 1_001, i32::MIN, i32::MAX] {
            assert_eq!(read(&Binding::new("keys"), size, ""), Err("page_size".to_owned()));
        }
    }
}
