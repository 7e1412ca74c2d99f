//! Oversight: the audit trail, and the state of the replicas.

pub(super) mod audit;
pub(super) mod replicas;
