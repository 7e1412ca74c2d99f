//! Checks the content of a reference book against its rules; records every violation and continues.

use std::collections::HashMap;

use serde_saphyr::Spanned;

use super::raw::{RawBlock, RawBook, RawMethod};
use super::{
    BookBlock, BookError, BookMethod, BookViolation, FORMAT, MAX_DESCRIPTION_CHARS, MAX_METHODS, MAX_STORE_PLACES,
    MAX_SUMMARY_CHARS, MAX_TITLE_CHARS, ReferenceBook,
};
use crate::model::method::{StoreLocation, StorePlace, StoreUse};
use crate::model::pattern::{MethodIdentity, Verb};
use crate::model::text::is_word;
use crate::model::violations::shorten;

/// How much of an input text an error quotes, in characters.
pub(super) const QUOTED_CHARS: usize = 100;
/// The longest scope, in characters.
const MAX_SCOPE_CHARS: usize = 64;

/// Turns the raw book into a checked one.
///
/// # Errors
/// Returns [`BookError::Invalid`] with every violation, or [`BookError::UnknownFormat`].
pub(super) fn book(raw: RawBook) -> Result<ReferenceBook, BookError> {
    let mut checker = Checker { line: 1, subject: "the book".to_owned(), ..Checker::default() };
    match raw.format.as_deref() {
        Some(FORMAT) => {}
        Some(format) => return Err(BookError::UnknownFormat { format: shorten(format, QUOTED_CHARS) }),
        None => checker.add("the format is missing; write format: 1"),
    }
    let title = checker.title(raw.title);
    let description = checker.description(raw.description);
    let raw_blocks = raw.blocks.unwrap_or_default();
    if raw_blocks.is_empty() {
        checker.add("there are no blocks; a book needs at least one, with a title and methods");
    }
    let methods: usize = raw_blocks.iter().filter_map(|block| block.value.methods.as_ref()).map(Vec::len).sum();
    if methods > MAX_METHODS {
        checker.add(format!("there are {methods} methods; a book has at most {MAX_METHODS}"));
    }
    let blocks = raw_blocks.into_iter().map(|raw| checker.block(raw)).collect();
    if checker.found.is_empty() {
        Ok(ReferenceBook { title, description, blocks })
    } else {
        checker.found.sort_by_key(|violation| violation.line);
        Err(BookError::Invalid(checker.found))
    }
}

/// The violations found so far, the subject of the next one, and the names found so far with their lines.
#[derive(Default)]
struct Checker {
    found: Vec<BookViolation>,
    line: u64,
    subject: String,
    titles: HashMap<String, u64>,
    /// By what requests can distinguish: without the names of parameters.
    shapes: HashMap<(Verb, String), (MethodIdentity, u64)>,
}

impl Checker {
    fn add(&mut self, message: impl Into<String>) {
        self.found.push(BookViolation { line: self.line, subject: self.subject.clone(), message: message.into() });
    }

    /// Returns the value; records its error.
    fn valid<T>(&mut self, value: Result<T, impl ToString>) -> Option<T> {
        value.map_err(|error| self.add(error.to_string())).ok()
    }

    fn block(&mut self, raw: Spanned<RawBlock>) -> BookBlock {
        let (line, raw) = (raw.referenced.line(), raw.value);
        self.line = line;
        self.subject = match raw.title.as_deref().map(str::trim) {
            Some(title) if !title.is_empty() => format!("block \"{}\"", shorten(title, QUOTED_CHARS)),
            _ => "a block".to_owned(),
        };
        let title = self.title(raw.title);
        if let Some(first) = self.titles.get(&title) {
            self.add(format!("the block on line {first} has the same title; use different titles or merge the blocks"));
        } else if !title.is_empty() {
            self.titles.insert(title.clone(), line);
        }
        let description = self.description(raw.description);
        let raw_methods = raw.methods.unwrap_or_default();
        if raw_methods.is_empty() {
            self.add("the block has no methods; list at least one or remove the block");
        }
        let methods = raw_methods.into_iter().filter_map(|raw| self.method(raw)).collect();
        BookBlock { title, description, methods }
    }

