//! The methods of one verb as a tree of segments.
//!
//! The children of all nodes share hash tables keyed by parent and label. There is only one way to each node, so an
//! exact or loose search visits each node at most once: for any book and path, one look-up costs at most the nodes of
//! the tree, and in an ordinary book as many as the path has segments plus a few dead ends.

use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::super::pattern::{Pattern, Segment};
use super::loose::FoldedSegment;

/// The number of an entry in its book.
pub(super) type EntryIndex = u32;
type NodeIndex = u32;

/// The node where every path begins.
pub(super) const ROOT: NodeIndex = 0;

/// The entry that a path matches.
#[derive(Clone, Copy, Debug)]
pub(super) struct TreeMatch {
    pub(super) entry: EntryIndex,
    /// A lax service could match another entry.
    pub(super) ambiguous: bool,
}

#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    literals: Labels,
    partials: Labels,
    /// Nodes that searches visited, for the tests of their cost.
    #[cfg(test)]
    visits: std::sync::atomic::AtomicUsize,
}

#[derive(Debug, Default)]
struct Node {
    /// The entry whose pattern ends here.
    entry: Option<EntryIndex>,
    /// The entry whose pattern ends here with `**`.
    rest: Option<EntryIndex>,
    parameter: Option<NodeIndex>,
    literals: Lengths,
    prefixes: Lengths,
}

/// The lengths of the labels of a node's children, to skip most look-ups that would find nothing.
#[derive(Debug, Default)]
struct Lengths {
    /// In bytes; 0 if there are no children.
    longest: usize,
    /// A bit for each length; the last one for all from 63 up.
    bits: u64,
}

impl Lengths {
    fn add(&mut self, len: usize) {
        self.longest = self.longest.max(len);
        self.bits |= 1 << len.min(63);
    }

    fn may_have(&self, len: usize) -> bool {
        self.bits >> len.min(63) & 1 == 1
    }

    /// Returns possible prefixes that make up `head` with one or more digits after them; the longest first.
    fn candidates<'h>(&self, head: &'h [u8]) -> impl Iterator<Item = &'h [u8]> {
        let digits = head.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let shortest = (head.len() - digits).max(1);
        let ends = (shortest..head.len().min(self.longest + 1)).rev();
        ends.filter(|end| self.may_have(*end)).map(|end| &head[..end])
    }
}

