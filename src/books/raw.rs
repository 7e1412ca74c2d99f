//! The shape of a reference book in YAML, before its content is checked.
//!
//! Everything that may be missing by mistake is optional here, so that `check` can report it together with the rest.

use serde::Deserialize;
use serde_saphyr::{MergeKeyPolicy, Spanned, UserMessageFormatter};

use super::check::QUOTED_CHARS;
use super::{BookError, FORMAT};
use crate::model::violations::shorten;

/// The longest error about a shape, in characters.
const MAX_SENTENCE_CHARS: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBook {
    pub(super) format: Option<String>,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) blocks: Option<Vec<Spanned<RawBlock>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBlock {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) methods: Option<Vec<Spanned<RawMethod>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMethod {
    pub(super) method: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) description: Option<String>,
    pub(super) store_use: Option<String>,
    pub(super) store_places: Option<Vec<Spanned<String>>>,
    pub(super) scope: Option<String>,
}

/// The one field common to all formats.
#[derive(Deserialize)]
struct FormatField {
    format: Option<String>,
}

/// Parses YAML in the shape of a book. The caller has limited its length.
///
/// # Errors
/// Returns [`BookError::UnknownFormat`] or [`BookError::Malformed`].
pub(super) fn read(yaml: &str) -> Result<RawBook, BookError> {
    serde_saphyr::from_str_with_options(yaml, options()).map_err(|error| {
        // A later format may have fields that this one lacks: then report the format, not the first such field.
        match serde_saphyr::from_str_with_options(yaml, options()) {
            Ok(FormatField { format: Some(format) }) if format != FORMAT => {
                BookError::UnknownFormat { format: shorten(&format, QUOTED_CHARS) }
            }
            Ok(_) | Err(_) => {
                // One line, whatever input the error quotes.
                let text = error.render_with_formatter(&UserMessageFormatter);
                let words: Vec<&str> = text.split_whitespace().collect();
                BookError::Malformed { sentence: shorten(&words.join(" "), MAX_SENTENCE_CHARS) }
            }
        }
    })
}

/// Books are untrusted: no anchors, aliases or merge keys (a book needs none, and they multiply), little depth.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_depth: 16,
            max_documents: 1,
            max_nodes: 1_000_000,
            max_events: 3_000_000,
        },
        merge_keys: MergeKeyPolicy::Error,
        // A snippet has several lines; the sentence names line and column.
        with_snippet: false,
    }
}
