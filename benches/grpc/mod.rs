//! The cost of the network: CPU time of the server per call of Authorize, compared with a call that does nothing.
//!
//! Several processes run this program. One server has the real decision port plus a service whose only method takes and
//! returns an empty message; another is plain hyper on one thread, which returns as many bytes without reading the
//! requests. A client process loads one of them over 8 connections with 32 concurrent calls each. A leading process
//! runs the rounds: the client loads each server in turn, and the server reports the CPU time of all its threads. Then
//! follow the same at half of the server's maximum rate, for latencies; batches; and the load of another client,
//! h2load.
//!
//! Keys come from a storage that generates them on demand (common/drawn.rs), because writing ten million would take the
//! better part of an hour. It receives usage counts and drops them.

mod client;
mod h2load;
mod noop;
mod process;
mod server;

use std::time::Duration;

use latchkey::proto::v1 as proto;

use self::client::ClientConfig;
use self::process::{Round, Server, ratio, sample};
use crate::common::data;
use crate::common::report::Section;

/// Connections of the client.
const CONNECTIONS: usize = 8;

/// Concurrent calls on each connection.
const STREAMS: usize = 32;

/// Requests in a batch.
const BATCH: usize = 100;

/// Calls of h2load in one round.
const CALLS: u64 = 200_000;

/// The calls of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    /// Authorize, allowed, from the cache; all keys equally often.
    Authorize,
    /// The same with a Zipf distribution of keys.
    AuthorizeZipf,
    /// Batches of requests like those of `Authorize`.
    Batch,
    /// A call that does nothing.
    Nothing,
    /// The bytes of `Authorize`, returned by plain hyper.
    Echo,
}

impl Load {
    const fn word(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::AuthorizeZipf => "authorize-zipf",
            Self::Batch => "batch",
            Self::Nothing => "nothing",
            Self::Echo => "echo",
        }
    }
}

/// Runs the server or the client if this process was started as one; returns whether it did.
pub(crate) fn run_helper(words: &[&str]) -> bool {
    match *words {
        ["server", "echo"] => server::run_echo(),
        ["server", threads, keys] => {
            server::run(threads.parse().expect("a number of threads"), keys.parse().expect("a number of keys"));
        }
        ["client", address, token, load, seconds, pace, keys, seed] => {
            let known = [Load::Authorize, Load::AuthorizeZipf, Load::Batch, Load::Nothing, Load::Echo];
            let pace = Duration::from_micros(pace.parse().expect("a number of microseconds"));
            client::run(&ClientConfig {
                address,
                token,
                load: *known.iter().find(|known| known.word() == load).expect("a load"),
                time: Duration::from_secs(seconds.parse().expect("a number of seconds")),
                pace: (!pace.is_zero()).then_some(pace),
                keys: keys.parse().expect("a number of keys"),
                seed: seed.parse().expect("a number"),
            });
        }
        _ => return false,
    }
    true
}

/// Makes the request about a key.
fn authorize_request(key: String) -> proto::AuthorizeRequest {
    proto::AuthorizeRequest {
        key,
        method: "GET /api/v5/orders".to_owned(),
        store: data::store_code(7),
        ..Default::default()
    }
}

/// Rounds with one server.
#[derive(Debug, Default)]
struct Rounds {
    authorize: Vec<Round>,
    zipf: Vec<Round>,
    nothing: Vec<Round>,
    echo: Vec<Round>,
    batch: Vec<Round>,
    /// Rounds at half of the maximum rate of Authorize.
    half: Vec<Round>,
    half_nothing: Vec<Round>,
    /// Authorize, nothing and echo, loaded by h2load.
    h2load: [Vec<Round>; 3],
}

/// Amount of measurements with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Only the cost of a call.
    Cost,
    /// Everything.
    All,
}

fn rounds(threads: usize, keys: u64, count: usize, seconds: u64, extent: Extent) -> Rounds {
    let mut server = Server::start(threads, keys);
    let mut echo = Server::echo(keys);
    let mut rounds = Rounds::default();
    for seed in 0..count {
        rounds.authorize.push(server.round(Load::Authorize, seconds, None, seed));
        rounds.nothing.push(server.round(Load::Nothing, seconds, None, seed));
        rounds.zipf.push(server.round(Load::AuthorizeZipf, seconds, None, seed));
        rounds.echo.push(echo.round(Load::Echo, seconds, None, seed));
        if extent == Extent::All {
            rounds.batch.push(server.round(Load::Batch, seconds, None, seed));
            let half = sample(&rounds.authorize, |round| round.rate).median() / 2.0;
            rounds.half.push(server.round(Load::Authorize, seconds, Some(half), seed));
            rounds.half_nothing.push(server.round(Load::Nothing, seconds, Some(half), seed));
            rounds.h2load[0].push(server.h2load(Load::Authorize, CALLS));
            rounds.h2load[1].push(server.h2load(Load::Nothing, CALLS));
            rounds.h2load[2].push(echo.h2load(Load::Echo, CALLS));
        }
    }
    rounds
}

