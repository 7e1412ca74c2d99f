//! Checks the content of a reference book against its rules; records every violation and continues.

use std::collections::HashMap;

use serde_saphyr::Spanned;

use super::raw::{RawBlock, RawBook, RawMethod};
use super::{
    BookBlock, BookError, BookMethod, BookViolation, FORMAT, MAX_DESCRIPTION_CHARS, MAX_METHODS, MAX_STORE_PLACES,
    MAX_SUMMARY_CHARS, MAX_TITLE_CHARS, ReferenceBook,
};
use crate::model::method::{StoreLocation, StorePlace, StoreUse};
use crate::model::pattern::{MethodIdentity, Segment, Verb};

/// How much of an input text an error quotes, in characters.
pub(super) const QUOTED_CHARS: usize = 100;
/// The longest scope, in characters.
const MAX_SCOPE_CHARS: usize = 64;

/// Turns the raw book into a checked one.
///
/// # Errors
/// Returns [`BookError::Invalid`] with every violation, or [`BookError::UnknownFormat`].
pub(super) fn book(raw: RawBook) -> Result<ReferenceBook, BookError> {
    let mut violations = BookViolations::default();
    violations.set_subject(1, "the book");
    match raw.format.as_deref() {
        Some(FORMAT) => {}
        Some(format) => return Err(BookError::UnknownFormat { format: excerpt(format, QUOTED_CHARS) }),
        None => violations.add("the format is missing; write format: 1"),
    }
    let title = violations.title(raw.title);
    let description = violations.description(raw.description);
    let raw_blocks = raw.blocks.unwrap_or_default();
    if raw_blocks.is_empty() {
        violations.add("there are no blocks; a book needs at least one, with a title and methods");
    }
    let methods: usize = raw_blocks.iter().filter_map(|block| block.value.methods.as_ref()).map(Vec::len).sum();
    if methods > MAX_METHODS {
        violations.add(format!("there are {methods} methods; a book has at most {MAX_METHODS}"));
    }
    let mut seen = SeenNames::default();
    let blocks = raw_blocks.into_iter().map(|raw| block(raw, &mut seen, &mut violations)).collect();
    if violations.found.is_empty() {
        Ok(ReferenceBook { title, description, blocks })
    } else {
        violations.found.sort_by_key(|violation| violation.line);
        Err(BookError::Invalid(violations.found))
    }
}

/// The names found so far, and their lines.
#[derive(Default)]
struct SeenNames {
    titles: HashMap<String, u64>,
    /// By what requests can distinguish: without the names of parameters.
    shapes: HashMap<(Verb, String), (MethodIdentity, u64)>,
}

fn block(raw: Spanned<RawBlock>, seen: &mut SeenNames, violations: &mut BookViolations) -> BookBlock {
    let (line, raw) = (raw.referenced.line(), raw.value);
    match raw.title.as_deref().map(str::trim) {
        Some(title) if !title.is_empty() => {
            violations.set_subject(line, format!("block \"{}\"", excerpt(title, QUOTED_CHARS)));
        }
        _ => violations.set_subject(line, "a block"),
    }
    let title = violations.title(raw.title);
    if let Some(first) = seen.titles.get(&title) {
        violations
            .add(format!("the block on line {first} has the same title; use different titles or merge the blocks"));
    } else if !title.is_empty() {
        seen.titles.insert(title.clone(), line);
    }
    let description = violations.description(raw.description);
    let raw_methods = raw.methods.unwrap_or_default();
    if raw_methods.is_empty() {
        violations.add("the block has no methods; list at least one or remove the block");
    }
    let methods = raw_methods.into_iter().filter_map(|raw| method(raw, seen, violations)).collect();
    BookBlock { title, description, methods }
}

