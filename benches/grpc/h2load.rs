//! Load by a client without knowledge of gRPC: h2load, which sends the same message over and over.

use std::io::Write as _;
use std::process::Command;

use prost::Message as _;

use super::client::{AUTHORIZE, text};
use super::{CONNECTIONS, Load, STREAMS, authorize_request, noop};
use helpers::support::machine::find_program;

/// Makes `calls` calls, all about the first key. Returns the number of responses per second.
///
/// # Panics
///
/// When a call was not answered as it should be.
pub(super) fn run(address: &str, token: &str, load: Load, calls: u64) -> f64 {
    let program = find_program("h2load", &[]).expect("h2load is needed: run `scripts/setup bench`");
    let (path, message) = match load {
        Load::Nothing => (noop::PATH, Vec::new()),
        _ => (AUTHORIZE, authorize_request(text(0)).encode_to_vec()),
    };
    let length = u32::try_from(message.len()).expect("a small message").to_be_bytes();
    let mut body = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    body.write_all(&[&[0][..], &length, &message].concat()).expect("a temporary file takes a message");
    let output = Command::new(program)
        .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-m{STREAMS}"), &format!("-n{calls}")])
        .args(["-H", "content-type: application/grpc", "-H", "te: trailers"])
        .args(["-H", &format!("authorization: Bearer {token}")])
        .arg("-d")
        .arg(body.path())
        .arg(format!("http://{address}{path}"))
        .output()
        .expect("h2load runs");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(stdout.contains(&format!("{calls} succeeded, 0 failed, 0 errored, 0 timeout")), "{stdout}");
    // A call that fails in gRPC also returns status 200, but without a message.
    let received = number_before(&stdout, ") data");
    let least = if load == Load::Nothing { 5 } else { 100 };
    assert!(received >= (least * calls) as f64, "calls failed: {stdout}");
    number_before(&stdout, " req/s")
}

/// Returns the number before the first occurrence of `label`.
fn number_before(stdout: &str, label: &str) -> f64 {
    let end = stdout.find(label).unwrap_or_else(|| panic!("h2load tells {label}: {stdout}"));
    let begin = stdout[..end].rfind([' ', '(']).map_or(0, |at| at + 1);
    stdout[begin..end].parse().unwrap_or_else(|_| panic!("h2load tells a number before {label}: {stdout}"))
}
