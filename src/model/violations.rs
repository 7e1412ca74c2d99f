//! Violations in a request: all of them at once, each with the path of its field.

use std::fmt;
use std::fmt::Display;

/// The most violations that are listed one by one.
const MAX_LISTED: usize = 100;
/// The most characters of a refused text that are repeated.
const MAX_EXCERPT: usize = 64;

/// One violation in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, such as `key.stores[3]`.
    pub field: String,
    /// What is wrong with it and what would be right, in lower case. Never a token.
    pub description: String,
}

/// The violations of a request, in the order found. At most 100 are kept; the rest are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    listed: Vec<Violation>,
    unlisted: usize,
    base: String,
}

impl Violations {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a list of exactly one violation.
    pub fn one(field: impl Display, description: impl Display) -> Self {
        let mut violations = Self::new();
        violations.add(field, description);
        violations
    }

    /// Adds a violation in `field`, within the base.
    pub fn add(&mut self, field: impl Display, description: impl Display) {
        if self.listed.len() == MAX_LISTED {
            self.unlisted += 1;
            return;
        }
        let field = if self.base.is_empty() { field.to_string() } else { format!("{}.{field}", self.base) };
        self.listed.push(Violation { field, description: description.to_string() });
    }

    /// Runs a check whose fields are within `base`.
    pub fn within<T>(&mut self, base: impl Display, check: impl FnOnce(&mut Self) -> T) -> T {
        let inner = if self.base.is_empty() { base.to_string() } else { format!("{}.{base}", self.base) };
        let outer = std::mem::replace(&mut self.base, inner);
        let result = check(self);
        self.base = outer;
        result
    }

    /// Returns whether there are no violations.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Returns the number of violations.
    pub fn total(&self) -> usize {
        self.listed.len() + self.unlisted
    }

    /// Returns the violations that are listed one by one.
    pub fn listed(&self) -> &[Violation] {
        &self.listed
    }
}

/// Shows the first violation and the number of further ones.
impl Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.listed.first() else { return f.write_str("the request is invalid") };
        if !first.field.is_empty() {
            write!(f, "{}: ", first.field)?;
        }
        f.write_str(&first.description)?;
        match self.total() - 1 {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

/// Returns the beginning of a refused text, so that a response stays short.
pub fn excerpt(text: &str) -> String {
    shorten(text, MAX_EXCERPT)
}

/// Returns at most `max` characters of a text, without control characters.
pub fn shorten(text: &str, max: usize) -> String {
    let mut kept = String::new();
    for character in text.chars().take(max) {
        if character.is_control() { kept.extend(character.escape_default()) } else { kept.push(character) }
    }
    if text.chars().nth(max).is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_from_the_outermost_in() {
        let mut violations = Violations::new();
        violations.within("keys[2]", |violations| {
            violations.within("key", |violations| violations.add("name", "is empty"));
            violations.add("hint", "is long");
        });
        violations.add("dry_run", "is odd");
        let fields: Vec<_> = violations.listed().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["keys[2].key.name", "keys[2].hint", "dry_run"]);
    }

    #[test]
    fn the_first_violation_is_shown_with_the_number_of_others() {
        let mut violations = Violations::one("key.name", "must not be empty");
        assert_eq!(violations.to_string(), "key.name: must not be empty");
        violations.add("key.owner", "is too long");
        violations.add("key.comment", "is too long");
        assert_eq!(violations.to_string(), "key.name: must not be empty (and 2 more)");
        assert_eq!(Violations::one("", "is odd").to_string(), "is odd");
    }

    #[test]
    fn the_first_hundred_are_told_and_the_rest_counted() {
        let mut violations = Violations::new();
        for at in 0..250 {
            violations.add(format_args!("keys[{at}]"), "is wrong");
        }
        assert_eq!((violations.listed().len(), violations.total()), (100, 250));
        assert_eq!(violations.listed()[99].field, "keys[99]");
    }

    #[test]
    fn an_excerpt_is_short_and_has_no_control_characters() {
        assert_eq!(excerpt("a\nb"), "a\\nb");
        assert_eq!(excerpt(&"ж".repeat(100_000)).chars().count(), 65);
    }
}
