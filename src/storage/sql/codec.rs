//! How values of the model are written in columns. The texts are permanent: add to them, never change one.

use crate::model::key::TokenOrigin;
use crate::model::operator::Role;
use crate::model::store::StoreKind;

/// Separates the fields of a `search` column: no field contains it, so that no text matches across two.
const SEPARATOR: &str = "\u{1f}";

pub(super) const fn kind(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Site => "site",
        StoreKind::LandingPage => "landing_page",
        StoreKind::OnlineStore => "online_store",
    }
}

pub(super) fn parse_kind(text: &str) -> Option<StoreKind> {
    [StoreKind::Site, StoreKind::LandingPage, StoreKind::OnlineStore].into_iter().find(|known| kind(*known) == text)
}

pub(super) const fn origin(origin: TokenOrigin) -> &'static str {
    match origin {
        TokenOrigin::Issued => "issued",
        TokenOrigin::Supplied => "supplied",
    }
}

pub(super) fn parse_origin(text: &str) -> Option<TokenOrigin> {
    [TokenOrigin::Issued, TokenOrigin::Supplied].into_iter().find(|known| origin(*known) == text)
}

pub(super) fn parse_role(text: &str) -> Option<Role> {
    [Role::Admin, Role::Editor, Role::Viewer, Role::Authorizer].into_iter().find(|known| known.as_str() == text)
}

/// Returns the contents of a `search` column for these fields.
pub(super) fn search<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    // Each field separately: the lower case of a letter may depend on the letters around it.
    fields.into_iter().map(fold).collect::<Vec<_>>().join(SEPARATOR)
}

/// Converts to lower case in Rust rather than in each engine, so that both find the same.
fn fold(text: &str) -> String {
    if cfg!(without_guard = "agreement") { text.to_ascii_lowercase() } else { text.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for known in [StoreKind::Site, StoreKind::LandingPage, StoreKind::OnlineStore] {
            assert_eq!(parse_kind(kind(known)), Some(known));
        }
        for known in [TokenOrigin::Issued, TokenOrigin::Supplied] {
            assert_eq!(parse_origin(origin(known)), Some(known));
        }
        for known in [Role::Admin, Role::Editor, Role::Viewer, Role::Authorizer] {
            assert_eq!(parse_role(known.as_str()), Some(known));
        }
        assert_eq!(parse_role("owner"), None);
    }

    #[test]
    fn a_text_does_not_occur_across_two_fields() {
        let search = search(["Shop", "ÉTÉ"]);
        assert!(search.contains("été") && !search.contains("shopé"));
    }
}
