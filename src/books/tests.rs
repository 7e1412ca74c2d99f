//! Tests that the built-in book has the expected content, and that invalid books are refused with helpful errors.

use std::collections::HashSet;

use super::*;
use crate::model::book::{Book, Entry, MethodNumber, Resolution};
use crate::model::method::StoreLocation;
use crate::model::path::canonicalize;
use crate::model::pattern::{MethodIdentity, Segment};

// === the built-in book ===

fn retailcrm() -> ReferenceBook {
    parse(RETAILCRM).expect("the built-in book is well-formed")
}

fn methods() -> impl Iterator<Item = BookMethod> {
    retailcrm().blocks.into_iter().flat_map(|block| block.methods)
}

fn method(identity: &str) -> BookMethod {
    methods().find(|method| method.method == identity).unwrap_or_else(|| panic!("{identity} is missing"))
}

fn methods_with(store_use: StoreUse) -> HashSet<String> {
    methods().filter(|method| method.store_use == store_use).map(|method| method.method).collect()
}

fn places(identity: &str) -> Vec<String> {
    method(identity).store_places.iter().map(ToString::to_string).collect()
}

#[test]
fn the_built_in_book_has_every_method_in_its_block() {
    let book = retailcrm();
    let counts: Vec<_> = book.blocks.iter().map(|block| format!("{} {}", block.title, block.methods.len())).collect();
    assert_eq!(
        counts.join(", "),
        "Account and API 3, Costs 7, Custom fields 8, Customer interaction 6, Customers 12, Corporate customers 20, \
         Delivery 8, System features 1, Files 6, Integration modules 3, Loyalty program 13, Marketplace modules 1, \
         Notifications 1, Orders 17, Order packing 6, Payment invoices 5, Reference lists 43, Customer segments 1, \
         System settings 1, Statistics 1, Stock and catalogue 14, Tasks 6, Telephony 6, Users 4, \
         Code verification 3, Web analytics 3"
    );
    assert_eq!(methods().map(|method| method.method).collect::<HashSet<_>>().len(), 199);
}

#[test]
fn the_built_in_book_explains_every_block_and_method() {
    for block in retailcrm().blocks {
        assert!(block.description.ends_with('.'), "block {} has no sentence", block.title);
        for method in block.methods {
            assert!(!method.summary.is_empty() && !method.summary.ends_with('.'), "{}", method.method);
            assert!(method.description.is_empty() || method.description.ends_with('.'), "{}", method.method);
        }
    }
}

#[test]
fn every_built_in_method_that_names_a_store_says_where() {
    let mut uses = [0; 4];
    for method in methods() {
        uses[method.store_use as usize] += 1;
        assert_eq!(method.store_use.reads_no_store(), method.store_places.is_empty(), "{}", method.method);
        let reads = method.method.starts_with("GET ");
        for place in &method.store_places {
            assert!(
                !reads || matches!(place.location(), StoreLocation::Query | StoreLocation::Path),
                "{} has no body to look for {place} in",
                method.method
            );
        }
        // A parameter {site} is always a store.
        if method.method.contains("{site}") {
            assert!(method.store_places.contains(&"path:site".parse().unwrap()), "{}", method.method);
        }
        if let Some(scope) = method.scope {
            let writes = scope.ends_with("_write");
            assert_eq!(reads, !writes, "{}: {scope}", method.method);
        }
    }
    assert_eq!(uses, [98, 25, 63, 13], "none, shared, optional, required");
}

#[test]
fn a_store_travels_where_clients_put_it() {
    for method in ["GET /api/v*/orders/{externalId}", "GET /api/v*/customers/{externalId}"] {
        assert_eq!(places(method), ["query:site"]);
    }
    for list in ["orders", "customers", "costs", "files", "loyalty/accounts", "store/inventories", "store/offers"] {
        assert_eq!(places(&format!("GET /api/v*/{list}")), ["query:filter[sites][]"]);
    }
    let create = places("POST /api/v*/orders/create");
    for place in ["form:site", "query:site", "json:site", "form:order#/customer/site", "form:order#/contact/site"] {
        assert!(create.iter().any(|known| known == place), "{place}");
    }
    assert_eq!(places("POST /api/v*/store/prices/upload"), ["form:prices#/-/site", "json:prices#/-/site"]);
    // There the form field `site` contains the store itself as JSON, not its code.
    assert_eq!(places("POST /api/v*/reference/sites/{code}/edit"), ["path:code"]);
    assert_eq!(places("POST /api/v*/files/upload"), ["query:site"]);
}

