//! Every call of every service, found by reflection so that none is omitted, with every kind of credentials; and with
//! bodies that no client of ours would send.

pub mod table;
pub mod wire;

use helpers::test_server::Selection::All;
use helpers::test_server::{Engine, TestServer, Token, far_future, key, long_ago};
use latchkey::proto::v1::Role;
use table::{CALLS, Port, Roles};
use tonic::transport::Channel;
use tonic::{Code, Status};
use wire::{call, channel, framed};

/// Names of internals that no client may see.
const INTERNALS: [&str; 15] = [
    "::", ".rs", "panicked", "src/", "sqlite", "SQLite", "postgres", "SELECT", "INSERT", "prost", "tonic", "hyper",
    "tokio", "rustc", "unwrap",
];

/// A message that is invalid in protobuf: a field of number 0 and type 7.
const UNDECODABLE: [u8; 4] = [0x07, 0xff, 0xff, 0xff];

/// Larger than any call accepts.
const OVERSIZED: usize = 64 * 1024 * 1024 + 1;

/// Ports of all calls.
struct Ports {
    decision: Channel,
    admin: Channel,
}

impl Ports {
    fn of(server: &TestServer) -> Self {
        let addresses = server.process.addresses();
        Self { decision: channel(addresses.decision), admin: channel(addresses.admin) }
    }

    fn serving(&self, port: Port) -> Vec<&Channel> {
        match port {
            Port::Decision => vec![&self.decision],
            Port::Admin => vec![&self.admin],
            Port::Both => vec![&self.decision, &self.admin],
        }
    }
}

/// Checks that the error reveals no internals and no credentials.
#[track_caller]
fn is_presentable(status: &Status, credentials: &str, what: &str) {
    for internal in INTERNALS {
        assert!(!status.message().contains(internal), "{what} shows {internal}: {status:?}");
    }
    assert!(status.message().chars().count() < 1_100, "{what}: {status:?}");
    let token = credentials.strip_prefix("Bearer ").unwrap_or(credentials);
    assert!(token.is_empty() || !status.message().contains(token), "{what} repeats what it was given");
    assert!(!matches!(status.code(), Code::Unknown | Code::DataLoss), "{what}: {status:?}");
}

/// Asserts that the call was refused. Reflection, which is a stream, may also end the stream without a response.
#[track_caller]
fn assert_refused(path: &str, status: &Status, what: &str) {
    assert_ne!(status.message(), wire::ANSWERED, "{what} is not answered");
    if !path.ends_with("/ServerReflectionInfo") {
        assert_ne!(status.code(), Code::Ok, "{what} is refused");
    }
}

fn bearer(token: &Token) -> String {
    format!("Bearer {}", &**token)
}

async fn operators(server: &TestServer) -> Vec<(Role, String)> {
    let roles = [Role::Admin, Role::Editor, Role::Viewer, Role::Authorizer];
    let mut operators = Vec::new();
    for role in roles {
        let (_, token) = server.create_operator(&format!("sweeping {role:?}"), role, Some(far_future())).await;
        operators.push((role, bearer(&token)));
    }
    operators
}

