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

const FIRST_NAME: &str = "admin";

/// The location that the first operator's token is read from, or written to.
pub trait TokenLocation: Send + Sync {
    /// Returns the token that the installer chose; `None` if Latchkey must generate one.
    fn supplied(&self) -> io::Result<Option<Token>>;

    /// Stores a generated token durably. Called before the operator is committed, so that no operator ever exists whose
    /// token nobody knows. Called at most once per attempt; replaces the token of an earlier attempt that ended before
    /// its commit.
    fn save(&self, token: &Token) -> io::Result<()>;
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
    #[error("its token could not be {what}: {source}")]
    TokenLocation {
        /// The failed action.
        what: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl Registry {
    /// Creates the operator `admin`, exactly once even if several replicas start together: later ones find it.
    pub async fn bootstrap(&self, location: &dyn TokenLocation) -> Result<Bootstrap, BootstrapError> {
        let every = OperatorFilter { role: None, include_revoked: true };
        let one = PageRequest { size: 1, after: None };
        // Read first: an ordinary start takes no revision and needs no write access.
        if !self.storage.operators(&every, &one).await.map_err(Error::from)?.items.is_empty() {
            return Ok(Bootstrap::Existing);
        }
        let token = self.operator_token(location)?;
        let supplied = token.1;
        let mut write = self.begin(&Actor::System, "first start").await?;
        if write.tx.operator_count().await.map_err(Error::from)? > 0 {
            write.undo().await;
            return Ok(Bootstrap::Existing);
        }
        let operator = create_admin(write, FIRST_NAME.to_owned(), token, Action::Create, location).await?;
        Ok(Bootstrap::Created { operator, supplied })
    }

    /// Creates another admin, whatever operators exist: for recovery with access to storage but to no admin's token.
    pub async fn recover(&self, location: &dyn TokenLocation) -> Result<Operator, BootstrapError> {
        let token = self.operator_token(location)?;
        let mut write = self.begin(&Actor::System, "recovery with access to storage").await?;
        let name = recovered_name(&mut write).await?;
        create_admin(write, name, token, Action::Recover, location).await
    }

    fn operator_token(&self, location: &dyn TokenLocation) -> Result<(Token, bool), BootstrapError> {
        match location.supplied() {
            Ok(Some(token)) => Ok((token, true)),
            Ok(None) => Ok((self.new_operator_token(), false)),
            Err(source) => Err(BootstrapError::TokenLocation { what: "read", source }),
        }
    }
}

/// Creates an admin with this token; stores the token before the commit unless it was supplied.
async fn create_admin(
    mut write: Write,
    name: String,
    (token, supplied): (Token, bool),
    action: Action,
    location: &dyn TokenLocation,
) -> Result<Operator, BootstrapError> {
    let operator = insert(&mut write, action, (name, Role::Admin, None), &token).await?;
    if !supplied {
        location.save(&token).map_err(|source| BootstrapError::TokenLocation { what: "written", source })?;
    }
    write.commit().await?;
    Ok(operator)
}

/// Returns `admin-recovered-` and the date, with a number appended if one of that day already exists.
async fn recovered_name(write: &mut Write) -> error::Result<String> {
    let day: String = write.tx.now().to_string().chars().take_while(|character| *character != 'T').collect();
    let mut name = format!("{FIRST_NAME}-recovered-{day}");
    let mut more = 1_u32;
    while write.tx.operator_by_name(&name).await?.is_some() {
        more += 1;
        name = format!("{FIRST_NAME}-recovered-{day}-{more}");
    }
    Ok(name)
}
