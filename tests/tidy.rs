//! The house rules that no compiler checks, as tests: which layer may name which, what a file may be like, what must be
//! commented, that applied migrations never change. Each rule is a function from text to complaints and has tests of its
//! own with samples it must complain about; here the rules meet the repository.

#[path = "tidy/circles.rs"]
pub mod circles;
#[path = "tidy/layers.rs"]
pub mod layers;
#[path = "tidy/lexer.rs"]
pub mod lexer;
#[path = "tidy/limits.rs"]
pub mod limits;
#[path = "tidy/migrations.rs"]
pub mod migrations;
#[path = "tidy/modules.rs"]
pub mod modules;
#[path = "tidy/paths.rs"]
pub mod paths;
#[path = "tidy/protos.rs"]
pub mod protos;
#[path = "tidy/tree.rs"]
pub mod tree;

use tree::{File, repository};

/// Fails with every complaint, one a line.
fn expect_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaint(s):\n{}", complaints.len(), complaints.join("\n"));
}

/// Applies a rule for one file to all files that `concerned` picks.
fn each(concerned: impl Fn(&File) -> bool, rule: impl Fn(&str, &str) -> Vec<String>) {
    let complaints: Vec<String> =
        repository().iter().filter(|file| concerned(file)).flat_map(|file| rule(&file.path, &file.text())).collect();
    expect_none(&complaints);
}

#[test]
fn the_rules_see_the_repository() {
    let files = repository();
    for expected in ["Cargo.toml", "src/lib.rs", "src/main.rs", "tests/tidy.rs", "tests/tidy/tree.rs"] {
        assert!(files.iter().any(|file| file.path == expected), "{expected} is not among the {} files", files.len());
    }
}

#[test]
fn layers_depend_downward_only() {
    each(|file| file.is_in("src") && file.has_extension("rs"), layers::complaints);
}

#[test]
fn files_do_not_use_each_other_in_large_circles() {
    expect_none(&circles::complaints(&repository()));
}

#[test]
fn every_rust_file_is_compiled() {
    expect_none(&modules::complaints(&repository()));
}

#[test]
fn files_are_short() {
    each(limits::is_bounded, limits::long);
}

#[test]
fn tests_wait_for_conditions_and_not_for_time() {
    each(|file| file.has_extension("rs"), limits::sleeping);
}

#[test]
fn no_test_is_ignored() {
    each(|file| file.has_extension("rs"), limits::ignored);
}

#[test]
fn nothing_names_a_machine() {
    each(|_| true, limits::machine_paths);
}

#[test]
fn the_documents_are_there() {
    expect_none(&limits::missing_documents(&repository()));
}

#[test]
fn everything_in_the_protos_is_commented() {
    each(|file| file.is_in("proto/latchkey") && file.has_extension("proto"), protos::uncommented);
}

#[test]
fn migrations_are_numbered_in_step_and_never_change() {
    let files = repository();
    let lock = files.iter().find(|file| file.path == migrations::LOCK).map(File::text).unwrap_or_default();
    expect_none(&migrations::complaints(&files, &lock));
}
