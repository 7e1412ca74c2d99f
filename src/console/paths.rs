//! The addresses that the console's pages link to, and refer to in redirects.

pub(super) const SIGN_IN: &str = "/sign-in";
pub(super) const SIGN_OUT: &str = "/sign-out";
/// The start page.
pub(super) const KEYS: &str = "/integration/keys";
pub(super) const STORES: &str = "/integration/stores";
pub(super) const METHODS: &str = "/integration/methods";
pub(super) const METHOD: &str = "/integration/method";
pub(super) const FIND: &str = "/integration/find";
pub(super) const AUDIT: &str = "/oversight/audit";
pub(super) const REPLICAS: &str = "/oversight/replicas";
pub(super) const OPERATORS: &str = "/oversight/operators";

pub(super) fn key(id: &str) -> String {
    format!("{KEYS}/{id}")
}

/// Returns the page of a store. Codes contain nothing that an address would have to escape.
pub(super) fn store(code: &str) -> String {
    format!("/integration/store/{code}")
}

/// Returns the page of a method. Identities contain slashes and braces, so they are in the query.
pub(super) fn method(identity: &impl ToString) -> String {
    with_query(METHOD, &[("method", &identity.to_string())])
}

pub(super) fn operator(id: &str) -> String {
    format!("{OPERATORS}/{id}")
}

/// Returns the audit trail of one subject.
pub(super) fn subject_changes(kind: &str, id: &str) -> String {
    with_query(AUDIT, &[("kind", kind), ("subject", id)])
}

/// Returns the audit trail of all changes that one operator made.
pub(super) fn actor_changes(operator: &str) -> String {
    with_query(AUDIT, &[("actor", operator)])
}

/// Returns `path` with these parameters added to its query, except empty ones. A fragment of `path` stays at the end.
pub(super) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let (path, fragment) = path.split_at(path.find('#').unwrap_or(path.len()));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    let mark = match query.is_empty() {
        true => "",
        false if path.contains('?') => "&",
        false => "?",
    };
    format!("{path}{mark}{query}{fragment}")
}

/// Returns whether `path` is within the console: not another site, nor anything that a browser could take for one.
pub(super) fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_stays_out_of_the_address() {
        assert_eq!(with_query("/a", &[("x", ""), ("y", "")]), "/a");
        assert_eq!(with_query("/a", &[("x", ""), ("y", "b & c")]), "/a?y=b+%26+c");
        assert_eq!(with_query("/a?x=1#row", &[("y", "2"), ("z", "3")]), "/a?x=1&y=2&z=3#row");
    }

    #[test]
    fn only_paths_of_our_own_are_gone_to() {
        for good in ["/", "/integration/keys?text=a%20b&store=main#x"] {
            assert!(is_local(good), "{good}");
        }
        for bad in ["", "keys", "//evil.test", "/\\evil.test", "/a\r\nSet-Cookie: a", "https://evil.test/", "/ä"] {
            assert!(!is_local(bad), "{bad}");
        }
    }
}
