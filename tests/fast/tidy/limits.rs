//! Properties of files: short, no sleeping tests, no ignored tests, no paths of any single machine.

use crate::tidy::lexer::{Token, attribute_end, split_tests, tokens};
use crate::tidy::tree::File;

/// Beyond this many lines a file has more than one subject.
const LONGEST: usize = 500;

/// Extensions of hand-written files. Data (reference books, vectors, locks) has no limit.
const BOUNDED: &[&str] = &["rs", "proto", "sql", "sh", "py", "html", "css", "js"];

/// The module for bounded waiting: the only one that sleeps.
const WAITING: &str = "tests/helpers/src/support/wait.rs";

const SLEEPERS: &[&str] = &["sleep", "sleep_until", "sleep_ms", "park_timeout", "park_timeout_ms"];

/// Prefixes of absolute paths on single machines. Split in two, so that this file has no match.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Returns whether the length of `file` is bounded.
#[must_use]
pub fn is_bounded(file: &File) -> bool {
    BOUNDED.iter().any(|extension| file.has_extension(extension))
        || file.is_in("scripts")
        || file.is_in(".ci")
        || file.path == "Makefile"
}

/// Returns a complaint if the text is too long.
#[must_use]
pub fn long(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= LONGEST {
        return Vec::new();
    }
    vec![format!("{path}: {lines} lines, at most {LONGEST}: split it by subject")]
}

/// Returns complaints about tests that wait for time to pass instead of a condition.
#[must_use]
pub fn sleeping(path: &str, source: &str) -> Vec<String> {
    if path == WAITING {
        return Vec::new();
    }
    let all = tokens(source);
    let in_tests = path.starts_with("tests/") || path.split('/').any(|part| part == "tests" || part == "tests.rs");
    let concerned = if in_tests { all } else { split_tests(&all).1 };
    concerned
        .iter()
        .filter(|token| SLEEPERS.iter().any(|name| token.is_word(name)))
        .map(|token| {
            let advice = "wait for what it is about with support::eventually";
            format!("{path}:{}: {} in a test: {advice}", token.line, token.text)
        })
        .collect()
}

/// Returns complaints about tests that exist and do not run.
#[must_use]
pub fn ignored(path: &str, source: &str) -> Vec<String> {
    let all = tokens(source);
    let mut found = Vec::new();
    for at in 0..all.len() {
        let Some(end) = attribute_end(&all, at) else { continue };
        let attribute: &[Token] = &all[at..end];
        let named =
            |name: &str| attribute.iter().find(|token| !is_opening(token)).is_some_and(|first| first.is_word(name));
        let mentions = attribute.iter().any(|token| token.is_word("ignore"));
        if named("ignore") || named("cfg_attr") && mentions {
            found.push(format!(
                "{path}:{}: a test that does not run proves nothing: mend it or remove it",
                all[at].line
            ));
        }
    }
    found
}

fn is_opening(token: &Token) -> bool {
    ["#", "!", "["].iter().any(|mark| token.is_mark(mark))
}

/// Returns complaints about paths that exist on one machine only.
#[must_use]
pub fn machine_paths(path: &str, text: &str) -> Vec<String> {
    text.lines()
        .enumerate()
        .filter_map(|(number, line)| {
            let found = MACHINE_PATHS.iter().find(|start| line.contains(**start))?;
            Some(format!("{path}:{}: names {found}…, which is one machine's", number + 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_seen_and_data_is_not_bounded() {
        assert_eq!(long("a.rs", &"x\n".repeat(500)).len(), 0);
        assert_eq!(long("a.rs", &"x\n".repeat(501)), ["a.rs: 501 lines, at most 500: split it by subject"]);
        for bounded in ["src/a.rs", "proto/a.proto", "migrations/postgres/V1__a.sql", "scripts/setup", ".ci/run"] {
            assert!(is_bounded(&File::sample(bounded, "")), "{bounded}");
        }
        for data in ["books/a.yaml", "tests/vectors/path.json", "Cargo.lock", "README.md"] {
            assert!(!is_bounded(&File::sample(data, "")), "{data}");
        }
    }

    #[test]
    fn sleeping_tests_are_seen_and_working_code_may_sleep() {
        assert_eq!(
            sleeping("tests/a.rs", "fn f() { std::thread::sleep(d); tokio::time::sleep_until(x).await }").len(),
            2
        );
        assert_eq!(sleeping("src/a.rs", "async fn f() { tokio::time::sleep(d).await }").len(), 0);
        let mixed = "async fn f() { sleep(d).await }\n#[cfg(test)]\nmod tests { fn g() {\nsleep(d) } }";
        assert_eq!(sleeping("src/a.rs", mixed).len(), 1);
        assert!(sleeping("src/a.rs", mixed)[0].starts_with("src/a.rs:4: sleep in a test"));
        assert_eq!(sleeping("tests/a.rs", "// sleep(1)\nconst A: &str = \"sleep\";").len(), 0);
    }

    #[test]
    fn ignored_tests_are_seen() {
        assert_eq!(ignored("a.rs", "#[test]\n#[ignore]\nfn f() {}").len(), 1);
        assert_eq!(ignored("a.rs", "#[test] #[ignore = \"later\"] fn f() {}").len(), 1);
        assert_eq!(ignored("a.rs", "#[cfg_attr(not(unix), ignore)] fn f() {}").len(), 1);
        assert_eq!(ignored("a.rs", "// #[ignore]\n#[test] fn ignore() { let ignore = [1]; }").len(), 0);
    }

    #[test]
    fn machine_paths_are_seen() {
        for start in MACHINE_PATHS {
            let text = format!("fine\nsee {start}x\n");
            assert_eq!(machine_paths("a.md", &text), [format!("a.md:2: names {start}…, which is one machine's")]);
        }
        assert_eq!(machine_paths("a.md", "/workers /rooted homes / work\n").len(), 0);
    }
}
