//! The allowed dependencies between modules of the crate, and the crates that only some of them may use.

use crate::tidy::lexer::{split_tests, tokens};
use crate::tidy::paths::{UsedPath, paths};

/// A top-level module and the other ones that it may use.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
}

/// The architecture from top to bottom. An unlisted module is not allowed: its position has to be chosen first.
const LAYERS: &[Layer] = &[
    Layer { name: "main", may_use: &["cli", "app"] },
    Layer {
        name: "cli",
        may_use: &["app", "client", "storage", "books", "proto", "config", "telemetry", "clock", "lifecycle", "model"],
    },
    Layer {
        name: "app",
        may_use: &[
            "serve",
            "grpc",
            "gateway",
            "console",
            "ops",
            "authority",
            "registry",
            "storage",
            "books",
            "budget",
            "config",
            "telemetry",
            "clock",
            "random",
            "lifecycle",
            "model",
        ],
    },
    // Ports do not depend on the services on them.
    Layer {
        name: "serve",
        may_use: &["budget", "config", "telemetry", "clock", "random", "lifecycle", "status", "model"],
    },
    Layer { name: "grpc", may_use: ENTRY_AND_PROTO },
    // Like every decision, it must not depend on what manages.
    Layer { name: "gateway", may_use: &["authority", "config", "telemetry", "lifecycle", "model", "proto", "status"] },
    Layer { name: "console", may_use: ENTRY },
    Layer { name: "ops", may_use: ENTRY },
    Layer { name: "client", may_use: &["proto", "model"] },
    Layer { name: "authority", may_use: &["storage", "telemetry", "clock", "lifecycle", "model"] },
    Layer { name: "registry", may_use: &["storage", "clock", "random", "lifecycle", "model"] },
    // A task inside storage (a write outlives its caller) is spawned through lifecycle like any other.
    Layer { name: "storage", may_use: &["telemetry", "clock", "lifecycle", "model"] },
    Layer { name: "books", may_use: &["model"] },
    Layer { name: "config", may_use: &["telemetry", "model"] },
    // Limits of a port's clients: the port counts, a listener reports whose caller is known.
    Layer { name: "budget", may_use: &["telemetry", "model"] },
    Layer { name: "telemetry", may_use: &["clock", "model"] },
    Layer { name: "lifecycle", may_use: &["clock", "model"] },
    Layer { name: "clock", may_use: &["model"] },
    Layer { name: "random", may_use: &[] },
    Layer { name: "proto", may_use: &["status"] },
    Layer { name: "status", may_use: &["model"] },
    // Pure, so usable everywhere: times, reasons and names are its types.
    Layer { name: "model", may_use: &[] },
];

const ENTRY: &[&str] =
    &["authority", "registry", "books", "budget", "config", "telemetry", "clock", "lifecycle", "model"];
const ENTRY_AND_PROTO: &[&str] =
    &["authority", "registry", "books", "config", "telemetry", "clock", "lifecycle", "model", "proto", "status"];

/// Modules that only storage itself and its builders see; the others see the trait.
const ENGINES: &[&str] = &["postgres", "sqlite", "sql"];
const SEES_ENGINES: &[&str] = &["storage", "app", "cli"];

/// Inside storage: the engines do not depend on each other.
const ENGINES_APART: &[(&str, &[&str])] =
    &[("postgres", &["sqlite"]), ("sqlite", &["postgres"]), ("sql", &["postgres", "sqlite"])];

/// Files of grpc that decide. Like the gateway, they do not depend on what manages.
const DECIDING: &[&str] = &["authorization", "decide", "fast_path", "request", "wire"];
/// What manages: the registry, and what turns its values and errors into those of the contract.
const MANAGING: &[&[&str]] = &[&["registry"], &["grpc", "convert"], &["grpc", "status"]];

