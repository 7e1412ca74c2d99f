//! Dependencies: licences from a list, one version of each crate, only from crates.io, and none that nothing uses. By
//! the description of `cargo metadata`, so that neither another tool nor the network is needed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::tidy::lexer::{Kind, Token, tokens};
use crate::tidy::tree::File;

/// Licences that dependencies may have.
const LICENCES: &[&str] = &["Apache-2.0", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0", "Zlib"];

/// Crates with another licence: the licence, and why it is accepted.
const LICENCE_EXCEPTIONS: &[(&str, &str, &str)] =
    &[("webdriver", "MPL-2.0", "fantoccini drives the browser of tests with it; no part of the program")];

/// The only source of crates, in addition to the workspace.
const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The crates of ICU4X.
const ICU: &[&str] = &[
    "icu_collections",
    "icu_provider",
    "litemap",
    "tinystr",
    "writeable",
    "yoke",
    "yoke-derive",
    "zerovec",
    "zerovec-derive",
];

/// Crates with two versions, and the reason for the second one.
const DUPLICATES: &[(&[&str], &str)] = &[
    (&["base64"], "serde-saphyr is ahead of tonic, prost-reflect and postgres-protocol"),
    (&["bit-vec"], "of tests: yasna, for certificates, is behind proptest"),
    (&["const-oid"], "x509-cert, for TLS to PostgreSQL, is behind sha2"),
    (&["cookie", "http", "thiserror", "thiserror-impl"], "of tests: webdriver is behind fantoccini"),
    (&["fallible-iterator"], "the two drivers of storage differ"),
    (&["foldhash", "hashbrown"], "petgraph, which compiles the protos, is behind indexmap"),
    (&["getrandom"], "ring is behind rand and uuid"),
    (ICU, "of tests: icu_segmenter of webdriver is behind url"),
    (&["lock_api", "parking_lot", "parking_lot_core"], "moka, prometheus-client and tokio-postgres are behind ours"),
    (&["prettyplease"], "tonic-build is behind prost-build"),
    (&["syn", "synstructure"], "half of the crates with macros have moved on"),
    (&["unicode-width"], "miette, which compiles the protos, is behind indicatif and comfy-table"),
];

/// Dependencies that no source names, and why they are needed.
const UNNAMED: &[(&str, &str)] =
    &[("h2", "sets the least version of hyper's"), ("tonic_prost", "generated code uses it")];

/// A package as `cargo metadata` describes it.
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    licence: &'a str,
    source: Option<&'a str>,
}

impl<'a> Package<'a> {
    fn all(metadata: &'a Value) -> Vec<Self> {
        let text = |package: &'a Value, field: &str| package[field].as_str().unwrap_or_default();
        let one = |package: &'a Value| Self {
            name: text(package, "name"),
            version: text(package, "version"),
            licence: text(package, "license"),
            source: package["source"].as_str(),
        };
        list(&metadata["packages"]).map(one).collect()
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Returns complaints about licences, duplicate versions and sources.
#[must_use]
pub fn complaints(metadata: &Value) -> Vec<String> {
    let packages = Package::all(metadata);
    let mut complaints = licences(&packages);
    complaints.extend(duplicates(&packages));
    let foreign = packages.iter().filter(|package| package.source.is_some_and(|source| source != SOURCE));
    complaints.extend(foreign.map(|package| format!("{}: comes from elsewhere than crates.io", package.name)));
    complaints
}

fn licences(packages: &[Package<'_>]) -> Vec<String> {
    let is_accepted = |package: &Package<'_>, licence: &str| {
        LICENCES.contains(&licence)
            || LICENCE_EXCEPTIONS.iter().any(|(name, accepted, _)| *name == package.name && *accepted == licence)
    };
    let refused = packages
        .iter()
        .filter(|package| package.source.is_some())
        .filter(|package| !Terms::new(package.licence).are_met(&|licence| is_accepted(package, licence)));
    let mut complaints: Vec<String> = refused
        .map(|package| {
            format!("{}: its licence \"{}\" is not in tests/fast/tidy/dependencies.rs", package.name, package.licence)
        })
        .collect();
    let stale = LICENCE_EXCEPTIONS.iter().filter(|(name, ..)| packages.iter().all(|package| package.name != *name));
    complaints.extend(stale.map(|(name, ..)| format!("{name}: not used any more; remove its licence's exception")));
    complaints
}

fn duplicates(packages: &[Package<'_>]) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(package.name).or_default().insert(package.version);
    }
    let excepted: BTreeSet<&str> = DUPLICATES.iter().flat_map(|(names, _)| *names).copied().collect();
    let stale = excepted.iter().filter(|name| !versions.contains_key(*name));
    let mut complaints: Vec<String> =
        stale.map(|name| format!("{name}: not used any more; remove it from DUPLICATES")).collect();
    for (name, versions) in versions {
        let most = if excepted.contains(name) { 2 } else { 1 };
        let written = versions.iter().copied().collect::<Vec<_>>().join(", ");
        if versions.len() > most {
            complaints.push(format!("{name}: has the versions {written}; update, or give the reason in DUPLICATES"));
        } else if versions.len() < most {
            complaints.push(format!("{name}: has one version, {written}; remove it from DUPLICATES"));
        }
    }
    complaints
}

/// A licence expression (SPDX) that is being read. `/` is an old way to write OR.
struct Terms(Vec<String>);

impl Terms {
    fn new(expression: &str) -> Self {
        let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let mut words: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
        words.reverse();
        Self(words)
    }

