//! The states and their transitions.

/// The change of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Opens or closes the key.
    Key,
    /// Switches the store on or off.
    Store,
    /// Something else.
    Other,
}

/// A mechanism that the promises depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// A grant read before its key's watermark is not used.
    Floor,
    /// A grant that is ahead of the World is not used with it.
    Ahead,
    /// Watermarks are raised before the World is swapped.
    Order,
    /// A grant that was just read is checked like a cached one.
    Recheck,
    /// A grant is used only if the revision it was read at is part of the World's history.
    Lineage,
    /// Grants of another epoch are not used.
    Epoch,
    /// Each epoch has its own watermarks.
    OwnFloors,
    /// A poll compares the nonce of the cursor.
    Gap,
    /// A replica reports a revision after it has swapped in its World.
    ReportLast,
}

/// Parameters of an exploration.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) script: Vec<Change>,
    pub(crate) replicas: usize,
    /// Maximum number of restores of storage.
    pub(crate) restores: u8,
    /// Number of decisions of each thread.
    pub(crate) decisions: u8,
    pub(crate) without: Option<Guard>,
}

const MAX_COMMITS: usize = 3;
const MAX_EPOCHS: usize = 3;

/// A revision with its whole history: the commits that led to it, in order. Commits are numbered in order of creation,
/// so that two histories of the same length differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Path {
    len: u8,
    commits: [u8; MAX_COMMITS],
}

/// A cached grant: K as of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Grant {
    head: Path,
    epoch: u8,
    confirmed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Follower {
    Idle,
    /// A poll returned this revision.
    Polled(Path),
    /// The first of two steps is done: watermarks (or, without the order, the World).
    Halfway(Path),
    /// Both steps are done.
    Applied(Path),
    /// Diverged history: everything must be reloaded.
    Lost,
}

