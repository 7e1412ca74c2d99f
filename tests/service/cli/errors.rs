//! Errors without a server: one sentence each, and its exit code.

use std::io::Write as _;
use std::net::TcpListener;

use crate::cli::program::Program;

struct TestFolder {
    folder: tempfile::TempDir,
}

impl TestFolder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn program(&self) -> Program {
        Program::at(self.folder.path())
    }
}

#[test]
fn everything_wrong_with_the_configuration_is_said_at_once() {
    let folder = TestFolder::new();
    let program = folder.program().env("LATCHKEY_DRAINS", "1s").env("LATCHKEY_ADMIN_ADDR", "here");
    let message = program.run(&["keys", "list"]).failure(2);
    assert!(
        message.contains("unknown environment variable LATCHKEY_DRAINS; did you mean LATCHKEY_DRAIN?"),
        "{message}"
    );
    assert!(message.contains("admin_addr is `here`"), "{message}");
    assert!(folder.program().run(&["serve", "--max-staleness", "1s"]).failure(2).contains("from 5s"));
}

#[test]
fn a_choice_that_was_not_made_is_asked_for() {
    let folder = TestFolder::new();
    let message = folder.program().run(&["keys", "create", "--name", "A", "--all-methods"]).failure(2);
    for choice in ["--all-stores", "--store", "--platform", "--no-stores"] {
        assert!(message.contains(choice), "{message}");
    }
    let message = folder.program().run(&["keys", "create", "--name", "A", "--no-stores"]).failure(2);
    for choice in ["--all-methods", "--method", "--block", "--no-methods"] {
        assert!(message.contains(choice), "{message}");
    }
}

