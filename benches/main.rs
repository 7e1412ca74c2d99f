//! The benchmarks: one program, run by `cargo bench` (or `make bench`), which writes benches/RESULTS.md.
//!
//! `cargo bench -- decide grpc` runs only the named ones. Each replaces its own section of the page. Started in any
//! other way, or with `--quick`, it runs a small version of itself and writes nothing.
#![expect(clippy::cast_precision_loss, reason = "figures of measurements")]

mod common;
mod console;
mod decide;
#[path = "../tests/alone/floods/flood.rs"]
#[expect(unreachable_pub, reason = "the tests' own tools, of which the benchmarks need a part")]
mod flood;
#[path = "flood.rs"]
mod flooding;
mod grpc;
mod keys;
mod large;
#[path = "../tests/alone/floods/process_cost.rs"]
#[expect(dead_code, unreachable_pub, reason = "the tests' own tools, of which the benchmarks need a part")]
mod process_cost;
mod proxies;
#[path = "../tests/alone/floods/raw.rs"]
#[expect(unreachable_pub, reason = "the tests' own tools, of which the benchmarks need a part")]
mod raw;
#[path = "../tests/alone/floods/requests.rs"]
#[expect(dead_code, unreachable_pub, reason = "the tests' own tools, of which the benchmarks need a part")]
mod requests;
mod revocation;
mod unrelated;

use crate::common::report::Section;

/// The allocator that the server uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A benchmark: its name and its function, which receives whether to run in full.
type Benchmark = (&'static str, fn(bool) -> Section);

const BENCHMARKS: &[Benchmark] = &[
    ("console", console::run),
    ("decide", decide::run),
    ("flood", flooding::run),
    ("grpc", grpc::run),
    ("keys", keys::run),
    ("large", large::run),
    ("proxies", proxies::run),
    ("revocation", revocation::run),
    ("unrelated", unrelated::run),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if grpc::run_helper(&words) {
        return;
    }
    let full = words.contains(&"--bench") && !words.contains(&"--quick");
    let named: Vec<&str> = words.into_iter().filter(|word| !word.starts_with("--")).collect();
    for name in &named {
        assert!(BENCHMARKS.iter().any(|(known, _)| known == name), "there is no benchmark `{name}`");
    }
    for &(name, run) in BENCHMARKS {
        if named.is_empty() || named.contains(&name) {
            let section = run(full);
            if full {
                section.write();
            }
        }
    }
}
