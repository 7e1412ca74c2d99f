//! What the network costs: CPU time of the server per call, of Authorize beside a call that does nothing.
//!
//! Several processes, all of them this program. One server has the decision port as it is (SQLite, 10 000 keys, all in
//! the cache), with one service more, whose only method takes and answers an empty message; another is hyper alone, on
//! one thread, which answers the same questions with the same number of bytes without looking at them. A client process
//! loads one of them over 8 connections with 32 calls at once on each. One process leads: round by round it lets the
//! client load each in turn, and asks the server for the CPU time that all its threads have spent. Then the same at half
//! of the rate that the server could take, for what a caller waits; and batches.

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

/// Questions of a batch.
pub(crate) const BATCH: usize = 100;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Authorize, allowed, from the cache.
    Authorize,
    /// A batch of questions like those.
    Batch,
    /// A call that does nothing.
    Nothing,
    /// The bytes of Authorize, answered by hyper alone.
    Echo,
}

impl Load {
    const fn word(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Batch => "batch",
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
        ["client", address, token, load, seconds, pace] => {
            let known = [Load::Authorize, Load::Batch, Load::Nothing, Load::Echo];
            let load = *known.iter().find(|known| known.word() == load).expect("a load");
            let seconds = Duration::from_secs(seconds.parse().expect("a number of seconds"));
            let pace = Duration::from_micros(pace.parse().expect("a number of microseconds"));
            client::run(address, token, load, seconds, (!pace.is_zero()).then_some(pace));
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

/// A server and what it takes to call it.
struct Server {
    process: Helper,
    address: String,
    token: String,
}

/// What a round of load came to.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// Microseconds of the server's CPU time per call.
    cost: f64,
    /// Calls a second.
    rate: f64,
    /// Microseconds that a call took, at the median and the 99th percentile.
    took: (f64, f64),
}

impl Server {
    fn start(kind: &str) -> Self {
        let mut process = Helper::start(&["server", kind]);
        let (address, token) = (process.hear(), process.hear());
        Self { process, address, token }
    }

    /// Loads it, at `rate` calls a second or as fast as it answers.
    fn round(&mut self, load: Load, seconds: u64, rate: Option<f64>) -> Round {
        let pace = rate.map_or(0.0, |rate| 1_000_000.0 * (CONNECTIONS * STREAMS) as f64 / rate);
        let (length, pace) = (seconds.to_string(), format!("{pace:.0}"));
        let mut client = Helper::start(&["client", &self.address, &self.token, load.word(), &length, &pace]);
        assert_eq!(client.hear(), "warm");
        self.process.say("cpu");
        let before = self.process.number();
        client.say("go");
        let calls = client.number();
        self.process.say("cpu");
        let spent = self.process.number() - before;
        Round { cost: spent / calls, rate: calls / seconds as f64, took: (client.number(), client.number()) }
    }
}

/// The rounds of one number of data threads.
#[derive(Debug, Default)]
struct Rounds {
    authorize: Vec<Round>,
    nothing: Vec<Round>,
    echo: Vec<Round>,
    batch: Vec<Round>,
    /// At half of the rate of Authorize.
    half: Vec<Round>,
    half_nothing: Vec<Round>,
}

/// One figure of all rounds.
fn sample(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> Sample {
    Sample::new(rounds.iter().map(figure).collect())
}

/// The median of the rounds' ratios.
fn ratio(of: &[Round], to: &[Round], figure: impl Fn(&Round) -> f64) -> String {
    let ratios = of.iter().zip(to).map(|(of, to)| figure(of) / figure(to)).collect();
    format!("{:.2}", Sample::new(ratios).median())
}

fn rounds(threads: usize, count: usize, seconds: u64) -> Rounds {
    let mut server = Server::start(&threads.to_string());
    let mut echo = Server::start("echo");
    let mut rounds = Rounds::default();
    for _ in 0..count {
        rounds.authorize.push(server.round(Load::Authorize, seconds, None));
        rounds.nothing.push(server.round(Load::Nothing, seconds, None));
        rounds.echo.push(echo.round(Load::Echo, seconds, None));
        rounds.batch.push(server.round(Load::Batch, seconds, None));
        let half = sample(&rounds.authorize, |round| round.rate).median() / 2.0;
        rounds.half.push(server.round(Load::Authorize, seconds, Some(half)));
        rounds.half_nothing.push(server.round(Load::Nothing, seconds, Some(half)));
    }
    rounds
}

/// Measures it.
pub(crate) fn run(earnest: bool) -> Section {
    let (count, seconds) = if earnest { (10, 3) } else { (1, 1) };
    let mut section = Section::begin("grpc", "Authorize over gRPC");
    section.say(&format!(
        "CPU time of the whole server process per call, in microseconds, under {CONNECTIONS} connections × {STREAMS} \
         calls at once from another process on the same machine; every call of Authorize allowed, its key in the \
         cache, one of {KEYS}. Nothing: a unary call of an empty message on the same port, by tonic with the codec of all \
         services, where Authorize does without tonic. Echo: hyper alone on one thread, questions and answers of the same \
         size. Median of {count} rounds of {seconds} s (the least–the greatest), the loads in turn; the ratios are medians \
         of the rounds' ratios. Goals: 1.15 to nothing, 1.25 to echo."
    ));
    let threads = [1, 2];
    let measured = threads.map(|threads| rounds(threads, count, seconds));
    section.table(&["data threads", "Authorize, µs", "nothing, µs", "echo, µs", "to nothing", "to echo", "calls/s"]);
    for (threads, rounds) in threads.iter().zip(&measured) {
        let cost = |rounds: &[Round]| sample(rounds, |round| round.cost).to_string();
        section.row(&[
            &threads.to_string(),
            &cost(&rounds.authorize),
            &cost(&rounds.nothing),
            &cost(&rounds.echo),
            &ratio(&rounds.authorize, &rounds.nothing, |round| round.cost),
            &ratio(&rounds.authorize, &rounds.echo, |round| round.cost),
            &format!("{:.0}", sample(&rounds.authorize, |round| round.rate).median()),
        ]);
    }
    section.say(
        "What a caller waits, in microseconds on the wall, when calls come at half of the rate above. Goal: 1.3 to nothing \
         at the 99th percentile.",
    );
    section.table(&[
        "data threads",
        "Authorize, p50",
        "Authorize, p99",
        "nothing, p50",
        "nothing, p99",
        "p99 to nothing",
    ]);
    for (threads, rounds) in threads.iter().zip(&measured) {
        let took = |rounds: &[Round], figure: fn(&Round) -> f64| sample(rounds, figure).to_string();
        section.row(&[
            &threads.to_string(),
            &took(&rounds.half, |round| round.took.0),
            &took(&rounds.half, |round| round.took.1),
            &took(&rounds.half_nothing, |round| round.took.0),
            &took(&rounds.half_nothing, |round| round.took.1),
            &ratio(&rounds.half, &rounds.half_nothing, |round| round.took.1),
        ]);
    }
    section.say(&format!(
        "BatchAuthorize of {BATCH}: CPU time of the whole process per decision, in nanoseconds, and how many decisions one \
         second of a core's time therefore makes. Goal: a million."
    ));
    section.table(&["data threads", "ns per decision", "decisions per CPU second"]);
    for (threads, rounds) in threads.iter().zip(&measured) {
        let each = sample(&rounds.batch, |round| round.cost * 1_000.0 / BATCH as f64);
        section.row(&[&threads.to_string(), &each.to_string(), &format!("{:.0}", 1e9 / each.median())]);
    }
    section
}
