//! The files in deploy/ name only settings and services that exist.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use latchkey::config::SETTINGS;
use latchkey::grpc::health::SERVICES;
use serde_json::Value;

use crate::cli::program::Program;
use helpers::support::http;
use helpers::support::postgres::Cluster;
use helpers::support::process::LatchkeyProcess;
use helpers::support::workspace::Workspace;

/// Returns every file below deploy/ with its text.
fn files() -> Vec<(String, String)> {
    fn below(folder: &Path, into: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("the folder is read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                below(&path, into);
            } else {
                into.push((path.display().to_string(), std::fs::read_to_string(&path).expect("a file of text")));
            }
        }
    }
    let mut files = Vec::new();
    below(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy")), &mut files);
    assert!(!files.is_empty());
    files
}

/// Returns every word of `text` that begins with `prefix`, without the prefix.
fn words<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).map(move |(at, _)| {
        let word = &text[at + prefix.len()..];
        &word[..word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(word.len())]
    })
}

#[test]
fn every_setting_is_known() {
    let mut seen = 0;
    for (path, text) in files() {
        for name in words(&text, "LATCHKEY_") {
            // The manifest names this one as an example of a variable set by kubelet.
            let known = name == "ADMIN_PORT" || SETTINGS.iter().any(|setting| setting.name == name.to_lowercase());
            assert!(known, "{path}: LATCHKEY_{name} is not a setting");
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn every_service_that_is_asked_for_its_health_is_told_of() {
    let mut seen = 0;
    for (path, text) in files() {
        for name in words(&text, "latchkey.v1.") {
            assert!(SERVICES.contains(&format!("latchkey.v1.{name}").as_str()), "{path}: {name} is no service");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

/// Returns the objects of the Kubernetes manifest.
fn manifest() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes/latchkey.yaml");
    let text = std::fs::read_to_string(path).expect("the manifest is read");
    text.split("\n---\n").map(|object| serde_saphyr::from_str(object).expect("YAML")).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// Adds the variables that kubelet sets for a Service with a cluster address, as its envvars.go does.
fn service_links(name: &str, ports: &[(&str, u64)], address: &str, into: &mut BTreeMap<String, String>) {
    let upper = |text: &str| text.to_uppercase().replace('-', "_");
    let name = upper(name);
    into.insert(format!("{name}_SERVICE_HOST"), address.to_owned());
    into.insert(format!("{name}_SERVICE_PORT"), ports[0].1.to_string());
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    into.insert(format!("{name}_PORT"), format!("tcp://{host}:{}", ports[0].1));
    for (port_name, port) in ports {
        into.insert(format!("{name}_SERVICE_PORT_{}", upper(port_name)), port.to_string());
        into.insert(format!("{name}_PORT_{port}_TCP"), format!("tcp://{host}:{port}"));
        into.insert(format!("{name}_PORT_{port}_TCP_PROTO"), "tcp".to_owned());
        into.insert(format!("{name}_PORT_{port}_TCP_PORT"), port.to_string());
        into.insert(format!("{name}_PORT_{port}_TCP_ADDR"), address.to_owned());
    }
}

/// Returns the variables of the manifest's container, with the files that they name moved below `folder`.
fn container_variables(objects: &[Value], folder: &Path) -> BTreeMap<String, String> {
    let deployment = of_kind(objects, "Deployment")[0];
    let variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array().expect("variables");
    let variables = variables.iter().map(|one| {
        let (name, value) = (one["name"].as_str().expect("a name"), one["value"].as_str().expect("a value"));
        let value = match name {
            // The pod has its own address. Here any free port will do.
            _ if name.ends_with("_ADDR") => "127.0.0.1:0".to_owned(),
            _ if value.starts_with('/') => format!("{}{value}", folder.display()),
            _ => value.to_owned(),
        };
        (name.to_owned(), value)
    });
    variables.collect()
}

/// Kind 12: the environment of the manifest, with everything that kubelet adds, on a separate database.
#[test]
fn a_pod_starts_with_all_that_kubelet_sets() {
    let objects = manifest();
    let pod = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"];
    assert_eq!(pod["enableServiceLinks"], false);
    let workspace = Workspace::new("pod");
    let mut variables = container_variables(&objects, workspace.path());
    let database = Cluster::shared().database();
    let files = [("DATABASE_URL_FILE", database.url()), ("BOOTSTRAP_TOKEN_FILE", "0123456789abcdef0123456789abcdef")];
    for (name, text) in files {
        let file = Path::new(&variables[&format!("LATCHKEY_{name}")]).to_owned();
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder is made");
        // With a trailing newline, as from `echo … >` or an editor.
        std::fs::write(file, format!("{text}\n")).expect("a secret");
    }
    // The Services of the manifest, including the headless one, and some that other teams might create.
    let mut links = BTreeMap::new();
    for service in of_kind(&objects, "Service") {
        let ports = service["spec"]["ports"].as_array().expect("ports").iter();
        let ports: Vec<_> = ports
            .map(|port| (port["name"].as_str().expect("a name"), port["port"].as_u64().expect("a port")))
            .collect();
        service_links(service["metadata"]["name"].as_str().expect("a name"), &ports, "10.96.0.7", &mut links);
    }
    assert!(links.len() > 15 && links["LATCHKEY_ADMIN_PORT"] == "tcp://10.96.0.7:8080", "{links:?}");
    service_links("latchkey-decision-addr", &[("a", 1), ("b-c", 65535)], "fd00::7", &mut links);
    let expected = links.keys().cloned().collect::<Vec<_>>().join(", ");
    // The data folder of the pod is the test's own folder.
    variables.remove("LATCHKEY_DATA_DIR");
    variables.extend(links);

    let mut builder = LatchkeyProcess::builder();
    for (name, value) in &variables {
        builder = builder.env(name, value);
    }
    let server = builder.start();
    assert_eq!(http::get(server.addresses().ops, "/livez").expect("answered").status, 200);
    assert_eq!(server.stderr().matches(&expected).count(), 1, "one line names what is ignored:\n{}", server.stderr());
    let grants = database.query("SELECT count(*) FROM operators");
    assert_eq!(grants[0][0].as_deref(), Some("1"), "the bootstrap token's operator is in this database");

    // The command line inside the pod reads the same variables.
    let mut program = Program::at(workspace.path());
    for (name, value) in &variables {
        program = program.env(name, value);
    }
    let program = program
        .env("LATCHKEY_ADMIN_URL", format!("http://{}", server.addresses().admin))
        .env("LATCHKEY_TOKEN", "0123456789abcdef0123456789abcdef\n");
    assert!(program.run(&["operators", "whoami"]).success().contains("admin"));

    // A mistyped variable among them is still an error.
    let message = program.env("LATCHKEY_ADMIN_PORT", "8080").run(&["operators", "whoami"]).failure(2);
    assert!(message.contains("unknown environment variable LATCHKEY_ADMIN_PORT; did you mean"), "{message}");
}

/// Kind 12: each port of the pod is open to the listed peers only.
#[test]
fn the_network_policy_names_every_port() {
    let objects = manifest();
    let container = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0];
    let ports: Vec<_> = container["ports"].as_array().expect("ports").iter().map(|port| &port["name"]).collect();
    let [policy] = &*of_kind(&objects, "NetworkPolicy") else { panic!("one policy") };
    let selected = &policy["spec"]["podSelector"]["matchLabels"];
    assert_eq!(selected, &of_kind(&objects, "Deployment")[0]["spec"]["selector"]["matchLabels"]);
    let rules = policy["spec"]["ingress"].as_array().expect("rules");
    let open: Vec<_> = rules
        .iter()
        .flat_map(|rule| {
            assert!(!rule["from"].as_array().expect("from").is_empty(), "{rule} opens a port to everybody");
            rule["ports"].as_array().expect("ports").iter().map(|port| &port["port"])
        })
        .collect();
    assert_eq!(open, ports);
}

/// Kind 12: no core dump, prevented by the limit of the unit and by the process itself.
#[test]
fn memory_with_tokens_in_it_is_dumped_nowhere() {
    let unit = files().into_iter().find(|(path, _)| path.ends_with("latchkey.service")).expect("the unit").1;
    assert!(unit.lines().any(|line| line == "LimitCORE=0"));
    // The limit permits dumps of any size, and the process ends as by a failed assertion.
    let mut server = LatchkeyProcess::builder().under(&["prlimit", "--core=unlimited"]).start();
    let sent = Command::new("kill").args(["-ABRT", &server.pid().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    let ended = server.wait_exit(Duration::from_secs(60));
    assert!(ended.signal().is_some() && !ended.core_dumped(), "{ended}");
}

/// Kind 12: no part of a password gets into an error, however the URL is malformed.
#[test]
fn no_error_repeats_a_part_of_a_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("url");
    // No process listens on port 1.
    for (url, code) in [
        ("postgres://u:hun@ter2@127.0.0.1:1/d", 1),
        ("postgres://u:hun/ter2@127.0.0.1:1/d", 1),
        ("postgres://u:hun?ter2@127.0.0.1:1/d", 1),
        ("postgres://u:hun#ter2@127.0.0.1:1/d", 1),
        ("postgres://u:hun%40ter2@127.0.0.1:1/d", 1),
        ("postgres://u:hun%zzter2@127.0.0.1:1/d", 1),
        ("postgres://u:hun ter2@127.0.0.1:1/d", 1),
        ("postgres://u:hun:ter2@127.0.0.1:1/d", 1),
        ("postgres://u:hun\nter2@127.0.0.1:1/d", 1),
        ("postgres://127.0.0.1:1/d?user=u&password=hun@ter2", 1),
        ("postgres://127.0.0.1:1/d?user=u&password=hun&ter2=x", 1),
        ("postgres://127.0.0.1:1/d?user=u&password=hunter2", 1),
        ("postgres://u:hunter2/d", 1),
        ("postgress://u:hunter2@127.0.0.1:1/d", 1),
        ("host=127.0.0.1 port=1 user=u password=hunter2", 1),
        ("host=127.0.0.1 user=u password='hun ter2'", 1),
    ] {
        std::fs::write(&file, url).expect("a file");
        let by_variable = Program::at(folder.path()).env("LATCHKEY_DATABASE_URL", url);
        let by_file = Program::at(folder.path()).env("LATCHKEY_DATABASE_URL_FILE", file.as_os_str());
        let mistaken = Program::at(folder.path()).env("LATCHKEY_DATABASE_URL_FILE", url);
        for (program, code) in [(by_variable, code), (by_file, code), (mistaken, 2)] {
            for command in ["serve", "migrate"] {
                let output =
                    program.run(&[command, "--decision-addr", "127.0.0.1:0"][..if command == "serve" { 3 } else { 1 }]);
                let message = format!("{}{}", output.out, output.err);
                assert_eq!(output.code, code, "{url}: {message}");
                assert!(!message.contains("hun") && !message.contains("ter2"), "{url}: {message}");
            }
            let checked = program.run(&["check"]);
            let message = format!("{}{}", checked.out, checked.err);
            assert!(checked.code != 0 && !message.contains("hun") && !message.contains("ter2"), "{url}: {message}");
        }
    }
}
