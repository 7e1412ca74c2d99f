//! Reference books as text: the YAML that people write, import and review, read into checked types.
//!
//! ```text
//! format: 1
//! title: Order API
//! description: optional
//! blocks:
//!   - title: Orders
//!     description: optional
//!     methods:
//!       - method: GET /api/v*/orders/{id}     # VERB pattern
//!         summary: Get one order              # optional, up to 300 characters
//!         description: optional               # up to 2000 characters
//!         store_use: optional                 # none, shared, optional, required
//!         store_places: ["query:site"]        # optional; see model::method
//!         scope: order_read                   # optional
//! ```
//!
//! ```text
//! parse → raw (serde: is it YAML of this shape? stops at the first fault)
//!       → check (is what it says right? reports every fault at once)
//!       → ReferenceBook
//! ```

mod check;
mod raw;
#[cfg(test)]
mod tests;

use std::fmt;

use thiserror::Error;

use crate::model::method::{StorePlace, StoreUse};

/// The book of the RetailCRM API: 199 methods, built in.
pub const RETAILCRM: &str = include_str!("../books/retailcrm.yaml");

/// The format this version reads, as a book names it.
const FORMAT: &str = "1";
/// The largest text of a book, in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most methods in one book.
pub const MAX_METHODS: usize = 10_000;
/// The longest title of a book or block, in characters.
pub const MAX_TITLE_CHARS: usize = 100;
/// The longest summary, in characters.
pub const MAX_SUMMARY_CHARS: usize = 300;
/// The longest description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 2000;
/// The most store places of one method.
pub const MAX_STORE_PLACES: usize = 32;

/// A reference book: which methods an API has, in titled blocks, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceBook {
    /// Name of the API, 1 to 100 characters.
    pub title: String,
    /// What the book covers; empty or up to 2000 characters.
    pub description: String,
    /// At least one; no two with the same title.
    pub blocks: Vec<BookBlock>,
}

/// A titled group of methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookBlock {
    /// 1 to 100 characters, unique in the book.
    pub title: String,
    /// What the methods are for; empty or up to 2000 characters.
    pub description: String,
    /// At least one; no two in the whole book with the same verb and shape of pattern.
    pub methods: Vec<BookMethod>,
}

/// One method of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookMethod {
    /// The identity, `VERB pattern`, in canonical spelling.
    pub method: String,
    /// One line; empty or up to 300 characters.
    pub summary: String,
    /// What else is worth knowing; empty or up to 2000 characters.
    pub description: String,
    /// Whether requests name a store.
    pub store_use: StoreUse,
    /// Where the store travels, up to 32 places, without repetition; empty if requests carry no store. A path place names
    /// a parameter of the pattern.
    pub store_places: Vec<StorePlace>,
    /// The scope that opens the method in the API's own words: `[a-z][a-z0-9_]{0,63}`.
    pub scope: Option<String>,
}

/// Why a text is no reference book.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BookError {
    /// The text is longer than [`MAX_BYTES`].
    #[error("the reference book has {bytes} bytes; the maximum is {MAX_BYTES}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// The book is written in a format this version does not know.
    #[error("the reference book is written in format {format}; this version reads format {FORMAT}")]
    UnknownFormat {
        /// What it says of itself, shortened.
        format: String,
    },
    /// It is not YAML of the shape of a book. The sentence names line and column.
    #[error("the reference book cannot be read: {sentence}")]
    Malformed {
        /// The first thing that is wrong.
        sentence: String,
    },
    /// It is a book, but what it says is wrong: every fault, in the order of the text.
    #[error("the reference book has {}:{}", count(.0), list(.0))]
    Invalid(Vec<Violation>),
}

/// One fault of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The line of the text, from 1.
    pub line: u64,
    /// What is at fault: the book, a block by its title, or a method by its identity.
    pub subject: String,
    /// What is wrong with it and what would be right.
    pub message: String,
}

/// Reads a reference book.
///
/// # Errors
/// [`BookError`]. Faults of meaning (bad or repeated methods, texts over their bounds, impossible places) come all at
/// once; faults of shape (no YAML, an unknown field, a list for a text) one at a time, because nothing behind the first
/// can be trusted.
pub fn parse(yaml: &str) -> Result<ReferenceBook, BookError> {
    if yaml.len() > MAX_BYTES {
        return Err(BookError::TooLarge { bytes: yaml.len() });
    }
    check::book(raw::read(yaml)?)
}

// ---------------------------------------------------------------------------------------------------------------------
// Sentences
// ---------------------------------------------------------------------------------------------------------------------

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.subject, self.message)
    }
}

fn count(violations: &[Violation]) -> String {
    match violations.len() {
        1 => "1 error".to_owned(),
        n => format!("{n} errors"),
    }
}

fn list(violations: &[Violation]) -> String {
    violations.iter().fold(String::new(), |list, violation| list + "\n  " + &violation.to_string())
}
