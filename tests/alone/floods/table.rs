//! The most expensive work of every listener, at n bytes and at 2n: cost grows linearly, with and without a valid key.
//!
//! The server is the real program; the measurement is the CPU time of its threads. That depends on other processes too:
//! a core that shares its execution units with a busy one takes up to twice as long. Therefore each repeat measures n and
//! 2n in succession, and the median of the ratios counts.

use std::net::SocketAddr;
use std::time::Duration;

use super::process_cost::CpuTimes;
use super::raw::{Call, Connection};

/// Maximum cost ratio for twice the input.
const MAX_RATIO: f64 = 2.5;
/// Repeats of each measurement; and of one that exceeds the bound, before it counts.
const REPEATS: (usize, usize) = (3, 15);
/// CPU time of one request, in nanoseconds, beyond which measuring stops: linear work takes a fraction of it.
const MAX_CPU_NANOS: u64 = 15_000_000_000;
/// CPU time, in nanoseconds, below which a measurement means nothing: the server polls storage meanwhile.
const MIN_CPU_NANOS: u64 = 8_000_000;
const TIMEOUT: Duration = Duration::from_secs(60);

/// A request to send.
pub(crate) enum Payload {
    /// A gRPC call.
    Call(Call),
    /// An encoded HTTP/1.1 request.
    Text(Vec<u8>),
}

/// A kind of request of a listener.
pub(crate) struct RequestKind {
    pub name: String,
    /// Makes a request of about this number of bytes.
    pub make: Box<dyn Fn(usize) -> Payload>,
    /// The smaller size in bytes.
    pub bytes: usize,
}

/// Measurement of a row.
struct Measured {
    name: String,
    bytes: usize,
    /// Nanoseconds of CPU time of one request of n, and of 2n bytes.
    cost: (f64, f64),
    response: String,
}

/// Destination of requests.
pub(crate) struct Target {
    pub pid: u32,
    pub connection: Connection,
    pub address: SocketAddr,
}

impl Target {
    /// Sends a request `times` times; returns the CPU time of the server and its response.
    async fn cost(&self, sent: &Payload, times: u32) -> (u64, String) {
        let before = CpuTimes::read(self.pid);
        let mut response = String::new();
        for _ in 0..times {
            response = match sent {
                Payload::Call(call) => match self.connection.call(call, TIMEOUT).await {
                    Ok(answer) => format!("OK, {} bytes", answer.len()),
                    Err(status) => format!("{:?}", status.code()),
                },
                Payload::Text(text) => {
                    let (address, text) = (self.address, text.clone());
                    tokio::task::spawn_blocking(move || send(address, &text)).await.expect("it is sent")
                }
            };
        }
        (CpuTimes::read(self.pid).since(&before), response)
    }

    /// Measures a row until it is within the bound, or has been repeated often enough.
    async fn measure(&self, row: &RequestKind) -> Measured {
        let (small, large) = ((row.make)(row.bytes), (row.make)(row.bytes * 2));
        // The first request warms caches; it also determines the number of repeats.
        let (first, _) = self.cost(&small, 1).await;
        let (second, response) = self.cost(&small, 1).await;
        if second >= MAX_CPU_NANOS || first >= MAX_CPU_NANOS {
            let cost = (first.min(second) as f64, f64::INFINITY);
            return Measured { name: row.name.clone(), bytes: row.bytes, cost, response };
        }
        let times =
            u32::try_from(MIN_CPU_NANOS.div_ceil(first.min(second).max(10_000))).unwrap_or(u32::MAX).clamp(1, 400);
        let mut costs = Vec::new();
        while costs.len() < REPEATS.1 && (costs.len() < REPEATS.0 || ratio(median(&mut costs)) > MAX_RATIO) {
            let each = |cost: u64| cost as f64 / f64::from(times);
            costs.push((each(self.cost(&small, times).await.0), each(self.cost(&large, times).await.0)));
        }
        Measured { name: row.name.clone(), bytes: row.bytes, cost: median(&mut costs), response }
    }
}

/// Returns the pair with the median of the ratios.
fn median(costs: &mut [(f64, f64)]) -> (f64, f64) {
    costs.sort_by(|one, other| ratio(*one).total_cmp(&ratio(*other)));
    costs[costs.len() / 2]
}

fn ratio((small, large): (f64, f64)) -> f64 {
    large / small
}

/// Sends a request on a connection of its own, and returns the status line.
pub fn send(address: SocketAddr, text: &[u8]) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).expect("the port listens");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a time-out is set");
    // The server may close the connection of a request that it refuses early.
    let _ = stream.write_all(text);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).lines().next().unwrap_or("nothing").to_owned()
}

/// Measures all rows, prints the table, and fails if the cost of one grows faster than its input.
pub(crate) async fn assert_linear(title: &str, target: &Target, rows: Vec<RequestKind>) {
    let mut measured = Vec::new();
    for row in &rows {
        measured.push(target.measure(row).await);
    }
    let mut worst = Vec::new();
    println!("\n{title}: CPU time of the server");
    println!(
        "{:44} {:>9} {:>11} {:>11} {:>6} {:>8}  answer",
        "request", "n, bytes", "ms at n", "ms at 2n", "ratio", "ns/byte"
    );
    for row in &measured {
        let (small, large) = row.cost;
        let (ratio, per_byte) = (ratio(row.cost), large / (2 * row.bytes) as f64);
        let (name, bytes, response) = (&row.name, row.bytes, &row.response);
        let (small, large) = (small / 1e6, large / 1e6);
        println!("{name:44} {bytes:9} {small:11.3} {large:11.3} {ratio:6.2} {per_byte:8.1}  {response}");
        if response.contains("Unavailable") || response.contains("in time") {
            worst.push(format!("{name}: more work than the server gives a call"));
        } else if ratio > MAX_RATIO {
            worst.push(format!("{name}: {ratio:.2}"));
        }
    }
    assert!(
        worst.is_empty(),
        "work that grows faster than its input, {MAX_RATIO} times at most for twice of it: {worst:#?}"
    );
}
