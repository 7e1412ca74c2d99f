//! Files that use each other in a cycle cannot be read, tested or moved one by one: no cycle has more than three files.
//!
//! A file uses another if one of its paths leads there: a `use` or a path in the code. A path to an item that a module
//! only re-exports leads to the file that defines it. Method calls have no path and do not count.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::layers::module_of;
use crate::tidy::lexer::{Token, split_tests, tokens};
use crate::tidy::paths::{UsedPath, paths};
use crate::tidy::tree::File;

/// Maximum number of files in a cycle.
const MAX_CYCLE: usize = 3;

/// Returns one complaint for each cycle of too many files of src.
#[must_use]
pub fn complaints(files: &[File]) -> Vec<String> {
    let uses = uses(files);
    let too_large = cycles(&uses).into_iter().filter(|cycle| cycle.len() > MAX_CYCLE);
    too_large.map(|cycle| complaint(&cycle, &uses)).collect()
}

/// Files used by each file.
type Uses<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn complaint(cycle: &BTreeSet<&str>, uses: &Uses<'_>) -> String {
    let inside = |path: &str| {
        let targets: Vec<_> = uses[path].intersection(cycle).copied().collect();
        format!("    {path} uses {}", targets.join(", "))
    };
    let lines: Vec<_> = cycle.iter().map(|path| inside(path)).collect();
    format!("{} files use each other in a cycle; at most {MAX_CYCLE} may:\n{}", cycle.len(), lines.join("\n"))
}

/// The code of one file.
struct Source<'a> {
    path: &'a str,
    module: Vec<String>,
    production: Vec<Token>,
    paths: Vec<UsedPath>,
}

impl<'a> Source<'a> {
    fn new(file: &'a File) -> Self {
        let module = module_of(&file.path);
        let (production, _) = split_tests(&tokens(&file.text()));
        let paths = paths(&production, &module);
        Self { path: &file.path, module, production, paths }
    }

    /// Returns whether the code contains this name anywhere except in its export.
    fn mentions(&self, name: &str) -> bool {
        self.production.iter().filter(|token| token.is_word(name)).count() > 1
    }
}

fn uses(files: &[File]) -> Uses<'_> {
    let is_code = |file: &&File| {
        let module = module_of(&file.path);
        file.is_in("src") && file.has_extension("rs") && !module.is_empty() && module.iter().all(|part| part != "tests")
    };
    let sources: Vec<_> = files.iter().filter(is_code).map(Source::new).collect();
    let by_module: BTreeMap<&[String], &Source<'_>> =
        sources.iter().map(|source| (source.module.as_slice(), source)).collect();
    let targets = |source: &Source<'_>| {
        let counted =
            source.paths.iter().filter(|used| used.exported.as_ref().is_none_or(|name| source.mentions(name)));
        let found = counted.filter_map(|used| target(source, &used.segments, &by_module));
        found.filter(|path| *path != source.path).collect::<BTreeSet<_>>()
    };
    sources.iter().map(|source| (source.path, targets(source))).collect()
}

/// Returns the file that defines the path `segments` of `source`, if it belongs to the crate.
fn target<'a>(
    source: &Source<'_>,
    segments: &[String],
    by_module: &BTreeMap<&[String], &Source<'a>>,
) -> Option<&'a str> {
    let mut wanted = match segments {
        [start, rest @ ..] if start == "crate" => rest.to_vec(),
        // `child::f()`, without `self::`.
        [child, ..] => {
            let module = [source.module.as_slice(), std::slice::from_ref(child)].concat();
            by_module.get(module.as_slice())?;
            [source.module.as_slice(), segments].concat()
        }
        [] => return None,
    };
    // Re-exports are followed; one that leads to itself does not compile, but must not hang.
    for _ in 0..10 {
        let length = (1..=wanted.len()).rev().find(|length| by_module.contains_key(&wanted[..*length]))?;
        let (module, rest) = wanted.split_at(length);
        let found = by_module[module];
        let exports = |used: &&UsedPath| used.exported.is_some() && used.exported.as_ref() == rest.first();
        match found.paths.iter().find(exports) {
            Some(used) if used.segments.first().is_some_and(|first| first == "crate") => {
                wanted = [&used.segments[1..], &rest[1..]].concat();
            }
            _ => return Some(found.path),
        }
    }
    None
}

/// Returns the sets of files that reach each other.
fn cycles<'a>(uses: &Uses<'a>) -> Vec<BTreeSet<&'a str>> {
    let reached: BTreeMap<_, _> = uses.keys().map(|path| (*path, reached(path, uses))).collect();
    let cycle = |path: &&'a str| -> BTreeSet<&'a str> {
        reached[path].iter().copied().filter(|other| reached[other].contains(path)).collect()
    };
    let cycles: BTreeSet<_> = uses.keys().map(cycle).filter(|cycle| cycle.len() > 1).collect();
    cycles.into_iter().collect()
}

/// Returns the files that `path` reaches, directly or indirectly.
fn reached<'a>(path: &str, uses: &Uses<'a>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<&str> = uses[path].iter().copied().collect();
    while let Some(next) = waiting.pop() {
        if let Some((known, further)) = uses.get_key_value(next)
            && found.insert(*known)
        {
            waiting.extend(further);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<File> = files.iter().map(|(path, text)| File::sample(path, text)).collect();
        cycles(&uses(&files)).iter().map(|cycle| cycle.iter().copied().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn circles_are_seen_however_the_way_is_written() {
        let files = [
            ("src/a/mod.rs", "mod b; mod c; pub const X: u8 = 1; fn f() { b::f() }"),
            ("src/a/b.rs", "use super::c::{self, Y};"),
            ("src/a/c.rs", "pub struct Y; fn f() { crate::d::e::g() }"),
            ("src/d/e.rs", "use crate::a::X;"),
            ("src/f.rs", "use crate::a;"),
        ];
        assert_eq!(found(&files), ["src/a/b.rs src/a/c.rs src/a/mod.rs src/d/e.rs"]);
    }

    #[test]
    fn what_a_module_only_re_exports_leads_to_where_it_is_defined() {
        let mut files = vec![
            ("src/a/mod.rs", "mod b; mod c; pub(crate) use self::b::{B, D as E}; pub use c::C;"),
            ("src/a/b.rs", "pub struct B; pub struct D;"),
            ("src/a/c.rs", "use super::{B, E}; pub struct C;"),
        ];
        assert_eq!(found(&files), [""; 0]);
        files[0].1 = "mod b; mod c; pub use self::c::C; pub struct E; fn f(c: C) {}";
        assert_eq!(found(&files), ["src/a/c.rs src/a/mod.rs"], "it uses what it exports");
    }

    #[test]
    fn code_of_tests_makes_no_circle() {
        let files = [
            ("src/a.rs", "use crate::b::B;"),
            ("src/b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::a::f; }"),
            ("src/b/tests.rs", "use crate::a::f;"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn three_files_may_and_four_may_not() {
        let cycle = |layer: &str, count: usize| {
            let file = |number: usize| {
                let next = (number + 1) % count;
                File::sample(&format!("src/{layer}/m{number}.rs"), &format!("use crate::{layer}::m{next};"))
            };
            complaints(&(0..count).map(file).collect::<Vec<_>>()).len()
        };
        assert_eq!((cycle("console", 3), cycle("console", 4)), (0, 1));
    }
}
