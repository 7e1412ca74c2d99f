//! The project uses the usual terms of its field: other words are refused, with a suggestion. The list is in words.txt.

use crate::tidy::lexer::{Kind, Token, split_tests, tokens};
use crate::tidy::tree::File;

/// Path of the list of refused words.
pub const LIST: &str = "tests/fast/tidy/words.txt";

/// Scopes in which words are refused.
pub const CHECKED: &[Scope] = &[
    Scope::Protos,
    Scope::Templates,
    Scope::Strings,
    Scope::Help,
    Scope::Deploy,
    Scope::CommentsOfSources,
    Scope::CommentsOfTests,
];

/// Scopes in which they are only counted. A clean scope moves to [`CHECKED`].
pub const COUNTED: &[Scope] = &[Scope::Documents];

/// A kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Comments of the protos: the reference of the API.
    Protos,
    /// Text of the console's pages.
    Templates,
    /// String literals in src: errors, log messages, labels.
    Strings,
    /// `--help` of every command, from the snapshots.
    Help,
    /// Comments in deploy, scripts, reference books and the Makefile.
    Deploy,
    /// Comments in src.
    CommentsOfSources,
    /// Comments in tests and benches.
    CommentsOfTests,
    /// Markdown.
    Documents,
}

/// A refused word or phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    words: Vec<String>,
    instead: String,
    allowed: Vec<Vec<String>>,
}

/// A text and the line that it starts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    line: usize,
    text: String,
}

/// A refused word in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its line in the file.
    pub line: usize,
    /// The word or phrase.
    pub word: String,
    /// Suggested replacement.
    pub instead: String,
}

/// Reads the list.
///
/// # Panics
///
/// When a line has no replacement.
#[must_use]
pub fn entries(list: &str) -> Vec<Entry> {
    let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut columns = line.split('|').map(str::trim);
            let words = plain_words(columns.next().unwrap_or_default());
            let instead = columns.next().unwrap_or_default().to_owned();
            assert!(!words.is_empty() && !instead.is_empty(), "{LIST}: write a word, | and a replacement: {line}");
            let allowed = columns.next().unwrap_or_default().split(',').map(plain_words);
            Entry { words, instead, allowed: allowed.filter(|phrase| !phrase.is_empty()).collect() }
        })
        .collect()
}

/// Returns complaints about refused words in one file.
#[must_use]
pub fn complaints(entries: &[Entry], scopes: &[Scope], file: &File) -> Vec<String> {
    let found = scopes.iter().filter(|scope| scope.concerns(file)).flat_map(|scope| hits(entries, *scope, file));
    found.map(|hit| format!("{}:{}: not \"{}\": write {}", file.path, hit.line, hit.word, hit.instead)).collect()
}

/// Returns the refused words in one file, if it belongs to this scope.
#[must_use]
pub fn hits(entries: &[Entry], scope: Scope, file: &File) -> Vec<Hit> {
    let text = file.text();
    let passages = match scope {
        Scope::Protos | Scope::CommentsOfSources | Scope::CommentsOfTests => comments(&text, "//"),
        Scope::Deploy => comments(&text, "#"),
        Scope::Strings => strings(&text),
        Scope::Templates => vec![Passage { line: 1, text: page_text(&text) }],
        Scope::Help | Scope::Documents => vec![Passage { line: 1, text }],
    };
    passages.iter().flat_map(|passage| in_passage(entries, passage)).collect()
}

impl Scope {
    /// Returns whether the file has texts of this scope.
    #[must_use]
    pub fn concerns(self, file: &File) -> bool {
        match self {
            Self::Protos => file.is_in("proto") && file.has_extension("proto"),
            Self::Templates => file.is_in("templates"),
            Self::Strings => Self::CommentsOfSources.concerns(file) && !is_of_tests(&file.path),
            Self::CommentsOfSources => file.is_in("src") && file.has_extension("rs"),
            Self::Help => file.is_in("tests/cmd"),
            Self::Deploy => {
                ["deploy", "scripts", "books"].iter().any(|folder| file.is_in(folder)) || file.path == "Makefile"
            }
            Self::CommentsOfTests => (file.is_in("tests") || file.is_in("benches")) && file.has_extension("rs"),
            Self::Documents => file.has_extension("md"),
        }
    }
}

