//! Connecting if the URL names several hosts, or a host has several addresses.
//!
//! ```text
//! last used ─▶ others ─▶ unresponsive     each attempt starts STAGGER after the one before, or at once when one fails
//!                                         │ the first usable connection wins; the others are dropped
//! ```
//!
//! Each attempt has one time limit for all of it: connecting, TLS, authentication, and whether the host accepts writes.
//! So a host that accepts connections but never responds, such as a frozen one, costs STAGGER and blocks nobody.
//! Connections to a host that stopped responding, or that is no longer the one in use, are not used again.

mod failure;
mod place;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_postgres::config::{Host, LoadBalanceHosts, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_util::task::AbortOnDropHandle;

pub(super) use self::failure::{Cause, Failure, Unreachable};
pub(super) use self::place::{Origin, SILENCE};
use self::place::{Place, Tried};
use super::config::Settings;
use super::tls::Tls;
use crate::clock::SharedClock;
use crate::telemetry::outage::Outage;

/// How long to wait for one host before also trying the next.
const STAGGER: Duration = Duration::from_millis(500);

/// The future that drives a connection.
pub(super) type Driver = Connection<Socket, <Tls as MakeTlsConnect<Socket>>::Stream>;
/// Looks up the addresses of a host name.
pub(super) type Resolve = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// A lookup in progress, and the handle that shows whether it has ended.
type Lookup = (Shared<BoxFuture<'static, Result<Vec<IpAddr>, Arc<io::Error>>>>, AbortHandle);

/// The hosts of a URL and their state. Shared by all pools and the listener.
#[derive(Clone)]
pub(super) struct Hosts(Arc<Known>);

struct Known {
    settings: Settings,
    tls: Tls,
    /// Connections are driven by the threads that opened storage, because those of a caller may be busy.
    runtime: Handle,
    clock: SharedClock,
    resolve: Resolve,
    named: Vec<Named>,
    places: Mutex<Vec<Arc<Place>>>,
    /// The location of the last connection.
    good: Mutex<Option<Arc<Place>>>,
    /// Incremented whenever connections must not be used again.
    changes: watch::Sender<u64>,
    /// Whether to use connections to different hosts at the same time.
    spread: bool,
    /// The number of connections requested, to alternate between hosts if they are spread.
    turn: AtomicU64,
    connecting: Outage,
}

/// A host as named in the URL.
struct Named {
    /// Its name or address, and port, for people.
    text: String,
    host: Host,
    address: Option<IpAddr>,
    port: u16,
    /// The lookup in progress: one at a time, because a hanging one blocks a thread.
    lookup: Mutex<Option<Lookup>>,
}

/// A new connection.
pub(super) struct Made {
    pub(super) client: Client,
    pub(super) driver: Driver,
    pub(super) origin: Origin,
}

/// The next attempt.
#[derive(Clone)]
enum Step {
    Name(usize),
    /// The last address of a name, in case its lookup hangs.
    Remembered(Arc<Place>),
    Place(Arc<Place>),
}

enum Outcome {
    Resolved(usize, Vec<IpAddr>),
    NotResolved(usize, Cause),
    Made { place: Arc<Place>, client: Client, driver: Box<Driver>, standby: bool },
    Failed(Arc<Place>, Cause),
}

// === impl Hosts ===

impl Hosts {
    /// Creates the hosts named in `settings`; connections are driven by the current runtime.
    pub(super) fn here(settings: &Settings, tls: &Tls, clock: &SharedClock) -> Self {
        Self::with_resolver(settings, tls, clock, system_resolver())
    }

    /// Creates the hosts with names resolved by `resolve`.
    fn with_resolver(settings: &Settings, tls: &Tls, clock: &SharedClock, resolve: Resolve) -> Self {
        let config = &settings.config;
        let named: Vec<_> = config
            .get_hosts()
            .iter()
            .zip(settings.places())
            .enumerate()
            .map(|(n, (host, (text, port)))| Named {
                text,
                host: host.clone(),
                address: config.get_hostaddrs().get(n).copied().or_else(|| match host {
                    Host::Tcp(host) => host.trim_matches(['[', ']']).parse().ok(),
                    Host::Unix(_) => None,
                }),
                port,
                lookup: Mutex::default(),
            })
            .collect();
        Self(Arc::new(Known {
            settings: settings.clone(),
            tls: tls.clone(),
            runtime: Handle::current(),
            clock: SharedClock::clone(clock),
            resolve,
            named,
            places: Mutex::default(),
            good: Mutex::default(),
            changes: watch::Sender::new(1),
            spread: config.get_load_balance_hosts() == LoadBalanceHosts::Random,
            turn: AtomicU64::new(u64::from(std::process::id())),
            connecting: Outage::new("connecting to the database", clock),
        }))
    }

    /// Returns the runtime that drives connections.
    pub(super) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// Connects to a usable host. Takes at most the time limit of one host, and [`STAGGER`] for each unresponsive one
    /// before it.
    pub(super) async fn connect(&self) -> Result<Made, Unreachable> {
        let hosts = self.clone();
        // A caller that stops waiting cancels the connection.
        let walk = AbortOnDropHandle::new(self.0.runtime.spawn(async move { hosts.walk().await }));
        match walk.await {
            Ok(result) => result,
            // The runtime shuts down, and with it every task that waits for it.
            Err(_) => std::future::pending().await,
        }
    }

    async fn walk(&self) -> Result<Made, Unreachable> {
        let began = Instant::now();
        let bound = self.0.settings.bound;
        let mut waiting = self.order();
        // A standby counts as usable only after all others have failed.
        let several = self.0.named.len() > 1;
        let mut walk = Walk { several, running: FuturesUnordered::new(), failures: Vec::new(), standby: None };
        let mut again: Vec<Step> = Vec::new();
        loop {
            if let Some(step) = waiting.pop_front() {
                if matches!(&step, Step::Remembered(place) if !self.0.named[place.named].is_hanging()) {
                    continue;
                }
                walk.running.push(self.attempt(step, walk.several));
            } else if walk.running.is_empty() {
                break;
            }
            let outcome = tokio::select! {
                Some(outcome) = walk.running.next() => outcome,
                () = tokio::time::sleep(STAGGER) => {
                    if waiting.is_empty() && began.elapsed() < bound {
                        // While one host is unresponsive another may have become the primary.
                        waiting.extend(again.drain(..));
                    }
                    continue;
                }
            };
            match outcome {
                Outcome::Resolved(named, addresses) => {
                    walk.several |= addresses.len() > 1;
                    let places: Vec<_> = addresses.into_iter().map(|ip| self.place(named, Some(ip))).collect();
                    for place in self.sorted(places).into_iter().rev() {
                        waiting.push_front(Step::Place(place));
                    }
                }
                Outcome::NotResolved(named, cause) => {
                    // The last known address is better than nothing.
                    let known = self.0.good.lock().clone().filter(|place| place.named == named);
                    waiting.extend(known.map(Step::Place));
                    walk.fail(self.0.named[named].text.clone(), cause);
                }
                Outcome::Made { place, client, driver, standby } => {
                    if !standby || !walk.several {
                        return Ok(self.made(place, client, driver, &walk.failures));
                    }
                    again.push(Step::Place(Arc::clone(&place)));
                    walk.standby = Some((place, client, driver));
                }
                Outcome::Failed(place, cause) => {
                    if matches!(cause, Cause::Silent(_)) {
                        place.silent.store(true, Ordering::Release);
                    } else {
                        again.push(Step::Place(Arc::clone(&place)));
                    }
                    walk.fail(place.text.clone(), cause);
                }
            }
        }
        if let Some((place, client, driver)) = walk.standby.take() {
            return Ok(self.made(place, client, driver, &walk.failures));
        }
        let unreachable = Unreachable(self.ordered(walk.failures));
        // Before the first connection the opener of storage receives and reports the error.
        if self.0.good.lock().is_some() {
            self.0.connecting.failed(&unreachable);
        }
        Err(unreachable)
    }

    /// Records a connection: from now on this location is tried first.
    fn made(&self, place: Arc<Place>, client: Client, driver: Box<Driver>, failures: &[Failure]) -> Made {
        let known = &self.0;
        known.connecting.succeeded();
        place.outage.succeeded();
        for place in &*known.places.lock() {
            // A standby works as intended: its refusal is not a failure.
            if let Some(failure) = failures.iter().find(|failure| failure.host == place.text && !failure.is_standby()) {
                place.outage.failed(&failure.cause);
            }
        }
        place.silent.store(false, Ordering::Release);
        place.heard();
        let mut good = known.good.lock();
        if !good.as_ref().is_some_and(|good| Arc::ptr_eq(good, &place)) {
            if let Some(before) = good.replace(Arc::clone(&place)) {
                tracing::info!(host = place.text, before = before.text, "connecting to another host of the database");
            }
            known.changes.send_modify(|number| *number += 1);
        }
        drop(good);
        let number = *known.changes.borrow();
        Made { client, driver: *driver, origin: Origin { hosts: self.clone(), place, number } }
    }

    /// Returns all possible attempts, in their order.
    fn order(&self) -> VecDeque<Step> {
        let known = &self.0;
        let mut order: Vec<usize> = (0..known.named.len()).collect();
        if known.spread {
            let turn = known.turn.fetch_add(1, Ordering::Relaxed) % (order.len() as u64);
            order.rotate_left(usize::try_from(turn).unwrap_or(0));
        }
        let good = known.good.lock().clone().filter(|_| !known.spread);
        let places = known.places.lock();
        // A name with several addresses is unresponsive if all known ones are.
        let is_silent = |named: usize| {
            let mut of_name = places.iter().filter(|place| place.named == named).peekable();
            of_name.peek().is_some() && of_name.all(|place| place.silent.load(Ordering::Acquire))
        };
        let is_good = |named: usize| good.as_ref().is_some_and(|good| good.named == named);
        order.sort_by_key(|named| (is_silent(*named), Reverse(is_good(*named))));
        drop(places);
        let steps = |named: usize| match &known.named[named] {
            Named { address: None, host: Host::Tcp(_), .. } => {
                let remembered = good.clone().filter(|good| good.named == named).map(Step::Remembered);
                [Some(Step::Name(named)), remembered]
            }
            Named { address, .. } => [Some(Step::Place(self.place(named, *address))), None],
        };
        order.into_iter().flat_map(steps).flatten().collect()
    }

    /// Sorts the addresses of one host in the order of attempts.
    fn sorted(&self, mut places: Vec<Arc<Place>>) -> Vec<Arc<Place>> {
        let good = self.0.good.lock().clone();
        let is_good = |place: &Arc<Place>| good.as_ref().is_some_and(|good| Arc::ptr_eq(good, place));
        places.sort_by_key(|place| (place.silent.load(Ordering::Acquire), Reverse(is_good(place))));
        places
    }

    /// Returns the failures in the order of the URL, the newest of each host.
    fn ordered(&self, failures: Vec<Failure>) -> Vec<Failure> {
        let mut newest: Vec<Failure> = Vec::new();
        for failure in failures {
            newest.retain(|known| known.host != failure.host);
            newest.push(failure);
        }
        let at = |failure: &Failure| self.0.named.iter().position(|named| failure.host.starts_with(&named.text));
        newest.sort_by_key(at);
        newest
    }

    fn place(&self, named: usize, ip: Option<IpAddr>) -> Arc<Place> {
        let known = &self.0;
        let mut places = known.places.lock();
        if let Some(place) = places.iter().find(|place| place.named == named && place.ip == ip) {
            return Arc::clone(place);
        }
        let of = &known.named[named];
        let text = match (ip, of.address) {
            (Some(ip), None) => format!("{} ({ip})", of.text),
            _ => of.text.clone(),
        };
        let config = known.settings.for_one(&of.host, ip, of.port);
        let place = Arc::new(Place::new(named, ip, text, config, &known.clock));
        places.push(Arc::clone(&place));
        place
    }

    /// Makes one attempt. Takes at most the time limit of a host.
    fn attempt(&self, step: Step, several: bool) -> BoxFuture<'static, Outcome> {
        let hosts = self.clone();
        match step {
            Step::Name(named) => async move { hosts.look_up(named).await }.boxed(),
            Step::Place(place) | Step::Remembered(place) => async move {
                let bound = hosts.0.settings.bound;
                let tried = Tried::of(&place);
                let connected = tokio::time::timeout(bound, open(&place, hosts.0.tls.clone(), several)).await;
                tried.done();
                match connected {
                    Ok(Ok((client, driver, standby))) => Outcome::Made { place, client, driver, standby },
                    Ok(Err(cause)) => Outcome::Failed(place, cause),
                    Err(_) => Outcome::Failed(place, Cause::Silent(bound)),
                }
            }
            .boxed(),
        }
    }

    async fn look_up(&self, named: usize) -> Outcome {
        let of = &self.0.named[named];
        let Host::Tcp(name) = &of.host else { return Outcome::Resolved(named, Vec::new()) };
        let lookup = {
            let mut lookup = of.lookup.lock();
            match &*lookup {
                Some((running, task)) if !task.is_finished() => running.clone(),
                _ => {
                    let task = self.0.runtime.spawn((self.0.resolve)(name.clone(), of.port));
                    let handle = task.abort_handle();
                    let found = async move {
                        let found = task.await.map_err(io::Error::other).and_then(|found| found);
                        found.map_err(Arc::new)
                    };
                    lookup.insert((found.boxed().shared(), handle)).0.clone()
                }
            }
        };
        let bound = self.0.settings.bound;
        match tokio::time::timeout(bound, lookup).await {
            Ok(Ok(addresses)) if addresses.is_empty() => {
                Outcome::NotResolved(named, Cause::Lookup(Arc::new(io::Error::other("the name has no address"))))
            }
            Ok(Ok(addresses)) => Outcome::Resolved(named, addresses),
            Ok(Err(error)) => Outcome::NotResolved(named, Cause::Lookup(error)),
            Err(_) => Outcome::NotResolved(named, Cause::LookupSilent(bound)),
        }
    }
}

impl Named {
    /// Returns whether a lookup of the name is in progress.
    fn is_hanging(&self) -> bool {
        self.lookup.lock().as_ref().is_some_and(|(_, task)| !task.is_finished())
    }
}

/// The state of one walk over the hosts.
struct Walk {
    several: bool,
    running: FuturesUnordered<BoxFuture<'static, Outcome>>,
    failures: Vec<Failure>,
    standby: Option<(Arc<Place>, Client, Box<Driver>)>,
}

impl Walk {
    fn fail(&mut self, host: String, cause: Cause) {
        self.failures.push(Failure { host, cause });
    }
}

/// Connects, and checks whether it is a standby if there is a choice.
async fn open(place: &Place, tls: Tls, several: bool) -> Result<(Client, Box<Driver>, bool), Cause> {
    let (client, driver) = place.config.connect(tls).await.map_err(Cause::Driver)?;
    let mut driver = Box::new(driver);
    if !several || place.config.get_target_session_attrs() != TargetSessionAttrs::Any {
        return Ok((client, driver, false));
    }
    let standby = tokio::select! {
        ended = &mut driver => return Err(ended.map_or_else(Cause::Driver, |()| Cause::Closed)),
        rows = client.query_typed_one("SELECT pg_is_in_recovery()", &[]) => {
            // A PostgreSQL-compatible engine without this function has no standbys either.
            rows.ok().and_then(|row| row.try_get(0).ok()).unwrap_or(false)
        }
    };
    Ok((client, driver, standby))
}

/// Resolves names with the system's resolver.
fn system_resolver() -> Resolve {
    Arc::new(|name, port| {
        async move {
            let addresses = tokio::net::lookup_host((name, port)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        }
        .boxed()
    })
}