#[test]
fn who_has_no_token_is_told_how_to_get_one() {
    let folder = TestFolder::new();
    let message = folder.program().run(&["keys", "list"]).failure(5);
    assert!(message.contains("LATCHKEY_TOKEN_FILE") && message.contains("admin.token"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    let message = folder.program().env("LATCHKEY_TOKEN", "hunter2").run(&["keys", "list"]).failure(5);
    assert!(!message.contains("hunter2"), "{message}");
    let message = folder.program().env("LATCHKEY_TOKEN_FILE", "none").run(&["keys", "list"]).failure(5);
    assert!(message.contains("none"), "{message}");
}

/// Returns a well-formed operator token that belongs to no operator.
fn token() -> String {
    latchkey::model::token::Token::issue_operator([7; 32]).reveal().to_owned()
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let folder = TestFolder::new();
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let program = folder.program().env("LATCHKEY_TOKEN", token());
    let message = program.run(&["keys", "list", "--admin-url", &format!("http://{nobody}")]).failure(6);
    assert!(message.contains("Connection refused") && message.contains("latchkey serve"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    let message = program.run(&["keys", "list", "--admin-url", "ftp://h"]).failure(2);
    assert!(message.contains("write --admin-url as"), "{message}");
}

#[test]
fn a_port_of_another_program_is_no_latchkey() {
    let folder = TestFolder::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let other = std::thread::spawn(move || {
        if let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    let program = folder.program().env("LATCHKEY_TOKEN", token());
    program.run(&["keys", "list", "--admin-url", &format!("http://{address}")]).failure(6);
    other.join().expect("the other program ends");
}

#[test]
fn files_that_are_wrong_are_refused_before_anything_is_sent() {
    let folder = TestFolder::new();
    let program = folder.program().env("LATCHKEY_TOKEN", token());
    let message = program.run(&["methods", "import", "none.yaml"]).failure(3);
    assert!(message.contains("latchkey methods books"), "{message}");
    std::fs::write(folder.folder.path().join("book.yaml"), "format: 1\ntitle: T\nblocks: 3\n").expect("written");
    assert!(program.run(&["methods", "import", "book.yaml"]).failure(4).contains("book.yaml"));
    std::fs::write(folder.folder.path().join("keys.csv"), "name,token,stores,methods\nA,,all,all\n").expect("written");
    let message = program.run(&["keys", "import", "keys.csv"]).failure(4);
    assert!(message.contains("line 2: token or sha256 is missing"), "{message}");
    assert!(program.run(&["keys", "import", "keys"]).failure(2).contains("--format"));
    assert!(program.run_with(&["keys", "find"], "\n").failure(4).contains("standard input"));
}

#[test]
fn before_the_first_start_nothing_is_wrong() {
    let folder = TestFolder::new();
    let addresses = ["--decision-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0"];
    let message = folder.program().run(&[&["check"], &addresses[..]].concat()).success();
    assert!(message.contains("the server creates it") && !message.contains("FAIL"), "{message}");
    assert!(std::fs::read_dir(folder.folder.path()).expect("the folder").next().is_none(), "nothing is made");
}

#[test]
fn a_check_that_finds_something_wrong_says_no() {
    let folder = TestFolder::new();
    let file = folder.folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = listener.local_addr().expect("an address").to_string();
    let arguments = [
        ["check", "--data-dir", "file", "--ops-addr", "127.0.0.1:0"],
        ["--decision-addr", "127.0.0.1:0", "--admin-addr", &taken, "-otable"],
    ]
    .concat();
    let output = folder.program().run(&arguments);
    drop(listener);
    assert_eq!(output.code, 1, "{output:?}");
    let line = |what: &str| output.out.lines().find(|line| line.contains(what)).unwrap_or_default().to_owned();
    assert!(line("is not a folder").starts_with("FAIL"), "{output:?}");
    assert!(line("is used by another program").starts_with("FAIL"), "{output:?}");
    assert!(line("decision port").starts_with("ok"), "{output:?}");
}

#[test]
fn a_check_shows_no_secret_and_leaves_nothing_behind() {
    let folder = TestFolder::new();
    let program = folder
        .program()
        .env("LATCHKEY_TOKEN", token())
        .env("LATCHKEY_DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/d");
    let arguments = [
        "check",
        "-o",
        "json",
        "--ops-addr",
        "127.0.0.1:0",
        "--decision-addr",
        "127.0.0.1:0",
        "--admin-addr",
        "127.0.0.1:0",
    ];
    let output = program.run(&arguments);
    assert_eq!(output.code, 1, "{output:?}");
    let report: serde_json::Value = serde_json::from_str(&output.out).expect("JSON");
    let url = &report["settings"][0];
    assert_eq!((url["name"].as_str(), url["value"].as_str()), (Some("database_url"), Some("(set)")));
    assert_eq!(url["from"], "environment");
    assert!(!output.out.contains("hunter2") && !output.err.contains("hunter2"), "{output:?}");
    assert!(!output.out.contains(&token()), "{output:?}");
    let left: Vec<_> = std::fs::read_dir(folder.folder.path()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_configuration_of_envoy_is_looked_through() {
    let folder = TestFolder::new();
    let deployed = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/envoy/envoy.yaml");
    let message = folder.program().run(&["check", "--envoy", deployed]).success();
    assert!(
        message.contains("ok") && message.contains("no way around them was found") && !message.contains("SETTING"),
        "{message}"
    );

    let text = std::fs::read_to_string(deployed).expect("the example is there");
    let write = |text: &str| std::fs::write(folder.folder.path().join("e.yaml"), text).expect("written");
    write(&text.replace("failure_mode_allow: false", "failure_mode_allow: true"));
    let output = folder.program().run(&["check", "--envoy", "e.yaml"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.out.lines().any(|line| line.starts_with("FAIL") && line.contains("failure_mode_allow")),
        "{output:?}"
    );
    let output = folder.program().run(&["check", "--envoy", "e.yaml", "-o", "json"]);
    assert_eq!(output.code, 1, "{output:?}");
    let report: serde_json::Value = serde_json::from_str(&output.out).expect("JSON");
    assert_eq!((&report["checks"][0]["verdict"], &report["checks"][0]["what"]), (&"fail".into(), &"ext_authz".into()));

    assert!(
        folder
            .program()
            .run(&["check", "--envoy", "none.yaml"])
            .failure(3)
            .contains("the file none.yaml does not exist")
    );
    write("admin: [lko_secret");
    let message = folder.program().run(&["check", "--envoy", "e.yaml"]).failure(4);
    assert!(message.contains("e.yaml: this is not YAML") && !message.contains("lko_secret"), "{message}");
}

#[test]
fn a_profile_that_looks_into_bodies_is_refused_where_none_are_shown() {
    let folder = TestFolder::new();
    let text = "trusted_proxies = '127.0.0.1'\n[profiles.shop]\nlike = 'retailcrm'\n";
    std::fs::write(folder.folder.path().join("latchkey.toml"), text).expect("written");
    let addresses = ["--decision-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0"];
    let checked = || folder.program().run(&[&["check", "--config", "latchkey.toml"], &addresses[..]].concat());
    let output = checked();
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.out.contains("shop reads bodies"), "{output:?}");
    std::fs::write(folder.folder.path().join("latchkey.toml"), text.replacen("trusted_proxies = '127.0.0.1'", "", 1))
        .expect("written");
    let output = checked();
    assert!(output.code == 0 && !output.out.contains("reads bodies"), "{output:?}");
}
