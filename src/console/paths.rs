//! The addresses of the console's pages: the routes that the sections serve, and the links to them.

/// The start page.
pub(super) const HOME: &str = KEYS;

pub(super) const SIGN_IN: &str = "/sign-in";
pub(super) const SIGN_OUT: &str = "/sign-out";

/// Integration › API access keys.
pub(super) const KEYS: &str = "/integration/keys";
pub(super) const NEW_KEY: &str = "/integration/keys/new";
pub(super) const KEY: &str = "/integration/keys/{id}";
pub(super) const EDIT_KEY: &str = "/integration/keys/{id}/edit";
pub(super) const SWITCH_KEY: &str = "/integration/keys/{id}/active";
pub(super) const ROTATE_KEY: &str = "/integration/keys/{id}/rotate";
pub(super) const REVOKE_KEY: &str = "/integration/keys/{id}/revoke";
pub(super) const DELETE_KEY: &str = "/integration/keys/{id}/delete";
pub(super) const REVOKE_TOKEN: &str = "/integration/keys/{id}/tokens/{secret}/end";

/// Integration › Stores.
pub(super) const STORES: &str = "/integration/stores";
/// A store may have the code `new`, so the pages of single stores have another prefix.
pub(super) const NEW_STORE: &str = "/integration/stores/new";
pub(super) const STORE: &str = "/integration/store/{code}";
pub(super) const SWITCH_STORE: &str = "/integration/store/{code}/active";
pub(super) const DELETE_STORE: &str = "/integration/store/{code}/delete";

/// Integration › Reference book.
pub(super) const METHODS: &str = "/integration/methods";
pub(super) const NEW_METHOD: &str = "/integration/methods/new";
pub(super) const IMPORT_METHODS: &str = "/integration/methods/import";
pub(super) const METHOD: &str = "/integration/method";
pub(super) const RETIRE_METHOD: &str = "/integration/method/retire";

/// Integration › Find a key.
pub(super) const FIND: &str = "/integration/find";

/// Oversight › Audit trail.
pub(super) const AUDIT: &str = "/oversight/audit";
/// Oversight › Replicas.
pub(super) const REPLICAS: &str = "/oversight/replicas";

/// Oversight › Operators.
pub(super) const OPERATORS: &str = "/oversight/operators";
pub(super) const NEW_OPERATOR: &str = "/oversight/operators/new";
pub(super) const OPERATOR: &str = "/oversight/operators/{id}";
pub(super) const ROTATE_OPERATOR: &str = "/oversight/operators/{id}/rotate";
pub(super) const REVOKE_OPERATOR: &str = "/oversight/operators/{id}/revoke";

/// Style sheet, scripts and icon.
pub(super) const ASSET: &str = "/assets/{version}/{name}";
/// The address of the icon that browsers request by themselves.
pub(super) const ICON: &str = "/favicon.ico";

/// Returns the page of a key.
pub(super) fn key(id: &str) -> String {
    KEY.replace("{id}", id)
}

/// Returns the page of a store. Codes contain nothing that an address would have to escape.
pub(super) fn store(code: &str) -> String {
    STORE.replace("{code}", code)
}

/// Returns the page of a method. Identities contain slashes and braces, so they are in the query.
pub(super) fn method(identity: &str) -> String {
    with_query(METHOD, &[("method", identity)])
}

/// Returns the page of an operator.
pub(super) fn operator(id: &str) -> String {
    OPERATOR.replace("{id}", id)
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
