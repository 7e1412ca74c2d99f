//! Errors without a server: one sentence each, and its exit code.

use std::io::Write as _;
use std::net::TcpListener;

use crate::program::Program;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn program(&self) -> Program {
        Program::at(self.folder.path())
    }
}

#[test]
fn everything_wrong_with_the_configuration_is_said_at_once() {
    let place = Place::new();
    let program = place.program().env("LATCHKEY_DRAINS", "1s").env("LATCHKEY_ADMIN_ADDR", "here");
    let said = program.run(&["keys", "list"]).failed(2);
    assert!(said.contains("unknown environment variable LATCHKEY_DRAINS; did you mean LATCHKEY_DRAIN?"), "{said}");
    assert!(said.contains("admin_addr is `here`"), "{said}");
    assert!(place.program().run(&["serve", "--max-staleness", "1s"]).failed(2).contains("from 5s"));
}

#[test]
fn a_choice_that_was_not_made_is_asked_for() {
    let place = Place::new();
    let said = place.program().run(&["keys", "create", "--name", "A", "--all-methods"]).failed(2);
    for choice in ["--all-stores", "--store", "--platform", "--no-stores"] {
        assert!(said.contains(choice), "{said}");
    }
    let said = place.program().run(&["keys", "create", "--name", "A", "--no-stores"]).failed(2);
    for choice in ["--all-methods", "--method", "--block", "--no-methods"] {
        assert!(said.contains(choice), "{said}");
    }
}

