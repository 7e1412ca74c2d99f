//! The load: wrk and its report.

use std::process::Command;

use helpers::support::machine::find_program;

/// Results of a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Median duration of a request in microseconds.
    pub(crate) p50: f64,
    /// 99th percentile of the duration in microseconds.
    pub(crate) p99: f64,
    /// Requests per second.
    pub(crate) rate: f64,
}

/// Loads `url` over this number of connections, with a key in every request.
///
/// # Panics
///
/// When a request was not answered with 200.
pub(crate) fn run(url: &str, token: &str, connections: usize, seconds: u64) -> Figures {
    let wrk = find_program("wrk", &[]).expect("wrk is needed: run `scripts/setup bench`");
    let connections = format!("-c{connections}");
    let (time, header) = (format!("-d{seconds}s"), format!("x-api-key: {token}"));
    let output = Command::new(wrk).args(["-t1", &connections, &time, "--latency", "-H", &header, url]).output();
    let output = output.expect("wrk runs");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && !stdout.contains("Non-2xx") && !stdout.contains("Socket errors"), "{stdout}");
    let after = |label: &str| {
        let line = stdout.lines().find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_else(|| panic!("wrk tells {label}: {stdout}")).trim().to_owned()
    };
    let rate = after("Requests/sec:").parse().expect("a rate is a number");
    Figures { p50: microseconds(&after("50%")), p99: microseconds(&after("99%")), rate }
}

/// Parses `1.23ms` as microseconds.
fn microseconds(text: &str) -> f64 {
    let unit = text.find(char::is_alphabetic).expect("a time has a unit");
    let number: f64 = text[..unit].parse().expect("a time is a number");
    number
        * match &text[unit..] {
            "us" => 1.0,
            "ms" => 1e3,
            "s" => 1e6,
            other => panic!("wrk tells times in {other}"),
        }
}