/// A child that matches a segment, if not exactly then loosely.
struct ChildMatch {
    child: NodeIndex,
    /// The length of the prefix; `None` for a literal, which precedes all partials.
    prefix: Option<usize>,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            literals: Labels::default(),
            partials: Labels::default(),
            #[cfg(test)]
            visits: std::sync::atomic::AtomicUsize::default(),
        }
    }

    /// Returns the slot for the entry with the shape of this pattern.
    pub(super) fn slot(&mut self, pattern: &Pattern) -> &mut Option<EntryIndex> {
        let mut at = ROOT;
        for segment in pattern.segments() {
            let new =
                NodeIndex::try_from(self.nodes.len()).expect("a tree of four billion nodes does not fit in memory");
            let node = &mut self.nodes[at as usize];
            at = match segment {
                Segment::Literal(text) => self.literals.child_or(at, text, new, &mut node.literals),
                Segment::Partial(prefix) => self.partials.child_or(at, prefix, new, &mut node.prefixes),
                Segment::Parameter(_) => *node.parameter.get_or_insert(new),
                // A pattern ends here: see `Pattern`.
                Segment::Rest => return &mut self.nodes[at as usize].rest,
            };
            if at == new {
                self.nodes.push(Node::default());
            }
        }
        &mut self.nodes[at as usize].entry
    }

    /// Returns a node and counts the visit in tests.
    fn visit(&self, at: NodeIndex) -> &Node {
        #[cfg(test)]
        self.visits.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        &self.nodes[at as usize]
    }

    /// Returns the entry that the path below a node, given without its first slash, matches.
    pub(super) fn find(&self, at: NodeIndex, path: &str) -> Option<TreeMatch> {
        let node = self.visit(at);
        if path.is_empty() {
            return node.entry.map(|entry| TreeMatch { entry, ambiguous: false });
        }
        let (segment, after) = first(path);
        if node.literals.may_have(segment.len())
            && let Some(child) = self.literals.exact.get(at, segment.as_bytes())
            && let Some(found) = self.find(child, after)
        {
            return Some(found);
        }
        for prefix in node.prefixes.candidates(segment.as_bytes()) {
            if let Some(child) = self.partials.exact.get(at, prefix)
                && let Some(mut found) = self.find(child, after)
            {
                found.ambiguous |=
                    self.any_child(at, segment, prefix.len(), |rival| self.matches_loosely(rival.child, after));
                return Some(found);
            }
        }
        if let Some(child) = node.parameter
            && let Some(mut found) = self.find(child, after)
        {
            found.ambiguous |= self.any_child(at, segment, 0, |_| true);
            return Some(found);
        }
        let ambiguous = |entry| {
            let ambiguous = self.any_child(at, segment, 0, |candidate| {
                !self.matches_exactly(at, segment, &candidate) || self.matches_loosely(candidate.child, after)
            }) || node.parameter.is_some_and(|child| self.matches_loosely(child, after));
            TreeMatch { entry, ambiguous }
        };
        node.rest.map(ambiguous)
    }

    /// Returns whether a lax service could match the path below a node, given without its first slash, to any entry.
    pub(super) fn matches_loosely(&self, at: NodeIndex, path: &str) -> bool {
        let node = self.visit(at);
        if path.is_empty() {
            return node.entry.is_some();
        }
        if node.rest.is_some() {
            return true;
        }
        let (segment, after) = first(path);
        self.any_child(at, segment, 0, |candidate| self.matches_loosely(candidate.child, after))
            || node.parameter.is_some_and(|child| self.matches_loosely(child, after))
    }

    /// Returns whether `holds` is true for a child that matches the segment, exactly or loosely: a literal, or a
    /// partial whose prefix is longer than `shorter` bytes.
    fn any_child(
        &self,
        at: NodeIndex,
        segment: &str,
        shorter: usize,
        mut holds: impl FnMut(ChildMatch) -> bool,
    ) -> bool {
        let node = &self.nodes[at as usize];
        if node.literals.longest == 0 && node.prefixes.longest <= shorter {
            return false;
        }
        let loose = FoldedSegment::new(segment);
        for head in loose.heads(node.literals.longest).filter(|head| node.literals.may_have(head.len())) {
            for child in self.literals.loose.all(at, head) {
                if holds(ChildMatch { child, prefix: None }) {
                    return true;
                }
            }
        }
        if node.prefixes.longest <= shorter {
            return false;
        }
        // Prefix and digits contain no character that ends a name, so only the shortest head can consist of them.
        let Some(head) = loose.heads(usize::MAX).next() else { return false };
        for prefix in node.prefixes.candidates(head).take_while(|prefix| prefix.len() > shorter) {
            for child in self.partials.loose.all(at, prefix) {
                if holds(ChildMatch { child, prefix: Some(prefix.len()) }) {
                    return true;
                }
            }
        }
        false
    }

    /// Returns whether the child matches the segment as written, not only loosely.
    fn matches_exactly(&self, at: NodeIndex, segment: &str, candidate: &ChildMatch) -> bool {
        let child = match candidate.prefix {
            None => self.literals.exact.get(at, segment.as_bytes()),
            Some(len) => segment.as_bytes().split_at_checked(len).and_then(|(prefix, digits)| {
                digits.iter().all(u8::is_ascii_digit).then(|| self.partials.exact.get(at, prefix)).flatten()
            }),
        };
        child == Some(candidate.child)
    }
}

