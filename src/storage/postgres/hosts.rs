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

mod endpoint;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

use self::endpoint::{Attempt, Endpoint};
pub(super) use self::endpoint::{ConnectionOrigin, UNRESPONSIVE_AFTER};
use super::config::UrlSettings;
use super::errors::{FailureCause, HostFailure, Unreachable};
use super::tls::Tls;
use crate::clock::SharedClock;
use crate::telemetry::outage::Outage;

/// How long to wait for one host before also trying the next.
const STAGGER: Duration = Duration::from_millis(500);

pub(super) type ConnectionDriver = Connection<Socket, <Tls as MakeTlsConnect<Socket>>::Stream>;
pub(super) type Resolver = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// A lookup in progress, and the handle that shows whether it has ended.
type Lookup = (Shared<BoxFuture<'static, Result<Vec<IpAddr>, Arc<io::Error>>>>, AbortHandle);

/// The hosts of a URL and their state. Shared by all pools and the listener.
pub(super) struct Hosts {
    settings: UrlSettings,
    tls: Tls,
    /// Connections are driven by the threads that opened storage, because those of a caller may be busy.
    pub(super) runtime: Handle,
    clock: SharedClock,
    resolve: Resolver,
    configured: Vec<ConfiguredHost>,
    endpoints: Mutex<Vec<Arc<Endpoint>>>,
    /// The location of the last connection.
    current: Mutex<Option<Arc<Endpoint>>>,
    /// Incremented whenever connections must not be used again.
    changes: watch::Sender<u64>,
    /// Whether to use connections to different hosts at the same time.
    load_balance: bool,
    /// The number of connections requested, to alternate between hosts if they are spread.
    turn: AtomicU64,
    connecting: Outage,
}

struct ConfiguredHost {
    /// Its name or address, and port, for people.
    text: String,
    host: Host,
    address: Option<IpAddr>,
    port: u16,
    /// The lookup in progress: one at a time, because a hanging one blocks a thread.
    lookup: Mutex<Option<Lookup>>,
}

pub(super) struct NewConnection {
    pub(super) client: Client,
    pub(super) driver: ConnectionDriver,
    pub(super) origin: ConnectionOrigin,
}

#[derive(Clone)]
enum AttemptTarget {
    Name(usize),
    /// The last address of a name, in case its lookup hangs.
    Remembered(Arc<Endpoint>),
    Endpoint(Arc<Endpoint>),
}

type Opened = (Client, Box<ConnectionDriver>);

enum AttemptOutcome {
    Resolved(usize, Result<Vec<IpAddr>, FailureCause>),
    /// Contains the connection, and whether its host is a standby.
    Opened(Arc<Endpoint>, Result<(Opened, bool), FailureCause>),
}

impl Hosts {
    /// Creates the hosts named in `settings`; connections are driven by the current runtime.
    pub(super) fn new(settings: &UrlSettings, tls: Tls, clock: &SharedClock) -> Arc<Self> {
        let system: Resolver = Arc::new(|name, port| {
            async move {
                let addresses = tokio::net::lookup_host((name, port)).await?;
                Ok(addresses.map(|address| address.ip()).collect())
            }
            .boxed()
        });
        Self::with_resolver(settings, tls, clock, system)
    }

    fn with_resolver(settings: &UrlSettings, tls: Tls, clock: &SharedClock, resolve: Resolver) -> Arc<Self> {
        let config = &settings.config;
        let configured: Vec<_> = config
            .get_hosts()
            .iter()
            .zip(settings.addresses())
            .enumerate()
            .map(|(n, (host, (text, port)))| ConfiguredHost {
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
        Arc::new(Self {
            settings: settings.clone(),
            tls,
            runtime: Handle::current(),
            clock: SharedClock::clone(clock),
            resolve,
            configured,
            endpoints: Mutex::default(),
            current: Mutex::default(),
            changes: watch::Sender::new(1),
            load_balance: config.get_load_balance_hosts() == LoadBalanceHosts::Random,
            turn: AtomicU64::new(u64::from(std::process::id())),
            connecting: Outage::new("connecting to the database", clock),
        })
    }

    /// Connects to a usable host. Takes at most the time limit of one host, and [`STAGGER`] for each unresponsive one
    /// before it.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<NewConnection, Unreachable> {
        // A caller that stops waiting cancels the connection.
        let attempts = AbortOnDropHandle::new(self.runtime.spawn(Arc::clone(self).try_hosts()));
        match attempts.await {
            Ok(result) => result,
            // The runtime shuts down, and with it every task that waits for it.
            Err(_) => std::future::pending().await,
        }
    }

    async fn try_hosts(self: Arc<Self>) -> Result<NewConnection, Unreachable> {
        let began = Instant::now();
        let bound = self.settings.connect_timeout;
        let mut waiting = self.attempt_order();
        // A standby counts as usable only after all others have failed.
        let mut standby = None;
        let mut several = self.configured.len() > 1;
        let (mut running, mut failures) = (FuturesUnordered::new(), Vec::new());
        let mut again: Vec<AttemptTarget> = Vec::new();
        loop {
            if let Some(target) = waiting.pop_front() {
                if let AttemptTarget::Remembered(endpoint) = &target
                    && !self.configured[endpoint.host_index].is_hanging()
                {
                    continue;
                }
                running.push(self.attempt(target, several));
            } else if running.is_empty() {
                break;
            }
            let outcome = tokio::select! {
                Some(outcome) = running.next() => outcome,
                () = tokio::time::sleep(STAGGER) => {
                    if waiting.is_empty() && began.elapsed() < bound {
                        // While one host is unresponsive another may have become the primary.
                        waiting.extend(again.drain(..));
                    }
                    continue;
                }
            };
            match outcome {
                AttemptOutcome::Resolved(host_index, Ok(addresses)) => {
                    several |= addresses.len() > 1;
                    for endpoint in self.endpoints(host_index, addresses).into_iter().rev() {
                        waiting.push_front(AttemptTarget::Endpoint(endpoint));
                    }
                }
                AttemptOutcome::Resolved(host_index, Err(cause)) => {
                    // The last known address is better than nothing.
                    let known = self.current.lock().clone().filter(|endpoint| endpoint.host_index == host_index);
                    waiting.extend(known.map(AttemptTarget::Endpoint));
                    failures.push(HostFailure { host: self.configured[host_index].text.clone(), cause });
                }
                AttemptOutcome::Opened(endpoint, Ok((opened, is_standby))) => {
                    if !is_standby || !several {
                        return Ok(self.connected(endpoint, opened, &failures));
                    }
                    again.push(AttemptTarget::Endpoint(Arc::clone(&endpoint)));
                    standby = Some((endpoint, opened));
                }
                AttemptOutcome::Opened(endpoint, Err(cause)) => {
                    if matches!(cause, FailureCause::Unresponsive(_)) {
                        endpoint.unresponsive.store(true, Ordering::Release);
                    } else {
                        again.push(AttemptTarget::Endpoint(Arc::clone(&endpoint)));
                    }
                    failures.push(HostFailure { host: endpoint.text.clone(), cause });
                }
            }
        }
        if let Some((endpoint, opened)) = standby {
            return Ok(self.connected(endpoint, opened, &failures));
        }
        let unreachable = Unreachable(self.ordered(failures));
        // Before the first connection the opener of storage receives and reports the error.
        if self.current.lock().is_some() {
            self.connecting.failed(&unreachable);
        }
        Err(unreachable)
    }

    /// Records a connection: from now on this location is tried first.
    fn connected(self: &Arc<Self>, endpoint: Arc<Endpoint>, opened: Opened, failures: &[HostFailure]) -> NewConnection {
        self.connecting.succeeded();
        endpoint.outage.succeeded();
        for endpoint in &*self.endpoints.lock() {
            // A standby works as intended: its refusal is not a failure.
            let is_its = |failure: &&HostFailure| failure.host == endpoint.text && !failure.is_standby();
            if let Some(failure) = failures.iter().find(is_its) {
                endpoint.outage.failed(&failure.cause);
            }
        }
        endpoint.unresponsive.store(false, Ordering::Release);
        endpoint.record_response();
        let mut current = self.current.lock();
        if !current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &endpoint)) {
            if let Some(before) = current.replace(Arc::clone(&endpoint)) {
                tracing::info!(
                    host = endpoint.text,
                    before = before.text,
                    "connecting to another host of the database"
                );
            }
            self.changes.send_modify(|number| *number += 1);
        }
        drop(current);
        let origin = ConnectionOrigin { hosts: Arc::clone(self), endpoint, number: *self.changes.borrow() };
        let (client, driver) = opened;
        NewConnection { client, driver: *driver, origin }
    }

    fn attempt_order(&self) -> VecDeque<AttemptTarget> {
        let mut order: Vec<usize> = (0..self.configured.len()).collect();
        if self.load_balance {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % (order.len() as u64);
            order.rotate_left(usize::try_from(turn).unwrap_or(0));
        }
        let current = self.current.lock().clone().filter(|_| !self.load_balance);
        let endpoints = self.endpoints.lock();
        // A name with several addresses is unresponsive if all known ones are.
        let is_unresponsive = |host_index: usize| {
            let mut of_name = endpoints.iter().filter(|endpoint| endpoint.host_index == host_index).peekable();
            of_name.peek().is_some() && of_name.all(|endpoint| endpoint.unresponsive.load(Ordering::Acquire))
        };
        let is_current = |host_index: usize| current.as_ref().is_some_and(|current| current.host_index == host_index);
        order.sort_by_key(|host_index| (is_unresponsive(*host_index), Reverse(is_current(*host_index))));
        drop(endpoints);
        let targets = |host_index: usize| match &self.configured[host_index] {
            ConfiguredHost { address: None, host: Host::Tcp(_), .. } => {
                let remembered =
                    current.clone().filter(|current| current.host_index == host_index).map(AttemptTarget::Remembered);
                [Some(AttemptTarget::Name(host_index)), remembered]
            }
            ConfiguredHost { address, .. } => {
                [Some(AttemptTarget::Endpoint(self.endpoint(host_index, *address))), None]
            }
        };
        order.into_iter().flat_map(targets).flatten().collect()
    }

    /// Returns the addresses of one host in the order of attempts.
    fn endpoints(&self, host_index: usize, addresses: Vec<IpAddr>) -> Vec<Arc<Endpoint>> {
        let mut endpoints: Vec<_> = addresses.into_iter().map(|ip| self.endpoint(host_index, Some(ip))).collect();
        let current = self.current.lock().clone();
        let is_current =
            |endpoint: &Arc<Endpoint>| current.as_ref().is_some_and(|current| Arc::ptr_eq(current, endpoint));
        endpoints
            .sort_by_key(|endpoint| (endpoint.unresponsive.load(Ordering::Acquire), Reverse(is_current(endpoint))));
        endpoints
    }

    /// Returns the failures in the order of the URL, the newest of each host.
    fn ordered(&self, failures: Vec<HostFailure>) -> Vec<HostFailure> {
        let mut newest: Vec<HostFailure> = Vec::new();
        for failure in failures {
            newest.retain(|known| known.host != failure.host);
            newest.push(failure);
        }
        let at = |failure: &HostFailure| self.configured.iter().position(|host| failure.host.starts_with(&host.text));
        newest.sort_by_key(at);
        newest
    }

    fn endpoint(&self, host_index: usize, ip: Option<IpAddr>) -> Arc<Endpoint> {
        let mut endpoints = self.endpoints.lock();
        if let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.host_index == host_index && endpoint.ip == ip)
        {
            return Arc::clone(endpoint);
        }
        let configured = &self.configured[host_index];
        let text = match (ip, configured.address) {
            (Some(ip), None) => format!("{} ({ip})", configured.text),
            _ => configured.text.clone(),
        };
        let config = self.settings.config_for(&configured.host, ip, configured.port);
        let endpoint = Arc::new(Endpoint {
            host_index,
            ip,
            outage: Outage::new(format!("the database host {text}"), &self.clock),
            text,
            config,
            clock: SharedClock::clone(&self.clock),
            last_response: AtomicU64::new(0),
            unresponsive: AtomicBool::new(false),
            stale: AtomicU64::new(0),
        });
        endpoints.push(Arc::clone(&endpoint));
        endpoint
    }

    /// Makes one attempt. Takes at most the time limit of a host.
    async fn attempt(&self, target: AttemptTarget, several: bool) -> AttemptOutcome {
        let endpoint = match target {
            AttemptTarget::Name(host_index) => return self.look_up(host_index).await,
            AttemptTarget::Endpoint(endpoint) | AttemptTarget::Remembered(endpoint) => endpoint,
        };
        let bound = self.settings.connect_timeout;
        let mut attempt = Attempt { endpoint: &endpoint, began: Instant::now(), finished: false };
        let opened = tokio::time::timeout(bound, open(&endpoint, self.tls.clone(), several)).await;
        attempt.finished = true;
        drop(attempt);
        AttemptOutcome::Opened(endpoint, opened.unwrap_or(Err(FailureCause::Unresponsive(bound))))
    }

    async fn look_up(&self, host_index: usize) -> AttemptOutcome {
        let configured = &self.configured[host_index];
        let Host::Tcp(name) = &configured.host else { return AttemptOutcome::Resolved(host_index, Ok(Vec::new())) };
        let lookup = {
            let mut lookup = configured.lookup.lock();
            match &*lookup {
                Some((running, task)) if !task.is_finished() => running.clone(),
                _ => {
                    let task = self.runtime.spawn((self.resolve)(name.clone(), configured.port));
                    let handle = task.abort_handle();
                    let found = async move {
                        let found = task.await.map_err(io::Error::other).and_then(|found| found);
                        found.map_err(Arc::new)
                    };
                    lookup.insert((found.boxed().shared(), handle)).0.clone()
                }
            }
        };
        let bound = self.settings.connect_timeout;
        let found = match tokio::time::timeout(bound, lookup).await {
            Ok(Ok(addresses)) if addresses.is_empty() => {
                Err(FailureCause::Lookup(Arc::new(io::Error::other("the name has no address"))))
            }
            Ok(found) => found.map_err(FailureCause::Lookup),
            Err(_) => Err(FailureCause::LookupTimeout(bound)),
        };
        AttemptOutcome::Resolved(host_index, found)
    }
}

impl ConfiguredHost {
    fn is_hanging(&self) -> bool {
        self.lookup.lock().as_ref().is_some_and(|(_, task)| !task.is_finished())
    }
}

/// Connects, and checks whether it is a standby if there is a choice.
async fn open(endpoint: &Endpoint, tls: Tls, several: bool) -> Result<(Opened, bool), FailureCause> {
    let (client, driver) = endpoint.config.connect(tls).await.map_err(FailureCause::Driver)?;
    let mut driver = Box::new(driver);
    if !several || endpoint.config.get_target_session_attrs() != TargetSessionAttrs::Any {
        return Ok(((client, driver), false));
    }
    let standby = tokio::select! {
        ended = &mut driver => return Err(ended.map_or_else(FailureCause::Driver, |()| FailureCause::Closed)),
        rows = client.query_typed_one("SELECT pg_is_in_recovery()", &[]) => {
            // A PostgreSQL-compatible engine without this function has no standbys either.
            rows.ok().and_then(|row| row.try_get(0).ok()).unwrap_or(false)
        }
    };
    Ok(((client, driver), standby))
}