    /// Returns whether the expression can be met with the licences that `accepted` accepts.
    fn are_met(mut self, accepted: &dyn Fn(&str) -> bool) -> bool {
        let met = self.any(accepted);
        met && self.0.is_empty()
    }

    fn next_is(&mut self, word: &str) -> bool {
        let is = self.0.last().is_some_and(|next| next == word);
        if is {
            self.0.pop();
        }
        is
    }

    fn any(&mut self, accepted: &dyn Fn(&str) -> bool) -> bool {
        let mut met = self.all(accepted);
        while self.next_is("OR") {
            met |= self.all(accepted);
        }
        met
    }

    fn all(&mut self, accepted: &dyn Fn(&str) -> bool) -> bool {
        let mut met = self.one(accepted);
        while self.next_is("AND") {
            met &= self.one(accepted);
        }
        met
    }

    fn one(&mut self, accepted: &dyn Fn(&str) -> bool) -> bool {
        if self.next_is("(") {
            let met = self.any(accepted);
            return self.next_is(")") && met;
        }
        let Some(licence) = self.0.pop() else { return false };
        let licence =
            if self.next_is("WITH") { format!("{licence} WITH {}", self.0.pop().unwrap_or_default()) } else { licence };
        accepted(&licence)
    }
}

/// Returns complaints about direct dependencies of the workspace that no source names.
#[must_use]
pub fn unused(metadata: &Value, files: &[File]) -> Vec<String> {
    let members: Vec<&str> = list(&metadata["workspace_members"]).filter_map(Value::as_str).collect();
    let sources = files.iter().filter(|file| file.has_extension("rs"));
    let named: Vec<_> = sources.map(|file| (file.path.as_str(), named(&tokens(&file.text())))).collect();
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    let mut complaints = Vec::new();
    for package in list(&metadata["packages"]) {
        if !package["id"].as_str().is_some_and(|id| members.contains(&id)) {
            continue;
        }
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let folder = manifest.strip_prefix(root).unwrap_or(manifest).trim_start_matches('/');
        let folder = folder.strip_suffix("Cargo.toml").unwrap_or(folder);
        for dependency in list(&package["dependencies"]) {
            let kind = dependency["kind"].as_str().unwrap_or("normal");
            let name = dependency["rename"].as_str().or(dependency["name"].as_str()).unwrap_or_default();
            let name = name.replace('-', "_");
            let is_excepted = UNNAMED.iter().any(|(enforcement, _)| *enforcement == name);
            let is_named = named.iter().any(|(path, crates)| concerns(kind, folder, path) && crates.contains(&name));
            if is_named == is_excepted {
                let advice = if is_named { "is named; remove it from UNNAMED" } else { "is named by no source" };
                complaints.push(format!("{folder}Cargo.toml: the {kind} dependency {name} {advice}"));
            }
        }
    }
    complaints
}

/// Returns whether the file `path` may use dependencies of this kind of the package in `folder`.
fn concerns(kind: &str, folder: &str, path: &str) -> bool {
    let Some(inside) = path.strip_prefix(folder) else { return false };
    match kind {
        "build" => inside == "build.rs",
        "dev" => ["src/", "tests/", "benches/", "examples/"].iter().any(|part| inside.starts_with(part)),
        _ => inside.starts_with("src/"),
    }
}

/// Returns the words of a source that may be the first of a path into another crate.
fn named(source: &[Token]) -> BTreeSet<String> {
    let first = |pair: &[Token]| {
        let starts = pair[0].kind == Kind::Word && (pair[1].is_mark("::") || pair[1].is_mark(";"));
        starts.then(|| pair[0].text.clone())
    };
    source.windows(2).filter_map(first).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn are_met(expression: &str) -> bool {
        Terms::new(expression).are_met(&|licence| ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&licence))
    }

