//! What decisions are made by: a World and the history of storage that it belongs to.

use crate::model::world::World;

/// A World, and which history of storage it belongs to. Swapped as a whole.
#[derive(Debug)]
pub(super) struct State {
    pub(super) world: World,
    /// Grows when storage turns out to have another past than was followed (a restored dump, a failover that lost
    /// commits): nothing read before means anything after.
    pub(super) epoch: u64,
}
