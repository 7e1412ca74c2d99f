//! The methods of one verb as a tree of segments.
//!
//! Children of all nodes stand in common hash tables, keyed by parent and label. A node is reached in one way only, so that a
//! search, exact or loose, comes to each node at most once: however the book and the path are made, one look-up costs no more than
//! the tree has nodes, and in an ordinary book it comes to as many nodes as the path has segments and a few dead ends.

use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::super::pattern::{Pattern, Segment};
use super::loose::{Loose, prefixes};

/// The number of an entry in its book.
pub(super) type EntryIndex = u32;
type NodeIndex = u32;

const ROOT: NodeIndex = 0;

/// What a path was read as.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) entry: EntryIndex,
    /// A lax service could read something else.
    pub(super) ambiguous: bool,
}

#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    literals: Edges,
    partials: Edges,
    /// The same with their letters lower-case: children may share a label.
    loose_literals: Edges,
    loose_partials: Edges,
}

#[derive(Debug, Default)]
struct Node {
    /// The entry whose pattern ends here.
    entry: Option<EntryIndex>,
    /// The entry whose pattern goes on with `**` and ends.
    rest: Option<EntryIndex>,
    parameter: Option<NodeIndex>,
    /// The longest literal and prefix among the children, in bytes; 0 where there is none.
    longest_literal: usize,
    longest_prefix: usize,
}

/// A child that reads a segment, if not exactly then loosely.
struct Reading {
    child: NodeIndex,
    /// The length of the prefix; `None` for a literal, which is before all partials.
    prefix: Option<usize>,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            literals: Edges::default(),
            partials: Edges::default(),
            loose_literals: Edges::default(),
            loose_partials: Edges::default(),
        }
    }

    /// The place of the entry with the shape of this pattern.
    pub(super) fn place(&mut self, pattern: &Pattern) -> &mut Option<EntryIndex> {
        let mut at = ROOT;
        for segment in pattern.segments() {
            at = match segment {
                Segment::Literal(text) => self.literal(at, text),
                Segment::Partial(prefix) => self.partial(at, prefix),
                Segment::Parameter(_) => self.parameter(at),
                // Nothing comes after it: see `Pattern`.
                Segment::Rest => return &mut self.nodes[at as usize].rest,
            };
        }
        &mut self.nodes[at as usize].entry
    }

    fn literal(&mut self, at: NodeIndex, text: &str) -> NodeIndex {
        if let Some(child) = self.literals.get(at, text.as_bytes()) {
            return child;
        }
        let child = self.add();
        self.literals.add(at, text, child);
        self.loose_literals.add(at, &text.to_ascii_lowercase(), child);
        let node = &mut self.nodes[at as usize];
        node.longest_literal = node.longest_literal.max(text.len());
        child
    }

    fn partial(&mut self, at: NodeIndex, prefix: &str) -> NodeIndex {
        if let Some(child) = self.partials.get(at, prefix.as_bytes()) {
            return child;
        }
        let child = self.add();
        self.partials.add(at, prefix, child);
        self.loose_partials.add(at, &prefix.to_ascii_lowercase(), child);
        let node = &mut self.nodes[at as usize];
        node.longest_prefix = node.longest_prefix.max(prefix.len());
        child
    }

    fn parameter(&mut self, at: NodeIndex) -> NodeIndex {
        if let Some(child) = self.node(at).parameter {
            return child;
        }
        let child = self.add();
        self.nodes[at as usize].parameter = Some(child);
        child
    }

    fn add(&mut self) -> NodeIndex {
        let index =
            NodeIndex::try_from(self.nodes.len()).expect("a tree of four thousand million nodes fits no memory");
        self.nodes.push(Node::default());
        index
    }

    fn node(&self, at: NodeIndex) -> &Node {
        &self.nodes[at as usize]
    }

    /// The entry that the path, given without its first slash, is read as.
    pub(super) fn find(&self, path: &str) -> Option<Found> {
        self.find_from(ROOT, path)
    }

    /// Whether a lax service could read the path, given without its first slash, as any entry at all.
    pub(super) fn reads_loosely(&self, path: &str) -> bool {
        self.reads_loosely_from(ROOT, path)
    }

    fn find_from(&self, at: NodeIndex, path: &str) -> Option<Found> {
        let node = self.node(at);
        if path.is_empty() {
            return node.entry.map(|entry| Found { entry, ambiguous: false });
        }
        let (segment, after) = first(path);
        if segment.len() <= node.longest_literal
            && let Some(child) = self.literals.get(at, segment.as_bytes())
            && let Some(found) = self.find_from(child, after)
        {
            return Some(found);
        }
        if node.longest_prefix > 0 {
            for prefix in prefixes(segment.as_bytes(), node.longest_prefix) {
                if let Some(child) = self.partials.get(at, prefix)
                    && let Some(mut found) = self.find_from(child, after)
                {
                    found.ambiguous |= self.any_reading(at, segment, |reading| {
                        reading.prefix.is_none_or(|longer| longer > prefix.len())
                            && self.reads_loosely_from(reading.child, after)
                    });
                    return Some(found);
                }
            }
        }
        if let Some(child) = node.parameter
            && let Some(mut found) = self.find_from(child, after)
        {
            found.ambiguous |= self.any_reading(at, segment, |_| true);
            return Some(found);
        }
        let ambiguous = |entry| {
            let ambiguous = self.any_reading(at, segment, |reading| {
                !self.reads_exactly(at, segment, &reading) || self.reads_loosely_from(reading.child, after)
            }) || node.parameter.is_some_and(|child| self.reads_loosely_from(child, after));
            Found { entry, ambiguous }
        };
        node.rest.map(ambiguous)
    }

    fn reads_loosely_from(&self, at: NodeIndex, path: &str) -> bool {
        let node = self.node(at);
        if path.is_empty() {
            return node.entry.is_some();
        }
        if node.rest.is_some() {
            return true;
        }
        let (segment, after) = first(path);
        self.any_reading(at, segment, |reading| self.reads_loosely_from(reading.child, after))
            || node.parameter.is_some_and(|child| self.reads_loosely_from(child, after))
    }

    /// Whether `holds` is true of a literal or partial child that reads the segment, exactly or loosely.
    fn any_reading(&self, at: NodeIndex, segment: &str, mut holds: impl FnMut(Reading) -> bool) -> bool {
        let node = self.node(at);
        if node.longest_literal == 0 && node.longest_prefix == 0 {
            return false;
        }
        let loose = Loose::read(segment);
        for head in loose.heads(node.longest_literal) {
            for child in self.loose_literals.all(at, head) {
                if holds(Reading { child, prefix: None }) {
                    return true;
                }
            }
        }
        if node.longest_prefix == 0 {
            return false;
        }
        // Prefix and digits contain nothing that ends a name, so only the shortest head can be made of them.
        let Some(head) = loose.heads(usize::MAX).next() else { return false };
        for prefix in prefixes(head, node.longest_prefix) {
            for child in self.loose_partials.all(at, prefix) {
                if holds(Reading { child, prefix: Some(prefix.len()) }) {
                    return true;
                }
            }
        }
        false
    }

    /// Whether the child reads the segment as written, not only as a lax service would.
    fn reads_exactly(&self, at: NodeIndex, segment: &str, reading: &Reading) -> bool {
        let child = match reading.prefix {
            None => self.literals.get(at, segment.as_bytes()),
            Some(len) => segment.as_bytes().split_at_checked(len).and_then(|(prefix, digits)| {
                digits.iter().all(u8::is_ascii_digit).then(|| self.partials.get(at, prefix)).flatten()
            }),
        };
        child == Some(reading.child)
    }
}