/// Returns whether a file in src contains only tests.
fn is_of_tests(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Returns the words of a text with their positions, in lower case. Code between backticks is omitted.
fn words(text: &str) -> Vec<(usize, String)> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '\'' | '’');
    let (mut found, mut word, mut start, mut in_code) = (Vec::new(), String::new(), 0, false);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if c == '`' {
            in_code = !in_code;
        }
        // An unpaired backtick does not hide the rest of a file.
        in_code = in_code && !text[at..].starts_with("\n\n");
        if is_part(c) && !in_code {
            if word.is_empty() {
                start = at;
            }
            word.extend(c.to_lowercase());
        } else {
            if !word.is_empty() {
                found.push((start, std::mem::take(&mut word)));
            }
            // No phrase extends beyond the end of a clause.
            if matches!(c, '.' | ':' | ';' | '?' | '!') && !in_code {
                found.push((at, c.to_string()));
            }
        }
    }
    found
}

fn plain_words(text: &str) -> Vec<String> {
    words(text).into_iter().map(|(_, word)| word).collect()
}

fn in_passage(entries: &[Entry], passage: &Passage) -> Vec<Hit> {
    let words = words(&passage.text);
    let texts: Vec<&str> = words.iter().map(|(_, word)| word.as_str()).collect();
    let mut hits = Vec::new();
    for (at, (position, _)) in words.iter().enumerate() {
        for entry in entries.iter().filter(|entry| texts[at..].starts_with(&borrowed(&entry.words))) {
            if !entry.allowed.iter().any(|phrase| covers(&texts, at, phrase)) {
                let line = passage.line + passage.text[..*position].matches('\n').count();
                hits.push(Hit { line, word: entry.words.join(" "), instead: entry.instead.clone() });
            }
        }
    }
    hits
}

/// Returns whether the text contains `phrase` so that it covers the word at `at`.
fn covers(texts: &[&str], at: usize, phrase: &[String]) -> bool {
    (0..phrase.len())
        .filter_map(|offset| at.checked_sub(offset))
        .any(|start| texts[start..].starts_with(&borrowed(phrase)))
}

fn borrowed(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// Returns comments on lines of their own; consecutive lines are one passage.
fn comments(text: &str, marker: &str) -> Vec<Passage> {
    let mut passages: Vec<Passage> = Vec::new();
    let mut last = 0;
    for (at, line) in text.lines().enumerate() {
        let Some(comment) = line.trim_start().strip_prefix(marker) else { continue };
        match passages.last_mut().filter(|_| last == at) {
            Some(passage) => {
                passage.text.push('\n');
                passage.text.push_str(comment);
            }
            None => passages.push(Passage { line: at + 1, text: comment.to_owned() }),
        }
        last = at + 1;
    }
    if marker == "#" {
        // Descriptions that `make` prints for targets.
        let behind =
            text.lines().enumerate().filter_map(|(at, line)| Some((at, line.split_once(": ")?.1.split_once("## ")?.1)));
        passages.extend(behind.map(|(at, text)| Passage { line: at + 1, text: text.to_owned() }));
    }
    passages
}

/// Returns string literals of production code that are sentences or labels: those that contain a space.
fn strings(source: &str) -> Vec<Passage> {
    let (production, _) = split_tests(&tokens(source));
    let is_reason = |at: usize| at >= 2 && production[at - 1].is_mark("=") && production[at - 2].is_word("reason");
    let texts = production.iter().enumerate().filter(|(at, token)| is_prose(token) && !is_reason(*at));
    texts.map(|(_, token)| Passage { line: token.line, text: unescaped(&token.text) }).collect()
}

fn is_prose(token: &Token) -> bool {
    token.kind == Kind::Text && token.text.trim().contains(' ')
}

/// Returns the text without escapes and without the names in placeholders.
fn unescaped(text: &str) -> String {
    let text = text.replace("\\n", " ").replace('\\', " ").replace("{{", " ").replace("}}", " ");
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + " " + part.split_once('}').map_or(part, |(_, rest)| rest))
}

