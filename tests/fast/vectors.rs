//! Runs the published vectors in `tests/vectors`: see the README there.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use latchkey::model::book::{Book, Entry, MethodNumber, Resolution};
use latchkey::model::method::StoreUse;
use latchkey::model::path::{PathFault, RequestMethod, canonicalize, canonicalize_bytes};
use serde::Deserialize;

#[derive(Deserialize)]
struct PathCase {
    name: String,
    input: Input,
    #[serde(flatten)]
    expected: PathExpectation,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(Text),
    Bytes { hex: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Repeated {
        before: String,
        repeat: String,
        times: usize,
        #[serde(default)]
        after: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PathExpectation {
    Canonical(Text),
    Fault(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BookCase {
    name: String,
    methods: Option<Vec<String>>,
    methods_file: Option<String>,
    requests: Vec<RequestCase>,
}

#[derive(Deserialize)]
struct RequestCase {
    name: String,
    method: String,
    #[serde(flatten)]
    expected: Expectation,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expectation {
    One(String),
    Several(Vec<String>),
    Ambiguous(String),
    Unknown(bool),
    Fault(String),
}

impl Text {
    fn write_out(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Repeated { before, repeat, times, after } => format!("{before}{}{after}", repeat.repeat(*times)),
        }
    }
}

impl Input {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.write_out().into_bytes(),
            Self::Bytes { hex } => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two hexadecimal digits"))
                .collect(),
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file} must be readable: {error}"))
}

fn path_cases() -> Vec<PathCase> {
    serde_json::from_str(&read("path.json")).expect("path.json must be what the README beside it says")
}

fn book_cases() -> Vec<BookCase> {
    serde_json::from_str(&read("resolve.json")).expect("resolve.json must be what the README beside it says")
}

/// Fails with all differences at once.
fn report(differences: &str) {
    assert!(differences.is_empty(), "the vectors say otherwise:\n{differences}");
}

#[test]
fn every_path_is_canonicalised_as_published() {
    let cases = path_cases();
    assert!(cases.len() >= 120, "cases went missing: {} are left", cases.len());
    let mut differences = String::new();
    for case in &cases {
        let input = case.input.bytes();
        let expected = match &case.expected {
            PathExpectation::Canonical(path) => Ok(path.write_out()),
            PathExpectation::Fault(name) => Err(name.clone()),
        };
        let mut check = |by: &str, actual: Result<String, PathFault>| {
            let actual = actual.map_err(|fault| fault.as_str().to_owned());
            if actual != expected {
                writeln!(differences, "{} ({by}): {expected:.80?} expected, got {actual:.80?}", case.name).unwrap();
            }
        };
        check("bytes", canonicalize_bytes(&input).map(|path| path.to_string()));
        if let Ok(text) = std::str::from_utf8(&input) {
            check("text", canonicalize(text).map(|path| path.to_string()));
        }
        if let Ok(path) = &expected {
            check("again", canonicalize(path).map(|path| path.to_string()));
        }
    }
    report(&differences);
}

#[test]
fn every_request_is_resolved_as_published() {
    let books = book_cases();
    let count: usize = books.iter().map(|book| book.requests.len()).sum();
    assert!(count >= 190, "cases went missing: {count} are left");
    let mut differences = String::new();
    for case in &books {
        let book = compile(case);
        for request in &case.requests {
            let actual = resolve(&book, &request.method);
            if actual != request.expected {
                let RequestCase { name, method, expected } = request;
                writeln!(differences, "{} / {name}: {method}: {expected:?} expected, got {actual:?}", case.name)
                    .unwrap();
            }
        }
    }
    report(&differences);
}

#[test]
fn every_fault_and_every_kind_of_answer_has_vectors() {
    let faults: BTreeSet<String> = path_cases()
        .into_iter()
        .filter_map(|case| match case.expected {
            PathExpectation::Fault(name) => Some(name),
            PathExpectation::Canonical(_) => None,
        })
        .collect();
    assert_eq!(faults, PathFault::ALL.iter().map(|fault| fault.as_str().to_owned()).collect());
    let answers: HashSet<_> = book_cases()
        .iter()
        .flat_map(|book| &book.requests)
        .map(|request| std::mem::discriminant(&request.expected))
        .collect();
    assert_eq!(answers.len(), 5, "one, several, ambiguous, unknown and fault must all occur");
}

#[test]
fn names_are_unique() {
    let mut names = HashSet::new();
    for case in path_cases() {
        assert!(names.insert((String::new(), case.name.clone())), "{} is there twice", case.name);
    }
    for book in book_cases() {
        for request in book.requests {
            assert!(names.insert((book.name.clone(), request.name.clone())), "{} is there twice", request.name);
        }
    }
}

/// Each method of the real book, with its parameters filled in, resolves to itself.
#[test]
fn the_real_book_reads_each_of_its_methods() {
    let methods = read("retailcrm-patterns.txt");
    let case = BookCase {
        name: String::new(),
        methods: None,
        methods_file: Some("retailcrm-patterns.txt".to_owned()),
        requests: Vec::new(),
    };
    let book = compile(&case);
    assert_eq!(methods.lines().count(), 199);
    for method in methods.lines() {
        let filled: Vec<&str> =
            method.split('/').map(|segment| if segment.starts_with('{') { "A-17" } else { segment }).collect();
        let request = filled.join("/").replace("v*", "v5");
        assert_eq!(resolve(&book, &request), Expectation::One(method.to_owned()), "{request}");
    }
}

fn compile(case: &BookCase) -> Book {
    let methods = match (&case.methods, &case.methods_file) {
        (Some(methods), None) => methods.clone(),
        (None, Some(file)) => read(file).lines().map(str::to_owned).collect(),
        _ => panic!("{} must have either methods or methods_file", case.name),
    };
    let entry = |(number, text): (u32, &String)| {
        let (retired, identity) = text.strip_prefix("retired ").map_or((false, text.as_str()), |live| (true, live));
        Entry {
            number: MethodNumber(number),
            identity: identity.parse().unwrap_or_else(|error| panic!("{text}: {error}")),
            store_use: StoreUse::Optional,
            retired,
        }
    };
    Book::compile((1..).zip(&methods).map(entry)).unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

fn resolve(book: &Book, method: &str) -> Expectation {
    let request = RequestMethod::parse(method).unwrap_or_else(|| panic!("{method}: not a method"));
    let path = match canonicalize(request.path) {
        Ok(path) => path,
        Err(fault) => return Expectation::Fault(fault.as_str().to_owned()),
    };
    let name = |entry: &Entry| entry.identity.to_string();
    match book.resolve(request.verb, &path) {
        Resolution::One(entry) => Expectation::One(name(entry)),
        Resolution::Several(entries) => Expectation::Several(entries.into_iter().map(name).collect()),
        Resolution::Ambiguous(entry) => Expectation::Ambiguous(name(entry)),
        Resolution::Unknown => Expectation::Unknown(true),
    }
}
