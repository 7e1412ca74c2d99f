//! The cost of authorization per request: Envoy and nginx with Latchkey compared with the same proxy without it, and
//! Envoy compared with its own API key filter.
//!
//! The proxies use the files in deploy/ with one worker each; only ports, log paths and the filter in question are
//! changed. One nginx that responds to every request is the upstream. Latchkey is the real program on SQLite. The load
//! comes from wrk, another process on the same machine: over one connection, which measures the added latency without
//! queueing, and over many, which measures throughput. The setups are loaded in turn, round by round.

mod load;
mod setup;

use self::load::Figures;
use self::setup::{Kind, Setup};
use crate::common::report::Section;
use crate::common::stats::Sample;

/// Connections of the load that measures throughput.
const MANY: usize = 32;

/// Kinds of proxy, each with the index of its baseline.
const KINDS: [(Kind, usize); 5] =
    [(Kind::EnvoyBare, 0), (Kind::EnvoyOwn, 0), (Kind::EnvoyAsking, 0), (Kind::NginxBare, 3), (Kind::NginxAsking, 3)];

/// Runs the benchmark.
pub(crate) fn run(full: bool) -> Section {
    let (rounds, seconds) = if full { (7, 4) } else { (1, 1) };
    let mut section = Section::new("proxies", "Through Envoy and nginx");
    section.paragraph(&format!(
        "Each proxy has one worker, is run from its file in deploy/ and sends every request on to the same service; every \
         request brings one key that is good. Latchkey is on the same machine, as is wrk, which makes the load. Times are \
         over one connection, in microseconds; what is added is against the same proxy without, in the same round. \
         Throughput is over {MANY} connections. Median of {rounds} rounds of {seconds} s (the least–the greatest), the \
         setups in turn."
    ));
    let setup = Setup::new();
    let proxies: Vec<_> = KINDS.iter().map(|(kind, _)| setup.start_proxy(*kind)).collect();
    let mut alone: Vec<Vec<Figures>> = vec![Vec::new(); KINDS.len()];
    let mut many: Vec<Vec<f64>> = vec![Vec::new(); KINDS.len()];
    for proxy in &proxies {
        load::run(&proxy.url(), setup.token(), MANY, 1);
    }
    for _ in 0..rounds {
        for (at, proxy) in proxies.iter().enumerate() {
            alone[at].push(load::run(&proxy.url(), setup.token(), 1, seconds));
            many[at].push(load::run(&proxy.url(), setup.token(), MANY, seconds).rate);
        }
    }
    section.table(&["", "p50", "p99", "added to p50", "added to p99", "requests/s"]);
    for (at, (kind, bare)) in KINDS.iter().enumerate() {
        let of = |figure: fn(&Figures) -> f64| Sample::new(alone[at].iter().map(figure).collect());
        let added = |figure: fn(&Figures) -> f64| {
            let pairs = alone[at].iter().zip(&alone[*bare]);
            if at == *bare {
                "–".to_owned()
            } else {
                Sample::new(pairs.map(|(with, without)| figure(with) - figure(without)).collect()).to_string()
            }
        };
        section.row(&[
            kind.label(),
            &of(|figures| figures.p50).to_string(),
            &of(|figures| figures.p99).to_string(),
            &added(|figures| figures.p50),
            &added(|figures| figures.p99),
            &Sample::new(many[at].clone()).to_string(),
        ]);
    }
    section
}
