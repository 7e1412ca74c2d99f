//! A .rs file that no `mod` line reaches is never compiled, and its tests never run: no such file may exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::tidy::lexer::{Kind, Token, attribute_end, tokens};
use crate::tidy::tree::File;

/// Returns the unreachable .rs files.
#[must_use]
pub fn complaints(files: &[File]) -> Vec<String> {
    let sources: BTreeMap<&str, &File> =
        files.iter().filter(|file| file.has_extension("rs")).map(|file| (file.path.as_str(), file)).collect();
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<String> = sources.keys().filter(|path| is_root(path)).map(ToString::to_string).collect();
    while let Some(path) = waiting.pop() {
        if let Some(file) = sources.get(path.as_str())
            && reached.insert(path.clone())
        {
            waiting.extend(children(&path, &tokens(&file.text())));
        }
    }
    let orphans = sources.keys().filter(|path| !reached.contains(**path));
    orphans.map(|path| format!("{path}: no `mod` line reaches it, so it is never compiled")).collect()
}

/// Returns whether cargo finds the file by itself.
fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["build.rs"] | ["src", "lib.rs" | "main.rs"] | ["tests", "helpers", "src", "lib.rs"] => true,
        ["src", "bin", ..] | ["tests" | "benches" | "examples", ..] => {
            let depth = if parts[0] == "src" { 3 } else { 2 };
            parts.len() == depth || parts.len() == depth + 1 && parts[depth] == "main.rs"
        }
        _ => false,
    }
}

/// Returns the files that the `mod` lines of the file `path` could refer to.
fn children(path: &str, tokens: &[Token]) -> Vec<String> {
    let path = Path::new(path);
    let folder = path.parent().unwrap_or(Path::new(""));
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let own = is_root(&path.to_string_lossy()) || stem == "mod";
    let below = if own { folder.to_owned() } else { folder.join(stem) };
    let mut found = Vec::new();
    let (mut inline, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
    let (mut at, mut given) = (0, None);
    while at < tokens.len() {
        if let Some(end) = attribute_end(tokens, at) {
            given = path_attribute(&tokens[at..end]).or(given);
            at = end;
            continue;
        }
        let mark = |offset: usize, mark: &str| tokens.get(at + offset).is_some_and(|token| token.is_mark(mark));
        if tokens[at].is_word("mod") && mark(2, ";") {
            let inner: PathBuf = inline.iter().map(|(name, _)| name).collect();
            let name = &tokens[at + 1].text;
            match given.take() {
                Some(file) if inline.is_empty() => found.push(folder.join(file)),
                Some(file) => found.push(below.join(inner).join(file)),
                None => {
                    found.push(below.join(&inner).join(format!("{name}.rs")));
                    found.push(below.join(inner).join(name).join("mod.rs"));
                }
            }
        } else if tokens[at].is_word("mod") && mark(2, "{") {
            inline.push((tokens[at + 1].text.clone(), depth));
        } else if mark(0, "{") {
            depth += 1;
        } else if mark(0, "}") {
            depth = depth.saturating_sub(1);
            if inline.last().is_some_and(|(_, outside)| *outside == depth) {
                inline.pop();
            }
        }
        // Only `pub`, `pub(crate)` and the like can be between an attribute and its `mod`.
        if mark(0, ";") || mark(0, "{") || mark(0, "}") {
            given = None;
        }
        at += 1;
    }
    found.iter().map(|path| plain(path)).collect()
}

fn path_attribute(attribute: &[Token]) -> Option<String> {
    let is_path = attribute.iter().find(|token| token.kind == Kind::Word)?.text == "path";
    attribute.iter().find(|token| is_path && token.kind == Kind::Text).map(|token| token.text.clone())
}

/// Returns `a/b/../c` as `a/c`.
fn plain(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                parts.pop();
            }
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orphans(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<File> = files.iter().map(|(path, text)| File::sample(path, text)).collect();
        complaints(&files).iter().filter_map(|line| Some(line.split_once(": ")?.0.to_owned())).collect()
    }

    #[test]
    fn files_without_a_mod_line_are_seen() {
        let found = orphans(&[
            ("src/lib.rs", "pub mod a; // mod b;\nconst C: &str = \"mod c;\";"),
            ("src/a.rs", "mod d;"),
            ("src/a/d.rs", ""),
            ("src/b.rs", "mod e;"),
            ("src/b/e.rs", ""),
            ("src/c.rs", ""),
            ("src/d.rs", ""),
            ("tests/support/mod.rs", ""),
        ]);
        assert_eq!(found, ["src/b.rs", "src/b/e.rs", "src/c.rs", "src/d.rs", "tests/support/mod.rs"]);
    }

    #[test]
    fn every_way_to_reach_a_file_counts() {
        let found = orphans(&[
            ("build.rs", ""),
            ("src/lib.rs", "pub mod a; mod b { mod c; } #[cfg(test)] #[path = \"x/y.rs\"] pub(crate) mod z;"),
            ("src/a/mod.rs", "mod d;"),
            ("src/a/d.rs", ""),
            ("src/b/c.rs", ""),
            ("src/x/y.rs", ""),
            ("src/bin/tool.rs", ""),
            ("tests/t.rs", "pub mod support; #[path = \"../src/x/y.rs\"] mod y;"),
            ("tests/support/mod.rs", "mod w;"),
            ("tests/support/w.rs", ""),
            ("tests/u/main.rs", "mod v;"),
            ("tests/u/v.rs", ""),
            ("benches/n.rs", ""),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_path_belongs_to_the_next_item_alone() {
        let found = orphans(&[
            ("src/lib.rs", "#[path = \"x.rs\"] mod a; mod b;"),
            ("src/x.rs", ""),
            ("src/b.rs", ""),
            ("src/a.rs", ""),
        ]);
        assert_eq!(found, ["src/a.rs"]);
    }
}