    /// Checks a method. Returns `None` if its identity or its store use is invalid, after recording a violation.
    fn method(&mut self, raw: Spanned<RawMethod>) -> Option<BookMethod> {
        let (line, raw) = (raw.referenced.line(), raw.value);
        self.line = line;
        let written = raw.method.as_deref().map(str::trim).unwrap_or_default();
        let identity = if written.is_empty() {
            self.subject = "a method".into();
            self.add("the method is missing; write a verb and a pattern, like method: GET /api/v*/orders/{id}");
            None
        } else {
            self.subject = shorten(written, QUOTED_CHARS);
            self.valid(written.parse::<MethodIdentity>())
        };
        if let Some(identity) = &identity {
            self.unique(identity);
        }
        let summary = self.text("summary", raw.summary, MAX_SUMMARY_CHARS, &[]);
        let description = self.description(raw.description);
        let missing = "store_use is missing; write none, shared, optional or required";
        let store_use =
            self.valid(raw.store_use.as_deref().ok_or(missing)).and_then(|text| self.valid(text.parse::<StoreUse>()));
        let raw_places = raw.store_places.unwrap_or_default();
        if store_use == Some(StoreUse::None) && !raw_places.is_empty() {
            self.add("store_use is none, but there are store_places; remove them or write optional");
        }
        if let (Some(StoreUse::Shared), Some(identity)) = (store_use, &identity)
            && let Some(fault) = StoreUse::shared_error(identity.verb, !raw_places.is_empty())
        {
            self.add(format!("store_use cannot be shared: {fault}"));
        }
        let store_places = self.store_places(raw_places, identity.as_ref());
        if let Some(scope) = raw.scope.as_deref().filter(|scope| !is_word(scope, MAX_SCOPE_CHARS, b"_")) {
            self.add(format!(
                "the scope \"{}\" is invalid; use up to {MAX_SCOPE_CHARS} characters of a-z, 0-9 and _, starting with a \
                 letter",
                shorten(scope, QUOTED_CHARS)
            ));
        }
        let method = identity?.to_string();
        Some(BookMethod { method, summary, description, store_use: store_use?, store_places, scope: raw.scope })
    }

    /// Records a violation if requests could not distinguish the method from an earlier one.
    fn unique(&mut self, identity: &MethodIdentity) {
        let pattern = &identity.pattern;
        let nameless = |shape: String, name: &str| shape.replace(&format!("{{{name}}}"), "{}");
        let shape = pattern.parameters().fold(pattern.as_str().to_owned(), nameless);
        let shape = (identity.verb, shape);
        match self.shapes.get(&shape) {
            Some((first, line)) if first == identity => {
                self.add(format!("the method is listed twice, first on line {line}; remove one"));
            }
            Some((first, line)) => self.add(format!(
                "the method matches the same requests as {first} on line {line}, since only parameter names differ; \
                 remove one"
            )),
            None => {
                self.shapes.insert(shape, (identity.clone(), self.line));
            }
        }
    }

    fn store_places(&mut self, raw: Vec<Spanned<String>>, method: Option<&MethodIdentity>) -> Vec<StorePlace> {
        if raw.len() > MAX_STORE_PLACES {
            self.add(format!("there are {} store_places; a method has at most {MAX_STORE_PLACES}", raw.len()));
        }
        let mut places: Vec<StorePlace> = Vec::new();
        let method_line = self.line;
        for written in raw.into_iter().take(MAX_STORE_PLACES) {
            self.line = written.referenced.line();
            let written = written.value;
            let named = || format!("the store location \"{}\"", shorten(&written, QUOTED_CHARS));
            match written.parse::<StorePlace>() {
                Ok(place) if places.contains(&place) => self.add(format!("{} is listed twice; remove one", named())),
                Ok(place) => {
                    // The book does not describe other locations.
                    if let Some(method) = method.filter(|_| place.location() == StoreLocation::Path) {
                        let known: Vec<&str> = method.pattern.parameters().collect();
                        if !known.contains(&place.name()) {
                            let has = if known.is_empty() { "no parameters".to_owned() } else { known.join(", ") };
                            self.add(format!(
                                "{} does not match a parameter of the pattern; the pattern has {has}",
                                named()
                            ));
                        }
                    }
                    places.push(place);
                }
                Err(error) => self.add(format!("{} is invalid: {error}", named())),
            }
        }
        self.line = method_line;
        places
    }

    /// Checks a title; returns an empty one if it is missing, after recording a violation.
    fn title(&mut self, raw: Option<String>) -> String {
        let title = self.text("title", raw, MAX_TITLE_CHARS, &[]);
        if title.is_empty() {
            self.add(format!("the title is missing; write 1 to {MAX_TITLE_CHARS} characters"));
        }
        title
    }

    fn description(&mut self, raw: Option<String>) -> String {
        self.text("description", raw, MAX_DESCRIPTION_CHARS, &['\n', '\t'])
    }

    /// Checks a text against its limits and trims it; returns an empty one if it is missing. `controls` are the control
    /// characters that it may have.
    fn text(&mut self, name: &str, raw: Option<String>, max: usize, controls: &[char]) -> String {
        let raw = raw.unwrap_or_default();
        let text = raw.trim();
        let chars = text.chars().count();
        if chars > max {
            self.add(format!("the {name} has {chars} characters; the maximum is {max}"));
        }
        match text.chars().find(|c| c.is_control() && !controls.contains(c)) {
            Some('\n') => self.add(format!("the {name} must be a single line")),
            Some(c) => self.add(format!("the {name} contains the control character {c:?}; remove it")),
            None => {}
        }
        text.to_owned()
    }
}
