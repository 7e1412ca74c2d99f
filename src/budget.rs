//! Connections and bytes that clients may hold on a port before their calls are complete, per peer and in total.
//!
//! ```text
//! call ─▶ open: its caller is unknown; reserves all that it may send ──caller known──▶ known: pays for what it sends
//!           └─ no room: evicts the oldest open call, from the same peer if that peer has too much
//! ```
//!
//! No peer may use everything, so that one peer cannot lock the others out.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::telemetry::metrics::Shed;

/// Bytes of body that a call may send before its caller is known.
pub const OPEN_BODY: usize = 64 * 1024;
/// Bytes that an open call counts for without its body: its head, its response, and its task.
const OPEN_CALL: usize = 16 * 1024;
/// Bytes of an unfinished HTTP/1.1 head that are free: nearly all heads are shorter.
const FREE_HEAD: usize = 4 * 1024;

/// Limits in total and per peer.
#[derive(Debug, Clone, Copy)]
pub struct ByteLimit {
    /// In total.
    pub total: usize,
    /// Per peer.
    pub per_peer: usize,
}

/// The bounds of a port.
#[derive(Debug, Clone, Copy)]
pub struct BudgetLimits {
    /// Connections per peer. The acceptor limits the total.
    pub connections: usize,
    /// Bytes of calls from unknown callers.
    pub open: ByteLimit,
    /// Bytes of bodies of calls whose caller is known, or whose body is read only once it is.
    pub known: ByteLimit,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// There is no room for it now.
    #[error("too many request bodies are being received by this server or from this address; try again in a moment")]
    Full,
    /// Its body is too large for an unknown caller.
    #[error("a request body of more than 65536 bytes is only accepted from authenticated callers")]
    TooLarge,
    /// Its body took too long.
    #[error("the request body was not received in time")]
    TooSlow,
}

/// The budget of a port.
#[derive(Debug)]
pub struct Budget {
    /// The counters of refusals.
    pub shed: Shed,
    bounds: BudgetLimits,
    all: Used,
    peers: Mutex<HashMap<IpAddr, Arc<Used>>>,
    open: Mutex<OpenCalls>,
}

/// Resources in use.
#[derive(Debug, Default)]
struct Used {
    connections: AtomicUsize,
    known: AtomicUsize,
    /// Guarded by the lock of the open calls.
    open: AtomicUsize,
}

#[derive(Debug, Default)]
struct OpenCalls {
    /// Numbers ascend in time: the first is the oldest.
    calls: BTreeMap<u64, OpenCall>,
    last: u64,
}

#[derive(Debug)]
struct OpenCall {
    peer: Arc<Used>,
    bytes: usize,
    end: CancellationToken,
}

/// The share of a connection in a budget.
#[derive(Debug)]
pub struct Account {
    budget: Arc<Budget>,
    address: IpAddr,
    peer: Arc<Used>,
    /// Calls begun, and those in progress.
    begun: AtomicUsize,
    in_progress: AtomicUsize,
    /// Bytes received for the head of the next HTTP/1.1 call. Those that are not free are charged.
    head: AtomicUsize,
}

/// The resources of one call, released when the call, its body and its response are dropped.
#[derive(Debug)]
pub struct CallBudget {
    account: Arc<Account>,
    state: Mutex<CallState>,
}

#[derive(Debug)]
enum CallState {
    /// The caller is unknown. Contains the number of the open call, and the bytes of its body received so far.
    Open { number: u64, read: usize, end: CancellationToken },
    /// The caller is known. Contains the bytes charged.
    Known { charged: usize },
}

/// Takes `bytes` if there is room for them.
fn try_reserve(used: &AtomicUsize, bytes: usize, most: usize) -> bool {
    let before = used.fetch_add(bytes, Ordering::Relaxed);
    let fits = before + bytes <= most;
    if !fits {
        used.fetch_sub(bytes, Ordering::Relaxed);
    }
    fits
}

/// Returns how many bytes of an unfinished head are charged.
const fn charged(head: usize) -> usize {
    head.saturating_sub(FREE_HEAD)
}

