//! The command line with a running server, starting from an empty folder.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::program::Program;
use helpers::support::process::LatchkeyProcess;

const BOUND: Duration = Duration::from_secs(20);
const STATUSES: &str = "GET /api/v*/orders/statuses";

/// Starts a server and the program on the same machine, which finds address and token in the data folder.
fn started() -> (LatchkeyProcess, Program) {
    let server = LatchkeyProcess::builder().start();
    let program = Program::at(server.folder()).env("LATCHKEY_DATA_DIR", server.data());
    (server, program)
}

/// Creates a key and returns its token.
#[track_caller]
fn created(program: &Program, arguments: &[&str]) -> String {
    let output = program.run(&[&["keys", "create", "--token-only"], arguments].concat());
    assert!(output.err.contains("copy the token now"), "{output:?}");
    let out = output.success();
    let token = out.trim_end();
    assert!(token.starts_with("lk_") && out.lines().count() == 1, "{out}");
    token.to_owned()
}

#[test]
fn a_newcomer_gets_from_nothing_to_the_key_of_a_cpa_network() {
    let (server, program) = started();
    assert!(program.run(&["methods", "list"]).err.contains("methods import retailcrm"));
    let would = program.run(&["methods", "import", "retailcrm", "--dry-run"]).success();
    assert!(would.contains(STATUSES) && would.contains("would be added 199"), "{would}");
    assert!(program.run(&["methods", "import", "retailcrm"]).success().contains("added 199, changed 0, retired 0"));
    assert!(program.run(&["methods", "import", "retailcrm"]).success().contains("unchanged 199"));
    // The book has this path under one verb, so the verb is optional.
    let key = created(&program, &["--name", "CPA network", "--all-stores", "--method", "/api/v*/orders/statuses"]);

    let asking = |arguments: &[&str]| program.run_with(&[&["authorize", "--key-file", "-"], arguments].concat(), &key);
    for allowed in ["GET /api/v5/orders/statuses", "GET /api/v3/orders/statuses", "/api/v9/orders/statuses"] {
        assert!(asking(&[allowed]).success().starts_with("ALLOWED"), "{allowed}");
    }
    assert!(asking(&["GET", "/api/v5/orders/statuses?ids[]=1"]).success().contains(STATUSES));
    for (refused, reason) in [
        ("GET /api/v5/orders", "METHOD_DENIED"),
        ("GET /api/v5/orders/1", "METHOD_DENIED"),
        ("GET /api/v5/orders/history", "METHOD_DENIED"),
        ("GET /api/v5/orders/statuses/../create", "PATH_AMBIGUOUS"),
        ("POST /api/v5/orders/statuses", "METHOD_UNKNOWN"),
    ] {
        let output = asking(&[refused]);
        assert_eq!(output.code, 1, "{refused}: {output:?}");
        assert!(output.out.starts_with("DENIED") && output.out.contains(reason), "{refused}: {output:?}");
    }
    let several = asking(&["GET /api/v5/orders/statuses", "GET /api/v5/orders"]);
    assert_eq!(several.code, 1, "{several:?}");
    assert!(
        several.out.starts_with("ALLOWED") && several.out.contains("\nDENIED  GET /api/v5/orders\n"),
        "{several:?}"
    );

    let by_environment = Program::at(server.folder()).env("LATCHKEY_DATA_DIR", server.data()).env("LATCHKEY_KEY", &key);
    let told = by_environment.run(&["introspect", "-o", "json"]).json();
    assert_eq!(told["methods"], serde_json::json!([STATUSES]));
    let found = program.run_with(&["keys", "find"], &format!("{key}\n")).success();
    assert!(found.contains("CPA network") && !found.contains(&key), "{found}");
}

