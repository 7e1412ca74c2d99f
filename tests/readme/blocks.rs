//! Fenced blocks of README.md.

const README: &str = include_str!("../../README.md");

/// The text of the fenced block of `language` that follows the comment `<!-- test: NAME -->`.
///
/// # Panics
///
/// When there is not exactly one such comment, or no such block behind it.
#[must_use]
pub fn marked(name: &str, language: &str) -> String {
    let (before, after) = split(name);
    assert!(!before.contains(&comment(name)), "README.md marks {name:?} once");
    first(after, language).unwrap_or_else(|| panic!("README.md has a block of {language} behind {name:?}"))
}

/// The text of the last fenced block of `language` before that comment.
///
/// # Panics
///
/// When there is no such comment or block.
#[must_use]
pub fn before(name: &str, language: &str) -> String {
    let (text, _) = split(name);
    let begin = text.rfind(&format!("```{language}\n")).expect("README.md has such a block before it");
    first(&text[begin..], language).expect("the block ends")
}

fn comment(name: &str) -> String {
    format!("<!-- test: {name} -->")
}

fn split(name: &str) -> (&'static str, &'static str) {
    README.rsplit_once(&comment(name)).unwrap_or_else(|| panic!("README.md marks {name:?}"))
}

fn first(text: &str, language: &str) -> Option<String> {
    let (_, block) = text.split_once(&format!("```{language}\n"))?;
    let (block, _) = block.split_once("\n```")?;
    Some(format!("{block}\n"))
}

/// The commands of a block of shell: a line each, unless it goes on behind a backslash.
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
