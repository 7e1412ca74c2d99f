//! A second implementation of the rules of paths and books: plain loops over all entries, no tree, no hashing, no code
//! shared with the crate. Slow, and easy to compare with `src/model/path.rs` and `src/model/book.rs`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Returns the canonical path, or the name of the violation.
pub fn canonicalize(input: &[u8]) -> Result<String, &'static str> {
    let path: Vec<u8> = input.iter().copied().take_while(|byte| *byte != b'?' && *byte != b'#').collect();
    if path.len() > 8192 {
        return Err("too_long");
    }
    if path.first() != Some(&b'/') {
        return Err("not_rooted");
    }
    if path == b"/" {
        return Ok("/".to_owned());
    }
    let mut canonical = String::new();
    for segment in path[1..].split(|byte| *byte == b'/') {
        canonical += "/";
        canonical += &canonical_segment(segment)?;
    }
    if canonical.len() > 8192 {
        return Err("too_long");
    }
    Ok(canonical)
}

fn canonical_segment(segment: &[u8]) -> Result<String, &'static str> {
    // First pass: the value of each byte, and whether it was escaped.
    let mut bytes: Vec<(u8, bool)> = Vec::new();
    let mut at = 0;
    while at < segment.len() {
        let (byte, escaped) = if segment[at] == b'%' {
            let digits = segment.get(at + 1..at + 3).ok_or("bad_escape")?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return Err("bad_escape");
            }
            let digits = String::from_utf8(digits.to_vec()).expect("digits are ASCII");
            at += 2;
            (u8::from_str_radix(&digits, 16).expect("digits are hexadecimal"), true)
        } else {
            (segment[at], false)
        };
        at += 1;
        if byte == b'\\' {
            return Err("backslash");
        }
        if byte == b'/' {
            return Err("encoded_slash");
        }
        if byte < 32 || byte == 127 {
            return Err("control_byte");
        }
        if byte == b';' && !escaped {
            return Err("semicolon");
        }
        bytes.push((byte, escaped));
    }
    // Second pass: UTF-8, raw and decoded.
    let decoded: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
    if String::from_utf8(segment.to_vec()).is_err() || String::from_utf8(decoded.clone()).is_err() {
        return Err("not_utf8");
    }
    // Third pass: names.
    if decoded.is_empty() {
        return Err("empty_segment");
    }
    if decoded == b"." || decoded == b".." {
        return Err("dot_segment");
    }
    let mut written = String::new();
    for (byte, escaped) in bytes {
        let character = byte as char;
        let unreserved = character.is_ascii_alphanumeric() || "-._~".contains(character);
        if unreserved || (!escaped && "!$&'()*+,=:@".contains(character)) {
            written.push(character);
        } else {
            write!(written, "%{byte:02X}").expect("a string takes all");
        }
    }
    Ok(written)
}

/// A segment of a pattern.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(String),
    Partial(String),
    Parameter,
    Rest,
}

/// A segment of a path: raw, and as a lenient service may read it.
struct Value<'a> {
    written: &'a str,
    lax: String,
}

/// A method that takes part in matching.
#[derive(Clone, Debug)]
pub struct Method {
    number: u32,
    verb: String,
    parts: Vec<Part>,
}

/// The result of a request, by the numbers of methods.
#[derive(Debug, PartialEq)]
pub enum Answer {
    One(u32),
    Several(Vec<u32>),
    Ambiguous(u32),
    Unknown,
}

/// Creates a book of `(number, "VERB pattern", retired)`. Returns `None` if two live ones share verb and shape.
pub fn book(methods: &[(u32, String, bool)]) -> Option<Vec<Method>> {
    let mut reading: Vec<(Method, bool)> = Vec::new();
    for (number, text, retired) in methods {
        let (verb, pattern) = text.split_once(' ').expect("a verb and a pattern");
        let mut parts = Vec::new();
        for written in pattern.split('/').filter(|written| !written.is_empty()) {
            parts.push(if written == "**" {
                Part::Rest
            } else if written.starts_with('{') {
                Part::Parameter
            } else if written.ends_with('*') {
                Part::Partial(written.replace('*', ""))
            } else {
                Part::Literal(written.to_owned())
            });
        }
        let method = Method { number: *number, verb: verb.to_owned(), parts };
        let same = reading.iter().position(|(other, _)| other.verb == method.verb && other.parts == method.parts);
        match same {
            None => reading.push((method, *retired)),
            Some(same) => {
                let (other, other_retired) = &reading[same];
                if !other_retired && !retired {
                    return None;
                }
                // Live before retired, then the newest.
                if (!retired, *number) > (!other_retired, other.number) {
                    reading[same] = (method, *retired);
                }
            }
        }
    }
    Some(reading.into_iter().map(|(method, _)| method).collect())
}