/// Runs the benchmark.
pub(crate) fn run(full: bool) -> Section {
    let (count, seconds) = if full { (10, 3) } else { (1, 1) };
    let sizes: &[u64] = if full { &[10_000, 1_000_000, 10_000_000] } else { &[1_000] };
    let mut section = Section::new("grpc", "Authorize over gRPC");
    section.paragraph(&format!(
        "CPU time of the whole server process per call, in microseconds, under {CONNECTIONS} connections × {STREAMS} \
         calls at once from another process on the same machine; every call of Authorize allowed, its key in the cache: \
         any of all as often as the others, or the n-th 1/n as often as the first. Nothing: a unary call of an empty \
         message on the same port, its path as long, by tonic with the codec of all services, where Authorize does \
         without tonic. Echo: hyper alone on one thread, questions and answers of the same size. Median of {count} rounds \
         of {seconds} s (the least–the greatest), the loads in turn; the ratios are medians of the rounds' ratios. Goals: \
         1.15 to nothing, 1.25 to echo."
    ));
    let larger = sizes[1..].iter().map(|keys| (1, *keys, Extent::Cost));
    let servers = [(1, sizes[0], Extent::All), (2, sizes[0], Extent::Cost)].into_iter().chain(larger);
    let measured: Vec<_> =
        servers.map(|(threads, keys, extent)| (threads, keys, rounds(threads, keys, count, seconds, extent))).collect();
    costs(&mut section, &measured);
    let (_, keys, whole) = &measured[0];
    section.paragraph(&format!("The rest with one data thread and {keys} keys, each as often as the others."));
    waits(&mut section, whole);
    batches(&mut section, whole);
    by_h2load(&mut section, whole);
    section
}

/// Data threads and keys of a server, and its rounds.
type Measured = (usize, u64, Rounds);

fn costs(section: &mut Section, measured: &[Measured]) {
    section.table(&[
        "data threads",
        "keys",
        "drawn",
        "Authorize, µs",
        "nothing, µs",
        "echo, µs",
        "to nothing",
        "to echo",
        "calls/s",
    ]);
    let cost = |round: &Round| round.cost;
    for (threads, keys, rounds) in measured {
        for (drawn, authorize) in [("evenly", &rounds.authorize), ("1/n", &rounds.zipf)] {
            section.row(&[
                &threads.to_string(),
                &keys.to_string(),
                drawn,
                &sample(authorize, cost).to_string(),
                &sample(&rounds.nothing, cost).to_string(),
                &sample(&rounds.echo, cost).to_string(),
                &ratio(authorize, &rounds.nothing, cost),
                &ratio(authorize, &rounds.echo, cost),
                &format!("{:.0}", sample(authorize, |round| round.rate).median()),
            ]);
        }
    }
}

fn waits(section: &mut Section, rounds: &Rounds) {
    section.paragraph(
        "What a caller waits, in microseconds on the wall, when calls come at half of the rate above. Goal: 1.3 to nothing \
         at the 99th percentile.",
    );
    section.table(&["Authorize, p50", "Authorize, p99", "nothing, p50", "nothing, p99", "p99 to nothing"]);
    let took = |rounds: &[Round], figure: fn(&Round) -> f64| sample(rounds, figure).to_string();
    section.row(&[
        &took(&rounds.half, |round| round.took.0),
        &took(&rounds.half, |round| round.took.1),
        &took(&rounds.half_nothing, |round| round.took.0),
        &took(&rounds.half_nothing, |round| round.took.1),
        &ratio(&rounds.half, &rounds.half_nothing, |round| round.took.1),
    ]);
}

fn batches(section: &mut Section, rounds: &Rounds) {
    section.paragraph(&format!(
        "BatchAuthorize of {BATCH}: CPU time of the whole process per decision, in nanoseconds, and how many decisions one \
         second of a core's time therefore makes. Goal: a million."
    ));
    section.table(&["ns per decision", "decisions per CPU second"]);
    let each = sample(&rounds.batch, |round| round.cost * 1_000.0 / BATCH as f64);
    section.row(&[&each.to_string(), &format!("{:.0}", 1e9 / each.median())]);
}

fn by_h2load(section: &mut Section, rounds: &Rounds) {
    section.paragraph(&format!(
        "The load of h2load instead, {CALLS} calls of one key in a round, over as many connections with as many calls at \
         once."
    ));
    section.table(&["Authorize, µs", "nothing, µs", "echo, µs", "to nothing", "to echo", "calls/s"]);
    let cost = |round: &Round| round.cost;
    let [authorize, nothing, echo] = &rounds.h2load;
    section.row(&[
        &sample(authorize, cost).to_string(),
        &sample(nothing, cost).to_string(),
        &sample(echo, cost).to_string(),
        &ratio(authorize, nothing, cost),
        &ratio(authorize, echo, cost),
        &format!("{:.0}", sample(authorize, |round| round.rate).median()),
    ]);
}
