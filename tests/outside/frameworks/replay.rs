//! One client: sends requests through a proxy, and allowed ones to every framework.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use crate::frameworks::fixture::{Fixture, PROFILES};
use crate::frameworks::generate::Case;
use crate::frameworks::oracle::{Decision, FrameworkReading, Violation};
use crate::frameworks::raw::{Backend, Connection, unchunked};
use crate::frameworks::servers::{Framework, Frameworks};

/// Results of requests.
#[derive(Debug, Default)]
pub struct Tally {
    /// Number of requests sent.
    pub sent: usize,
    /// Number of allowed requests.
    pub allowed: usize,
    /// Number of allowed requests unlike any before, which were sent to the frameworks.
    pub distinct: usize,
    /// Number of requests without a decision or a response.
    pub unanswered: usize,
    /// For each framework, how many requests it read, refused and failed at.
    pub read: BTreeMap<&'static str, [usize; 3]>,
    /// Allowed requests by proxy and profile.
    pub by_profile: BTreeMap<String, usize>,
    /// Kinds of violations, how often, and the first example.
    pub violations: BTreeMap<String, (usize, String)>,
}

/// A client of one proxy.
#[derive(Debug)]
pub struct Worker<'a> {
    fixture: &'a Fixture,
    proxy: &'static str,
    connection: Connection,
    frameworks: Vec<(Framework, Connection)>,
    seen: HashSet<u64>,
    /// Whether violations are grouped by request instead of by reading.
    pub by_request: bool,
    /// Results of its requests.
    pub tally: Tally,
}

impl<'a> Worker<'a> {
    /// Creates a client of the proxy at `port`.
    #[must_use]
    pub fn new(fixture: &'a Fixture, proxy: &'static str, port: u16, frameworks: &Frameworks) -> Self {
        let frameworks = frameworks.all.iter().map(|one| (*one, Connection::new(one.port))).collect();
        let (connection, seen, tally) = (Connection::new(port), HashSet::new(), Tally::default());
        Self { fixture, proxy, connection, frameworks, seen, by_request: false, tally }
    }

    fn backend(&self) -> &Backend {
        &self.fixture.backend
    }

    /// Sends a request and, if it was allowed, passes it to the frameworks.
    pub fn try_case(&mut self, case: &Case, id: &str) {
        self.tally.sent += 1;
        let bytes = case.request.bytes(id);
        let response = self.connection.exchange(&bytes);
        self.tally.unanswered += usize::from(response.as_ref().map_or(true, |response| response.status >= 500));
        let received = self.backend().take(id);
        let Some(raw) = received.first() else { return };
        self.tally.allowed += 1;
        *self.tally.by_profile.entry(format!("{} {}", self.proxy, case.profile.name)).or_default() += 1;
        if received.len() > 1 {
            let description = "one request arrives as several".to_owned();
            self.record_violation("a service", &Violation { what: "framing", description }, case, raw);
        }
        if !self.seen.insert(digest(raw)) {
            return;
        }
        self.tally.distinct += 1;
        let raw = raw.clone();
        match Decision::from_request(&raw, case.profile, &self.fixture.keys) {
            Ok(decision) => self.send_to_frameworks(case, &raw, &decision),
            Err(violation) => self.record_violation("a service", &violation, case, &raw),
        }
    }

