//! Lexer of Rust source that drops comments and separates strings: enough to find paths, module lines and attributes
//! without being misled by text that only looks like code.

/// Kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or keyword; a raw one without its `r#`.
    Word,
    /// `::`, or one character of punctuation.
    Mark,
    /// A string; its text is the part between the quotes.
    Text,
    /// A number, character or lifetime.
    Other,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its kind.
    pub kind: Kind,
    /// Its text.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
}

impl Token {
    /// Returns whether it is the word `text`.
    #[must_use]
    pub fn is_word(&self, text: &str) -> bool {
        self.kind == Kind::Word && self.text == text
    }

    /// Returns whether it is the mark `text`.
    #[must_use]
    pub fn is_mark(&self, text: &str) -> bool {
        self.kind == Kind::Mark && self.text == text
    }
}

/// Returns the tokens of `source`.
#[must_use]
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: source, line: 1, found: Vec::new() };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.found
}

/// Returns the tokens of production code and those of items under `#[cfg(test)]`.
#[must_use]
pub fn split_tests(tokens: &[Token]) -> (Vec<Token>, Vec<Token>) {
    if inner_attribute_is_test(tokens) {
        return (Vec::new(), tokens.to_vec());
    }
    let (mut production, mut tests) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        match attribute_end(tokens, at) {
            Some(end) if is_test_condition(&tokens[at..end]) => {
                let item_end = item_end(tokens, end);
                tests.extend_from_slice(&tokens[at..item_end]);
                at = item_end;
            }
            Some(end) => {
                production.extend_from_slice(&tokens[at..end]);
                at = end;
            }
            None => {
                production.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    (production, tests)
}

/// Returns the index after the `]` of the attribute that starts at `at`, if one does.
#[must_use]
pub fn attribute_end(tokens: &[Token], at: usize) -> Option<usize> {
    let is = |offset: usize, mark: &str| tokens.get(at + offset).is_some_and(|token| token.is_mark(mark));
    let open = if is(0, "#") && is(1, "[") {
        at + 1
    } else if is(0, "#") && is(1, "!") && is(2, "[") {
        at + 2
    } else {
        return None;
    };
    Some(closing(tokens, open) + 1)
}

/// Returns the index of the closing bracket for `open`, or of the last token.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.kind == Kind::Mark {
            match token.text.as_str() {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len().saturating_sub(1)
}

/// Returns the index after the item that starts at `at`, further attributes included.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while let Some(end) = attribute_end(tokens, at) {
        at = end;
    }
    while at < tokens.len() {
        let token = &tokens[at];
        if token.is_mark(";") {
            return at + 1;
        }
        if token.is_mark("{") {
            return closing(tokens, at) + 1;
        }
        at = if token.is_mark("(") || token.is_mark("[") { closing(tokens, at) + 1 } else { at + 1 };
    }
    at
}

fn is_test_condition(attribute: &[Token]) -> bool {
    let has = |word: &str| attribute.iter().any(|token| token.is_word(word));
    attribute.iter().find(|token| token.kind == Kind::Word).is_some_and(|first| first.text == "cfg")
        && has("test")
        && !has("not")
}

fn inner_attribute_is_test(tokens: &[Token]) -> bool {
    let mut at = 0;
    while let Some(end) = attribute_end(tokens, at) {
        if tokens[at + 1].is_mark("!") && is_test_condition(&tokens[at..end]) {
            return true;
        }
        at = end;
    }
    false
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    found: Vec<Token>,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        let first = rest.chars().next().expect("the caller checked that something is left");
        if first.is_whitespace() {
            self.take(first.len_utf8());
        } else if rest.starts_with("//") {
            self.take(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.take(block_comment(rest));
        } else if let Some((start, end, length)) = string(rest) {
            self.push(Kind::Text, &rest[start..end], length);
        } else if let Some(raw) = rest.strip_prefix("r#").map(word_length).filter(|length| *length > 0) {
            self.push(Kind::Word, &rest[2..2 + raw], 2 + raw);
        } else if first.is_alphabetic() || first == '_' {
            let length = word_length(rest);
            self.push(Kind::Word, &rest[..length], length);
        } else if first.is_ascii_digit() {
            let length = word_length(rest);
            self.push(Kind::Other, &rest[..length], length);
        } else if first == '\'' {
            let length = quote(rest);
            self.push(Kind::Other, &rest[..length], length);
        } else {
            let length = if rest.starts_with("::") { 2 } else { first.len_utf8() };
            self.push(Kind::Mark, &rest[..length], length);
        }
    }

    fn push(&mut self, kind: Kind, text: &str, length: usize) {
        self.found.push(Token { kind, text: text.to_owned(), line: self.line });
        self.take(length);
    }

    fn take(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
    }
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// Returns the length of a comment, which may be nested.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Parses a string literal at the start: returns start and end of its text, and its whole length.
fn string(text: &str) -> Option<(usize, usize, usize)> {
    let prefix = text.find(|c: char| !matches!(c, 'b' | 'c' | 'r')).unwrap_or(0);
    if prefix > 2 {
        return None;
    }
    let body = &text[prefix..];
    if text[..prefix].ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let start = body[hashes..].starts_with('"').then_some(prefix + hashes + 1)?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = start + text[start..].find(&close)?;
        return Some((start, end, end + close.len()));
    }
    body.starts_with('"').then(|| {
        let start = prefix + 1;
        let end = start + unescaped(&text[start..], '"');
        (start, end, (end + 1).min(text.len()))
    })
}

/// Returns the position of the first unescaped `end`.
fn unescaped(text: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if !escaped && c == end {
            return at;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// Returns the length of a character or a lifetime.
fn quote(text: &str) -> usize {
    let mut inside = text[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), _) => (unescaped(&text[1..], '\'') + 2).min(text.len()),
        (Some(c), Some('\'')) => c.len_utf8() + 2,
        _ => 1 + word_length(&text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_are_dropped_and_strings_are_one_token() {
        assert_eq!(texts("a // b\n/* c /* d */ e */ f"), ["a", "f"]);
        assert_eq!(
            texts(r##"a("b \" // c", r#"d " e"#, b"f", br"g\")"##),
            ["a", "(", "b \\\" // c", ",", "d \" e", ",", "f", ",", "g\\", ")"]
        );
        assert_eq!(texts("let bread = r#type;"), ["let", "bread", "=", "type", ";"]);
    }

    #[test]
    fn characters_and_lifetimes_do_not_open_strings() {
        assert_eq!(
            texts(r#"'"' '\'' '\\' '\u{1F}' &'a str 'é'"#),
            ["'\"'", "'\\''", "'\\\\'", "'\\u{1F}'", "&", "'a", "str", "'é'"]
        );
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let last = tokens("/*\n*/ \"\n\" r\"\n\" x").pop().expect("four tokens");
        assert_eq!((last.text.as_str(), last.line), ("x", 4));
    }

    #[test]
    fn test_items_are_set_apart() {
        let source = "use a::b; #[cfg(test)] use c::d; fn e() -> [u8; 3] { f() } #[cfg(not(test))] fn g() {} \
                      #[cfg(test)] #[expect(x)] mod tests { fn h() { { } } } fn i() {}";
        let (production, tests) = split_tests(&tokens(source));
        let words = |tokens: &[Token]| -> String {
            tokens.iter().filter(|t| t.kind == Kind::Word && t.text.len() == 1).map(|t| t.text.as_str()).collect()
        };
        assert_eq!(words(&production), "abefgi");
        assert_eq!(words(&tests), "cdxh");
        assert!(split_tests(&tokens("#![cfg(test)]\nuse a::b;")).0.is_empty());
    }
}
