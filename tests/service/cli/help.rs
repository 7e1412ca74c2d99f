//! The help of every command, compared with the files in tests/cmd. LATCHKEY_BLESS=1 rewrites them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::cli::program::Program;

/// Returns the help of a command and the names of its subcommands.
fn help(program: &Program, path: &[String]) -> (String, Vec<String>) {
    let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let text = program.run(&arguments).success();
    let below = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let below = below
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    (text, below)
}

#[test]
fn the_help_of_every_command_is_as_kept() {
    let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cmd");
    let bless = std::env::var_os("LATCHKEY_BLESS").is_some();
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::at(folder.path());
    let mut waiting = vec![Vec::new()];
    let mut files = BTreeSet::new();
    let mut wrong = Vec::new();
    while let Some(path) = waiting.pop() {
        let (text, below) = help(&program, &path);
        waiting.extend(below.into_iter().map(|name| [path.clone(), vec![name]].concat()));
        let name = if path.is_empty() { "latchkey.txt".to_owned() } else { format!("{}.txt", path.join("-")) };
        let file = kept.join(&name);
        if bless {
            std::fs::write(&file, &text).expect("tests/cmd can be written");
        } else if std::fs::read_to_string(&file).unwrap_or_default() != text {
            wrong.push(format!("{name} is not what `latchkey {} --help` says now:\n{text}", path.join(" ")));
        }
        files.insert(name);
    }
    assert!(files.len() > 40, "only {} commands were found: {files:?}", files.len());
    for entry in std::fs::read_dir(&kept).expect("tests/cmd is there") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        if !files.contains(&name) {
            wrong.push(format!("{name} is of a command that is not there any more"));
        }
    }
    assert!(wrong.is_empty(), "{}\nLATCHKEY_BLESS=1 writes the files anew; read what changed", wrong.join("\n"));
}

#[test]
fn the_short_help_leaves_the_servers_settings_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::at(folder.path());
    let (short, long) = (program.run(&["-h"]).success(), program.run(&["--help"]).success());
    assert!(!short.contains("--max-staleness") && long.contains("--max-staleness"));
    assert!(long.contains("Exit codes:"));
    assert!(program.run(&["--version"]).success().starts_with("latchkey 0."));
}