/// Splits off the first segment; returns it and the text after its slash.
fn first(path: &str) -> (&str, &str) {
    match path.bytes().position(|byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (path, ""),
    }
}

/// The children of all nodes by their labels: literals, or prefixes.
#[derive(Debug, Default)]
struct Labels {
    exact: Edges,
    /// In lower case: several children may share a label.
    loose: Edges,
}

impl Labels {
    /// Returns the child of `parent` with this label. Without one, `new` becomes it.
    fn child_or(&mut self, parent: NodeIndex, label: &str, new: NodeIndex, lengths: &mut Lengths) -> NodeIndex {
        if let Some(child) = self.exact.get(parent, label.as_bytes()) {
            return child;
        }
        self.exact.add(parent, label, new);
        self.loose.add(parent, &label.to_ascii_lowercase(), new);
        lengths.add(label.len());
        new
    }
}

/// Labelled edges from parents to children, found by hash.
#[derive(Debug, Default)]
struct Edges {
    table: HashTable<Edge>,
    // Seeded per process: nobody can write a book whose labels collide. The results do not depend on the seed.
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    fn tree(patterns: impl IntoIterator<Item = String>) -> Tree {
        let mut tree = Tree::new();
        for (entry, text) in (0..).zip(patterns) {
            let pattern: Pattern = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            *tree.slot(&pattern) = Some(entry);
        }
        tree
    }

    fn visits(tree: &Tree, path: &str) -> usize {
        let before = tree.visits.load(Ordering::Relaxed);
        tree.find(ROOT, path);
        tree.visits.load(Ordering::Relaxed) - before
    }

    #[test]
    fn no_book_and_path_make_a_search_come_to_a_node_twice() {
        // All 4 096 patterns of twelve segments with literals and parameters, and a dead end after each of them.
        let tree = tree((0..4096_u32).map(|choice| {
            let parts = (0..12).map(|at| if choice >> at & 1 == 0 { "/a".to_owned() } else { format!("/{{p{at}}}") });
            parts.collect::<String>() + "/z"
        }));
        let dead_end = "a/".repeat(12) + "y";
        let reached = visits(&tree, &dead_end);
        assert!(reached > 4096, "this path is meant to be bad: {reached}");
        assert!(reached <= tree.nodes.len(), "{reached} visits of {} nodes", tree.nodes.len());
    }

    #[test]
    fn a_loose_search_does_not_come_to_a_node_twice_either() {
        // The segments under `**` match exactly at first, and then loosely in all 1 024 ways, all dead ends.
        let stems = (0..1024_u32)
            .map(|choice| (0..10).map(|at| if choice >> at & 1 == 0 { "/a" } else { "/A" }).collect::<String>());
        let tree = tree(stems.map(|stem| format!("/a{stem}/z")).chain(["/**".to_owned()]));
        let path = "a/".repeat(11) + "y";
        let reached = visits(&tree, &path);
        assert!(reached > 1024, "this path is meant to be bad: {reached}");
        assert!(reached <= 2 * tree.nodes.len(), "{reached} visits of {} nodes", tree.nodes.len());
    }

    #[test]
    fn a_search_costs_as_much_in_a_large_book_as_in_a_small_one() {
        let small = ["/api/v*/orders/{id}", "/api/v*/orders/history", "/api/v*/orders/{id}/items"].map(str::to_owned);
        let others = (0..10_000).flat_map(|at| {
            [format!("/api/v*/orders/word{at}"), format!("/api/v*/other{at}/{{id}}"), format!("/api/w{at}x*/orders")]
        });
        let large = tree(small.iter().cloned().chain(others));
        let small = tree(small);
        for path in ["api/v5/orders/7", "api/v5/orders/history", "api/v5/orders/7/items", "api/v5/orders/7/y", "x"] {
            assert_eq!(visits(&large, path), visits(&small, path), "{path}");
            assert!(visits(&small, path) <= path.split('/').count() + 1, "{path}");
        }
    }
}
