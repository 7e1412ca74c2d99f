//! The record of one key: its requested steps, its acknowledged steps, and its resulting state.

use latchkey::model::token::Token;
use tonic::Status;

use helpers::calls::{METHODS, STORES, reason};

/// A write to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Creates it.
    Create,
    /// Updates its name and lists.
    Update,
    /// Adds a second token.
    Rotate,
    /// Revokes it.
    Revoke,
    /// Deletes it.
    Delete,
}

impl Step {
    /// All steps in order.
    pub(crate) const ALL: [Self; 5] = [Self::Create, Self::Update, Self::Rotate, Self::Revoke, Self::Delete];

    /// Returns the action's name in the audit trail.
    #[must_use]
    pub(crate) const fn action(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Rotate => "rotate",
            Self::Revoke => "revoke",
            Self::Delete => "delete",
        }
    }
}

/// State of a key after some steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// Number of completed steps; 0: it does not exist.
    pub(crate) steps: usize,
}

impl State {
    /// Returns whether it is revoked.
    #[must_use]
    pub(crate) const fn is_revoked(&self) -> bool {
        self.steps > 3
    }

    /// Returns whether it is deleted.
    #[must_use]
    pub(crate) const fn is_deleted(&self) -> bool {
        self.steps > 4
    }

    /// Returns the codes of its stores, in byte order.
    #[must_use]
    pub(crate) fn stores(&self) -> &'static [&'static str] {
        if self.steps > 1 { &STORES[1..] } else { &STORES[..2] }
    }

    /// Returns the identities of its methods, in byte order.
    #[must_use]
    pub(crate) fn methods(&self) -> &'static [&'static str] {
        if self.steps > 1 { &METHODS[..2] } else { &METHODS[1..] }
    }

    /// Returns how many secrets it lists.
    #[must_use]
    pub(crate) const fn secrets(&self) -> usize {
        match self.steps {
            0..=2 => 1,
            3 => 2,
            // Ended ones are not listed.
            _ => 0,
        }
    }

    /// Returns its actions in the audit trail.
    #[must_use]
    pub(crate) fn actions(&self) -> Vec<&'static str> {
        Step::ALL[..self.steps].iter().map(|step| step.action()).collect()
    }
}

/// One key from its writer's point of view.
#[derive(Debug)]
pub(crate) struct KeyRecord {
    /// Unique owner of the key, used to find it when the response with its id was lost.
    pub(crate) owner: String,
    /// Its id, once a response contained it.
    pub(crate) id: Option<String>,
    /// Its first token: ours if imported, else from the response.
    pub(crate) first: Option<Token>,
    /// The token of its rotation, always ours.
    pub(crate) second: Token,
    /// Number of acknowledged steps.
    pub(crate) done: usize,
    /// How the next step failed, if it was sent and not acknowledged.
    pub(crate) interruption: Option<Interruption>,
    /// The newest revision in its responses, as an opaque token.
    pub(crate) revision: String,
}

/// How a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// It may or may not have been done.
    Unknown,
    /// The server reports that nothing was done.
    Nothing,
}

impl Interruption {
    /// Determines it from the status that the caller received.
    #[must_use]
    pub(crate) fn from_status(status: &Status) -> Self {
        if reason(status) == "STORAGE_UNAVAILABLE" { Self::Nothing } else { Self::Unknown }
    }
}

impl KeyRecord {
    /// Returns its name after `steps` steps.
    #[must_use]
    pub(crate) fn name(&self, steps: usize) -> String {
        if steps > 1 { format!("{} renamed", self.owner) } else { self.owner.clone() }
    }

    /// Returns its possible states.
    #[must_use]
    pub(crate) fn possible(&self) -> Vec<State> {
        let acknowledged = State { steps: self.done };
        match self.interruption {
            Some(Interruption::Unknown) => vec![acknowledged, State { steps: self.done + 1 }],
            Some(Interruption::Nothing) | None => vec![acknowledged],
        }
    }

    /// Returns its known tokens after `steps` steps.
    #[must_use]
    pub(crate) fn tokens(&self, steps: usize) -> Vec<&Token> {
        self.first.iter().filter(|_| steps > 0).chain(Some(&self.second).filter(|_| steps > 2)).collect()
    }
}
