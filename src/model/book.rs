//! The reference book compiled for decisions: finds the entry that a request matches.
//!
//! **Matching.** The verb comes first; HEAD falls back to GET if no HEAD entry matches. Then segments are matched from
//! the left, with backtracking: a literal before a partial (`v*`; the longer prefix first) before a `{parameter}`
//! before `**`. So a key with only `/orders/{externalId}` cannot read `/orders/history`, a separate entry.
//!
//! **Ambiguity.** Services are lax: some ignore letter case, strip `.json`, trim spaces, decode twice. A segment
//! matches a literal *loosely* if, decoded, without leading spaces and in lower case, it equals the literal in lower
//! case or continues it with a character that ends a name for some service: `.`, space, `+`, `;`, `?`, `#`, `%`, or any
//! non-ASCII character. For a partial: prefix, digits, then the end or such a character. (An exact match is a loose
//! match too.) The chosen entry is refused as ambiguous if
//!
//! 1. a segment taken as a parameter loosely matches a sibling literal or partial of that parameter; or
//! 2. the first segment taken by `**` loosely, but not exactly, matches a sibling of that `**`; or
//! 3. another entry loosely matches the whole path and has priority: where the two patterns diverge, its segment is a
//!    literal and the chosen one's is not, or a longer prefix, or before a parameter or `**` in the order above; or
//! 4. it was chosen by falling back from HEAD to GET, and a HEAD entry loosely matches the whole path.
//!
//! | entries | path | result |
//! |---|---|---|
//! | `/orders/{id}`, `/orders/history` | `/orders/History`, `/orders/history.json`, `…/history%20` | ambiguous (1) |
//! | `/orders/{id}/edit`, `/orders/create` | `/orders/create/edit` | ambiguous (1) |
//! | `/users/{id}/posts`, `/users/me` | `/users/me/posts` | ambiguous (1), until it has an entry |
//! | `/**`, `/orders/history` | `/orders/7` | `/**` |
//! | `/**`, `/orders/history` | `/Orders/7` | ambiguous (2) |
//! | `/**`, `/orders/history` | `/orders/History` | ambiguous (3) |
//! | `/v5/orders/history`, `/v*/orders/{id}` | `/v5/orders/History` | ambiguous (3) |
//!
//! Rule 1 applies even to an exact literal without a continuation: `create` in `/orders/create/edit` may be an order
//! number or a method that the book lacks. In the RetailCRM book it refuses only identifiers such as an order named
//! `create`. Rule 2 does not: `**` next to other entries means everything that those do not match.
//!
//! **Without a verb** a request may match entries of every verb of the book. The result is ambiguous if one of them is,
//! or if, where anything matches, an entry of a verb without an exact match loosely matches the whole path.
//!
//! **Retired** entries take part like all others: the caller refuses their requests, so that retiring `/orders/history`
//! does not pass it to `/orders/{id}`. A live entry replaces a retired one of the same shape.

mod loose;
mod tree;

use std::collections::BTreeMap;
use std::fmt;

use self::tree::{EntryIndex, ROOT, Tree, TreeMatch};
use super::method::StoreUse;
use super::path::CanonicalPath;
use super::pattern::{MethodIdentity, Verb};

/// The number of a method in storage; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MethodNumber(pub u32);

impl fmt::Display for MethodNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A method of the reference book, reduced to what decisions need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number that keys refer to.
    pub number: MethodNumber,
    /// Verb and pattern.
    pub identity: MethodIdentity,
    /// Whether its requests name a store.
    pub store_use: StoreUse,
    /// Deleted from the book, and kept so that no other entry matches its requests.
    pub retired: bool,
}