#[test]
fn a_key_lives_from_creation_to_the_audit_of_its_end() {
    let (_server, program) = started();
    program.run(&["methods", "import", "retailcrm"]).success();
    for (code, kind, platform) in
        [("main", "online-store", "1c-bitrix"), ("b2b", "site", "1c-bitrix"), ("lp", "landing-page", "tilda")]
    {
        program.run(&["stores", "create", code, "--name", code, "--kind", kind, "--platform", platform]).success();
    }
    assert_eq!(program.run(&["stores", "create", "lp", "--name", "x", "--kind", "site"]).failure(7).lines().count(), 1);

    let token =
        created(&program, &["--name", "Bitrix", "--platform", "1c-bitrix", "--block", "Orders", "--expires", "90d"]);
    let listed = program.run(&["keys", "list", "--store", "main", "-o", "json"]).json();
    let key = listed["keys"][0].clone();
    assert_eq!(key["stores"], serde_json::json!(["b2b", "main"]));
    assert!(key["methods"].as_array().is_some_and(|methods| methods.contains(&STATUSES.into())));
    assert!(program.run(&["keys", "list", "--store", "lp"]).err.contains("no keys"));

    let update = [
        "keys",
        "update",
        "Bitrix",
        "--add-store",
        "lp",
        "--remove-store",
        "b2b",
        "--label",
        "team=x",
        "--because",
        "moved",
    ];
    program.run(&update).success();
    let shown = program.run(&["keys", "show", "Bitrix"]).success();
    // As whole words: an id may contain any of them by chance.
    let has = |word| shown.split_whitespace().any(|shown| shown == word);
    assert!(has("lp") && !has("b2b") && has("team=x"), "{shown}");
    let denied = program.run_with(&["authorize", "GET /api/v5/orders", "--store", "b2b"], &token);
    assert!(denied.code == 1 && denied.out.contains("STORE_DENIED"), "{denied:?}");
    assert!(program.run(&["keys", "update", "Bitrix", "--remove-store", "b2b"]).failure(7).contains("b2b"));
    assert!(program.run(&["keys", "update", "Bitrix"]).failure(2).contains("nothing to change"));

    let second = program.run(&["keys", "rotate", "Bitrix", "--overlap", "1h", "-q"]).success();
    for token in [token.as_str(), second.trim_end()] {
        program.run_with(&["authorize", "GET /api/v5/orders", "--store", "lp"], token).success();
    }
    program.run(&["keys", "rotate", "Bitrix", "--overlap", "1h"]).failure(7);
    assert!(program.run(&["keys", "revoke", "Bitrix", "--reason", "laptop lost"]).success().contains("laptop lost"));
    let denied = program.run_with(&["authorize", "GET /api/v5/orders"], &token);
    assert!(denied.code == 1 && denied.out.contains("KEY_REVOKED"), "{denied:?}");
    program.run(&["keys", "update", "Bitrix", "--activate"]).failure(7);

    let audit = program.run(&["audit", "--key", "Bitrix"]).success();
    for part in ["create", "stores: +lp −b2b", "moved", "rotate", "revoke", "laptop lost"] {
        assert!(audit.contains(part), "{part} is missing in:\n{audit}");
    }
    for token in [token.as_str(), second.trim_end()] {
        assert!(!audit.contains(token));
    }
    program.run(&["stores", "delete", "lp"]).success();
    program.run(&["keys", "delete", "Bitrix"]).success();
    program.run(&["keys", "show", "Bitrix"]).failure(3);
    program.run(&["keys", "usage", key["id"].as_str().expect("an id")]).failure(3);
}

#[test]
fn every_violated_field_is_told_on_a_line_of_its_own() {
    let (_server, program) = started();
    let long = "a".repeat(300);
    let arguments = ["keys", "create", "--name", &long, "--all-stores", "--no-methods", "--network", "10.0.0.1/8"];
    let message = program.run(&arguments).failure(4);
    let lines: Vec<_> = message.lines().collect();
    assert!(lines.len() == 3 && lines[1].starts_with("  --name: ") && lines[2].contains("10.0.0.0/8"), "{message}");
    let message = program.run(&["keys", "create", "--name", "A", "--all-stores", "--no-methods", "--contact", "CRM"]);
    assert!(message.failure(4).contains("error: --contact: is not a valid e-mail address"));
    let message = program.run(&["keys", "create", "--name", "A", "--platform", "nope", "--no-methods"]).failure(3);
    assert!(message.contains("no store has the platform `nope`"), "{message}");
    program.run(&["keys", "show", "nobody"]).failure(3);
}

#[test]
fn keys_are_taken_over_from_a_file() {
    let (server, program) = started();
    let token = "token-of-another-system-0123456789";
    let file = server.folder().join("keys.csv");
    let path = file.to_str().expect("UTF-8");
    std::fs::write(&file, format!("name,token,stores,methods\n\"Old, one\",{token},all,none\n")).expect("written");
    assert!(program.run(&["keys", "import", path, "--dry-run"]).success().contains("1 key would be imported"));
    assert!(program.run(&["keys", "list"]).err.contains("no keys"));
    assert_eq!(program.run(&["keys", "import", path]).success(), "imported 1 key\n");
    assert!(program.run_with(&["keys", "find"], token).success().contains("Old, one"));
    let again = program.run(&["keys", "import", path]).failure(7);
    assert!(!again.contains(token), "{again}");
}

