//! Invalid requests, call by call: one response lists all violations by field, nothing is written, and no text reveals
//! internals of the server.

/// Runs each table on both engines, with a new server for each run.
macro_rules! on_both_engines {
    ($($table:ident),+ $(,)?) => {$(
        mod $table {
            use helpers::test_server::{Engine, TestServer};

            #[tokio::test]
            async fn sqlite() {
                super::$table(&crate::bad_input::RefusalChecker::new(TestServer::start(Engine::Sqlite).await).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$table(&crate::bad_input::RefusalChecker::new(TestServer::start(Engine::Postgres).await).await).await;
            }
        }
    )+};
}

mod bounds;
mod keys;
mod other_writes;
mod reads;
mod states;

use std::cell::Cell;

use helpers::test_server::{TestServer, violated_fields};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

/// Names of internals that no client may see.
const INTERNALS: [&str; 18] = [
    "latchkey::",
    ".rs",
    "panicked",
    "src/",
    "sqlite",
    "SQLite",
    "postgres",
    "Postgres",
    "SELECT ",
    "INSERT",
    "DELETE FROM",
    "prost",
    "tonic",
    "tokio",
    "constraint",
    "relation",
    "Some(",
    "Err(",
];

/// A server, and what it had written before its table of requests began.
pub(crate) struct RefusalChecker {
    server: TestServer,
    revision: Cell<u64>,
}

impl std::ops::Deref for RefusalChecker {
    type Target = TestServer;

    fn deref(&self) -> &TestServer {
        &self.server
    }
}

impl RefusalChecker {
    async fn new(server: TestServer) -> Self {
        let revision = Cell::new(server.latest_revision().await);
        Self { server, revision }
    }

    /// Starts the table: from now on nothing may be written.
    async fn expect_no_writes(&self) {
        self.revision.set(self.server.latest_revision().await);
    }

    /// Asserts that the request is refused for exactly these fields.
    async fn assert_invalid<T: std::fmt::Debug>(
        &self,
        what: &str,
        answer: Result<Response<T>, Status>,
        fields: &[&str],
    ) {
        let status = self.assert_refused(what, answer, Code::InvalidArgument, "INVALID_FIELDS").await;
        let mut named = violated_fields(&status);
        let mut expected: Vec<String> = fields.iter().map(ToString::to_string).collect();
        named.sort();
        expected.sort();
        assert_eq!(named, expected, "{what}: every fault is told, and nothing else: {status:?}");
    }

    /// Asserts that the request is refused with this code and this machine-readable reason.
    async fn assert_refused<T: std::fmt::Debug>(
        &self,
        what: &str,
        answer: Result<Response<T>, Status>,
        code: Code,
        reason: &str,
    ) -> Status {
        let status = answer.map(Response::into_inner).expect_err(what);
        assert_eq!(status.code(), code, "{what}: {status:?}");
        let info = status.get_details_error_info().expect("a refusal has a reason for programs");
        assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, "latchkey.v1"), "{what}");
        assert_presentable(what, status.message());
        for violation in status.get_details_bad_request().map(|details| details.field_violations).unwrap_or_default() {
            assert_presentable(what, &violation.description);
        }
        assert_eq!(self.server.latest_revision().await, self.revision.get(), "{what}: nothing is written");
        status
    }
}

#[track_caller]
fn assert_presentable(what: &str, text: &str) {
    assert!(!text.is_empty(), "{what}: it says something");
    for internal in INTERNALS {
        assert!(!text.contains(internal), "{what} shows {internal}: {text}");
    }
    assert!(!text.chars().any(char::is_control), "{what}: a text for people has no control characters: {text:?}");
    let first = text.chars().next();
    assert!(!first.is_some_and(char::is_uppercase), "{what}: lower case, as all of them: {text}");
}
