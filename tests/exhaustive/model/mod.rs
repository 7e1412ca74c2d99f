//! The model compared with a second, naive implementation of its rules, and laws that hold for any input.
//!
//! A run compares a million random cases. They are the same in every run, unless `LATCHKEY_TEST_SEED` sets another
//! seed; a failure names its seed.

mod laws;

use helpers::naive;
use helpers::random;
use std::collections::BTreeMap;

use latchkey::model::book::{Book, Entry, MethodNumber, Resolution};
use latchkey::model::method::StoreUse;
use latchkey::model::path::{canonicalize, canonicalize_bytes};

use helpers::naive::Answer;
use helpers::random::{Methods, Random};

const CASES: usize = 500_000;
const REAL: &str = include_str!("../../vectors/retailcrm-patterns.txt");

#[test]
fn half_a_million_cases_over_a_small_alphabet_are_read_as_naively() {
    let seen = compare(40, random::small_book, random::small_path);
    // Minimum counts, so that a change of the alphabet cannot make the comparison meaningless.
    seen.expect(&[("fault", 20_000), ("one", 50_000), ("several", 2_000), ("ambiguous", 15_000), ("unknown", 50_000)]);
    seen.expect(&[("clash", 100)]);
}

#[test]
fn half_a_million_mutated_paths_of_the_real_book_are_read_as_naively() {
    let real: Vec<&str> = REAL.lines().collect();
    let seen = compare(
        400,
        |random| random::real_book(random, &real),
        |random, methods| random::real_path(random, methods, &real),
    );
    seen.expect(&[("fault", 50_000), ("one", 50_000), ("several", 500), ("ambiguous", 10_000), ("unknown", 50_000)]);
}

/// Number of results of each kind.
#[derive(Debug, Default)]
struct ResultCounts(BTreeMap<&'static str, usize>);

impl ResultCounts {
    fn count(&mut self, kind: &'static str) {
        *self.0.entry(kind).or_default() += 1;
    }

    fn expect(&self, least: &[(&str, usize)]) {
        for (kind, least) in least {
            let times = self.0.get(kind).copied().unwrap_or_default();
            assert!(times >= *least, "{kind} was met {times} times, not {least}: {self:?}");
        }
    }
}

fn seed() -> u64 {
    match std::env::var("LATCHKEY_TEST_SEED") {
        Ok(text) => {
            text.parse().unwrap_or_else(|error| panic!("LATCHKEY_TEST_SEED {text:?} must be a number: {error}"))
        }
        Err(_) => 20_260_822,
    }
}

#[expect(clippy::print_stdout, reason = "shown with the failure only, and a failure must name its seed")]
fn compare(
    requests_of_a_book: usize,
    mut methods: impl FnMut(&mut Random) -> Methods,
    mut path: impl FnMut(&mut Random, &Methods) -> String,
) -> ResultCounts {
    let begin = seed();
    println!("LATCHKEY_TEST_SEED={begin}");
    let mut random = Random::new(begin);
    let mut seen = ResultCounts::default();
    let mut cases = 0;
    while cases < CASES {
        let methods = methods(&mut random);
        let (Some(naive), Ok(book)) = (naive::book(&methods), compile(&methods)) else {
            let (naive, book) = (naive::book(&methods), compile(&methods));
            assert!(naive.is_none() && book.is_err(), "{methods:#?}\nnaive: {naive:?}\nbook: {book:?}");
            seen.count("clash");
            continue;
        };
        for _ in 0..requests_of_a_book {
            let (verb, path) = (random::verb(&mut random), path(&mut random, &methods));
            let kind = compare_one(&book, &naive, verb, &path, &methods);
            seen.count(kind);
            cases += 1;
        }
    }
    println!("{seen:?}");
    seen
}

fn compile(methods: &Methods) -> Result<Book, latchkey::model::book::CompileError> {
    Book::compile(methods.iter().map(|(number, text, retired)| Entry {
        number: MethodNumber(*number),
        identity: text.parse().unwrap_or_else(|error| panic!("{text}: {error}")),
        store_use: StoreUse::Optional,
        retired: *retired,
    }))
}

fn compare_one(
    book: &Book,
    naive: &[naive::Method],
    verb: Option<&str>,
    path: &str,
    methods: &Methods,
) -> &'static str {
    let canonical = canonicalize(path);
    let expected = naive::canonicalize(path.as_bytes());
    assert_eq!(
        canonical.as_ref().map(ToString::to_string).map_err(|fault| fault.as_str()),
        expected,
        "canonical form of {path:?}"
    );
    assert_eq!(canonical, canonicalize_bytes(path.as_bytes()), "{path:?} as text and as bytes");
    let Ok(canonical) = canonical else { return "fault" };
    let actual = match book.resolve(verb.map(|verb| verb.parse().expect("a verb")), &canonical) {
        Resolution::One(entry) => Answer::One(entry.number.0),
        Resolution::Several(entries) => Answer::Several(entries.iter().map(|entry| entry.number.0).collect()),
        Resolution::Ambiguous(entry) => Answer::Ambiguous(entry.number.0),
        Resolution::Unknown => Answer::Unknown,
    };
    let expected = naive::resolve(naive, verb, canonical.as_str());
    assert_eq!(actual, expected, "{verb:?} {path} as {canonical} over {methods:#?}");
    match actual {
        Answer::One(_) => "one",
        Answer::Several(_) => "several",
        Answer::Ambiguous(_) => "ambiguous",
        Answer::Unknown => "unknown",
    }
}
