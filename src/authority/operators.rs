//! Recognizing operators by their tokens.

use super::Authority;
use super::coalescer::WaiterKind;
use super::undecided::Undecided;
use crate::model::operator::Operator;
use crate::model::token::{self, Digest};

impl Authority {
    /// Returns the active operator of this token; `None` if there is none.
    ///
    /// # Errors
    /// The operator could not be determined.
    pub async fn operator(&self, token: &[u8]) -> Result<Option<Operator>, Undecided> {
        if token::check_operator_token(token).is_err() {
            return Ok(None);
        }
        let digest = Digest::of(token);
        for round in 0..2 {
            let state = self.inner.ready_state()?;
            if let Some(operator) = state.world.operators.get(&digest, |row| self.decision_time(row)) {
                return Ok(Some(operator.clone()));
            }
            if round == 0 {
                // The token may have been created on another replica a moment ago.
                self.inner.wait_for_poll(WaiterKind::UnknownCaller).await?;
            }
        }
        Ok(None)
    }

    /// Passes the operator of this token to `read`, if it can be found without waiting.
    pub fn operator_now<R>(&self, token: &[u8], read: impl FnOnce(&Operator) -> R) -> Option<R> {
        let guard = self.inner.state.load();
        let now = self.inner.freshness.proven_now()?;
        let moment = |row| self.inner.freshness.decision_time(now, row);
        guard.as_ref()?.world.operators.get(&Digest::of(token), moment).map(read)
    }
}
