//! Fenced blocks of README.md and of the chapters of the book.

use std::path::Path;

/// Names of the blocks that tests use: the profile in tests/fast/gateway, the excerpt of Envoy's file in tests/service/cli, all others here.
const TESTED: [&str; 7] =
    ["authorizer", "command line", "envoy", "first key", "profile", "python client", "walkthrough"];

/// Returns the fenced block of `language` that follows the comment `<!-- test: NAME -->`.
///
/// # Panics
///
/// If the documents do not have exactly one such comment, or no such block follows it.
#[must_use]
pub fn marked(name: &str, language: &str) -> String {
    let (_, after) = split(name);
    first(&after, language).unwrap_or_else(|| panic!("a block of {language} follows the mark {name:?}"))
}

/// Returns the last fenced block of `language` before that comment, in the same document.
///
/// # Panics
///
/// If there is no such comment or block.
#[must_use]
pub fn before(name: &str, language: &str) -> String {
    let (text, _) = split(name);
    let begin = text.rfind(&format!("```{language}\n")).expect("such a block precedes the mark");
    first(&text[begin..], language).expect("the block ends")
}

/// Returns README.md and all chapters of the book.
fn documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read =
        |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    let mut documents = vec![read(&root.join("README.md"))];
    for entry in std::fs::read_dir(root.join("docs/src")).expect("docs/src can be read") {
        let path = entry.expect("docs/src is read to its end").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            documents.push(read(&path));
        }
    }
    assert!(documents.len() > 10, "the book has chapters");
    documents
}

fn comment(name: &str) -> String {
    format!("<!-- test: {name} -->")
}

/// Returns the text before the comment in its document, and the text after it.
fn split(name: &str) -> (String, String) {
    let mark = comment(name);
    let documents = documents();
    let mut found = documents.iter().flat_map(|text| text.match_indices(&mark).map(move |(at, _)| text.split_at(at)));
    let (before, after) = found.next().unwrap_or_else(|| panic!("README.md or a chapter marks {name:?}"));
    assert!(found.next().is_none(), "{name:?} is marked once");
    (before.to_owned(), after.to_owned())
}

fn first(text: &str, language: &str) -> Option<String> {
    let (_, block) = text.split_once(&format!("```{language}\n"))?;
    let (block, _) = block.split_once("\n```")?;
    Some(format!("{block}\n"))
}

/// Returns the commands of a block of shell: one per line, unless a backslash continues it.
#[must_use]
pub fn commands(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

#[test]
fn blocks_and_commands_are_found() {
    assert_eq!(first("a\n```sh\nb\nc\n```\n```sh\nd\n```", "sh").as_deref(), Some("b\nc\n"));
    assert_eq!(first("```python\nb\n```", "sh"), None);
    assert_eq!(commands("# comment\na b\n\nc \\\n  d\n"), ["a b", "c    d"]);
}

#[test]
fn every_marked_block_is_tested() {
    let documents = documents();
    let marks = documents.iter().flat_map(|text| text.split("<!-- test: ").skip(1));
    let mut names: Vec<&str> = marks.filter_map(|rest| Some(rest.split_once(" -->")?.0)).collect();
    names.sort_unstable();
    assert_eq!(names, TESTED);
}