#[test]
fn only_what_cannot_do_without_a_store_requires_one() {
    let required = methods_with(StoreUse::Required);
    for identity in ["orders", "customers", "customers-corporate"] {
        assert!(required.contains(format!("POST /api/v*/{identity}/create").as_str()), "{identity}");
        assert!(required.contains(format!("POST /api/v*/{identity}/upload").as_str()), "{identity}");
    }
    assert!(required.contains("POST /api/v*/reference/sites/{code}/edit"));
    assert_eq!(required.iter().filter(|method| method.contains("/customer-interaction/{site}/")).count(), 6);
}

#[test]
fn only_what_belongs_to_no_store_is_shared() {
    let shared = methods_with(StoreUse::Shared);
    // What shop modules read before they send their first order.
    for list in ["statuses", "countries", "delivery-types", "payment-types", "order-types", "order-methods", "units"] {
        assert!(shared.contains(&format!("GET /api/v*/reference/{list}")), "{list}");
    }
    assert!(shared.iter().all(|method| method.starts_with("GET /api/")), "{shared:?}");
    // Records, people, secrets, data of certain stores, and a GET that changes state.
    let parts = "/orders /customers /costs /files /loyalty /tasks /users /user-groups /segments /history /setting/ \
                 /integration-modules /couriers /legal-entities /sites /stores /mg-channels /statistic /telephony \
                 /verification /payment/ /delivery/ /store/";
    for part in parts.split(' ') {
        let found: Vec<_> = shared.iter().filter(|method| method.contains(part)).collect();
        assert!(found.is_empty(), "{part}: {found:?}");
    }
}

#[test]
fn the_method_of_a_cpa_network_names_no_store_and_needs_none() {
    let statuses = method("GET /api/v*/orders/statuses");
    assert_eq!((statuses.store_use, statuses.store_places.len()), (StoreUse::None, 0));
    assert_eq!(statuses.scope.as_deref(), Some("order_read"));
}

#[test]
fn every_built_in_method_is_what_its_own_requests_are_resolved_to() {
    let entries: Vec<Entry> = (0..)
        .zip(methods())
        .map(|(number, method)| Entry {
            number: MethodNumber(number),
            identity: method.method.parse().unwrap(),
            store_use: method.store_use,
            retired: false,
        })
        .collect();
    let book = Book::compile(entries.clone()).expect("no two methods read the same requests");
    for entry in &entries {
        let mut path = String::new();
        for segment in entry.identity.pattern.segments() {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(text),
                Segment::Partial(prefix) => path.extend([prefix, "5"]),
                Segment::Parameter(_) | Segment::Rest => path.push_str("A-17"),
            }
        }
        let path = canonicalize(&path).unwrap();
        assert_eq!(book.resolve(Some(entry.identity.verb), &path), Resolution::One(entry), "{path:?}");
    }
}

// === the format ===

/// Returns a book with one method of the given lines, from line 7 on.
fn with_method(lines: &str) -> String {
    let lines = lines.replace('\n', "\n        ");
    format!("format: 1\ntitle: T\nblocks:\n  - title: B\n    methods:\n      - {lines}\n")
}

/// Returns the errors of a book as displayed.
fn violations(yaml: &str) -> Vec<String> {
    match parse(yaml) {
        Err(BookError::Invalid(violations)) => violations.iter().map(ToString::to_string).collect(),
        other => panic!("not refused for its violations but {other:?}\n{yaml}"),
    }
}

