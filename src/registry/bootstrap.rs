//! The first operator, and the one that is made when no admin's token is left.

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

/// Name of the first operator.
const FIRST: &str = "admin";

/// Where the token of the first operator comes from, or goes to.
pub trait TokenPlace: Send + Sync {
    /// The token that whoever installs Latchkey has chosen; none if Latchkey shall make one.
    fn supplied(&self) -> io::Result<Option<Token>>;

    /// Keeps a token that was made, durably: it is called before the operator is committed, so that there never is an
    /// operator whose token nobody knows. Called at most once per attempt; what an earlier attempt left, which ended
    /// before its commit, is to be replaced.
    fn keep(&self, token: &Token) -> io::Result<()>;
}

/// What a start found or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// There are operators.
    Existing,
    /// There were none, and this one was made.
    Created {
        /// The operator.
        operator: Operator,
        /// Whether its token was supplied; else it was made and kept.
        supplied: bool,
    },
}

/// Why there is no first operator.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// Storage did not do it.
    #[error(transparent)]
    Registry(#[from] Error),
    /// The place of the token could not be read or written.
    #[error("the token of the first operator could not be {what}: {source}")]
    Place {
        /// What was being done to it.
        what: &'static str,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
}

impl Registry {
    /// Makes the operator `admin`, exactly once however many replicas start together: whoever comes second finds it.
    pub async fn bootstrap(&self, place: &dyn TokenPlace) -> Result<Bootstrap, BootstrapError> {
        let every = OperatorFilter { role: None, include_revoked: true };
        let one = PageRequest { size: 1, after: None };
        // Read first: an ordinary start takes no revision and needs no right to write.
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

    /// Makes another admin, whatever operators there are: for whoever has access to storage and to no admin's token.
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

/// Makes an admin with this token; keeps the token before the commit unless it was supplied.
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

/// `admin-recovered-` and the date, with a number behind it if there is one of that day already.
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