/// Checks a method. Returns `None` if its identity or its store use is invalid, after recording a violation.
fn method(raw: Spanned<RawMethod>, seen: &mut SeenNames, violations: &mut BookViolations) -> Option<BookMethod> {
    let (line, raw) = (raw.referenced.line(), raw.value);
    let written = raw.method.as_deref().map(str::trim).unwrap_or_default();
    if written.is_empty() {
        violations.set_subject(line, "a method");
        violations.add("the method is missing; write a verb and a pattern, like method: GET /api/v*/orders/{id}");
    } else {
        violations.set_subject(line, excerpt(written, QUOTED_CHARS));
    }
    let identity = match written.parse::<MethodIdentity>() {
        Ok(identity) => Some(identity),
        Err(_) if written.is_empty() => None,
        Err(error) => {
            violations.add(error.to_string());
            None
        }
    };
    if let Some(identity) = &identity {
        unique(identity, line, seen, violations);
    }
    let summary = violations.text("summary", raw.summary, MAX_SUMMARY_CHARS, LineLimit::One);
    let description = violations.description(raw.description);
    let store_use = match raw.store_use.as_deref().map(str::parse::<StoreUse>) {
        Some(Ok(store_use)) => Some(store_use),
        Some(Err(error)) => {
            violations.add(error.to_string());
            None
        }
        None => {
            violations.add("store_use is missing; write none, shared, optional or required");
            None
        }
    };
    let raw_places = raw.store_places.unwrap_or_default();
    if store_use == Some(StoreUse::None) && !raw_places.is_empty() {
        violations.add("store_use is none, but there are store_places; remove them or write optional");
    }
    if let (Some(StoreUse::Shared), Some(identity)) = (store_use, &identity)
        && let Some(fault) = StoreUse::shared_error(identity.verb, !raw_places.is_empty())
    {
        violations.add(format!("store_use cannot be shared: {fault}"));
    }
    let store_places = store_places(raw_places, identity.as_ref(), violations);
    if let Some(scope) = raw.scope.as_deref().filter(|scope| !is_scope(scope)) {
        violations.add(format!(
            "the scope \"{}\" is invalid; use up to {MAX_SCOPE_CHARS} characters of a-z, 0-9 and _, starting with a \
             letter",
            excerpt(scope, QUOTED_CHARS)
        ));
    }
    Some(BookMethod {
        method: identity?.to_string(),
        summary,
        description,
        store_use: store_use?,
        store_places,
        scope: raw.scope,
    })
}

/// Records a violation if requests could not distinguish the method from an earlier one.
fn unique(identity: &MethodIdentity, line: u64, seen: &mut SeenNames, violations: &mut BookViolations) {
    let shape = (identity.verb, shape(identity));
    match seen.shapes.get(&shape) {
        Some((first, at)) if first == identity => {
            violations.add(format!("the method is listed twice, first on line {at}; remove one"));
        }
        Some((first, at)) => violations.add(format!(
            "the method matches the same requests as {first} on line {at}, since only parameter names differ; remove \
             one"
        )),
        None => {
            seen.shapes.insert(shape, (identity.clone(), line));
        }
    }
}

/// Returns the pattern without the names of its parameters.
fn shape(identity: &MethodIdentity) -> String {
    let mut shape = String::new();
    for segment in identity.pattern.segments() {
        shape.push('/');
        match segment {
            Segment::Literal(text) => shape.push_str(text),
            Segment::Partial(prefix) => shape.extend([prefix, "*"]),
            Segment::Parameter(_) => shape.push_str("{}"),
            Segment::Rest => shape.push_str("**"),
        }
    }
    shape
}

