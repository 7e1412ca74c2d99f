//! What a method of the reference book says about stores.

/// Whether a request to a method names a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreUse {
    /// No store travels with the request, and none is asked for.
    None,
    /// The request may name a store. What is assumed of a method of which nothing is said.
    #[default]
    Optional,
    /// A request that names no store is refused, unless its key opens exactly one and binds to it.
    Required,
}
