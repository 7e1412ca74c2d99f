//! The console of a company larger than any expected: a million keys, a thousand stores, a thousand methods.
//!
//! The real program runs on each engine. The requests of one browser are sent one after another, each on its own
//! loopback connection, with gzip. A figure is the milliseconds from sending a request to the last byte of its
//! response, so it contains everything that the server does for a page, storage included. There is no other load.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::common::cpu;
use crate::common::data;
use crate::common::report::Section;
use crate::common::stats::Sample;
use helpers::support::postgres::{Cluster, Options};
use helpers::support::process::LatchkeyProcess;

/// Number of stores, and of methods in the reference book.
const SIZE: u32 = 1_000;

/// Requests for each page.
const CALLS: usize = 200;

/// Timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Names and paths of the pages.
const PAGES: [(&str, &str); 7] = [
    ("the list of keys", "/integration/keys"),
    ("the list, of a store", "/integration/keys?store=store-007"),
    ("the list, active, a text", "/integration/keys?activity=on&text=landing"),
    ("the list, not used for 90 days", "/integration/keys?life=unused"),
    ("the form of a key", "/integration/keys/new"),
    ("the stores", "/integration/stores"),
    ("the audit trail", "/oversight/audit"),
];

/// Measurements of one page.
struct Figures {
    /// Response times in milliseconds.
    times: Sample,
    /// Bytes of the response, compressed and uncompressed.
    bytes: (usize, usize),
}

/// Runs the benchmark.
pub(crate) fn run(full: bool) -> Section {
    let keys = if full { 1_000_000 } else { 2_000 };
    let size = if full { SIZE } else { data::STORES + 50 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let cluster = Cluster::start(Options::default().set("shared_buffers", "1GB").set("max_wal_size", "8GB"));
    let database = cluster.database();
    let urls = [format!("sqlite:{}", folder.path().join("latchkey.db").display()), database.url().to_owned()];
    let mut measured = Vec::new();
    for url in &urls {
        let token = runtime.block_on(async {
            let storage = data::open(url).await;
            let token = data::create_admin(&storage).await;
            let catalog = data::create_catalog_of(&storage, size).await;
            data::fill(&storage, &catalog, keys).await;
            token.reveal().to_owned()
        });
        if url.starts_with("postgres") {
            // Autovacuum would do the same some time after so many inserts.
            helpers::support::postgres::query(url, "VACUUM ANALYZE").expect("a vacuum");
        }
        let server = LatchkeyProcess::builder().database(url).start();
        measured.push(pages(server.addresses().admin, &token, if full { CALLS } else { 5 }));
    }
    let mut section = Section::new("console", &format!("{keys} keys, {size} stores, {size} methods"));
    section.paragraph(
        "Milliseconds on the wall from a request to the last byte of its page: the median and the 95th percentile of 200. \
         Goal: 20 ms at the 95th for the list and the form.",
    );
    section.table(&[
        "page",
        "SQLite, median",
        "SQLite, p95",
        "PostgreSQL, median",
        "PostgreSQL, p95",
        "bytes",
        "unfolded",
    ]);
    for (at, (name, _)) in PAGES.iter().enumerate() {
        let times = measured.iter().map(|figures| &figures[at].times);
        let cells: Vec<String> = times
            .flat_map(|times| [times.median(), times.percentile(0.95)])
            .map(|figure| format!("{figure:.1}"))
            .collect();
        let (bytes, unfolded) = measured[0][at].bytes;
        section.row(&[name, &cells[0], &cells[1], &cells[2], &cells[3], &bytes.to_string(), &unfolded.to_string()]);
    }
    section
}

/// Signs in and measures every page.
fn pages(address: SocketAddr, token: &str, calls: usize) -> Vec<Figures> {
    let form = format!("token={token}");
    let answer = send_request(
        address,
        &format!(
            "POST /sign-in HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\norigin: http://{address}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        ),
    );
    let head = String::from_utf8_lossy(&answer).into_owned();
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a session begins");
    let cookie = cookie.split(';').next().expect("a cookie");
    PAGES.iter().map(|(_, path)| page(address, path, cookie, calls)).collect()
}

fn page(address: SocketAddr, path: &str, cookie: &str, calls: usize) -> Figures {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncookie: {cookie}\r\naccept-encoding: gzip\r\n\r\n"
    );
    let (mut times, mut bytes) = (Vec::new(), (0, 0));
    // The first requests warm caches and are not counted.
    for call in 0..calls + calls / 10 {
        let began = cpu::wall();
        let answer = send_request(address, &request);
        let took = cpu::wall().saturating_sub(began);
        if call >= calls / 10 {
            times.push(took.as_secs_f64() * 1_000.0);
        }
        bytes = body_sizes(&answer, path);
    }
    Figures { times: Sample::new(times), bytes }
}

/// Returns the bytes of a page, compressed and uncompressed.
fn body_sizes(answer: &[u8], path: &str) -> (usize, usize) {
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("an answer has a head") + 4;
    let (head, body) = (String::from_utf8_lossy(&answer[..end]), &answer[end..]);
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    let mut page = String::new();
    flate2::read::GzDecoder::new(body).read_to_string(&mut page).expect("a page is gzip of UTF-8");
    assert!(page.contains("</html>"), "{path}: a whole page");
    (body.len(), page.len())
}

fn send_request(address: SocketAddr, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).expect("the console listens");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a time-out is set");
    stream.set_nodelay(true).expect("packets go at once");
    stream.write_all(request.as_bytes()).expect("the console reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the console answers");
    answer
}
