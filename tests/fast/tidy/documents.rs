//! Documents: which ones must exist, how long they may be, and that the files they name exist.

use crate::tidy::tree::File;

/// Documents that must exist. The README and the architecture also have a bound of lines: people read them to the end.
const DOCUMENTS: &[(&str, usize)] = &[
    ("README.md", 150),
    ("ARCHITECTURE.md", 250),
    ("CHANGELOG.md", usize::MAX),
    ("CONTRIBUTING.md", usize::MAX),
    ("LICENSE", usize::MAX),
    ("SECURITY.md", usize::MAX),
    ("docs/GLOSSARY.md", usize::MAX),
    ("docs/adr/README.md", usize::MAX),
    ("docs/src/operations.md", usize::MAX),
    ("docs/src/security.md", usize::MAX),
];

/// The folder of decisions, and how many lines one of them may have.
const DECISIONS: &str = "docs/adr";
const LONGEST_DECISION: usize = 40;

/// Folders whose files documents name from the root of the repository.
const FOLDERS: &[&str] =
    &["benches", "books", "deploy", "docs", "migrations", "proto", "scripts", "src", "templates", "tests"];

/// The only document that names files of earlier versions.
const HISTORY: &str = "CHANGELOG.md";

/// Returns complaints about documents that do not exist or are empty.
#[must_use]
pub fn missing(files: &[File]) -> Vec<String> {
    let exists = |name: &str| files.iter().any(|file| file.path == name && !file.text().trim().is_empty());
    DOCUMENTS
        .iter()
        .filter(|(name, _)| !exists(name))
        .map(|(name, _)| format!("{name}: must exist and must not be empty"))
        .collect()
}

/// Returns a complaint if the document is too long.
#[must_use]
pub fn long(path: &str, text: &str) -> Vec<String> {
    let bound = DOCUMENTS.iter().find(|(name, _)| *name == path).map(|(_, bound)| *bound);
    let decision = path.starts_with(DECISIONS).then_some(LONGEST_DECISION);
    let lines = text.lines().count();
    bound
        .into_iter()
        .chain(decision)
        .filter(|most| lines > *most)
        .map(|most| format!("{path}: {lines} lines, at most {most}: move the details to the book or to a decision"))
        .collect()
}

/// Returns complaints about files and folders that documents name and that do not exist.
#[must_use]
pub fn dangling(files: &[File]) -> Vec<String> {
    let exists = |name: &str| {
        let folder = format!("{name}/");
        files.iter().any(|file| file.path == name || file.path.starts_with(&folder))
    };
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.has_extension("md") && file.path != HISTORY) {
        for (number, line) in file.text().lines().enumerate() {
            for name in named(line).into_iter().filter(|name| !exists(name)) {
                found.push(format!("{}:{}: names {name}, which does not exist", file.path, number + 1));
            }
        }
    }
    found
}

/// Returns the paths from the root of the repository that a line names. One with a placeholder (`src/*.rs`, `docs/…`)
/// does not count, nor does a part of a longer path or an address.
fn named(line: &str) -> Vec<&str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|letter| !is_part(letter)).map_or(rest.len(), |length| start + length);
        let word = rest[start..end].trim_end_matches(['.', '/', '-']);
        let is_placeholder = rest[end..].starts_with(['*', '{', '<', '…']);
        if word.split_once('/').is_some_and(|(folder, _)| FOLDERS.contains(&folder)) && !is_placeholder {
            found.push(word);
        }
        rest = &rest[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_empty_documents_are_found() {
        let files: Vec<File> = DOCUMENTS.iter().map(|(name, _)| File::sample(name, "text")).collect();
        assert_eq!(missing(&files).len(), 0);
        let without: Vec<File> = files.iter().filter(|file| file.path != "SECURITY.md").cloned().collect();
        assert_eq!(missing(&without), ["SECURITY.md: must exist and must not be empty"]);
        assert_eq!(missing(&[File::sample("LICENSE", "\n")]).len(), DOCUMENTS.len());
    }

    #[test]
    fn long_documents_are_found() {
        let lines = |count| "x\n".repeat(count);
        assert_eq!(long("README.md", &lines(150)).len(), 0);
        assert!(long("README.md", &lines(151))[0].starts_with("README.md: 151 lines, at most 150"));
        assert_eq!(long("ARCHITECTURE.md", &lines(250)).len(), 0);
        assert_eq!(long("ARCHITECTURE.md", &lines(251)).len(), 1);
        assert_eq!(long("docs/adr/0001-x.md", &lines(41)).len(), 1);
        assert_eq!(long("CHANGELOG.md", &lines(9_000)).len(), 0);
        assert_eq!(long("docs/src/console.md", &lines(9_000)).len(), 0);
    }

    #[test]
    fn paths_are_found_in_text_code_and_links() {
        let line = "See src/a.rs, `tests/b` (deploy/c/d.yaml). [x](../../docs/e.md) src/*.rs docs/… https://h/src/f and tests/g/.";
        assert_eq!(named(line), ["src/a.rs", "tests/b", "deploy/c/d.yaml", "tests/g"]);
    }

    #[test]
    fn names_of_nothing_are_found() {
        let files = [
            File::sample("README.md", "`src/a.rs` and src/b.rs\nsrc/c in src/folder"),
            File::sample("CHANGELOG.md", "src/gone.rs"),
            File::sample("src/a.rs", ""),
            File::sample("src/folder/mod.rs", ""),
        ];
        assert_eq!(
            dangling(&files),
            ["README.md:1: names src/b.rs, which does not exist", "README.md:2: names src/c, which does not exist"]
        );
    }
}
