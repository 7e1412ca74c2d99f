//! Laws that hold for any input.

use latchkey::model::book::{Book, Entry, MethodNumber, Resolution};
use latchkey::model::method::StoreUse;
use latchkey::model::path::{MAX_LEN, RequestMethod, canonicalize, canonicalize_bytes, decode};
use latchkey::model::pattern::{MethodIdentity, Pattern, Segment, Verb};
use proptest::prelude::*;

/// Paths that are likely to match: significant characters, and others.
fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        "/([a-zA-Z0-9._~!$&'()*+,=:@ з-]|%[0-9a-fA-F]{2}|%[2-7][0-9a-fA-F]|/|;|\\\\|\\?|#|%|\\.\\.){0,40}",
        "(/([a-zA-Z0-9._~+-]|%[46][1-9]|%20|%D0%B7){1,12}){0,6}",
        any::<String>(),
    ]
}

fn pattern() -> impl Strategy<Value = String> {
    let segment = prop_oneof!["[a-zA-Z.]{1,3}", "[a-z]{1,2}\\*", Just("{}".to_owned())];
    (proptest::collection::vec(segment, 0..5), any::<bool>()).prop_map(|(segments, rest)| {
        let mut pattern = String::new();
        for (at, segment) in segments.iter().enumerate().filter(|(_, segment)| !segment.chars().all(|dot| dot == '.')) {
            pattern.push('/');
            pattern += &segment.replace("{}", &format!("{{p{at}}}"));
        }
        match (pattern.is_empty(), rest) {
            (_, true) => pattern + "/**",
            (true, false) => "/".to_owned(),
            (false, false) => pattern,
        }
    })
}

fn book(patterns: &[String]) -> Book {
    let mut seen = std::collections::HashSet::new();
    let entries = (1..).zip(patterns).map(|(number, pattern)| {
        let retired = !seen.insert(pattern.split('{').map(|part| part.split('}').next_back()).collect::<Vec<_>>());
        let identity = format!("GET {pattern}").parse().unwrap_or_else(|error| panic!("{pattern}: {error}"));
        Entry { number: MethodNumber(number), identity, store_use: StoreUse::None, retired }
    });
    Book::compile(entries).expect("no two live entries of one shape")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_canonical_path_is_canonical_already(path in path()) {
        if let Ok(canonical) = canonicalize(&path) {
            prop_assert_eq!(canonicalize(canonical.as_str()), Ok(canonical.clone()));
        }
    }

    #[test]
    fn a_canonical_path_has_nothing_to_disagree_about(path in path()) {
        if let Ok(canonical) = canonicalize(&path) {
            let text = canonical.as_str();
            prop_assert!(text.starts_with('/') && text.len() <= MAX_LEN);
            prop_assert!(text == "/" || !text.ends_with('/'));
            prop_assert!(!text.contains("//"));
            let unheard_of = text.bytes().find(|byte| !byte.is_ascii_graphic() || b"\\;?#\"<>[]^`{|}".contains(byte));
            prop_assert_eq!(unheard_of, None);
            prop_assert!(!text.contains("%2F") && !text.contains("%5C") && !text.contains("%7F"));
            for segment in canonical.segments() {
                let decoded = decode(segment);
                prop_assert!(decoded != "." && decoded != ".." && !decoded.is_empty());
                prop_assert!(!decoded.chars().any(|character| character.is_ascii_control()));
            }
        }
    }

    #[test]
    fn text_and_bytes_are_read_alike(path in path()) {
        prop_assert_eq!(canonicalize(&path), canonicalize_bytes(path.as_bytes()));
    }

    #[test]
    fn any_bytes_have_the_canonical_form_or_the_fault_that_they_have_naively(
        path in path(),
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'/'), Just(0xD0), Just(0xB7)], 0..8),
        at in any::<prop::sample::Index>(),
    ) {
        let mut path = path.into_bytes();
        let at = at.index(path.len() + 1);
        path.splice(at..at, bytes);
        let canonical = canonicalize_bytes(&path).map(|path| path.to_string()).map_err(latchkey::model::path::PathFault::as_str);
        prop_assert_eq!(canonical, helpers::naive::canonicalize(&path));
    }

    #[test]
    fn any_request_over_any_book_is_resolved(
        patterns in proptest::collection::vec(pattern(), 0..12),
        path in path(),
        verb in prop_oneof![Just(None), Just(Some(Verb::GET)), Just(Some(Verb::HEAD)), Just(Some(Verb::POST))],
    ) {
        let book = book(&patterns);
        if let Ok(path) = canonicalize(&path) {
            match book.resolve(verb, &path) {
                Resolution::One(entry) | Resolution::Ambiguous(entry) => {
                    prop_assert!(book.entries().contains(entry));
                    prop_assert!(verb != Some(Verb::POST));
                }
                Resolution::Several(entries) => prop_assert!(entries.len() > 1 && verb.is_none()),
                Resolution::Unknown => {}
            }
        }
    }

    #[test]
    fn a_pattern_with_its_places_filled_in_is_read_by_the_book(patterns in proptest::collection::vec(pattern(), 1..12)) {
        let book = book(&patterns);
        for entry in book.entries() {
            let mut path = String::new();
            for segment in entry.identity.pattern.segments() {
                path.push('/');
                let written = match segment {
                    Segment::Literal(text) => text.to_owned(),
                    Segment::Partial(prefix) => format!("{prefix}7"),
                    Segment::Parameter(_) => "7".to_owned(),
                    Segment::Rest => "7/7".to_owned(),
                };
                path += &written;
            }
            let path = if path.is_empty() { "/".to_owned() } else { path };
            let path = canonicalize(&path).expect("a literal is canonical");
            prop_assert!(book.resolve(Some(Verb::GET), &path) != Resolution::Unknown, "{}", path);
        }
    }

    #[test]
    fn any_text_is_a_pattern_a_method_and_a_request_or_an_error(text in any::<String>(), path in path()) {
        for text in [text, path] {
            if let Ok(pattern) = text.parse::<Pattern>() {
                prop_assert_eq!(pattern.to_string(), text.clone());
            }
            if let Ok(identity) = text.parse::<MethodIdentity>() {
                prop_assert_eq!(identity.to_string(), text.clone());
            }
            if let Some(request) = RequestMethod::parse(&text) {
                prop_assert!(text.ends_with(request.path));
            }
        }
    }
}