/// Returns invalid credentials.
async fn invalid_credentials(server: &TestServer) -> Vec<(&'static str, Vec<String>)> {
    let issued = server.create_key(key("a key is no operator", All, All)).await;
    let own = "supplied-by-a-partner-0123456789abcdef";
    let request = latchkey::proto::v1::CreateKeyRequest {
        key: Some(key("nor is this", All, All)),
        token: own.to_owned(),
        ..Default::default()
    };
    server.manager.keys().create_key(request).await.expect("made");
    let (_, expired) = server.create_operator("expired", Role::Admin, Some(long_ago(0))).await;
    let (operator, revoked) = server.create_operator("revoked", Role::Admin, None).await;
    let request = latchkey::proto::v1::RevokeOperatorRequest { id: operator.id, options: None };
    server.admin.operators().revoke_operator(request).await.expect("revoked");
    let (operator, rotated) = server.create_operator("rotated", Role::Admin, None).await;
    let request = latchkey::proto::v1::RotateOperatorRequest { id: operator.id, options: None };
    server.admin.operators().rotate_operator(request).await.expect("rotated");
    let (_, good) = server.create_operator("good", Role::Admin, None).await;
    let mistyped = {
        let end = if good.ends_with('x') { "y" } else { "x" };
        format!("Bearer {}{end}", &good[..good.len() - 1])
    };
    vec![
        ("no credentials", vec![]),
        ("empty credentials", vec![String::new()]),
        ("no token", vec!["Bearer ".to_owned()]),
        ("garbage", vec!["Bearer garbage".to_owned()]),
        ("garbage of the right length", vec![format!("Bearer lko_{}", "0".repeat(49))]),
        ("an unknown token", vec![format!("Bearer {}", "u".repeat(64))]),
        ("a mistyped token", vec![mistyped]),
        ("a very long token", vec![format!("Bearer {}", "v".repeat(4_000))]),
        ("another scheme", vec![format!("Basic {}", &*good)]),
        ("no scheme", vec![good.0.clone()]),
        ("credentials twice", vec![bearer(&good), bearer(&good)]),
        ("a key's token", vec![bearer(&issued.token)]),
        ("a key's supplied token", vec![format!("Bearer {own}")]),
        ("an expired operator", vec![bearer(&expired)]),
        ("a revoked operator", vec![bearer(&revoked)]),
        ("a rotated operator's old token", vec![bearer(&rotated)]),
    ]
}

/// Returns the expected result of an empty message with the credentials of a role, or without valid ones.
fn expected(roles: Roles, role: Option<Role>) -> Option<Code> {
    match (roles, role) {
        (None, _) => None,
        (Some(_), None) => Some(Code::Unauthenticated),
        (Some(roles), Some(role)) if roles.contains(&role) => None,
        (Some(_), Some(_)) => Some(Code::PermissionDenied),
    }
}

async fn every_call_asks_who_calls_and_what_they_may(engine: Engine) {
    let server = TestServer::start(engine).await;
    let found = wire::reflected(server.process.addresses().admin).await;
    let written: Vec<&str> = CALLS.iter().map(|(path, ..)| *path).collect();
    assert_eq!(found, written, "the table names every call that there is");

    let mut callers: Vec<(String, Option<Role>, Vec<String>)> = Vec::new();
    for (what, credentials) in invalid_credentials(&server).await {
        callers.push((what.to_owned(), None, credentials));
    }
    for (role, credentials) in operators(&server).await {
        callers.push((format!("{role:?}"), Some(role), vec![credentials]));
    }
    let ports = Ports::of(&server);
    let head = server.latest_revision().await;
    for (path, port, roles) in CALLS {
        for (who, role, credentials) in &callers {
            let headers: Vec<&str> = credentials.iter().map(String::as_str).collect();
            for channel in ports.serving(port) {
                let status = call(channel, path, &headers, framed(&[])).await;
                let what = format!("{path} with {who}");
                is_presentable(&status, headers.first().unwrap_or(&""), &what);
                match expected(roles, *role) {
                    Some(code) => assert_eq!(status.code(), code, "{what}: {status:?}"),
                    None => assert!(
                        matches!(status.code(), Code::Ok | Code::InvalidArgument),
                        "{what} is let through to what an empty message comes to: {status:?}"
                    ),
                }
            }
        }
    }
    assert_eq!(server.latest_revision().await, head, "nothing of it was written");
}