/// Returns the static text of a page: without tags, expressions and comments, on the same lines.
fn page_text(template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some(start) = rest.find(['<', '{']) {
        text.push_str(&rest[..start]);
        let end = match &rest[start..] {
            code if code.starts_with("{#") => "#}",
            code if code.starts_with("{{") => "}}",
            code if code.starts_with("{%") => "%}",
            code if code.starts_with('<') => ">",
            _ => "{",
        };
        let length = rest[start..].find(end).map_or(rest.len() - start, |found| found + end.len());
        text.push(' ');
        text.extend(rest[start..start + length].chars().filter(|c| *c == '\n'));
        rest = &rest[start + length..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str =
        "# why\nanew | again\nis no | is not a | there is no, is no longer\nmust be said | is required\n";

    fn found(scope: Scope, path: &str, text: &str) -> Vec<String> {
        complaints(&entries(SAMPLE), &[scope], &File::sample(path, text))
    }

    #[test]
    fn refused_words_are_found_where_they_are_with_what_to_write() {
        let proto = "// Read it\n// Anew.\nmessage A {\n  // It must be\n  // said.\n  string anew = 1;\n}\n";
        assert_eq!(
            found(Scope::Protos, "proto/a.proto", proto),
            ["proto/a.proto:2: not \"anew\": write again", "proto/a.proto:4: not \"must be said\": write is required"]
        );
        let deploy = "# anew\nkey: anew\nrun: ## start anew\n";
        assert_eq!(found(Scope::Deploy, "deploy/a", deploy).len(), 2);
        let page = "<p class=\"anew\">{{ anew }} {# anew #}\n{% if anew %}Begin anew</p>{% endif %}\n";
        assert_eq!(
            found(Scope::Templates, "templates/a.html", page),
            ["templates/a.html:2: not \"anew\": write again"]
        );
        assert_eq!(found(Scope::Help, "tests/cmd/a.txt", "Starts anew\n").len(), 1);
        assert_eq!(found(Scope::Documents, "a.md", "Starts `anew` Anew\n").len(), 1);
    }

    #[test]
    fn sentences_in_sources_are_looked_at_and_their_tests_and_names_are_not() {
        let source = "// anew\nfn anew() { log(\"begins \\\n  anew {anew} {}\"); tag(\"anew\"); }\n\
                      #[expect(dead_code, reason = \"begun anew\")]\nfn f() {}\n\
                      #[cfg(test)]\nmod tests {\n    const A: &str = \"begun anew\";\n}\n";
        assert_eq!(found(Scope::Strings, "src/a.rs", source).len(), 1);
        assert_eq!(found(Scope::CommentsOfSources, "src/a.rs", source).len(), 1);
        assert_eq!(found(Scope::Strings, "tests/a.rs", source), [""; 0]);
    }

    #[test]
    fn what_is_allowed_and_other_words_pass() {
        for text in
            ["There is no key.", "It is no longer valid.", "It is not a key.", "renewed, is_no, anew_2", "`is no`"]
        {
            assert_eq!(found(Scope::Documents, "a.md", text), [""; 0], "{text}");
        }
        assert_eq!(found(Scope::Documents, "a.md", "`a` is no key; there is no key. Is: no.").len(), 1);
    }

    #[test]
    #[should_panic(expected = "a replacement")]
    fn an_entry_needs_a_replacement() {
        let _ = entries("anew\n");
    }
}