/// The first segment, and what comes after the slash behind it.
fn first(path: &str) -> (&str, &str) {
    match path.bytes().position(|byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (path, ""),
    }
}

/// Labelled ways from parents to children, found by hash.
#[derive(Debug, Default)]
struct Edges {
    table: HashTable<Edge>,
    // Seeded by the process: no book can be written whose labels collide. What is found does not depend on it.
    hashers: DefaultHashBuilder,
}

#[derive(Debug)]
struct Edge {
    parent: NodeIndex,
    child: NodeIndex,
    label: Box<str>,
}

impl Edge {
    fn is(&self, parent: NodeIndex, label: &[u8]) -> bool {
        self.parent == parent && self.label.as_bytes() == label
    }
}

impl Edges {
    fn add(&mut self, parent: NodeIndex, label: &str, child: NodeIndex) {
        let edge = Edge { parent, child, label: label.into() };
        let Self { table, hashers } = self;
        table.insert_unique(hash(hashers, parent, label.as_bytes()), edge, |edge| {
            hash(hashers, edge.parent, edge.label.as_bytes())
        });
    }

    fn get(&self, parent: NodeIndex, label: &[u8]) -> Option<NodeIndex> {
        let hash = hash(&self.hashers, parent, label);
        self.table.find(hash, |edge| edge.is(parent, label)).map(|edge| edge.child)
    }

    fn all(&self, parent: NodeIndex, label: &[u8]) -> impl Iterator<Item = NodeIndex> {
        let hash = hash(&self.hashers, parent, label);
        self.table.iter_hash(hash).filter(move |edge| edge.is(parent, label)).map(|edge| edge.child)
    }
}

fn hash(hashers: &DefaultHashBuilder, parent: NodeIndex, label: &[u8]) -> u64 {
    let mut hasher = hashers.build_hasher();
    hasher.write_u32(parent);
    hasher.write(label);
    hasher.finish()
}