/// Crates that only some modules may use.
const OWNED: &[(&[&str], &[&str])] = &[
    (&["tokio_postgres", "tokio_postgres_rustls", "deadpool", "rusqlite", "refinery"], &["storage"]),
    (&["moka"], &["authority"]),
    (
        &[
            "tonic",
            "tonic_prost",
            "tonic_health",
            "tonic_reflection",
            "tonic_types",
            "http",
            "http_body",
            "http_body_util",
            "hyper",
            "hyper_util",
            "h2",
            "tower",
            "axum",
        ],
        &["serve", "grpc", "gateway", "console", "ops", "cli", "app", "client", "proto", "status"],
    ),
    (&["prost", "prost_types"], &["grpc", "gateway", "cli", "client", "proto"]),
    (&["tokio_rustls"], &["serve"]),
    (&["comfy_table", "indicatif"], &["cli"]),
];

/// Modules that the model and the rules of coherence may not use: waiting, I/O, clocks, randomness.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio_util",
    "tokio_stream",
    "futures_util",
    "async_trait",
    "tracing",
    "rustix",
    "getrandom",
    "std::net",
    "std::fs",
    "std::env",
    "std::io",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::time::*",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "rand::rng",
    "rand::random",
    "rand::rngs",
    "uuid::Uuid::now_v7",
    "uuid::Uuid::new_v4",
];

/// Pure nevertheless: addresses as values.
const PURE: &[&str] = &["std::net::IpAddr", "std::net::Ipv4Addr", "std::net::Ipv6Addr", "std::net::AddrParseError"];

/// Returns complaints about the dependencies of the file `path` of src.
#[must_use]
pub fn complaints(path: &str, source: &str) -> Vec<String> {
    let module = module_of(path);
    let is_test_file = module.iter().any(|part| part == "tests");
    if path == "src/lib.rs" || is_test_file {
        return Vec::new();
    }
    let (production, _) = split_tests(&tokens(source));
    let name = if path == "src/main.rs" { "main" } else { module.first().map_or("main", String::as_str) };
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        return vec![format!("{path}: the module {name} has no layer: give it one in tests/fast/tidy/layers.rs")];
    };
    paths(&production, &module)
        .iter()
        .filter_map(|used| {
            let why = inside(layer, &module, used).or_else(|| outside(layer, &module, used))?;
            Some(format!("{path}:{}: {}: {why}", used.line, used.segments.join("::")))
        })
        .collect()
}

/// Returns a complaint about a path into the crate itself.
fn inside(layer: &Layer, module: &[String], used: &UsedPath) -> Option<String> {
    let [start, target, rest @ ..] = used.segments.as_slice() else { return None };
    if start != "crate" {
        return None;
    }
    if target == "*" || target.starts_with(char::is_uppercase) {
        return Some("name the module that it lives in, so that the layers can be seen".to_owned());
    }
    // A macro is not a module, and is at the root wherever it is defined.
    if rest.is_empty() && LAYERS.iter().all(|other| other.name != target) {
        return None;
    }
    let decides = layer.name == "grpc" && module.get(1).is_some_and(|part| DECIDING.contains(&part.as_str()));
    let is_managing =
        |path: &&&[&str]| used.segments[1..].iter().map(String::as_str).take(path.len()).eq(path.iter().copied());
    if decides && MANAGING.iter().any(|path| is_managing(&path)) {
        return Some("decisions do not depend on what manages: its errors are not theirs".to_owned());
    }
    if target == layer.name {
        let apart = ENGINES_APART.iter().find(|(engine, _)| module.get(1).is_some_and(|part| part == engine));
        let hit = layer.name == "storage"
            && apart.is_some_and(|(_, others)| rest.first().is_some_and(|part| others.contains(&part.as_str())));
        return hit.then(|| "the engines know nothing of each other: move it beside the trait".to_owned());
    }
    if !layer.may_use.contains(&target.as_str()) {
        return Some(
            format!("{} may name {} only", layer.name, layer.may_use.join(", ")).replace("name  only", "name nothing"),
        );
    }
    let engine = rest.first().is_some_and(|part| ENGINES.contains(&part.as_str()));
    (target == "storage" && engine && !SEES_ENGINES.contains(&layer.name))
        .then(|| format!("{} sees the trait of storage, not its engines", layer.name))
}

