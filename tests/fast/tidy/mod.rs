//! Rules of the repository that no compiler checks, as tests: allowed dependencies of each layer, licences of crates,
//! properties of files, required comments, immutable migrations. Each rule is a function from text to complaints and has its own tests with
//! samples that violate it; here the rules are applied to the repository.

pub mod api;
pub mod cycles;
pub mod dependencies;
pub mod documents;
pub mod layers;
pub mod lexer;
pub mod limits;
pub mod links;
pub mod migrations;
pub mod modules;
pub mod paths;
pub mod protos;
pub mod statuses;
pub mod tree;
pub mod words;

use tree::{File, repository};

/// Fails with all complaints, one per line.
fn expect_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaint(s):\n{}", complaints.len(), complaints.join("\n"));
}

/// Applies a rule for one file to all files that `concerned` selects.
fn each(concerned: impl Fn(&File) -> bool, rule: impl Fn(&str, &str) -> Vec<String>) {
    let complaints: Vec<String> =
        repository().iter().filter(|file| concerned(file)).flat_map(|file| rule(&file.path, &file.text())).collect();
    expect_none(&complaints);
}

#[test]
fn the_rules_see_the_repository() {
    let files = repository();
    for expected in ["Cargo.toml", "src/lib.rs", "src/main.rs", "tests/fast/tidy/mod.rs", "tests/fast/tidy/tree.rs"] {
        assert!(files.iter().any(|file| file.path == expected), "{expected} is not among the {} files", files.len());
    }
}

#[test]
fn layers_depend_downward_only() {
    each(|file| file.is_in("src") && file.has_extension("rs"), layers::complaints);
}

#[test]
fn statuses_are_made_in_one_file() {
    each(|file| file.is_in("src") && file.has_extension("rs"), statuses::complaints);
}

/// The platform that is fixed: others have further crates, which need not be on this machine.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

#[test]
fn dependencies_are_of_use_single_and_of_known_licence() {
    let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
    let run = std::process::Command::new(cargo)
        .args(["metadata", "--offline", "--locked", "--format-version=1", "--filter-platform", PLATFORM])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be started");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&run.stdout).expect("cargo writes JSON");
    let mut complaints = dependencies::complaints(&metadata);
    complaints.extend(dependencies::unused(&metadata, &repository()));
    expect_none(&complaints);
}

#[test]
fn files_do_not_use_each_other_in_large_circles() {
    expect_none(&cycles::complaints(&repository()));
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
fn the_documents_exist() {
    expect_none(&documents::missing(&repository()));
}

#[test]
fn documents_are_short() {
    each(|file| file.has_extension("md"), documents::long);
}

#[test]
fn files_that_documents_name_exist() {
    expect_none(&documents::dangling(&repository()));
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    expect_none(&links::broken(&repository()));
}

#[test]
fn the_book_contains_every_chapter() {
    expect_none(&links::unlisted(&repository()));
}

/// LATCHKEY_BLESS=1 rewrites the pages.
#[test]
fn the_api_reference_is_what_the_protos_say() {
    let set = api::decode(include_bytes!(concat!(env!("OUT_DIR"), "/latchkey.v1.commented.binpb")));
    let pages = api::pages(&set);
    let files = repository();
    let mut complaints = Vec::new();
    for (path, text) in &pages {
        let file = files.iter().find(|file| file.path == *path);
        if std::env::var_os("LATCHKEY_BLESS").is_some() {
            let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            std::fs::create_dir_all(place.parent().expect("a page is in a folder")).expect("the folder can be created");
            std::fs::write(place, text).expect("the page can be written");
        } else if file.is_none_or(|file| file.text() != *text) {
            complaints.push(format!("{path}: differs from the protos; LATCHKEY_BLESS=1 writes it again"));
        }
    }
    let stale = files.iter().filter(|file| file.is_in("docs/src/api") && !pages.contains_key(&file.path));
    complaints.extend(stale.map(|file| format!("{}: belongs to no proto", file.path)));
    expect_none(&complaints);
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

#[test]
fn texts_are_in_plain_words() {
    let files = repository();
    let list = files.iter().find(|file| file.path == words::LIST).map(File::text).unwrap_or_default();
    let entries = words::entries(&list);
    assert!(!entries.is_empty(), "{} is empty", words::LIST);
    let found: Vec<String> = files.iter().flat_map(|file| words::complaints(&entries, words::CHECKED, file)).collect();
    expect_none(&found);
    // Where the words are not refused yet, they are counted; --nocapture shows the progress.
    for scope in words::COUNTED {
        let mut counts = std::collections::BTreeMap::new();
        for file in files.iter().filter(|file| scope.concerns(file)) {
            for hit in words::hits(&entries, *scope, file) {
                *counts.entry(hit.word).or_insert(0) += 1;
            }
        }
        println!("{scope:?}: {} in all: {counts:?}", counts.values().sum::<i32>());
    }
}
