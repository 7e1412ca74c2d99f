//! What the network costs: CPU time of the server per call, of Authorize beside a call that does nothing.
//!
//! Several processes, all of them this program. One server has the decision port as it is (SQLite, 10 000 keys, all in
//! the cache), with one service more, whose only method takes and answers an empty message; another is hyper alone, on
//! one thread, which answers the same questions with the same number of bytes without looking at them. A client process
//! loads one of them over 8 connections with 32 calls at once on each. One process leads: round by round it lets the
//! client load each in turn, and asks the server for the CPU time that all its threads have spent.

mod client;
mod noop;
mod server;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::common::report::Section;
use crate::common::stats::Sample;

/// Keys, all in the cache.
pub(crate) const KEYS: u64 = 10_000;

/// Connections of the client.
pub(crate) const CONNECTIONS: usize = 8;

/// Calls at once on each.
pub(crate) const STREAMS: usize = 32;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Authorize, allowed, from the cache.
    Authorize,
    /// A call that does nothing.
    Nothing,
    /// The bytes of Authorize, answered by hyper alone.
    Echo,
}

impl Load {
    const fn word(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Nothing => "nothing",
            Self::Echo => "echo",
        }
    }
}

/// Whether this process was started as the server or the client; if so, it was that, and is done.
pub(crate) fn helps(words: &[&str]) -> bool {
    match *words {
        ["server", "echo"] => server::run_echo(),
        ["server", workers] => server::run(workers.parse().expect("a number of threads")),
        ["client", address, token, load, seconds] => {
            let known = [Load::Authorize, Load::Nothing, Load::Echo];
            let load = *known.iter().find(|known| known.word() == load).expect("a load");
            client::run(address, token, load, Duration::from_secs(seconds.parse().expect("a number of seconds")));
        }
        _ => return false,
    }
    true
}

/// Another process of this program, talked to in lines.
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

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the other process listens");
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the other process speaks");
        assert!(!line.is_empty(), "the other process has ended");
        line.trim_end().to_owned()
    }

    fn number(&mut self) -> f64 {
        self.hear().parse().expect("the other process tells a number")
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a round of load cost: microseconds of the server's CPU time per call, and calls a second.
fn round(server: &mut Helper, address: &str, token: &str, load: Load, seconds: u64) -> (f64, f64) {
    let mut client = Helper::start(&["client", address, token, load.word(), &seconds.to_string()]);
    assert_eq!(client.hear(), "warm");
    server.say("cpu");
    let before = server.number();
    client.say("go");
    let calls = client.number();
    server.say("cpu");
    let spent = server.number() - before;
    (spent / calls, calls / seconds as f64)
}

/// Measures it.
pub(crate) fn run(earnest: bool) -> Section {
    let (rounds, seconds) = if earnest { (10, 3) } else { (1, 1) };
    let mut section = Section::begin("grpc", "Authorize over gRPC");
    section.say(&format!(
        "CPU time of the whole server process per call, in microseconds, under {CONNECTIONS} connections × {STREAMS} \
         calls at once from another process on the same machine; every call of Authorize allowed, its key in the \
         cache, one of {KEYS}. Nothing: a unary call of an empty message on the same port, by tonic with the codec of all \
         services. Echo: hyper alone on one thread, questions and answers of the same size. Median of {rounds} rounds of \
         {seconds} s (the least–the greatest), the loads in turn; the ratios are medians of the rounds' ratios."
    ));
    section.table(&["data threads", "Authorize, µs", "nothing, µs", "echo, µs", "to nothing", "to echo", "calls/s"]);
    for threads in [1, 2] {
        let mut server = Helper::start(&["server", &threads.to_string()]);
        let (address, token) = (server.hear(), server.hear());
        let mut echo = Helper::start(&["server", "echo"]);
        let (echo_address, _) = (echo.hear(), echo.hear());
        let (mut authorize, mut nothing, mut echoed, mut rates) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (cost, rate) = round(&mut server, &address, &token, Load::Authorize, seconds);
            authorize.push(cost);
            rates.push(rate);
            nothing.push(round(&mut server, &address, &token, Load::Nothing, seconds).0);
            echoed.push(round(&mut echo, &echo_address, &token, Load::Echo, seconds).0);
        }
        let ratio = |to: &[f64]| {
            let ratios = authorize.iter().zip(to).map(|(cost, to)| cost / to).collect();
            format!("{:.2}", Sample::new(ratios).median())
        };
        let (to_nothing, to_echo) = (ratio(&nothing), ratio(&echoed));
        section.row(&[
            &threads.to_string(),
            &Sample::new(authorize).to_string(),
            &Sample::new(nothing).to_string(),
            &Sample::new(echoed).to_string(),
            &to_nothing,
            &to_echo,
            &format!("{:.0}", Sample::new(rates).median()),
        ]);
    }
    section
}
