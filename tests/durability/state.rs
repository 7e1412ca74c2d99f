//! The life of one key: what was asked for, what was acknowledged, and what the key must therefore look like.

use latchkey::model::token::Token;
use tonic::Status;

use crate::calls::{METHODS, STORES, reason};

/// A write on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Makes it.
    Create,
    /// Gives it another name and other lists.
    Update,
    /// Gives it a second token.
    Rotate,
    /// Ends it.
    Revoke,
    /// Takes it off the lists.
    Delete,
}

impl Step {
    /// The order in which a key meets them.
    pub(crate) const ALL: [Self; 5] = [Self::Create, Self::Update, Self::Rotate, Self::Revoke, Self::Delete];

    /// What the audit trail calls it.
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

/// What a key looks like after some steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// How many steps it has behind it; 0: it is not there.
    pub(crate) steps: usize,
}

impl State {
    /// Whether it is revoked.
    #[must_use]
    pub(crate) const fn is_revoked(&self) -> bool {
        self.steps > 3
    }

    /// Whether it is off the lists.
    #[must_use]
    pub(crate) const fn is_deleted(&self) -> bool {
        self.steps > 4
    }

    /// The codes of its stores, in byte order.
    #[must_use]
    pub(crate) fn stores(&self) -> &'static [&'static str] {
        if self.steps > 1 { &STORES[1..] } else { &STORES[..2] }
    }

    /// The identities of its methods, in byte order.
    #[must_use]
    pub(crate) fn methods(&self) -> &'static [&'static str] {
        if self.steps > 1 { &METHODS[..2] } else { &METHODS[1..] }
    }

    /// How many secrets it shows.
    #[must_use]
    pub(crate) const fn secrets(&self) -> usize {
        match self.steps {
            0..=2 => 1,
            3 => 2,
            // Ended ones are not shown.
            _ => 0,
        }
    }

    /// What the audit trail says of it.
    #[must_use]
    pub(crate) fn actions(&self) -> Vec<&'static str> {
        Step::ALL[..self.steps].iter().map(|step| step.action()).collect()
    }
}

/// One key, from the writer's side.
#[derive(Debug)]
pub(crate) struct Life {
    /// Unique; its owner in Latchkey, by which it is found when the answer that told its id was lost.
    pub(crate) owner: String,
    /// Its id, once an answer told it.
    pub(crate) id: Option<String>,
    /// The token it is made with: ours if supplied, else told by the answer.
    pub(crate) first: Option<Token>,
    /// The token of its rotation, always ours.
    pub(crate) second: Token,
    /// Steps acknowledged.
    pub(crate) done: usize,
    /// How the next step ended, if it was sent and not acknowledged.
    pub(crate) cut: Option<Cut>,
    /// The newest revision that its answers named, as an opaque token.
    pub(crate) revision: String,
}

/// How a step ended without an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It may have been made or not.
    Unknown,
    /// The server says that nothing was done.
    Nothing,
}

impl Cut {
    /// Reads it from what the caller was told.
    #[must_use]
    pub(crate) fn of(status: &Status) -> Self {
        if reason(status) == "STORAGE_UNAVAILABLE" { Self::Nothing } else { Self::Unknown }
    }
}

impl Life {
    /// The name it has after `steps` steps.
    #[must_use]
    pub(crate) fn name(&self, steps: usize) -> String {
        if steps > 1 { format!("{} renamed", self.owner) } else { self.owner.clone() }
    }

    /// The states that it may be in.
    #[must_use]
    pub(crate) fn possible(&self) -> Vec<State> {
        let acknowledged = State { steps: self.done };
        match self.cut {
            Some(Cut::Unknown) => vec![acknowledged, State { steps: self.done + 1 }],
            Some(Cut::Nothing) | None => vec![acknowledged],
        }
    }

    /// The tokens that are known and belong to it after `steps` steps.
    #[must_use]
    pub(crate) fn tokens(&self, steps: usize) -> Vec<&Token> {
        self.first.iter().filter(|_| steps > 0).chain(Some(&self.second).filter(|_| steps > 2)).collect()
    }
}
