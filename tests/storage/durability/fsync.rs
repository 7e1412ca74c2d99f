//! On SQLite a response is sent only after the write was synced to disk, as the server's system calls show.
//!
//! Each write of the test contains a unique text, which is found in three positions of the trace: where the request was
//! read from the socket, where the pages of the commit were written to the write-ahead log, and where the response was
//! sent to the socket. A sync of the log must complete between the last two.

use std::path::Path;
use std::time::Duration;

use latchkey::proto::v1 as proto;
use prost_types::FieldMask;

use helpers::calls::{Client, STORES, key_with_access};
use helpers::support::daemon::read_lossy;
use helpers::support::eventually;
use helpers::support::machine::find_program;
use helpers::support::process::LatchkeyProcess;

/// Bound for the server to exit and strace to write its last lines.
const EXIT_BOUND: Duration = Duration::from_secs(30);

/// Events of the trace in chronological order.
#[derive(Debug, PartialEq, Eq)]
enum Event<'a> {
    /// Bytes were read from a socket.
    Read(&'a str),
    /// Bytes were written to the write-ahead log.
    Logged(&'a str),
    /// A sync of the write-ahead log has completed.
    Synced,
    /// Bytes are about to be sent to a socket.
    Sent(&'a str),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answered_write_was_fsynced() {
    let strace = find_program("strace", &[]).expect("strace is needed: run `make setup` (Debian: strace)");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let trace = folder.path().join("trace");
    let (strace, output) = (strace.to_string_lossy(), trace.to_string_lossy());
    // -D: the server stays a child of this process; -y: file names; -s: whole pages.
    let calls = "trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync";
    let words = [&*strace, "-D", "-f", "-y", "-s", "40000", "-e", calls, "-e", "signal=none", "-o", &*output];
    let mut server = LatchkeyProcess::builder().under(&words).start();
    let client = Client::for_admin(&server);

    let texts = writes(&client).await;
    // Usage is flushed and the log closed; the trace is complete once strace has seen the exit.
    server.terminate();
    assert!(server.wait_exit(EXIT_BOUND).success());
    let text = eventually("strace has written the end of the server", EXIT_BOUND, || {
        let text = read_lossy(&trace);
        text.lines().any(|line| line.contains("+++ exited with 0 +++")).then_some(text)
    });
    let events = events(&text);
    for written in texts {
        let at = |what: &str, wanted: &dyn Fn(&Event<'_>) -> bool| {
            events.iter().position(wanted).unwrap_or_else(|| panic!("the trace shows that `{written}` was {what}"))
        };
        let asked = at("asked for", &|event| matches!(event, Event::Read(bytes) if bytes.contains(written)));
        let after = |event: &Event<'_>| matches!(event, Event::Sent(bytes) if bytes.contains(written));
        let answered = at("answered", &after);
        let logged = |event: &Event<'_>| matches!(event, Event::Logged(bytes) if bytes.contains(written));
        let last = events[..answered].iter().rposition(logged);
        let last = last.unwrap_or_else(|| panic!("`{written}` was answered before it was in the log"));
        assert!(asked < last, "`{written}` was in the log before it was asked for: the trace is not what it seems");
        let synced = events[last..answered].contains(&Event::Synced);
        assert!(synced, "`{written}` was answered without a sync of the log after it was written there");
    }
}

/// Makes one write of each sort whose response repeats a text of the request. Returns the texts.
async fn writes(client: &Client) -> [&'static str; 4] {
    let texts = ["store-that-is-synced", "key-that-is-synced", "renaming-that-is-synced", "revocation-that-is-synced"];
    client.create_test_data().await;
    client.create_store(texts[0]).await.expect("a store is made");
    let (mut key, _) = client.create_key(key_with_access(texts[1], &STORES, &[])).await.expect("a key is made");
    key.name = texts[2].to_owned();
    let id = key.id.clone();
    let update_mask = Some(FieldMask { paths: vec!["name".to_owned()] });
    let update = proto::UpdateKeyRequest { key: Some(key), update_mask, options: None };
    client.keys().update_key(update).await.expect("a key is renamed");
    let revoke = proto::RevokeKeyRequest { id, reason: texts[3].to_owned(), ..Default::default() };
    client.keys().revoke_key(revoke).await.expect("a key is revoked");
    texts
}

/// Parses a trace. A call interrupted by a call of another thread takes two lines, the second of which has neither the
/// file nor, for writes, the bytes.
fn events(trace: &str) -> Vec<Event<'_>> {
    let mut unfinished: std::collections::HashMap<&str, &str> = std::collections::HashMap::new();
    let mut events = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if let Some(begun) = call.strip_suffix("<unfinished ...>") {
            unfinished.insert(thread, begun);
            // Sent bytes are printed, and may already be sent, when the call begins.
            events.extend(outgoing(begun));
        } else if call.starts_with("<... ") {
            let Some(begun) = unfinished.remove(thread) else { continue };
            // Received bytes are printed when the call has completed.
            events.extend(incoming(begun, call));
        } else {
            events.extend(outgoing(call).or_else(|| incoming(call, call)));
        }
    }
    events
}

fn outgoing(call: &str) -> Option<Event<'_>> {
    let (name, target) = split(call)?;
    match name {
        "write" | "pwrite64" | "writev" if is_log(target) => Some(Event::Logged(call)),
        "write" | "writev" | "sendto" | "sendmsg" if target.contains("socket:") => Some(Event::Sent(call)),
        _ => None,
    }
}

fn incoming<'a>(begun: &'a str, ended: &'a str) -> Option<Event<'a>> {
    let (name, target) = split(begun)?;
    match name {
        "fsync" | "fdatasync" if is_log(target) && ended.trim_end().ends_with("= 0") => Some(Event::Synced),
        "read" | "readv" | "recvfrom" | "recvmsg" if target.contains("socket:") => Some(Event::Read(ended)),
        _ => None,
    }
}

/// Returns the name of a call, and its first argument: a file by number and name.
fn split(call: &str) -> Option<(&str, &str)> {
    let (name, arguments) = call.split_once('(')?;
    let end = arguments.find('>')?;
    Some((name, &arguments[..=end]))
}

fn is_log(target: &str) -> bool {
    Path::new(target.trim_end_matches('>')).to_string_lossy().ends_with("-wal")
}

#[test]
fn a_trace_is_read_in_the_order_in_which_things_came_to_their_end() {
    let trace = r#"11 recvfrom(9<socket:[5]>, "asked", 8192, 0, NULL, NULL) = 5
12 pwrite64(7</x/latchkey.db-wal>, "asked", 5, 0 <unfinished ...>
11 read(4<anon_inode:[eventfd]>, "", 8) = 8
12 <... pwrite64 resumed>)                = 5
12 fdatasync(7</x/latchkey.db-wal> <unfinished ...>
11 sendto(9<socket:[5]>, "early", 5, MSG_NOSIGNAL, NULL, 0) = 5
12 <... fdatasync resumed>)               = 0
11 writev(9<socket:[5]>, [{iov_base="asked", iov_len=5}], 1) = 5
11 fdatasync(6</x/latchkey.db>)           = 0
11 +++ exited with 0 +++
"#;
    let kinds: Vec<_> = events(trace)
        .into_iter()
        .map(|event| match event {
            Event::Read(_) => "read",
            Event::Logged(_) => "logged",
            Event::Synced => "synced",
            Event::Sent(bytes) if bytes.contains("early") => "early",
            Event::Sent(_) => "sent",
        })
        .collect();
    assert_eq!(kinds, ["read", "logged", "early", "synced", "sent"]);
}