#[test]
fn a_book_is_read_as_written() {
    let yaml = "
format: 1
title: '  Order API '
description: >-
  What shops
  call.
blocks:
  - title: Orders
    description: |
      First line.
      Second line.
    methods:
      - method: GET /api/v*/orders/{id}
        summary: Get one order
        description: Known by its number.
        store_use: required
        store_places: [\"query:shops[]\", 'header:X-Store', \"json:order#/shop\"]
        scope: order_read
      - {method: PURGE /, store_use: none}
";
    let book = parse(yaml).unwrap();
    assert_eq!((book.title.as_str(), book.description.as_str()), ("Order API", "What shops call."));
    assert_eq!(book.blocks.len(), 1);
    assert_eq!(book.blocks[0].description, "First line.\nSecond line.");
    assert_eq!(
        book.blocks[0].methods,
        [
            BookMethod {
                method: "GET /api/v*/orders/{id}".to_owned(),
                summary: "Get one order".to_owned(),
                description: "Known by its number.".to_owned(),
                store_use: StoreUse::Required,
                store_places: ["query:shops[]", "header:x-store", "json:order#/shop"]
                    .map(|p| p.parse().unwrap())
                    .into(),
                scope: Some("order_read".to_owned()),
            },
            BookMethod {
                method: "PURGE /".to_owned(),
                summary: String::new(),
                description: String::new(),
                store_use: StoreUse::None,
                store_places: Vec::new(),
                scope: None,
            },
        ]
    );
}

#[test]
fn all_faults_of_a_book_are_told_at_once() {
    let long = |chars: usize| "ж".repeat(chars);
    let yaml = format!(
        "title: \"\"
description: {}
blocks:
  - title: {}
    methods:
      - method: GET /a/{{id}}
        summary: {}
        description: {}
        store_use: sometimes
        store_places: [\"path:code\", \"query:site\", \"query:site\", \"cookie:site\"]
        scope: Order-Read
  - description: a block without a title
    methods:
      - method: GET /a/{{id}}
        store_use: none
        store_places: [\"query:site\"]
      - method: GET /a/{{other}}
        store_use: optional
      - method: get /b
        store_use: optional
      - method: GET b
        store_use: optional
      - method: GET /b//c
        store_use: optional
      - summary: nameless
  - title: Twice
    methods: [{{method: GET /c, store_use: none, store_places: ['path:x']}}]
  - title: Twice
    methods: []
",
        long(2001),
        long(101),
        long(301),
        long(2001),
    );
    let refused = |identity: &str| identity.parse::<MethodIdentity>().unwrap_err();
    let expected = format!(
        r#"line 1: the book: the format is missing; write format: 1
line 1: the book: the title is missing; write 1 to 100 characters
line 1: the book: the description has 2001 characters; the maximum is 2000
line 4: block "{}…": the title has 101 characters; the maximum is 100
line 6: GET /a/{{id}}: the summary has 301 characters; the maximum is 300
line 6: GET /a/{{id}}: the description has 2001 characters; the maximum is 2000
line 6: GET /a/{{id}}: the store use must be none, shared, optional or required
line 6: GET /a/{{id}}: the scope "Order-Read" is invalid; use up to 64 characters of a-z, 0-9 and _, starting with a letter
line 10: GET /a/{{id}}: the store location "path:code" does not match a parameter of the pattern; the pattern has id
line 10: GET /a/{{id}}: the store location "query:site" is listed twice; remove one
line 10: GET /a/{{id}}: the store location "cookie:site" is invalid: a store location must start with query, form, path, header or json
line 12: a block: the title is missing; write 1 to 100 characters
line 14: GET /a/{{id}}: the method is listed twice, first on line 6; remove one
line 14: GET /a/{{id}}: store_use is none, but there are store_places; remove them or write optional
line 17: GET /a/{{other}}: the method matches the same requests as GET /a/{{id}} on line 6, since only parameter names differ; remove one
line 19: get /b: {}
line 21: GET b: {}
line 23: GET /b//c: {}
line 25: a method: the method is missing; write a verb and a pattern, like method: GET /api/v*/orders/{{id}}
line 25: a method: store_use is missing; write none, shared, optional or required
line 27: GET /c: store_use is none, but there are store_places; remove them or write optional
line 27: GET /c: the store location "path:x" does not match a parameter of the pattern; the pattern has no parameters
line 28: block "Twice": the block on line 26 has the same title; use different titles or merge the blocks
line 28: block "Twice": the block has no methods; list at least one or remove the block"#,
        long(100),
        refused("get /b"),
        refused("GET b"),
        refused("GET /b//c"),
    );
    assert_eq!(violations(&yaml), expected.lines().collect::<Vec<_>>());
    let message = format!("the reference book has 24 errors:\n{expected}").replace('\n', "\n  ");
    assert_eq!(parse(&yaml).unwrap_err().to_string(), message);
}

#[test]
fn only_what_reads_and_carries_no_store_can_be_shared() {
    for method in ["GET /a", "HEAD /a"] {
        assert!(parse(&with_method(&format!("method: {method}\nstore_use: shared"))).is_ok(), "{method}");
    }
    for method in ["POST /a", "PUT /a", "DELETE /a", "PURGE /a", "OPTIONS /a"] {
        let found = violations(&with_method(&format!("method: {method}\nstore_use: shared")));
        assert!(found[0].contains("store_use cannot be shared: shared is only for methods that read"), "{found:?}");
    }
    let found = violations(&with_method("method: GET /a\nstore_use: shared\nstore_places: [\"query:site\"]"));
    assert!(found[0].contains("remove them or choose optional"), "{found:?}");
}

#[test]
fn texts_are_bounded_in_characters_and_the_bounds_are_met_exactly() {
    let full = with_method(&format!(
        "method: GET /a\nsummary: {}\ndescription: {}\nstore_use: none\nscope: {}",
        "ж".repeat(300),
        "ж".repeat(2000),
        "s".repeat(64)
    ))
    .replace("title: B", &format!("title: {}", "ж".repeat(100)));
    parse(&full).unwrap();
    let over = with_method(&format!("method: GET /a\nstore_use: none\nscope: {}", "s".repeat(65)));
    assert_eq!(violations(&over).len(), 1);
    let places = |count: usize| {
        let places: Vec<String> = (0..count).map(|at| format!("\"query:s{at}\"")).collect();
        with_method(&format!("method: GET /a\nstore_use: optional\nstore_places: [{}]", places.join(", ")))
    };
    assert_eq!(parse(&places(32)).unwrap().blocks[0].methods[0].store_places.len(), 32);
    assert_eq!(violations(&places(33)), ["line 6: GET /a: there are 33 store_places; a method has at most 32"]);
}

#[test]
fn control_characters_and_stray_lines_are_refused() {
    let with = |field: &str, text: &str| with_method(&format!("method: GET /a\n{field}: \"{text}\"\nstore_use: none"));
    assert_eq!(violations(&with("summary", "a\\nb")), ["line 6: GET /a: the summary must be a single line"]);
    for field in ["summary", "description"] {
        assert_eq!(
            violations(&with(field, "a\\e[1mb")),
            [format!("line 6: GET /a: the {field} contains the control character '\\u{{1b}}'; remove it")]
        );
    }
    parse(&with("description", "a\\n\\tb")).unwrap();
    let hidden = violations(&with_method("method: \"GET /a\\eb\"\nstore_use: none"));
    assert!(hidden[0].starts_with("line 6: GET /a\\u{1b}b: ") && !hidden[0].contains('\u{1b}'), "{hidden:?}");
}

#[test]
fn methods_that_requests_can_tell_apart_may_stand_together() {
    let yaml = "
format: 1
title: T
blocks:
  - title: B
    methods:
      - {method: 'GET /a/{id}', store_use: none}
      - {method: 'POST /a/{id}', store_use: none}
      - {method: 'GET /a/b', store_use: none}
      - {method: 'GET /a/v*', store_use: none}
      - {method: 'GET /a/**', store_use: none}
      - {method: 'GET /{a}/id', store_use: none}
";
    assert_eq!(parse(yaml).unwrap().blocks[0].methods.len(), 6);
}

#[test]
fn faults_of_shape_name_line_and_column() {
    for (yaml, line, expected) in [
        (with_method("method: GET /a\nstore_use: none\nsite: x"), 8, "site"),
        (with_method("method: GET /a\nmethod: GET /b\nstore_use: none"), 7, "duplicate"),
        (with_method("method: [GET, /a]\nstore_use: none"), 6, "string"),
        (with_method("method: GET /a\nstore_use: none\nstore_places: query:site"), 8, "sequence"),
        ("format: 1\ntitle: T\nblocks: {}\nblock: 1".to_owned(), 3, "sequence"),
        ("format: 1\n  title: T\n".to_owned(), 2, "mapping"),
        ("format: 1\ntitle: \"T\n".to_owned(), 2, "quote"),
    ] {
        let Err(BookError::Malformed { sentence }) = parse(&yaml) else {
            panic!("not refused for its shape: {yaml}");
        };
        assert!(sentence.contains(&format!("line {line}")), "{yaml}\n{sentence}");
        assert!(sentence.to_lowercase().contains(expected), "{yaml}\n{sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }
}

#[test]
fn a_sentence_stays_short_and_clean_whatever_was_sent() {
    let Err(BookError::Malformed { sentence }) = parse(&format!("\"a\\e\\n{}\": 1", "b".repeat(100_000))) else {
        panic!("a book may have any field");
    };
    assert!(sentence.chars().count() <= 502 && !sentence.contains(char::is_control), "{sentence:?}");
    let found = violations(&with_method(&format!("method: {}\nstore_use: none", "b".repeat(100_000))));
    assert!(found[0].chars().count() < 400, "{}", found[0]);
}

#[test]
fn what_is_no_book_at_all_is_refused() {
    for yaml in ["", "# only a comment\n", "just text", "- a\n- b\n", "format: 1\n---\nformat: 1\n", "\0"] {
        assert!(parse(yaml).is_err(), "{yaml:?}");
    }
    assert_eq!(
        violations("format: 1\ntitle: T\n"),
        ["line 1: the book: there are no blocks; a book needs at least one, with a title and methods"]
    );
}

#[test]
fn a_later_format_is_called_that_even_where_its_fields_are_unknown() {
    for (yaml, format) in [("format: 2\nchapters: []\n", "2"), ("format: 2\ntitle: T\n", "2"), ("format: one\n", "one")]
    {
        assert_eq!(
            parse(yaml).unwrap_err().to_string(),
            format!("the reference book is written in format {format}; this version reads format 1")
        );
    }
}

#[test]
fn a_book_from_outside_cannot_take_more_than_it_brings() {
    let long = format!("# {}\n{RETAILCRM}", "x".repeat(MAX_BYTES));
    assert_eq!(parse(&long), Err(BookError::TooLarge { bytes: long.len() }));
    let bomb = "format: 1\ntitle: &a T\ndescription: *a\n";
    assert!(matches!(parse(bomb), Err(BookError::Malformed { .. })), "{:?}", parse(bomb));
    let merged = "format: 1\n<<: {title: T}\nblocks: []\n";
    assert!(matches!(parse(merged), Err(BookError::Malformed { .. })), "{:?}", parse(merged));
    let deep = format!("title: {}{}", "[".repeat(200), "]".repeat(200));
    assert!(matches!(parse(&deep), Err(BookError::Malformed { .. })));
}

#[test]
fn a_book_has_at_most_ten_thousand_methods() {
    let book = |methods: usize| {
        let rest = "summary: s, store_use: optional, store_places: [\"query:a\", \"form:a\"], scope: s";
        let methods = (0..methods).map(|at| format!("      - {{method: GET /m{at}, {rest}}}\n"));
        methods.fold("format: 1\ntitle: T\nblocks:\n  - title: B\n    methods:\n".to_owned(), |yaml, one| yaml + &one)
    };
    assert_eq!(parse(&book(10_000)).unwrap().blocks[0].methods.len(), 10_000);
    assert_eq!(violations(&book(10_001)), ["line 1: the book: there are 10001 methods; a book has at most 10000"]);
}
