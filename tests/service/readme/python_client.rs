//! A client written by a stranger: ten lines of Python with grpcio, based on the protos alone.

use latchkey::proto::v1 as proto;

use crate::readme::blocks::{before, commands, marked};
use crate::readme::terminal::Terminal;
use helpers::calls::{Client, STATUSES, key_with_access};
use helpers::support::machine::python_with;

/// Runs a script in which `python3` is one that has grpcio.
fn run(terminal: &Terminal, script: &str, environment: &[(&str, &str)]) -> (String, String) {
    let python = python_with("grpc_tools.protoc, grpc");
    let programs = terminal.folder().join("bin");
    std::fs::create_dir_all(&programs).expect("a folder can be made");
    let link = programs.join("python3");
    if !link.exists() {
        std::os::unix::fs::symlink(&python, &link).expect("a link can be made");
    }
    let path = format!("export PATH=\"{}:$PATH\"\n{script}", programs.display());
    let output = terminal.run(&path, environment);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it says text");
    let (stdout, complained) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success() || !complained.is_empty(), "{}", output.status);
    (stdout, complained)
}

#[tokio::test]
async fn ten_lines_of_python_ask_for_a_decision() {
    let terminal = Terminal::start();
    let program = marked("python client", "python");
    let lines = program.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 10, "{lines} lines of Python are at most ten");
    std::fs::write(terminal.folder().join("client.py"), &program).expect("the program is written");
    let compile = commands(&before("python client", "sh"));
    let [compile] = compile.as_slice() else { panic!("one command compiles the contract: {compile:?}") };
    let (_, complained) = run(&terminal, compile, &[]);
    let stubs = terminal.folder().join("latchkey/v1/authorization_pb2_grpc.py");
    assert!(stubs.is_file(), "`{compile}` compiles the contract: {complained}");

    let admin = Client::for_admin(&terminal.server);
    admin.create_test_data().await;
    let methods = ["GET /api/v*/orders/statuses"];
    let (good, token) = admin.create_key(key_with_access("reader", &["berlin"], &methods)).await.expect("made");
    let (other, other_token) = admin.create_key(key_with_access("other", &["berlin"], &[])).await.expect("made");
    let authorizer = create_operator(&admin).await;
    let address = terminal.server.addresses().decision.to_string();
    let ask = |key: &str, operator: &str| {
        let environment = [
            ("LATCHKEY_DECISION_ADDR", address.as_str()),
            ("LATCHKEY_TOKEN", operator),
            ("LATCHKEY_KEY", key),
            // Every run is a new process; compiled Python would only be in the way.
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ];
        run(&terminal, "exec python3 client.py", &environment)
    };
    assert!(program.contains(STATUSES), "it asks about what the key may do");
    let (stdout, complained) = ask(&token, &authorizer);
    assert_eq!(stdout, format!("ALLOWED REASON_ALLOWED {}\n", good.id), "{complained}");
    let (stdout, complained) = ask(&other_token, &authorizer);
    assert_eq!(stdout, format!("DENIED REASON_METHOD_DENIED {}\n", other.id), "{complained}");
    let (stdout, complained) = ask("nobody's-token-0123456789-0123456789", &authorizer);
    assert_eq!(stdout, "DENIED REASON_KEY_UNKNOWN \n", "{complained}");
    let (stdout, complained) = ask(&token, "lko_nobody");
    assert_eq!(stdout, "", "whoever may not ask is told so, and of no key");
    assert!(complained.contains("UNAUTHENTICATED"), "{complained}");
}

/// Creates an operator that may request decisions and nothing else.
async fn create_operator(admin: &Client) -> String {
    let operator =
        proto::Operator { name: "order api".to_owned(), role: proto::Role::Authorizer.into(), ..Default::default() };
    let request = proto::CreateOperatorRequest { operator: Some(operator), options: None };
    admin.operators().create_operator(request).await.expect("an operator is made").into_inner().token
}