async fn ports_serve_what_they_are_for(engine: Engine) {
    let server = TestServer::start(engine).await;
    let ports = Ports::of(&server);
    let admin = format!("Bearer {}", server.process.admin_token());
    for (path, port, roles) in CALLS {
        let elsewhere = match port {
            Port::Decision => &ports.admin,
            Port::Admin => &ports.decision,
            Port::Both => continue,
        };
        let status = call(elsewhere, path, &[&admin], framed(&[])).await;
        assert_eq!(status.code(), Code::Unimplemented, "{path}: {status:?}");
        is_presentable(&status, &admin, path);
        if roles.is_some() {
            let status = call(elsewhere, path, &[], framed(&[])).await;
            assert_eq!(status.code(), Code::Unauthenticated, "{path}: {status:?}");
        }
    }
    for path in ["/", "/latchkey.v1.KeyService", "/latchkey.v1.KeyService/Nothing", "/latchkey.v2.KeyService/GetKey"] {
        for channel in [&ports.decision, &ports.admin] {
            let status = call(channel, path, &[&admin], framed(&[])).await;
            assert_eq!(status.code(), Code::Unimplemented, "{path}: {status:?}");
            is_presentable(&status, &admin, path);
        }
    }
}

async fn bodies_that_are_no_messages_are_refused(engine: Engine) {
    let server = TestServer::start(engine).await;
    let ports = Ports::of(&server);
    let admin = format!("Bearer {}", server.process.admin_token());
    let head = server.latest_revision().await;
    let lying = [&[0][..], &10_u32.to_be_bytes(), b"three"].concat();
    let compressed = [&[1][..], &4_u32.to_be_bytes(), b"none"].concat();
    let bodies = [
        ("an undecodable message", framed(&UNDECODABLE)),
        ("random bytes", framed(&[0xa5; 333])),
        ("no frame at all", UNDECODABLE.to_vec()),
        ("half a frame", lying),
        ("a compressed message that is none", compressed),
        ("nothing", Vec::new()),
    ];
    for (path, port, _) in CALLS {
        for channel in ports.serving(port) {
            for (sort, body) in &bodies {
                let what = format!("{path} with {sort}");
                let status = call(channel, path, &[&admin], body.clone()).await;
                is_presentable(&status, &admin, &what);
                assert_refused(path, &status, &what);
            }
        }
    }
    assert_eq!(server.latest_revision().await, head, "nothing of it was written");
    let decided = server.authorize("short", "GET /", "").await;
    assert!(!decided.allowed, "and the server goes on deciding");
}

async fn messages_that_are_too_large_are_refused(engine: Engine) {
    let server = TestServer::start(engine).await;
    let ports = Ports::of(&server);
    let admin = format!("Bearer {}", server.process.admin_token());
    // Only the announced length is too large: the rest is never sent, and the server must not wait for it.
    let announced = [&[0][..], &u32::try_from(OVERSIZED).expect("a length").to_be_bytes(), b"beginning"].concat();
    for (path, port, _) in CALLS {
        for channel in ports.serving(port) {
            let status = call(channel, path, &[&admin], announced.clone()).await;
            is_presentable(&status, &admin, path);
            assert_refused(path, &status, path);
            let codes = [Code::Ok, Code::ResourceExhausted, Code::OutOfRange, Code::InvalidArgument];
            assert!(codes.contains(&status.code()), "{path}: {status:?}");
        }
    }
    let decided = server.authorize("short", "GET /", "").await;
    assert!(!decided.allowed, "and the server goes on deciding");
}

/// Runs each sweep on both engines.
macro_rules! on_both_engines {
    ($($sweep:ident),+ $(,)?) => {$(
        mod $sweep {
            use helpers::test_server::Engine;

            #[tokio::test]
            async fn sqlite() {
                super::$sweep(Engine::Sqlite).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$sweep(Engine::Postgres).await;
            }
        }
    )+};
}

on_both_engines!(
    every_call_asks_who_calls_and_what_they_may,
    ports_serve_what_they_are_for,
    bodies_that_are_no_messages_are_refused,
    messages_that_are_too_large_are_refused,
);
