//! The first operator, and the operator created when no admin's token is left.

use std::io;

use crate::model::change::{Action, Actor};
use crate::model::operator::{Operator, Role};
use crate::model::page::PageRequest;
use crate::model::token::Token;
use crate::storage::OperatorFilter;

use super::Registry;
use super::error::{self, Error};
use super::operators::insert;
use super::write::Write;

/// The name of the first operator.
const FIRST: &str = "admin";

/// The location that the first operator's token is read from, or written to.
pub trait TokenPlace: Send + Sync {
    /// Returns the token that the installer chose; `None` if Latchkey must generate one.
    fn supplied(&self) -> io::Result<Option<Token>>;

    /// Stores a generated token durably. Called before the operator is committed, so that no operator ever exists whose
    /// token nobody knows. Called at most once per attempt; replaces the token of an earlier attempt that ended before
    /// its commit.
    fn keep(&self, token: &Token) -> io::Result<()>;
}

/// What a start found or created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// Operators exist already.
    Existing,
    /// There were none, and this one was created.
    Created {
        /// The operator.
        operator: Operator,
        /// Whether its token was supplied; otherwise it was generated and stored.
        supplied: bool,
    },
}

/// Why no first operator could be created.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The registry refused or failed.
    #[error(transparent)]
    Registry(#[from] Error),
    /// The token could not be read or written.
    #[error("the token of the first operator could not be {what}: {source}")]
    Place {
        /// The failed action.
        what: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl Registry {
    /// Creates the operator `admin`, exactly once even if several replicas start together: later ones find it.
    pub async fn bootstrap(&self, place: &dyn TokenPlace) -> Result<Bootstrap, BootstrapError> {
        let every = OperatorFilter { role: None, include_revoked: true };
        let one = PageRequest { size: 1, after: None };
        // Read first: an ordinary start takes no revision and needs no write access.
        if !self.storage.operators(&every, &one).await.map_err(Error::from)?.items.is_empty() {
            return Ok(Bootstrap::Existing);
        }
        let token = self.token(place)?;
        let supplied = token.1;
        let mut write = self.begin(&Actor::System, "first start").await?;
        if write.tx.operator_count().await.map_err(Error::from)? > 0 {
            write.undo().await;
            return Ok(Bootstrap::Existing);
        }
        let operator = make(write, FIRST.to_owned(), token, Action::Create, place).await?;
        Ok(Bootstrap::Created { operator, supplied })
    }

    /// Creates another admin, whatever operators exist: for recovery with access to storage but to no admin's token.
    pub async fn recover(&self, place: &dyn TokenPlace) -> Result<Operator, BootstrapError> {
        let token = self.token(place)?;
        let mut write = self.begin(&Actor::System, "recovery with access to storage").await?;
        let name = recovered_name(&mut write).await?;
        make(write, name, token, Action::Recover, place).await
    }

    fn token(&self, place: &dyn TokenPlace) -> Result<(Token, bool), BootstrapError> {
        match place.supplied() {
            Ok(Some(token)) => Ok((token, true)),
            Ok(None) => Ok((Token::issue_operator(self.random.bytes()), false)),
            Err(source) => Err(BootstrapError::Place { what: "read", source }),
        }
    }
}

/// Creates an admin with this token; stores the token before the commit unless it was supplied.
async fn make(
    mut write: Write,
    name: String,
    (token, supplied): (Token, bool),
    action: Action,
    place: &dyn TokenPlace,
) -> Result<Operator, BootstrapError> {
    let operator = insert(&mut write, action, (name, Role::Admin, None), &token).await?;
    if !supplied {
        place.keep(&token).map_err(|source| BootstrapError::Place { what: "written", source })?;
    }
    write.commit().await?;
    Ok(operator)
}

/// Returns `admin-recovered-` and the date, with a number appended if one of that day already exists.
async fn recovered_name(write: &mut Write) -> error::Result<String> {
    let day: String = write.now().to_string().chars().take_while(|character| *character != 'T').collect();
    let mut name = format!("{FIRST}-recovered-{day}");
    let mut more = 1_u32;
    while write.tx.operator_named(&name).await?.is_some() {
        more += 1;
        name = format!("{FIRST}-recovered-{day}-{more}");
    }
    Ok(name)
}