/// Returns the address that identifies a peer. The holder of one IPv6 address has 2^64 of them.
fn peer_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        IpAddr::V4(address) => IpAddr::V4(address),
    }
}

impl Budget {
    /// Creates an unused budget.
    pub fn new(bounds: BudgetLimits, shed: Shed) -> Self {
        Self { bounds, shed, all: Used::default(), peers: Mutex::default(), open: Mutex::default() }
    }

    /// Opens the account of a connection from `address`; returns `None` if that peer has too many.
    pub fn connect(self: &Arc<Self>, address: IpAddr) -> Option<Account> {
        let address = peer_address(address);
        let mut peers = self.peers.lock();
        let peer = peers.entry(address).or_default();
        if !try_reserve(&peer.connections, 1, self.bounds.connections) {
            drop(peers);
            self.shed.connections.inc();
            return None;
        }
        let peer = Arc::clone(peer);
        drop(peers);
        let (budget, none) = (Arc::clone(self), AtomicUsize::default);
        Some(Account { budget, address, peer, begun: none(), in_progress: none(), head: none() })
    }

    fn reserve_known(&self, peer: &Used, bytes: usize) -> Result<(), BudgetError> {
        let ByteLimit { total, per_peer } = self.bounds.known;
        if try_reserve(&peer.known, bytes, per_peer) {
            if try_reserve(&self.all.known, bytes, total) {
                return Ok(());
            }
            peer.known.fetch_sub(bytes, Ordering::Relaxed);
        }
        self.shed.bodies.inc();
        Err(BudgetError::Full)
    }