/// Resolves a canonical path.
pub fn resolve(book: &[Method], verb: Option<&str>, path: &str) -> Answer {
    let written = path.split('/').filter(|value| !value.is_empty());
    let values: Vec<Value<'_>> = written.map(|written| Value { written, lax: lax(written) }).collect();
    if let Some(verb) = verb {
        return match resolve_verb(book, verb, &values) {
            None => Answer::Unknown,
            Some((number, false)) => Answer::One(number),
            Some((number, true)) => Answer::Ambiguous(number),
        };
    }
    let mut by_verb: BTreeMap<&str, Option<(u32, bool)>> = BTreeMap::new();
    for method in book {
        by_verb.insert(&method.verb, resolve_verb(book, &method.verb, &values));
    }
    let mut numbers = Vec::new();
    let mut any_ambiguous = false;
    for (verb, found) in by_verb {
        match found {
            Some((number, ambiguous)) => {
                if !numbers.contains(&number) {
                    numbers.push(number);
                }
                any_ambiguous |= ambiguous;
            }
            None => any_ambiguous |= book.iter().any(|method| method.verb == verb && reads_loosely(method, &values)),
        }
    }
    match (numbers.len(), any_ambiguous) {
        (0, _) => Answer::Unknown,
        (_, true) => Answer::Ambiguous(numbers[0]),
        (1, false) => Answer::One(numbers[0]),
        (_, false) => Answer::Several(numbers),
    }
}

fn resolve_verb(book: &[Method], verb: &str, values: &[Value<'_>]) -> Option<(u32, bool)> {
    let of_verb: Vec<&Method> = book.iter().filter(|method| method.verb == verb).collect();
    let chosen = of_verb.iter().filter(|method| reads(method, values, exactly)).min_by_key(|method| ranks(method));
    match chosen {
        Some(chosen) => Some((chosen.number, is_ambiguous(chosen, &of_verb, values))),
        None if verb == "HEAD" => {
            let (number, ambiguous) = resolve_verb(book, "GET", values)?;
            Some((number, ambiguous || of_verb.iter().any(|method| reads_loosely(method, values))))
        }
        None => None,
    }
}

fn reads(method: &Method, values: &[Value<'_>], how: fn(&Part, &Value<'_>) -> bool) -> bool {
    let fits = match method.parts.last() {
        Some(Part::Rest) => values.len() >= method.parts.len(),
        _ => values.len() == method.parts.len(),
    };
    fits && method.parts.iter().zip(values).all(|(part, value)| how(part, value))
}

fn reads_loosely(method: &Method, values: &[Value<'_>]) -> bool {
    reads(method, values, loosely)
}

/// Returns the priority; the lowest is tried first.
fn rank(part: &Part) -> (u8, isize) {
    match part {
        Part::Literal(_) => (0, 0),
        Part::Partial(prefix) => (1, -prefix.len().cast_signed()),
        Part::Parameter => (2, 0),
        Part::Rest => (3, 0),
    }
}

fn ranks(method: &Method) -> Vec<(u8, isize)> {
    method.parts.iter().map(rank).collect()
}

fn exactly(part: &Part, value: &Value<'_>) -> bool {
    match part {
        Part::Literal(text) => text == value.written,
        Part::Partial(prefix) => value
            .written
            .strip_prefix(prefix.as_str())
            .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit())),
        Part::Parameter | Part::Rest => true,
    }
}

fn loosely(part: &Part, value: &Value<'_>) -> bool {
    if exactly(part, value) {
        return true;
    }
    let behind = match part {
        Part::Literal(text) => value.lax.strip_prefix(text.to_ascii_lowercase().as_str()),
        Part::Partial(prefix) => value.lax.strip_prefix(prefix.to_ascii_lowercase().as_str()).and_then(|digits| {
            let behind = digits.trim_start_matches(|digit: char| digit.is_ascii_digit());
            (behind.len() < digits.len()).then_some(behind)
        }),
        Part::Parameter | Part::Rest => return true,
    };
    behind.is_some_and(|behind| behind.chars().next().is_none_or(|next| ".+ ;?#%".contains(next) || !next.is_ascii()))
}

/// Returns the value decoded, without leading spaces, in lower case.
fn lax(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        if let Some(escape) = rest.strip_prefix('%') {
            bytes.push(u8::from_str_radix(&escape[..2], 16).expect("a canonical path has whole escapes"));
            rest = &escape[2..];
        } else {
            bytes.push(rest.as_bytes()[0]);
            rest = &rest[1..];
        }
    }
    let text = String::from_utf8(bytes).expect("a canonical segment is UTF-8");
    text.trim_start_matches(' ').to_ascii_lowercase()
}

fn is_ambiguous(chosen: &Method, of_verb: &[&Method], values: &[Value<'_>]) -> bool {
    for (at, part) in chosen.parts.iter().enumerate() {
        let value = &values[at];
        for other in of_verb {
            let beside = other.parts.len() > at && other.parts[..at] == chosen.parts[..at];
            if !beside || !matches!(other.parts[at], Part::Literal(_) | Part::Partial(_)) {
                continue;
            }
            let loose = loosely(&other.parts[at], value);
            let first_rule = *part == Part::Parameter && loose;
            let second_rule = *part == Part::Rest && loose && !exactly(&other.parts[at], value);
            if first_rule || second_rule {
                return true;
            }
        }
    }
    // The third rule.
    of_verb.iter().any(|other| {
        let parting = other.parts.iter().zip(&chosen.parts).find(|(a, b)| a != b);
        reads_loosely(other, values) && parting.is_some_and(|(a, b)| rank(a) < rank(b))
    })
}