fn store_places(
    raw: Vec<Spanned<String>>,
    method: Option<&MethodIdentity>,
    violations: &mut BookViolations,
) -> Vec<StorePlace> {
    if raw.len() > MAX_STORE_PLACES {
        violations.add(format!("there are {} store_places; a method has at most {MAX_STORE_PLACES}", raw.len()));
    }
    let mut places: Vec<StorePlace> = Vec::new();
    let method_line = violations.line;
    for written in raw.into_iter().take(MAX_STORE_PLACES) {
        violations.line = written.referenced.line();
        let written = written.value;
        match written.parse::<StorePlace>() {
            Ok(place) if places.contains(&place) => {
                violations.add(format!(
                    "the store location \"{}\" is listed twice; remove one",
                    excerpt(&written, QUOTED_CHARS)
                ));
            }
            Ok(place) => {
                if let Some(method) = method.filter(|method| !fits_pattern(&place, method)) {
                    violations.add(format!(
                        "the store location \"{}\" does not match a parameter of the pattern; {}",
                        excerpt(&written, QUOTED_CHARS),
                        parameters(method)
                    ));
                }
                places.push(place);
            }
            Err(error) => {
                violations
                    .add(format!("the store location \"{}\" is invalid: {error}", excerpt(&written, QUOTED_CHARS)));
            }
        }
    }
    violations.line = method_line;
    places
}

/// Returns whether the pattern has the parameter of a path location. The book does not describe other locations.
fn fits_pattern(place: &StorePlace, method: &MethodIdentity) -> bool {
    place.location() != StoreLocation::Path || method.pattern.parameters().any(|name| name == place.name())
}

fn parameters(method: &MethodIdentity) -> String {
    let names: Vec<&str> = method.pattern.parameters().collect();
    if names.is_empty() {
        "the pattern has no parameters".to_owned()
    } else {
        format!("the pattern has {}", names.join(", "))
    }
}

fn is_scope(text: &str) -> bool {
    text.len() <= MAX_SCOPE_CHARS
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

// ---------------------------------------------------------------------------------------------------------------------
// BookViolations
// ---------------------------------------------------------------------------------------------------------------------

/// The violations found so far, and the subject of the next one.
#[derive(Default)]
struct BookViolations {
    line: u64,
    subject: String,
    found: Vec<BookViolation>,
}

/// The number of lines a text may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineLimit {
    One,
    Many,
}

impl BookViolations {
    fn set_subject(&mut self, line: u64, subject: impl Into<String>) {
        self.line = line;
        self.subject = subject.into();
    }

    fn add(&mut self, message: impl Into<String>) {
        self.found.push(BookViolation { line: self.line, subject: self.subject.clone(), message: message.into() });
    }

    /// Checks a title; returns an empty one if it is missing, after recording a violation.
    fn title(&mut self, raw: Option<String>) -> String {
        let title = self.text("title", raw, MAX_TITLE_CHARS, LineLimit::One);
        if title.is_empty() {
            self.add(format!("the title is missing; write 1 to {MAX_TITLE_CHARS} characters"));
        }
        title
    }

    fn description(&mut self, raw: Option<String>) -> String {
        self.text("description", raw, MAX_DESCRIPTION_CHARS, LineLimit::Many)
    }

    /// Checks a text against its limits and trims it; returns an empty one if it is missing.
    fn text(&mut self, name: &str, raw: Option<String>, max: usize, lines: LineLimit) -> String {
        let raw = raw.unwrap_or_default();
        let text = raw.trim();
        let chars = text.chars().count();
        if chars > max {
            self.add(format!("the {name} has {chars} characters; the maximum is {max}"));
        }
        match text.chars().find(|&c| c.is_control() && !(lines == LineLimit::Many && matches!(c, '\n' | '\t'))) {
            Some('\n') => self.add(format!("the {name} must be a single line")),
            Some(c) => self.add(format!("the {name} contains the control character {c:?}; remove it")),
            None => {}
        }
        text.to_owned()
    }
}

/// Returns a text for use in an error: at most `max` characters, without control characters.
pub(super) fn excerpt(text: &str, max: usize) -> String {
    let mut excerpt = String::new();
    for c in text.chars().take(max) {
        if c.is_control() {
            excerpt.extend(c.escape_default());
        } else {
            excerpt.push(c);
        }
    }
    if text.chars().nth(max).is_some() {
        excerpt.push('…');
    }
    excerpt
}
