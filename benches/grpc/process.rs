//! Helper processes of this program: servers, and clients that load them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::{CONNECTIONS, Load, STREAMS, h2load};
use crate::common::stats::Sample;

/// Another process of this program, controlled by lines of text.
struct Helper {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Helper {
    fn start(words: &[&str]) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, input, output }
    }

    fn send_line(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the other process listens");
    }

    fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the other process speaks");
        assert!(!line.is_empty(), "the other process has ended");
        line.trim_end().to_owned()
    }

    fn number(&mut self) -> f64 {
        self.read_line().parse().expect("the other process tells a number")
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A server and the address and token needed to call it.
pub(super) struct Server {
    process: Helper,
    address: String,
    token: String,
    keys: u64,
}

/// Results of one round of load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    /// Microseconds of the server's CPU time per call.
    pub(super) cost: f64,
    /// Calls per second.
    pub(super) rate: f64,
    /// Durations of calls in microseconds: median and 99th percentile.
    pub(super) took: (f64, f64),
}

impl Server {
    /// Starts a server with this number of data threads and keys.
    pub(super) fn start(threads: usize, keys: u64) -> Self {
        Self::of(&["server", &threads.to_string(), &keys.to_string()], keys)
    }

    /// Starts plain hyper, to be called with the same keys.
    pub(super) fn echo(keys: u64) -> Self {
        Self::of(&["server", "echo"], keys)
    }

    fn of(words: &[&str], keys: u64) -> Self {
        let mut process = Helper::start(words);
        let (address, token) = (process.read_line(), process.read_line());
        Self { process, address, token, keys }
    }

    /// Loads the server for `seconds`, at `rate` calls a second or as fast as it responds. `seed` determines the keys.
    pub(super) fn round(&mut self, load: Load, seconds: u64, rate: Option<f64>, seed: usize) -> Round {
        let pace = rate.map_or(0.0, |rate| 1_000_000.0 * (CONNECTIONS * STREAMS) as f64 / rate);
        let (length, pace) = (seconds.to_string(), format!("{pace:.0}"));
        let (keys, seed) = (self.keys.to_string(), seed.to_string());
        let words = ["client", &self.address, &self.token, load.word(), &length, &pace, &keys, &seed];
        let mut client = Helper::start(&words);
        assert_eq!(client.read_line(), "warm");
        let before = self.spent();
        client.send_line("go");
        let calls = client.number();
        let spent = self.spent() - before;
        Round { cost: spent / calls, rate: calls / seconds as f64, took: (client.number(), client.number()) }
    }

    /// Lets h2load make `calls` calls as fast as the server responds.
    pub(super) fn h2load(&mut self, load: Load, calls: u64) -> Round {
        let before = self.spent();
        let rate = h2load::run(&self.address, &self.token, load, calls);
        Round { cost: (self.spent() - before) / calls as f64, rate, took: (0.0, 0.0) }
    }

    /// Returns the CPU time of the server in microseconds.
    fn spent(&mut self) -> f64 {
        self.process.send_line("cpu");
        self.process.number()
    }
}

/// Returns one figure of all rounds.
pub(super) fn sample(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> Sample {
    Sample::new(rounds.iter().map(figure).collect())
}

/// Returns the median of the ratios of the rounds.
pub(super) fn ratio(of: &[Round], to: &[Round], figure: impl Fn(&Round) -> f64) -> String {
    let ratios = of.iter().zip(to).map(|(of, to)| figure(of) / figure(to)).collect();
    format!("{:.2}", Sample::new(ratios).median())
}
