//! A rolling restart under load: no call is lost, although clients do not retry.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use latchkey::proto::v1 as proto;
use prost::Message as _;
use tokio::runtime::Handle;

use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access};
use helpers::support::machine::{free_port, python_with};
use helpers::support::postgres::Cluster;
use helpers::support::process::LatchkeyProcess;
use helpers::support::{eventually, pass};

const SERVERS: usize = 3;
/// Number of restarts of each server.
const ROUNDS: usize = 2;
const BUSY_BOUND: Duration = Duration::from_secs(40);
/// Minimum number of calls for the result to mean something.
const CALLS: usize = 1_000;

/// Servers at fixed addresses.
struct Fleet {
    servers: Vec<LatchkeyProcess>,
    admin: String,
    key: String,
}

impl Fleet {
    async fn start() -> Self {
        let database = Cluster::shared().database();
        let start = |_| {
            let address = format!("127.0.0.1:{}", free_port());
            let builder = LatchkeyProcess::builder().database(database.url()).env("LATCHKEY_DECISION_ADDR", address);
            let builder = builder.env("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1").env("LATCHKEY_DECISION_AUTH", "off");
            builder.env("LATCHKEY_ACCEPT_GRACE", "1s").start()
        };
        let servers: Vec<_> = (0..SERVERS).map(start).collect();
        let admin = servers[0].admin_token();
        let client = Client::new(servers[0].addresses(), &admin);
        client.create_test_data().await;
        let (_, key) =
            client.create_key(key_with_access("used", &STORES[..1], &METHODS[1..2])).await.expect("a key is made");
        Self { servers, admin, key }
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(|server| server.addresses().decision).collect()
    }

    /// Restarts the servers one after another, each once the previous one is ready.
    async fn restart_each(&mut self) {
        for _ in 0..ROUNDS {
            for server in &mut self.servers {
                server.terminate();
                assert_eq!(server.wait_exit(BUSY_BOUND).code(), Some(0), "{}", server.stderr());
                server.restart();
                // Time for clients to connect to it.
                pass(Duration::from_millis(500)).await;
            }
        }
    }
}

async fn no_call_is_lost(health: &str) {
    let mut fleet = Fleet::start().await;
    let request = proto::AuthorizeRequest { key: fleet.key.clone(), method: STATUSES.to_owned(), ..Default::default() };
    let request: String = request.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect();
    let addresses: Vec<_> = fleet.addresses().iter().map(ToString::to_string).collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/service/lifecycle/rolling.py");
    let mut client = Command::new(python_with("grpc"))
        .args([script, &addresses.join(","), health, &fleet.admin, &request])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut lines = BufReader::new(client.stdout.take().expect("it is piped")).lines();
    assert_eq!(lines.next().expect("it begins").expect("it is text"), "ready");
    fleet.restart_each().await;
    drop(client.stdin.take());
    let mut output_lines: Vec<String> = lines.map(|line| line.expect("it is text")).collect();
    assert!(client.wait().expect("it ends").success());
    let counts: serde_json::Value =
        serde_json::from_str(&output_lines.pop().expect("counts")).expect("counts are JSON");
    let answered = counts["answered"].as_u64().expect("a number of calls");
    assert!(answered > CALLS as u64, "{counts}");
    // gRPC's core sometimes fails a call whose stream crosses a GOAWAY, although it could retry it.
    assert!(output_lines.len() as u64 <= answered / 2_000, "{counts}: calls were lost:\n{}", output_lines.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_of_grpcio_is_lost_in_a_rolling_restart() {
    no_call_is_lost("blind").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_of_grpcio_that_watches_health_is_lost_in_a_rolling_restart() {
    no_call_is_lost("watch").await;
}

/// Makes calls over HTTP/1.1 like a proxy: connections are reused unless the server announced that it closes them, and
/// an unreachable server is skipped.
fn proxy(
    addresses: &[SocketAddr],
    key: &str,
    over: &AtomicBool,
    answered: &AtomicUsize,
    runtime: &Handle,
) -> Vec<String> {
    let mut lines: Vec<Option<TcpStream>> = addresses.iter().map(|_| None).collect();
    let mut lost = Vec::new();
    for number in 0_usize.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let at = number % addresses.len();
        let Some(mut line) = lines[at].take().or_else(|| TcpStream::connect(addresses[at]).ok()) else { continue };
        match ask(&mut line, key) {
            // Whether the key may call does not matter here.
            Ok((head, stays)) if !head.starts_with("HTTP/1.1 5") => {
                answered.fetch_add(1, Ordering::Relaxed);
                lines[at] = stays.then_some(line);
            }
            Ok((head, _)) => lost.push(head),
            Err(error) => lost.push(error.to_string()),
        }
        runtime.block_on(pass(Duration::from_millis(1)));
    }
    lost
}

fn ask(line: &mut TcpStream, key: &str) -> std::io::Result<(String, bool)> {
    line.set_nodelay(true)?;
    line.set_read_timeout(Some(BUSY_BOUND))?;
    let head = format!(
        "GET /forward-auth/traefik/plain HTTP/1.1\r\nhost: here\r\nx-forwarded-method: GET\r\nx-forwarded-host: here\r\n\
         x-forwarded-proto: http\r\nx-forwarded-uri: /api/v5/orders/statuses\r\nx-forwarded-for: 192.0.2.1\r\nx-api-key: {key}\r\n\r\n"
    );
    line.write_all(head.as_bytes())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        line.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase().replace("http/1.1", "HTTP/1.1");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0_usize);
    line.read_exact(&mut vec![0; length])?;
    let stays = !head.contains("\r\nconnection: close");
    Ok((head, stays))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_of_a_proxy_is_lost_in_a_rolling_restart() {
    let mut fleet = Fleet::start().await;
    let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let (addresses, key) = (fleet.addresses(), fleet.key.clone());
            let (over, answered) = (Arc::clone(&over), Arc::clone(&answered));
            let runtime = Handle::current();
            std::thread::spawn(move || proxy(&addresses, &key, &over, &answered, &runtime))
        })
        .collect();
    eventually("calls are answered", BUSY_BOUND, || (answered.load(Ordering::Relaxed) > 10).then_some(()));
    fleet.restart_each().await;
    over.store(true, Ordering::Relaxed);
    let lost: Vec<_> = callers.into_iter().flat_map(|caller| caller.join().expect("no caller panics")).collect();
    let answered = answered.load(Ordering::Relaxed);
    assert!(answered > CALLS, "{answered} calls were answered");
    assert!(lost.is_empty(), "{} calls of {answered} were lost:\n{}", lost.len(), lost.join("\n"));
}