#[test]
fn who_has_no_token_is_told_how_to_get_one() {
    let place = Place::new();
    let said = place.program().run(&["keys", "list"]).failed(5);
    assert!(said.contains("LATCHKEY_TOKEN_FILE") && said.contains("admin.token"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let said = place.program().env("LATCHKEY_TOKEN", "hunter2").run(&["keys", "list"]).failed(5);
    assert!(!said.contains("hunter2"), "{said}");
    let said = place.program().env("LATCHKEY_TOKEN_FILE", "none").run(&["keys", "list"]).failed(5);
    assert!(said.contains("none"), "{said}");
}

/// Returns a well-formed operator token that belongs to no operator.
fn token() -> String {
    latchkey::model::token::Token::issue_operator([7; 32]).reveal().to_owned()
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let place = Place::new();
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let program = place.program().env("LATCHKEY_TOKEN", token());
    let said = program.run(&["keys", "list", "--admin-url", &format!("http://{nobody}")]).failed(6);
    assert!(said.contains("Connection refused") && said.contains("latchkey serve"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let said = program.run(&["keys", "list", "--admin-url", "ftp://h"]).failed(2);
    assert!(said.contains("write --admin-url as"), "{said}");
}

#[test]
fn a_port_of_another_program_is_no_latchkey() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let other = std::thread::spawn(move || {
        if let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    let program = place.program().env("LATCHKEY_TOKEN", token());
    program.run(&["keys", "list", "--admin-url", &format!("http://{address}")]).failed(6);
    other.join().expect("the other program ends");
}

#[test]
fn files_that_are_wrong_are_refused_before_anything_is_sent() {
    let place = Place::new();
    let program = place.program().env("LATCHKEY_TOKEN", token());
    let said = program.run(&["methods", "import", "none.yaml"]).failed(3);
    assert!(said.contains("latchkey methods books"), "{said}");
    std::fs::write(place.folder.path().join("book.yaml"), "format: 1\ntitle: T\nblocks: 3\n").expect("written");
    assert!(program.run(&["methods", "import", "book.yaml"]).failed(4).contains("book.yaml"));
    std::fs::write(place.folder.path().join("keys.csv"), "name,token,stores,methods\nA,,all,all\n").expect("written");
    let said = program.run(&["keys", "import", "keys.csv"]).failed(4);
    assert!(said.contains("line 2: token or sha256 is missing"), "{said}");
    assert!(program.run(&["keys", "import", "keys"]).failed(2).contains("--format"));
    assert!(program.run_with(&["keys", "find"], "\n").failed(4).contains("standard input"));
}

#[test]
fn before_the_first_start_nothing_is_wrong() {
    let place = Place::new();
    let addresses = ["--decision-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0"];
    let said = place.program().run(&[&["check"], &addresses[..]].concat()).done();
    assert!(said.contains("the server creates it") && !said.contains("FAIL"), "{said}");
    assert!(std::fs::read_dir(place.folder.path()).expect("the folder").next().is_none(), "nothing is made");
}

#[test]
fn a_check_that_finds_something_wrong_says_no() {
    let place = Place::new();
    let file = place.folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = listener.local_addr().expect("an address").to_string();
    let arguments = [
        ["check", "--data-dir", "file", "--ops-addr", "127.0.0.1:0"],
        ["--decision-addr", "127.0.0.1:0", "--admin-addr", &taken, "-otable"],
    ]
    .concat();
    let ran = place.program().run(&arguments);
    drop(listener);
    assert_eq!(ran.code, 1, "{ran:?}");
    let line = |what: &str| ran.out.lines().find(|line| line.contains(what)).unwrap_or_default().to_owned();
    assert!(line("is not a folder").starts_with("FAIL"), "{ran:?}");
    assert!(line("is used by another program").starts_with("FAIL"), "{ran:?}");
    assert!(line("decision port").starts_with("ok"), "{ran:?}");
}

#[test]
fn a_check_shows_no_secret_and_leaves_nothing_behind() {
    let place = Place::new();
    let program = place
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
    let ran = program.run(&arguments);
    assert_eq!(ran.code, 1, "{ran:?}");
    let told: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let url = &told["settings"][0];
    assert_eq!((url["name"].as_str(), url["value"].as_str()), (Some("database_url"), Some("(set)")));
    assert_eq!(url["from"], "environment");
    assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{ran:?}");
    assert!(!ran.out.contains(&token()), "{ran:?}");
    let left: Vec<_> = std::fs::read_dir(place.folder.path()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_configuration_of_envoy_is_looked_through() {
    let place = Place::new();
    let deployed = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/envoy/envoy.yaml");
    let said = place.program().run(&["check", "--envoy", deployed]).done();
    assert!(
        said.contains("ok") && said.contains("no way around them was found") && !said.contains("SETTING"),
        "{said}"
    );

    let text = std::fs::read_to_string(deployed).expect("the example is there");
    let write = |text: &str| std::fs::write(place.folder.path().join("e.yaml"), text).expect("written");
    write(&text.replace("failure_mode_allow: false", "failure_mode_allow: true"));
    let ran = place.program().run(&["check", "--envoy", "e.yaml"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.lines().any(|line| line.starts_with("FAIL") && line.contains("failure_mode_allow")), "{ran:?}");
    let ran = place.program().run(&["check", "--envoy", "e.yaml", "-o", "json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let told: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((&told["checks"][0]["verdict"], &told["checks"][0]["what"]), (&"fail".into(), &"ext_authz".into()));

    assert!(
        place.program().run(&["check", "--envoy", "none.yaml"]).failed(3).contains("the file none.yaml does not exist")
    );
    write("admin: [lko_secret");
    let said = place.program().run(&["check", "--envoy", "e.yaml"]).failed(4);
    assert!(said.contains("e.yaml: this is not YAML") && !said.contains("lko_secret"), "{said}");
}

#[test]
fn a_profile_that_looks_into_bodies_is_refused_where_none_are_shown() {
    let place = Place::new();
    let text = "trusted_proxies = '127.0.0.1'\n[profiles.shop]\nlike = 'retailcrm'\n";
    std::fs::write(place.folder.path().join("latchkey.toml"), text).expect("written");
    let addresses = ["--decision-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0"];
    let checked = || place.program().run(&[&["check", "--config", "latchkey.toml"], &addresses[..]].concat());
    let ran = checked();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("shop reads bodies"), "{ran:?}");
    std::fs::write(place.folder.path().join("latchkey.toml"), text.replacen("trusted_proxies = '127.0.0.1'", "", 1))
        .expect("written");
    let ran = checked();
    assert!(ran.code == 0 && !ran.out.contains("reads bodies"), "{ran:?}");
}