    /// Sends to all, then receives from all: they work concurrently.
    fn send_to_frameworks(&mut self, case: &Case, raw: &[u8], decision: &Decision<'_>) {
        let to_head = raw.starts_with(b"HEAD ");
        let whole = unchunked(raw);
        // A proxy may abort a request that it has begun to send.
        let broken = whole.is_err();
        let whole = whole.unwrap_or_else(|_| raw.to_vec());
        let bytes = |framework: &Framework| if framework.whole_bodies { &*whole } else { raw };
        for (framework, connection) in &mut self.frameworks {
            if broken {
                connection.send_broken(bytes(framework)).ok();
                continue;
            }
            if framework.ends_connections {
                connection.reset();
            }
            // Without a connection nothing is received below, and it is sent again.
            connection.send(bytes(framework)).ok();
        }
        for at in 0..self.frameworks.len() {
            let (framework, connection) = &mut self.frameworks[at];
            let (name, bytes) = (framework.name, bytes(framework));
            let first = connection.receive(to_head).ok();
            if broken {
                connection.reset();
            }
            // A server may close a persistent connection at any time; then a new one is used.
            let response = first.or_else(|| {
                connection.reset();
                if broken {
                    return None;
                }
                connection.send(bytes).and_then(|()| connection.receive(to_head)).ok()
            });
            let reading =
                response.as_ref().and_then(|response| serde_json::from_slice::<FrameworkReading>(&response.body).ok());
            let counts = self.tally.read.entry(name).or_default();
            let Some(reading) = reading else {
                let failed = response.is_some_and(|response| response.status >= 500);
                counts[if failed { 2 } else { 1 }] += usize::from(!to_head);
                continue;
            };
            counts[0] += 1;
            for violation in decision.violations(&reading, &self.fixture.keys) {
                self.record_violation(name, &violation, case, raw);
            }
        }
    }

    fn record_violation(&mut self, framework: &str, violation: &Violation, case: &Case, raw: &[u8]) {
        let mut what = format!("{} [{}] {framework} {}", violation.what, case.profile.name, violation.description);
        if self.by_request {
            what = format!("{}: {what}", case.label);
        }
        let entry = self.tally.violations.entry(what).or_insert_with(|| {
            let sent = case.request.bytes("").escape_ascii().to_string();
            (0, format!("{} ({})\n    sent:    {sent}\n    received: {}", case.label, self.proxy, raw.escape_ascii()))
        });
        entry.0 += 1;
    }
}

/// Returns a digest of everything except the parts that differ in every request.
fn digest(raw: &[u8]) -> u64 {
    let volatile = [&b"x-case:"[..], b"x-request-id:", b"x-latchkey-revision:", b"x-envoy-"];
    let lines = raw.split(|byte| *byte == b'\n').filter(|connection| {
        let lower = connection.to_ascii_lowercase();
        !volatile.iter().any(|name| lower.starts_with(name))
    });
    let lines: Vec<&[u8]> = lines.collect();
    BuildHasherDefault::<DefaultHasher>::default().hash_one(lines)
}

impl Tally {
    /// Adds another tally.
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.allowed += other.allowed;
        self.distinct += other.distinct;
        self.unanswered += other.unanswered;
        for (name, counts) in other.read {
            let sums = self.read.entry(name).or_default();
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        for (name, count) in other.by_profile {
            *self.by_profile.entry(name).or_default() += count;
        }
        for (violation, (times, example)) in other.violations {
            self.violations.entry(violation).or_insert((0, example)).0 += times;
        }
    }

    /// Fails when too few requests were allowed, or some framework read too few, for the results to mean something.
    ///
    /// # Panics
    ///
    /// In that case.
    pub fn assert_meaningful(&self, least_allowed: usize, frameworks: &Frameworks) {
        assert!(self.allowed * 100 >= self.sent * least_allowed, "too few were allowed: {self}");
        // Requests without a decision prove nothing: an unavailable proxy would make the test empty.
        assert!(self.unanswered * 10 <= self.sent, "too many had no response: {self}");
        for profile in &PROFILES {
            // Envoy sends bodies, so every profile is usable behind it.
            assert!(self.by_profile.contains_key(&format!("Envoy {}", profile.name)), "nothing is allowed: {self}");
        }
        for framework in &frameworks.all {
            let [read, refused, failed] = self.read.get(framework.name).copied().unwrap_or_default();
            assert!(read * 2 >= self.distinct, "{} read too few: {self}", framework.name);
            assert!(failed * 50 <= read + refused, "{} failed too often: {self}", framework.name);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, allowed, distinct, unanswered, .. } = self;
        writeln!(f, "{sent} sent, {allowed} allowed ({distinct} distinct), {unanswered} without a decision")?;
        for (name, [read, refused, failed]) in &self.read {
            writeln!(f, "  {name}: {read} read, {refused} refused, {failed} failed")?;
        }
        for (name, count) in &self.by_profile {
            writeln!(f, "  {name}: {count} allowed")?;
        }
        Ok(())
    }
}