    fn release_known(&self, peer: &Used, bytes: usize) {
        if bytes > 0 {
            peer.known.fetch_sub(bytes, Ordering::Relaxed);
            self.all.known.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Reserves `bytes` for something open of `peer`. If there is no room, evicts the oldest open calls: of the same
    /// peer if it has too much, else of any.
    fn reserve_open(&self, open: &mut OpenCalls, peer: &Used, bytes: usize) -> Result<(), BudgetError> {
        let ByteLimit { total, per_peer } = self.bounds.open;
        loop {
            let peer_full = peer.open.load(Ordering::Relaxed) + bytes > per_peer;
            if !peer_full && self.all.open.load(Ordering::Relaxed) + bytes <= total {
                break;
            }
            self.shed.open_calls.inc();
            let oldest = |(_, call): &(&u64, &OpenCall)| !peer_full || std::ptr::eq(Arc::as_ptr(&call.peer), peer);
            let number = *open.calls.iter().find(oldest).ok_or(BudgetError::Full)?.0;
            if let Some(call) = open.calls.remove(&number) {
                call.end.cancel();
                self.release_open(&call.peer, call.bytes);
            }
        }
        peer.open.fetch_add(bytes, Ordering::Relaxed);
        self.all.open.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn release_open(&self, peer: &Used, bytes: usize) {
        peer.open.fetch_sub(bytes, Ordering::Relaxed);
        self.all.open.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Account {
    /// Returns the number of calls begun on this connection.
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// Counts `bytes` of the head of the next call, which HTTP/1.1 buffers until it is complete. While a call is in
    /// progress they belong to its body.
    ///
    /// # Errors
    /// There is no room for them.
    pub fn read_head(&self, bytes: usize) -> Result<(), BudgetError> {
        if self.in_progress.load(Ordering::Relaxed) > 0 {
            return Ok(());
        }
        // Only the connection counts heads, one read after another.
        let before = self.head.load(Ordering::Relaxed);
        let more = charged(before + bytes) - charged(before);
        if more > 0 {
            // Not an open call: it ends with its connection, soon, due to the timeout for heads.
            self.budget.reserve_open(&mut self.budget.open.lock(), &self.peer, more)?;
        }
        self.head.store(before + bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Releases the bytes of a head, which is complete or whose connection is gone.
    fn end_head(&self) {
        let bytes = charged(self.head.swap(0, Ordering::Relaxed));
        if bytes > 0 {
            let _locked = self.budget.open.lock();
            self.budget.release_open(&self.peer, bytes);
        }
    }

    /// Begins a call whose body is read only once its caller is known.
    pub fn begin_known(self: &Arc<Self>) -> Arc<CallBudget> {
        self.begin(CallState::Known { charged: 0 })
    }

    /// Begins a call of an unknown caller, which may have a body.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn begin_open(self: &Arc<Self>, has_body: bool) -> Result<Arc<CallBudget>, BudgetError> {
        let bytes = OPEN_CALL + if has_body { OPEN_BODY } else { 0 };
        let mut open = self.budget.open.lock();
        self.budget.reserve_open(&mut open, &self.peer, bytes)?;
        open.last += 1;
        let (number, end) = (open.last, CancellationToken::new());
        open.calls.insert(number, OpenCall { peer: Arc::clone(&self.peer), bytes, end: end.clone() });
        drop(open);
        Ok(self.begin(CallState::Open { number, read: 0, end }))
    }

    fn begin(self: &Arc<Self>, state: CallState) -> Arc<CallBudget> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.in_progress.fetch_add(1, Ordering::Relaxed);
        self.end_head();
        Arc::new(CallBudget { account: Arc::clone(self), state: Mutex::new(state) })
    }

    fn close_open(&self, number: u64) {
        let mut open = self.budget.open.lock();
        // Missing if it was evicted.
        if let Some(call) = open.calls.remove(&number) {
            self.budget.release_open(&call.peer, call.bytes);
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.end_head();
        let mut peers = self.budget.peers.lock();
        if self.peer.connections.fetch_sub(1, Ordering::Relaxed) == 1 {
            peers.remove(&self.address);
        }
    }
}

impl CallBudget {
    /// Marks the caller as known: the call is charged for what it sends, and may send more.
    ///
    /// # Errors
    /// There is no room for the bytes received so far.
    pub fn mark_known(&self) -> Result<(), BudgetError> {
        let mut state = self.state.lock();
        if let CallState::Open { number, read, .. } = *state {
            self.account.budget.reserve_known(&self.account.peer, read)?;
            self.account.close_open(number);
            *state = CallState::Known { charged: read };
        }
        Ok(())
    }

    /// Returns whether the caller is unknown.
    pub fn is_open(&self) -> bool {
        matches!(*self.state.lock(), CallState::Open { .. })
    }

    /// Counts received bytes of the body.
    ///
    /// # Errors
    /// There is no room for them.
    pub fn read(&self, bytes: usize) -> Result<(), BudgetError> {
        match &mut *self.state.lock() {
            CallState::Open { read, .. } => {
                *read += bytes;
                if *read > OPEN_BODY { Err(BudgetError::TooLarge) } else { Ok(()) }
            }
            CallState::Known { charged } => {
                self.account.budget.reserve_known(&self.account.peer, bytes)?;
                *charged += bytes;
                Ok(())
            }
        }
    }

    /// Completes when an open call is evicted to make room for others; `None` if the call is not open.
    pub fn ended(&self) -> Option<WaitForCancellationFutureOwned> {
        match &*self.state.lock() {
            CallState::Open { end, .. } => Some(end.clone().cancelled_owned()),
            CallState::Known { .. } => None,
        }
    }

    /// Counts a body that took too long.
    pub fn too_slow(&self) -> BudgetError {
        self.account.budget.shed.slow_bodies.inc();
        BudgetError::TooSlow
    }
}

impl Drop for CallBudget {
    fn drop(&mut self) {
        self.account.in_progress.fetch_sub(1, Ordering::Relaxed);
        match *self.state.get_mut() {
            CallState::Open { number, .. } => self.account.close_open(number),
            CallState::Known { charged } => self.account.budget.release_known(&self.account.peer, charged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn budget() -> Arc<Budget> {
        let calls = |count| count * (OPEN_CALL + OPEN_BODY);
        let open = ByteLimit { total: calls(3), per_peer: calls(2) };
        let bounds = BudgetLimits { connections: 2, open, known: ByteLimit { total: 1_000, per_peer: 600 } };
        Arc::new(Budget::new(bounds, Shed::default()))
    }

    fn account(budget: &Arc<Budget>, address: IpAddr) -> Arc<Account> {
        Arc::new(budget.connect(address).unwrap())
    }

    fn is_unused(budget: &Budget) -> bool {
        let none = |used: &Used| used.open.load(Ordering::Relaxed) + used.known.load(Ordering::Relaxed) == 0;
        none(&budget.all) && budget.peers.lock().is_empty() && budget.open.lock().calls.is_empty()
    }

    #[test]
    fn a_peer_has_so_many_connections_and_others_theirs() {
        let budget = budget();
        let held = [account(&budget, ONE), account(&budget, ONE)];
        assert!(budget.connect(ONE).is_none());
        assert!(budget.connect("::ffff:192.0.2.1".parse().unwrap()).is_none(), "the same address, written otherwise");
        drop(account(&budget, OTHER));
        drop(held);
        drop(account(&budget, ONE));
        assert!(is_unused(&budget));
        let _held =
            [account(&budget, "2001:db8::1".parse().unwrap()), account(&budget, "2001:db8::2".parse().unwrap())];
        assert!(budget.connect("2001:db8::3".parse().unwrap()).is_none(), "one network is one peer");
        drop(account(&budget, "2001:db8:0:1::1".parse().unwrap()));
    }

    #[tokio::test]
    async fn the_oldest_open_call_of_a_greedy_peer_makes_room_and_no_other() {
        let budget = budget();
        let (one, other) = (account(&budget, ONE), account(&budget, OTHER));
        let theirs = other.begin_open(true).unwrap();
        let first = one.begin_open(true).unwrap();
        let second = one.begin_open(true).unwrap();
        let _third = one.begin_open(true).unwrap();
        let over = |call: &CallBudget| futures_util::FutureExt::now_or_never(call.ended().unwrap()).is_some();
        assert_eq!([over(&theirs), over(&first), over(&second)], [false, true, false]);
        // A new peer gets in at the cost of the oldest call of all.
        let _fourth = other.begin_open(true).unwrap();
        assert_eq!([over(&theirs), over(&second)], [true, false]);
    }

    #[test]
    fn what_is_paid_for_is_given_back() {
        let budget = budget();
        let (one, other) = (account(&budget, ONE), account(&budget, OTHER));
        let call = one.begin_known();
        call.read(600).unwrap();
        assert_eq!(one.begin_known().read(1), Err(BudgetError::Full), "one peer has no more");
        let theirs = other.begin_known();
        theirs.read(400).unwrap();
        assert_eq!(theirs.read(1), Err(BudgetError::Full), "there is no more in all");
        drop(call);
        theirs.read(200).unwrap();
        drop((theirs, one, other));
        assert!(is_unused(&budget));
    }

    #[test]
    fn an_open_call_sends_little_until_its_caller_is_known() {
        let budget = budget();
        let one = account(&budget, ONE);
        let call = one.begin_open(true).unwrap();
        call.read(500).unwrap();
        assert_eq!(call.read(OPEN_BODY), Err(BudgetError::TooLarge));
        drop(call);
        let call = one.begin_open(true).unwrap();
        call.read(500).unwrap();
        call.mark_known().unwrap();
        assert!(!call.is_open());
        call.read(100).unwrap();
        assert_eq!(call.read(1), Err(BudgetError::Full));
        drop((call, one));
        assert!(is_unused(&budget));
    }

    #[test]
    fn long_heads_count_until_they_are_complete() {
        let budget = budget();
        let one = account(&budget, ONE);
        let most = 2 * (OPEN_CALL + OPEN_BODY);
        one.read_head(FREE_HEAD).unwrap();
        one.read_head(most).unwrap();
        assert_eq!(one.read_head(1), Err(BudgetError::Full));
        drop(one.begin_known());
        one.read_head(FREE_HEAD + most).unwrap();
        drop(one);
        assert!(is_unused(&budget));
    }
}