#[test]
fn an_operator_may_do_what_its_role_says_and_no_more() {
    let (server, program) = started();
    let who = program.run(&["operators", "whoami", "-o", "json"]).json();
    assert_eq!(who["operator"]["role"], "ROLE_ADMIN");
    let token = program.run(&["operators", "create", "--name", "back office", "--role", "viewer", "-q"]).success();
    let viewer =
        Program::at(server.folder()).env("LATCHKEY_DATA_DIR", server.data()).env("LATCHKEY_TOKEN", token.trim_end());
    viewer.run(&["keys", "list"]).success();
    let message = viewer.run(&["keys", "create", "--name", "A", "--all-stores", "--all-methods"]).failure(5);
    assert!(message.contains("viewer"), "{message}");
    let rotated = program.run(&["operators", "rotate", "back office", "-q"]).success();
    assert!(viewer.run(&["keys", "list"]).failure(5).contains("LATCHKEY_TOKEN"));
    assert_ne!(rotated, token);
    assert!(program.run(&["operators", "revoke", "back office"]).success().contains("revoked"));
    program.run(&["operators", "revoke", "admin"]).failure(7);
    assert!(program.run(&["operators", "show", "back office"]).failure(3).contains("back office"));
}

#[test]
fn a_runningserver_is_found_in_order() {
    let (server, program) = started();
    let addresses = server.addresses();
    let [decision, admin, ops] =
        [addresses.decision, addresses.admin, addresses.ops].map(|address| address.to_string());
    let arguments = ["check", "--decision-addr", &decision, "--admin-addr", &admin, "--ops-addr", &ops];
    let out = program.run(&arguments).success();
    assert_eq!(out.matches("is used by").count(), 3, "{out}");
    assert!(out.contains("recognizes it as `admin`") && !out.contains("FAIL"), "{out}");
    let replicas = program.run(&["replicas", "-o", "json"]).json();
    assert_eq!(replicas["replicas"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_lost_token_is_recovered_with_access_to_storage_alone() {
    let (server, program) = started();
    let file = server.folder().join("new.token");
    let path = file.to_str().expect("UTF-8");
    assert!(program.run(&["operators", "recover", "--into", path]).success().contains("new.token"));
    assert!(program.run(&["operators", "recover", "--into", path]).failure(7).contains("--into"));
    let recovered =
        Program::at(server.folder()).env("LATCHKEY_DATA_DIR", server.data()).env("LATCHKEY_TOKEN_FILE", path);
    helpers::support::eventually("the server knows the recovered operator", BOUND, || {
        let output = recovered.run(&["operators", "list"]);
        (output.code == 0 && output.out.contains("recovered")).then_some(())
    });
    assert!(program.run(&["audit"]).success().contains("recover"));
}

#[test]
fn changes_are_watched_until_ctrl_c() {
    let (_server, program) = started();
    let mut watch = program.command(&["watch", "-o", "json"]).spawn().expect("latchkey starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("a pipe")).lines();
    let mut next = || -> serde_json::Value {
        let line = lines.next().expect("a line comes").expect("it can be read");
        serde_json::from_str(&line).expect("each line is JSON")
    };
    let begin: u64 = next()["number"].as_str().expect("a number").parse().expect("a number");
    created(&program, &["--name", "A", "--all-stores", "--all-methods"]);
    let change = next();
    assert_eq!(change["number"], (begin + 1).to_string());
    assert_eq!(change["subjects"][0]["action"], "create");
    let pid = Pid::from_raw(i32::try_from(watch.id()).expect("a pid")).expect("a pid");
    kill_process(pid, Signal::INT).expect("the signal is sent");
    assert_eq!(watch.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_command_that_is_interrupted_says_so() {
    let (mut server, program) = started();
    // An unresponsive server makes the command wait.
    server.stop();
    let mut list = program.command(&["keys", "list"]).spawn().expect("latchkey starts");
    let pid = Pid::from_raw(i32::try_from(list.id()).expect("a pid")).expect("a pid");
    let code = helpers::support::eventually("the command ends", BOUND, || {
        // Waits for the handler: a signal sent earlier would end the command like any other program.
        std::fs::read_to_string(format!("/proc/{}/status", list.id()))
            .ok()
            .filter(|status| listens_to_interrupts(status))
            .map(|_| kill_process(pid, Signal::INT));
        list.try_wait().expect("a child can be asked")
    });
    let mut message = String::new();
    list.stderr.take().expect("a pipe").read_to_string(&mut message).expect("it is read");
    assert_eq!(code.code(), Some(130), "{message}");
    assert!(message.contains("interrupted; the change may have been made"), "{message}");
    server.cont();
}

/// Returns whether the process has a handler for SIGINT, from its status line of caught signals.
fn listens_to_interrupts(status: &str) -> bool {
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
    u64::from_str_radix(caught.trim(), 16).is_ok_and(|caught| caught & 0b10 != 0)
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let (_server, program) = started();
    program.run(&["methods", "import", "retailcrm"]).success();
    let mut list = program.command(&["methods", "list"]);
    let mut list = list.stdout(Stdio::piped()).spawn().expect("latchkey starts");
    drop(list.stdout.take());
    let output = list.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(141), ""));
}
