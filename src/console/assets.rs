//! Style sheet, scripts and icon: compiled into the binary, served under an address that changes with their content.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

use super::error::PageError;
use crate::model::hex;
use crate::model::token::Digest;

/// Name, content type and content of each.
const FILES: &[(&str, &str, &str)] = &[
    ("console.css", "text/css; charset=utf-8", include_str!("assets/console.css")),
    ("console.js", "text/javascript; charset=utf-8", include_str!("assets/console.js")),
    ("list.js", "text/javascript; charset=utf-8", include_str!("assets/list.js")),
    ("import.js", "text/javascript; charset=utf-8", include_str!("assets/import.js")),
    ("key-form.js", "text/javascript; charset=utf-8", include_str!("assets/key-form.js")),
    ("icon.svg", ICON, include_str!("assets/icon.svg")),
];
const ICON: &str = "image/svg+xml";

/// The address of the assets: `/assets/` and a version computed from the content of all.
pub(super) static BASE: LazyLock<String> = LazyLock::new(|| {
    let all: String = FILES.iter().map(|(_, _, content)| *content).collect();
    format!("/assets/{}", hex::encode(&Digest::of(all.as_bytes()).as_bytes()[..6]))
});

/// Serves an asset, but not one of another version: browsers would cache its content under the wrong address.
pub(super) async fn serve(Path((version, name)): Path<(String, String)>) -> Result<Response, PageError> {
    let file = FILES.iter().find(|(known, ..)| *known == name);
    match file.filter(|_| BASE.strip_prefix("/assets/") == Some(&*version)) {
        Some((_, kind, content)) => {
            let headers =
                [(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
            Ok((StatusCode::OK, headers, *content).into_response())
        }
        None => Err(PageError::NotFound),
    }
}

/// Serves the icon at the address that browsers request by themselves.
pub(super) async fn icon() -> Response {
    let content = FILES.iter().find(|(name, ..)| *name == "icon.svg").map_or("", |(_, _, content)| *content);
    let headers = [(header::CONTENT_TYPE, ICON), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, content).into_response()
}