/// The result of looking up a request in a [`Book`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution<'b> {
    /// Exactly one entry.
    One(&'b Entry),
    /// Two or more entries of different verbs, ordered by verb; only if the request names no verb.
    Several(Vec<&'b Entry>),
    /// This entry as written (the first by verb, if the request names none), but a lax service might match another: see
    /// [the rules](self).
    Ambiguous(&'b Entry),
    /// No entry matches.
    Unknown,
}

/// A reference book compiled so that a look-up costs the same in large and small books.
#[derive(Debug, Default)]
pub struct Book {
    /// By number.
    entries: Vec<Entry>,
    trees: BTreeMap<Verb, Tree>,
}

impl Book {
    /// Compiles entries in any order. A retired entry that shares its shape with another one is listed but never
    /// matched; among several retired ones the newest number wins.
    ///
    /// Fails if two entries share a number, or two live ones the same verb and shape (parameter names do not count).
    pub fn compile(entries: impl IntoIterator<Item = Entry>) -> Result<Self, CompileError> {
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        entries.sort_by_key(|entry| entry.number);
        if let Some([first, second]) = entries.array_windows().find(|[a, b]| a.number == b.number) {
            return Err(CompileError::SameNumber {
                number: first.number,
                first: Box::new(first.identity.clone()),
                second: Box::new(second.identity.clone()),
            });
        }
        let mut book = Self { entries, trees: BTreeMap::new() };
        let live = (0..book.entries.len()).filter(|at| !book.entries[*at].retired);
        let retired = (0..book.entries.len()).rev().filter(|at| book.entries[*at].retired);
        let order: Vec<usize> = live.chain(retired).collect();
        for at in order {
            book.insert(at)?;
        }
        Ok(book)
    }

    fn insert(&mut self, at: usize) -> Result<(), CompileError> {
        let entry = &self.entries[at];
        let tree = self.trees.entry(entry.identity.verb).or_insert_with(Tree::new);
        let slot = tree.slot(&entry.identity.pattern);
        match *slot {
            None => *slot = Some(EntryIndex::try_from(at).expect("a book has at most as many entries as u32 numbers")),
            Some(_) if entry.retired => {}
            Some(other) => {
                let other = &self.entries[other as usize];
                let (first, second) = (Box::new(other.identity.clone()), Box::new(entry.identity.clone()));
                return Err(if first == second {
                    CompileError::SameIdentity { identity: first, first: other.number, second: entry.number }
                } else {
                    CompileError::SameShape { first, second }
                });
            }
        }
        Ok(())
    }

    /// Returns all entries by number, including retired ones that never match.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the entry or entries that the request matches. Retired entries are returned like all others.
    ///
    /// Costs one or two hash look-ups per segment. A request with a verb allocates nothing, except for segments longer
    /// than 64 bytes with capitals or escapes. In the worst book and path it visits each node of the verb's tree twice
    /// (of HEAD's and GET's for HEAD).
    pub fn resolve(&self, verb: Option<Verb>, path: &CanonicalPath<'_>) -> Resolution<'_> {
        let Some(verb) = verb else { return self.resolve_without_verb(path) };
        let Some(found) = self.find(verb, path) else { return Resolution::Unknown };
        let entry = &self.entries[found.entry as usize];
        if found.ambiguous { Resolution::Ambiguous(entry) } else { Resolution::One(entry) }
    }

    fn resolve_without_verb(&self, path: &CanonicalPath<'_>) -> Resolution<'_> {
        let mut all: Vec<&Entry> = Vec::new();
        let mut ambiguous = false;
        for (verb, tree) in &self.trees {
            let Some(found) = self.find(*verb, path) else {
                ambiguous |= tree.matches_loosely(ROOT, path.inner());
                continue;
            };
            ambiguous |= found.ambiguous;
            let entry = &self.entries[found.entry as usize];
            // HEAD may fall back to the entry of GET, which comes first.
            if all.iter().all(|known| known.number != entry.number) {
                all.push(entry);
            }
        }
        match *all {
            [] => Resolution::Unknown,
            [first, ..] if ambiguous => Resolution::Ambiguous(first),
            [entry] => Resolution::One(entry),
            _ => Resolution::Several(all),
        }
    }

    fn find(&self, verb: Verb, path: &CanonicalPath<'_>) -> Option<TreeMatch> {
        let tree = self.trees.get(&verb);
        let found = tree.and_then(|tree| tree.find(ROOT, path.inner()));
        if found.is_some() || verb != Verb::HEAD {
            return found;
        }
        let mut found = self.trees.get(&Verb::GET)?.find(ROOT, path.inner())?;
        found.ambiguous |= tree.is_some_and(|tree| tree.matches_loosely(ROOT, path.inner()));
        Some(found)
    }
}

/// Why entries cannot form a book.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each variant and its fields mean")]
pub enum CompileError {
    #[error("methods {first} and {second} both have the number {number}; each method needs its own")]
    SameNumber { number: MethodNumber, first: Box<MethodIdentity>, second: Box<MethodIdentity> },
    #[error("method {identity} is in the book twice, as {first} and {second}: retire one")]
    SameIdentity { identity: Box<MethodIdentity>, first: MethodNumber, second: MethodNumber },
    #[error(
        "methods {first} and {second} match the same requests, since only their parameter names differ: retire one, or \
         make a literal segment differ"
    )]
    SameShape { first: Box<MethodIdentity>, second: Box<MethodIdentity> },
}

#[cfg(test)]
mod tests {
    use super::super::path::canonicalize;
    use super::*;

    fn entry(number: u32, identity: &str, retired: bool) -> Entry {
        let identity = identity.parse().unwrap_or_else(|error| panic!("{identity}: {error}"));
        Entry { number: MethodNumber(number), identity, store_use: StoreUse::Optional, retired }
    }

    fn refusal(entries: impl IntoIterator<Item = Entry>) -> String {
        Book::compile(entries).expect_err("no book").to_string()
    }

    fn read(book: &Book, path: &str) -> Option<u32> {
        let path = canonicalize(path).expect(path);
        match book.resolve(Some(Verb::GET), &path) {
            Resolution::One(entry) => Some(entry.number.0),
            Resolution::Unknown => None,
            other => panic!("{path} was read as {other:?}"),
        }
    }

    #[test]
    fn live_entries_that_read_the_same_requests_make_no_book() {
        let message = refusal([entry(7, "GET /a/{x}", false), entry(3, "GET /a/{x}", false)]);
        assert_eq!(message, "method GET /a/{x} is in the book twice, as 3 and 7: retire one");
        let message = refusal([entry(1, "GET /a/{x}/{y}", false), entry(2, "GET /a/{y}/{x}", false)]);
        assert!(message.starts_with("methods GET /a/{x}/{y} and GET /a/{y}/{x} match the same requests"), "{message}");
        let message = refusal([entry(1, "GET /a/**", false), entry(2, "GET /a/**", false)]);
        assert!(message.contains("twice, as 1 and 2"), "{message}");
        let message = refusal([entry(1, "GET /a", true), entry(1, "POST /a", false)]);
        assert!(message.starts_with("methods GET /a and POST /a both have the number 1"), "{message}");
    }

    #[test]
    fn verbs_and_retired_entries_do_not_clash() {
        let methods = [
            entry(4, "GET /a/{x}", true),
            entry(3, "GET /a/{y}", false),
            entry(2, "POST /a/{x}", false),
            entry(1, "GET /a/{x}", true),
        ];
        let book = Book::compile(methods.clone()).expect("a book");
        assert_eq!(read(&book, "/a/7"), Some(3));
        let numbers: Vec<u32> = book.entries().iter().map(|entry| entry.number.0).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(book.entries()[3], methods[0]);
    }

    #[test]
    fn a_book_of_one_shape_in_many_letter_cases_stays_a_book_of_many() {
        let spellings = ["abc", "abC", "aBc", "aBC", "Abc", "AbC", "ABc", "ABC"];
        let methods = (0..).zip(spellings).map(|(number, text)| entry(number, &format!("GET /{text}"), false));
        let book = Book::compile(methods).expect("a book");
        for (number, text) in (0..).zip(spellings) {
            assert_eq!(read(&book, &format!("/{text}")), Some(number));
        }
    }
}