/// Returns a complaint about a path into another crate.
fn outside(layer: &Layer, module: &[String], used: &UsedPath) -> Option<String> {
    let first = used.segments.first()?;
    if first == "crate" {
        return None;
    }
    for (crates, owners) in OWNED {
        if crates.contains(&first.as_str()) && !owners.contains(&layer.name) {
            return Some(format!("{first} is for {} alone", owners.join(", ")));
        }
    }
    if layer.name != "model" && !module.starts_with(&["authority".to_owned(), "coherence".to_owned()]) {
        return None;
    }
    // `core` and `std` are the same.
    let written = used.segments.join("::").replacen("core::", "std::", 1);
    let under =
        |prefix: &&&str| written == **prefix || written.strip_prefix(**prefix).is_some_and(|r| r.starts_with("::"));
    if PURE.iter().any(|pure| under(&pure)) {
        return None;
    }
    IMPURE.iter().find(under).map(|_| "this module is pure: take it as a parameter".to_owned())
}

/// Returns the module of the file `path`: `["storage", "sqlite"]` for src/storage/sqlite/mod.rs.
#[must_use]
pub fn module_of(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    let parts = inside.strip_suffix(".rs").unwrap_or(inside).split('/');
    parts.filter(|part| !matches!(*part, "mod" | "lib" | "main")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(path: &str, source: &str) -> usize {
        complaints(path, source).len()
    }

    #[test]
    fn upward_arrows_are_seen_however_they_are_written() {
        assert_eq!(wrong("src/model/key.rs", "use crate::storage::Storage;"), 1);
        assert_eq!(wrong("src/model/key.rs", "use crate::{clock::Clock, model::token, books};"), 2);
        assert_eq!(wrong("src/model/key.rs", "fn f() { crate::registry::f() }"), 1);
        assert_eq!(wrong("src/model/key.rs", "use super::super::grpc;"), 1);
        assert_eq!(wrong("src/authority/mod.rs", "use crate::registry::Registry;"), 1);
        assert_eq!(wrong("src/storage/mod.rs", "use crate::authority::A; use crate::config;"), 2);
        assert_eq!(wrong("src/console/pages.rs", "use crate::proto::v1::Key;"), 1);
        assert_eq!(wrong("src/grpc/keys.rs", "use crate::storage::Storage;"), 1);
        assert_eq!(wrong("src/main.rs", "fn main() { latchkey::storage::open() }"), 1);
        assert_eq!(wrong("src/clock.rs", "use crate::model::Time; use crate::lifecycle::Tasks;"), 1);
    }

    #[test]
    fn decisions_do_not_depend_on_managing() {
        for source in ["use crate::registry::Violations;", "use super::status::to_status;", "use crate::grpc::convert;"]
        {
            assert_eq!(wrong("src/grpc/decide.rs", source), 1, "{source}");
            assert_eq!(wrong("src/grpc/keys.rs", source), 0, "{source}");
        }
        assert_eq!(wrong("src/gateway/mod.rs", "use crate::registry::Error;"), 1);
        assert_eq!(
            wrong("src/grpc/decide.rs", "use crate::status; use super::wire; use crate::model::violations::V;"),
            0
        );
    }

    #[test]
    fn downward_arrows_are_fine() {
        assert_eq!(wrong("src/main.rs", "fn main() -> ExitCode { latchkey::cli::run() }"), 0);
        assert_eq!(wrong("src/grpc/keys.rs", "use crate::{model::key::Key, proto::v1, registry::Registry};"), 0);
        assert_eq!(wrong("src/grpc/keys.rs", "use super::status; use tonic::Status; use http::Uri;"), 0);
        assert_eq!(
            wrong("src/storage/sqlite/mod.rs", "use super::Storage; use crate::storage::sql; use rusqlite::X;"),
            0
        );
        assert_eq!(wrong("src/app.rs", "use crate::storage::postgres::Postgres; use crate::grpc;"), 0);
        assert_eq!(wrong("src/authority/grants.rs", "use moka::sync::Cache; use crate::storage::Storage;"), 0);
    }

    #[test]
    fn engines_are_seen_by_those_who_build_them_alone() {
        assert_eq!(wrong("src/registry/keys.rs", "use crate::storage::sqlite::Sqlite;"), 1);
        assert_eq!(wrong("src/authority/mod.rs", "use crate::storage; type S = storage::postgres::Postgres;"), 1);
        assert_eq!(wrong("src/storage/sqlite/keys.rs", "use crate::storage::postgres::rows;"), 1);
        assert_eq!(wrong("src/storage/postgres/keys.rs", "use super::super::sqlite::rows;"), 1);
    }

    #[test]
    fn crates_stay_with_their_owners() {
        assert_eq!(wrong("src/registry/keys.rs", "use tokio_postgres::Client;"), 1);
        assert_eq!(wrong("src/app.rs", "fn f(e: rusqlite::Error) {}"), 1);
        assert_eq!(wrong("src/registry/mod.rs", "use moka::sync::Cache;"), 1);
        assert_eq!(wrong("src/registry/mod.rs", "fn f() -> Result<(), tonic::Status> { Ok(()) }"), 1);
        assert_eq!(wrong("src/ops/mod.rs", "use prost::Message;"), 1);
    }

    #[test]
    fn the_model_is_pure() {
        for impure in [
            "use tokio::sync::Mutex;",
            "use std::net::{IpAddr, TcpStream};",
            "use std::net; fn f() { net::TcpListener::bind(a); }",
            "use std::time::Instant;",
            "use core::net::*;",
            "fn f() { std::fs::read(p); }",
            "fn f() { jiff::Timestamp::now(); }",
            "use jiff::Timestamp; fn f() { Timestamp::now(); }",
            "use rand::rng;",
        ] {
            assert!(wrong("src/model/key.rs", impure) > 0, "{impure}");
        }
        let pure = "use std::net::IpAddr; use std::time::Duration; use jiff::Timestamp; use rand::Rng; \
                    fn f() { Timestamp::from_second(1); core::net::Ipv4Addr::LOCALHOST; }";
        assert_eq!(complaints("src/model/key.rs", pure), [""; 0]);
        let waits = "use tokio::sync::watch;";
        assert_eq!(
            (wrong("src/authority/coherence/apply.rs", waits), wrong("src/authority/coalescer.rs", waits)),
            (1, 0)
        );
    }

    #[test]
    fn code_of_tests_and_text_are_not_arrows() {
        let source = "//! crate::storage\n// use crate::grpc;\nconst A: &str = \"crate::storage\";\n\
                      #[cfg(test)]\nmod tests { use crate::storage::sqlite::Sqlite; }";
        assert_eq!(wrong("src/model/key.rs", source), 0);
        assert_eq!(wrong("src/model/key/tests.rs", "use crate::storage::sqlite::Sqlite;"), 0);
    }

    #[test]
    fn new_rooms_and_items_of_the_root_are_complaints() {
        assert_eq!(wrong("src/misc.rs", "fn f() {}"), 1);
        assert_eq!(wrong("src/app.rs", "use crate::Thing; use crate::*;"), 2);
        assert_eq!(wrong("src/app.rs", "fn f() { crate::some_macro!() }"), 0);
        assert_eq!(wrong("src/app.rs", "use crate::misc::f;"), 1);
    }

    #[test]
    fn the_house_names_only_rooms_that_it_has() {
        let known = |name: &&str| LAYERS.iter().any(|layer| layer.name == *name);
        assert!(LAYERS.iter().flat_map(|layer| layer.may_use).all(known));
        assert!(OWNED.iter().flat_map(|(_, owners)| *owners).chain(SEES_ENGINES).all(known));
        for (place, layer) in LAYERS.iter().enumerate() {
            let above = LAYERS[..place].iter().find(|other| layer.may_use.contains(&other.name));
            assert!(above.is_none(), "{} may use what stands above it", layer.name);
        }
    }
}