/// A read-through, for a thread or to refresh the shared cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Read {
    Sent { epoch: u8 },
    Answered(Grant),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Thread {
    Idle,
    /// The World is loaded.
    Loaded {
        world: Path,
        epoch: u8,
    },
    Reading {
        read: Read,
        world: Path,
        epoch: u8,
    },
    /// The grant is in the shared cache, and the World is loaded again.
    Again {
        world: Path,
        epoch: u8,
        grant: Grant,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Replica {
    world: Option<Path>,
    epoch: u8,
    floors: [u8; MAX_EPOCHS],
    follower: Follower,
    /// The cache that all threads share.
    shared: Option<Grant>,
    refresh: Option<Read>,
    thread: Thread,
    /// The thread's own cache.
    table: Option<Grant>,
    decisions: u8,
    /// The newest acknowledged write when the thread's decision began.
    promised: Path,
    reported: Path,
}

/// The whole system at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct State {
    storage: Path,
    made: u8,
    restores: u8,
    replicas: [Replica; 2],
    /// The newest write whose caller knows that every replica has applied it.
    acknowledged: Path,
    /// A promise was broken.
    pub(crate) broken: bool,
}

#[derive(PartialEq, Eq)]
enum Usability {
    Usable,
    Behind,
    Ahead,
}

impl Path {
    fn push(&mut self, commit: u8) {
        self.commits[usize::from(self.len)] = commit;
        self.len += 1;
    }

    fn cut(mut self, len: u8) -> Self {
        self.len = len;
        self.commits[usize::from(len)..].fill(0);
        self
    }

    fn begins_with(self, other: Self) -> bool {
        other.len <= self.len && self.cut(other.len) == other
    }

    fn common(self, other: Self) -> Self {
        let same = (0..=self.len.min(other.len)).rev().find(|len| self.cut(*len) == other.cut(*len));
        self.cut(same.expect("all begin alike"))
    }

    /// Returns the last revision after `from` at which something of `kind` changed; 0 if there is none.
    fn last(self, kind: Change, from: u8, shape: &Shape) -> u8 {
        let changes = |at: &u8| shape.script[usize::from(self.commits[usize::from(*at - 1)])] == kind;
        (from + 1..=self.len).rev().find(changes).unwrap_or(0)
    }

    /// Returns whether it is open: initially, and after every second change.
    fn open(self, kind: Change, shape: &Shape) -> bool {
        let commits = &self.commits[..usize::from(self.len)];
        commits.iter().filter(|commit| shape.script[usize::from(**commit)] == kind).count() % 2 == 0
    }
}

impl State {
    pub(crate) fn new() -> Self {
        let replica = Replica {
            world: Some(Path::default()),
            epoch: 0,
            floors: [0; MAX_EPOCHS],
            follower: Follower::Idle,
            shared: None,
            refresh: None,
            thread: Thread::Idle,
            table: None,
            decisions: 0,
            promised: Path::default(),
            reported: Path::default(),
        };
        Self {
            storage: Path::default(),
            made: 0,
            restores: 0,
            replicas: [replica; 2],
            acknowledged: Path::default(),
            broken: false,
        }
    }

    /// Adds every possible next state.
    pub(crate) fn successors(&self, shape: &Shape, next: &mut Vec<Self>) {
        if usize::from(self.made) < shape.script.len() {
            let mut state = *self;
            state.storage.push(self.made);
            state.made += 1;
            next.push(state);
        }
        if self.restores < shape.restores {
            for len in 0..self.storage.len {
                let mut state = *self;
                state.restores += 1;
                state.storage = self.storage.cut(len);
                // A lost write is no longer promised.
                state.acknowledged = self.acknowledged.common(state.storage);
                for replica in &mut state.replicas {
                    replica.promised = replica.promised.common(state.storage);
                }
                next.push(state);
            }
        }
        let replicas = &self.replicas[..shape.replicas];
        let everywhere = replicas.iter().fold(self.storage, |common, replica| common.common(replica.reported));
        if everywhere.len > self.acknowledged.len {
            next.push(Self { acknowledged: everywhere, ..*self });
        }
        for at in 0..shape.replicas {
            let mut with = |replica: Replica| {
                let mut state = *self;
                state.replicas[at] = replica;
                next.push(state);
            };
            let replica = self.replicas[at];
            replica.follow(self.storage, shape, &mut with);
            replica.refresh(self.storage, &mut with);
            let mut broken = false;
            replica.decide(self.storage, self.acknowledged, shape, &mut with, &mut broken);
            if broken {
                next.push(Self { broken: true, ..*self });
            }
        }
    }
}

impl Replica {
    fn floor(&self, epoch: u8, shape: &Shape) -> u8 {
        let own = shape.without != Some(Guard::OwnFloors);
        self.floors[if own { usize::from(epoch) } else { 0 }]
    }

    fn follow(mut self, storage: Path, shape: &Shape, with: &mut impl FnMut(Self)) {
        match (self.follower, self.world) {
            (Follower::Idle, Some(world)) if world != storage => {
                let continuous = if shape.without == Some(Guard::Gap) {
                    storage.len > world.len
                } else {
                    storage.begins_with(world)
                };
                if continuous {
                    self.follower = Follower::Polled(storage);
                } else {
                    self.follower = Follower::Lost;
                    self.world = None;
                }
                with(self);
            }
            (Follower::Polled(head), Some(world)) => {
                if shape.without == Some(Guard::ReportLast) {
                    self.reported = head;
                }
                self.follower = Follower::Halfway(head);
                if shape.without == Some(Guard::Order) {
                    self.swap(head)
                } else {
                    self.raise(head, world, shape)
                }
                with(self);
            }
            (Follower::Halfway(head), Some(world)) => {
                self.follower = Follower::Applied(head);
                if shape.without == Some(Guard::Order) {
                    // Uses the World before it; the watermarks are the same, only late.
                    self.raise(head, Path::default(), shape);
                } else {
                    self.swap(head);
                }
                let changed = head.last(Change::Key, world.len, shape) > 0;
                if changed && shape.decisions > 1 && self.shared.is_some() && self.refresh.is_none() {
                    self.refresh = Some(Read::Sent { epoch: self.epoch });
                }
                with(self);
            }
            (Follower::Applied(head), _) => {
                self.reported = head;
                self.follower = Follower::Idle;
                with(self);
            }
            (Follower::Lost, _) if usize::from(self.epoch) + 1 < MAX_EPOCHS => {
                self.epoch += 1;
                self.shared = None;
                if shape.without == Some(Guard::OwnFloors) {
                    self.floors[0] = storage.len;
                }
                self.world = Some(storage);
                self.follower = Follower::Applied(storage);
                with(self);
            }
            _ => {}
        }
    }

    fn raise(&mut self, head: Path, world: Path, shape: &Shape) {
        let own = shape.without != Some(Guard::OwnFloors);
        let floor = &mut self.floors[if own { usize::from(self.epoch) } else { 0 }];
        *floor = (*floor).max(head.last(Change::Key, world.len, shape));
    }

    fn swap(&mut self, head: Path) {
        self.world = Some(head);
    }

    fn refresh(mut self, storage: Path, with: &mut impl FnMut(Self)) {
        match self.refresh {
            None => return,
            Some(Read::Sent { epoch }) => self.refresh = Some(Read::Answered(read(storage, epoch))),
            Some(Read::Answered(grant)) => {
                self.shared = Some(grant);
                self.refresh = None;
            }
        }
        with(self);
    }

    fn usability(&self, grant: &mut Grant, world: Path, epoch: u8, shape: &Shape) -> Usability {
        let on = |guard| shape.without != Some(guard);
        if on(Guard::Epoch) && grant.epoch != epoch {
            return Usability::Behind;
        }
        let row = grant.head.last(Change::Key, 0, shape);
        if on(Guard::Ahead) && !grant.confirmed && grant.head.len > world.len && on(Guard::Lineage) {
            return Usability::Ahead;
        }
        if on(Guard::Lineage) && !grant.confirmed {
            let ahead = shape.without == Some(Guard::Ahead) && grant.head.begins_with(world);
            if !(world.begins_with(grant.head) || ahead) {
                return Usability::Behind;
            }
            grant.confirmed = true;
        }
        if on(Guard::Floor) && self.floor(epoch, shape) > grant.head.len {
            return Usability::Behind;
        }
        if on(Guard::Ahead) && row > world.len { Usability::Ahead } else { Usability::Usable }
    }

    fn decide(
        mut self,
        storage: Path,
        acknowledged: Path,
        shape: &Shape,
        with: &mut impl FnMut(Self),
        broken: &mut bool,
    ) {
        match self.thread {
            Thread::Idle => {
                let (Some(world), true) = (self.world, self.decisions < shape.decisions) else { return };
                self.promised = acknowledged;
                self.thread = Thread::Loaded { world, epoch: self.epoch };
            }
            Thread::Loaded { world, epoch } => {
                for mut grant in [self.table, self.shared].into_iter().flatten() {
                    if self.usability(&mut grant, world, epoch, shape) == Usability::Usable {
                        *broken |= self.conclude(grant, world, shape);
                        with(self);
                        return;
                    }
                }
                self.thread = Thread::Reading { read: Read::Sent { epoch }, world, epoch };
            }
            Thread::Reading { read: Read::Sent { epoch: begun }, world, epoch } => {
                self.thread = Thread::Reading { read: Read::Answered(read(storage, begun)), world, epoch };
            }
            Thread::Reading { read: Read::Answered(grant), world, .. } => {
                self.shared = Some(grant);
                if shape.without == Some(Guard::Recheck) {
                    *broken |= self.conclude(grant, world, shape);
                    with(self);
                    return;
                }
                let Some(newer) = self.world else {
                    // No decision is possible during a reload.
                    self.thread = Thread::Idle;
                    self.decisions += 1;
                    with(self);
                    return;
                };
                self.thread = Thread::Again { world: newer, epoch: self.epoch, grant };
            }
            Thread::Again { world, epoch, mut grant } => match self.usability(&mut grant, world, epoch, shape) {
                Usability::Usable => *broken |= self.conclude(grant, world, shape),
                Usability::Behind => self.thread = Thread::Reading { read: Read::Sent { epoch }, world, epoch },
                Usability::Ahead => {
                    let Some(newer) = self.world.filter(|newer| *newer != world) else { return };
                    self.thread = Thread::Again { world: newer, epoch: self.epoch, grant };
                }
            },
        }
        with(self);
    }

    /// Decides; returns whether that breaks a promise.
    fn conclude(&mut self, grant: Grant, world: Path, shape: &Shape) -> bool {
        self.thread = Thread::Idle;
        self.table = Some(grant);
        self.decisions += 1;
        let promised = std::mem::take(&mut self.promised);
        let store = world.open(Change::Store, shape);
        let wrong = grant.head.open(Change::Key, shape) & store != world.open(Change::Key, shape) & store;
        let old = world.len < promised.len && promised.begins_with(world);
        wrong || old
    }
}

/// Returns the grant as storage has it now.
const fn read(storage: Path, epoch: u8) -> Grant {
    Grant { head: storage, epoch, confirmed: false }
}
