//! The reference book's entries, as managed.

use super::book::MethodNumber;
use super::change::Revision;
use super::method::{StorePlace, StoreUse};
use super::pattern::MethodIdentity;
use super::time::Timestamp;

/// An entry of the reference book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// Its number; 0 until it is stored.
    pub number: MethodNumber,
    /// Its identity.
    pub identity: MethodIdentity,
    /// The title of its block, 1..=100 characters.
    pub block: String,
    /// A short description, 1..=300 characters.
    pub summary: String,
    /// A longer description, at most 2 000 characters.
    pub description: String,
    /// How its calls name stores.
    pub store_use: StoreUse,
    /// The locations of the store in its calls.
    pub store_places: Vec<StorePlace>,
    /// The scope it belongs to.
    pub scope: Option<String>,
    /// The position among the methods, ascending.
    pub position: i32,
    /// The revision that retired it.
    pub retired: Option<Revision>,
    /// When it was added.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// The revision of its last change.
    pub row_revision: Revision,
}

impl Method {
    /// Returns the method as recorded in the audit trail.
    pub fn image(&self) -> serde_json::Value {
        let places: Vec<_> = self.store_places.iter().map(ToString::to_string).collect();
        serde_json::json!({
            "method": self.identity.to_string(), "block": self.block, "summary": self.summary,
            "description": self.description, "store_use": self.store_use.as_str(), "store_places": places,
            "scope": self.scope, "position": self.position,
        })
    }
}