    #[test]
    fn licence_expressions_are_read() {
        for met in [
            "MIT",
            "MIT/GPL-3.0",
            "GPL-3.0 OR MIT",
            "(GPL-3.0 OR MIT) AND ISC",
            "GPL-3.0 OR MIT AND ISC",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(are_met(met), "{met}");
        }
        for unmet in ["", "GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "(MIT OR ISC) AND GPL-3.0", "(MIT", "MIT ISC"] {
            assert!(!are_met(unmet), "{unmet}");
        }
    }

    fn package(name: &str, version: &str, licence: &str, source: Option<&str>) -> Value {
        json!({ "name": name, "version": version, "license": licence, "source": source })
    }

    #[test]
    fn licences_duplicates_and_sources_are_checked() {
        let ours = package("latchkey", "1.0.0", "", None);
        let good = package("tower", "1.0.0", "MIT", Some(SOURCE));
        let found = |more: &[Value]| {
            let all: Vec<_> = [&ours, &good].into_iter().chain(more).collect();
            // Exceptions for what is not in the sample are not complained about here.
            let mut all = complaints(&json!({ "packages": all }));
            all.retain(|complaint| !complaint.contains("not used any more"));
            all.len()
        };
        assert_eq!(found(&[]), 0);
        assert_eq!(found(&[package("hyper", "1.0.0", "GPL-3.0", Some(SOURCE))]), 1);
        assert_eq!(found(&[package("hyper", "1.0.0", "MPL-2.0", Some(SOURCE))]), 1);
        assert_eq!(found(&[package("webdriver", "1.0.0", "MPL-2.0", Some(SOURCE))]), 0);
        assert_eq!(found(&[package("hyper", "1.0.0", "MIT", Some("git+https://example.com/hyper"))]), 1);
        assert_eq!(found(&[package("tower", "2.0.0", "MIT", Some(SOURCE))]), 1);
        let syn = ["1.0.0", "2.0.0", "3.0.0"].map(|version| package("syn", version, "MIT", Some(SOURCE)));
        assert_eq!([found(&syn[..1]), found(&syn[..2]), found(&syn)], [1, 0, 1]);
    }

    #[test]
    fn dependencies_that_no_source_names_are_found() {
        let of = |name: &str, kind: Option<&str>| json!({ "name": name, "kind": kind, "rename": null });
        let dependencies = [
            of("tokio-util", None),
            of("url", None),
            of("url", Some("dev")),
            of("prost", Some("build")),
            of("h2", None),
        ];
        let member = json!({ "id": "a", "manifest_path": "/x/Cargo.toml", "dependencies": dependencies });
        let metadata = json!({ "workspace_root": "/x", "workspace_members": ["a"], "packages": [member] });
        let source = "use tokio_util::sync; // url::Url\nfn f() { let url = \"url::Url\"; }";
        let files = [
            File::sample("src/lib.rs", source),
            File::sample("tests/a.rs", "fn f() { url::Url::parse(); }"),
            File::sample("build.rs", "fn main() { tonic::build(); }"),
        ];
        assert_eq!(
            unused(&metadata, &files),
            [
                "Cargo.toml: the normal dependency url is named by no source",
                "Cargo.toml: the build dependency prost is named by no source"
            ]
        );
    }
}
