//! Sessions: people who are signed in to the console.
//!
//! Sessions are rows in storage, so that any replica serves them and notices immediately when one ends. Signing in and
//! out are normal writes: they take a revision and appear in the audit trail as changes of the operator, in the same
//! transaction as the session itself. That is affordable: only a person with a valid token can cause one, a few times a
//! day; failed attempts write nothing. Recording the last request takes no revision.

use std::fmt;
use std::time::Duration;

use crate::model::change::{Action, Revision, SubjectKind};
use crate::model::hex;
use crate::model::id::OperatorId;
use crate::model::marks::DecisionTime;
use crate::model::operator::Permission::View;
use crate::model::time::Timestamp;
use crate::model::token::Digest;
use crate::model::violations::Violations;
use crate::storage::SessionRecord;

use super::error::{Error, Result};
use super::input::{RawDuration, TokenText, WriteOptions};
use super::write::Write;
use super::{Caller, Registry};

/// The longest time without a request.
const MAX_IDLE: Duration = Duration::from_hours(1);
/// The longest duration of a session.
const MAX_DURATION: Duration = Duration::from_hours(12);
/// How old the recorded last request may get: requests in quick succession write nothing.
const SEEN_INTERVAL: Duration = Duration::from_mins(1);

/// The browser's proof of its session: 256 random bits. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

/// A person with a valid session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveSession {
    /// The operator.
    pub caller: Caller,
    /// When the session ends at the latest.
    pub until: Timestamp,
}

/// Why a session is no longer valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionEnd {
    /// The session does not exist, or was ended.
    Unknown,
    /// There was no request for too long.
    Idle,
    /// It reached the longest duration of a session.
    Over,
    /// The operator was revoked.
    Revoked,
    /// The operator has expired.
    Expired,
    /// The operator was changed: its name, role, token or expiry.
    Changed,
}

impl SessionToken {
    /// Creates a token from 256 random bits.
    fn new(random: [u8; 32]) -> Self {
        Self(hex::encode(&random))
    }

    /// Parses a text from a browser; returns `None` if it cannot be a session's token.
    pub fn parse(text: &str) -> Option<Self> {
        let is_valid = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_valid.then(|| Self(text.to_owned()))
    }

    /// Returns the token in plain text, for the cookie and for values derived from it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

impl Registry {
    /// Starts a session for an operator that has just sent `presented`, its token. The session's token is always newly
    /// generated; `before`, the browser's previous session, is ended.
    pub async fn sign_in(
        &self,
        caller: &Caller,
        presented: &TokenText,
        before: Option<&SessionToken>,
    ) -> Result<SessionToken> {
        let token = SessionToken::new(self.random.bytes());
        let (id, digest, before) = (caller.id, token.digest(), before.map(SessionToken::digest));
        let presented = Digest::of(presented.0.as_bytes());
        let check = |_: &mut Violations| Some((id, digest, presented, before));
        self.write((caller, View), &without_waiting(), check, sign_in).await?;
        Ok(token)
    }

    /// Ends a session. Repeating it is not an error.
    pub async fn sign_out(&self, caller: &Caller, token: &SessionToken) -> Result<()> {
        let check = |_: &mut Violations| Some((caller.id, token.digest()));
        self.write((caller, View), &without_waiting(), check, sign_out).await.map(|_| ())
    }

    /// Returns the person of this session at `now`, and records the request. `moment` returns the moment for a row that
    /// was last changed at a revision.
    pub async fn session(
        &self,
        token: &SessionToken,
        now: Timestamp,
        moment: impl Fn(Revision) -> DecisionTime + Send,
    ) -> Result<std::result::Result<ActiveSession, SessionEnd>> {
        let digest = token.digest();
        let Some(session) = self.storage.session(&digest).await? else { return Ok(Err(SessionEnd::Unknown)) };
        if let Some(ended) = session_end(&session, now, moment(session.operator.row_revision)) {
            return Ok(Err(ended));
        }
        if now.since(session.seen) >= SEEN_INTERVAL
            && let Err(error) = self.storage.touch_session(&digest, now).await
        {
            // The session is still valid; at worst it becomes idle a little early.
            tracing::warn!(error = %error, "the last use of a session could not be stored");
        }
        let operator = session.operator;
        let caller = Caller { id: operator.id, name: operator.name, role: operator.role };
        Ok(Ok(ActiveSession { caller, until: session.created.plus(MAX_DURATION) }))
    }
}

/// Does not wait until replicas apply a sign-in.
const fn without_waiting() -> WriteOptions {
    WriteOptions { comment: String::new(), replica_wait: Some(RawDuration { seconds: 0, nanos: 0 }) }
}

async fn sign_in(
    write: &mut Write,
    (id, digest, presented, before): (OperatorId, Digest, Digest, Option<Digest>),
) -> Result<()> {
    if let Some(before) = before {
        write.tx.end_session(&before).await?;
    }
    // The caller was authenticated by a snapshot: its token may have been replaced meanwhile.
    if !write.tx.insert_session(&digest, id, &presented).await? {
        return Err(Error::CallerGone);
    }
    record(write, id, Action::SignIn).await
}

async fn sign_out(write: &mut Write, (id, digest): (OperatorId, Digest)) -> Result<()> {
    if write.tx.end_session(&digest).await? { record(write, id, Action::SignOut).await } else { Ok(()) }
}

/// Adds an operator's action to the audit trail.
async fn record(write: &mut Write, id: OperatorId, action: Action) -> Result<()> {
    let operator = write.tx.operator(id).await?.ok_or(Error::CallerGone)?;
    // Both images, although equal: rebuilding the state from the trail finds the operator unchanged.
    write.record(action, SubjectKind::Operator, &id, Some(operator.image()), Some(operator.image()));
    Ok(())
}

fn session_end(session: &SessionRecord, now: Timestamp, moment: DecisionTime) -> Option<SessionEnd> {
    let operator = &session.operator;
    if operator.revoked.is_some() {
        Some(SessionEnd::Revoked)
    } else if !operator.is_valid(moment) {
        Some(SessionEnd::Expired)
    } else if operator.row_revision != session.operator_revision {
        Some(SessionEnd::Changed)
    } else if now.since(session.created) >= MAX_DURATION || session.created.since(now) > SEEN_INTERVAL {
        // Begun or used in the future: the clock was ahead then, and the limits of a session would not hold.
        Some(SessionEnd::Over)
    } else if now.since(session.seen) >= MAX_IDLE || session.seen.since(now) > SEEN_INTERVAL {
        Some(SessionEnd::Idle)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::operator::{Operator, Role};

    fn session() -> SessionRecord {
        let operator = Operator {
            id: OperatorId::new(Timestamp::EPOCH, [1; 10]),
            name: "ann".to_owned(),
            role: Role::Viewer,
            expires: None,
            revoked: None,
            hint: "abcd".to_owned(),
            created: Timestamp::EPOCH,
            updated: Timestamp::EPOCH,
            row_revision: Revision(3),
        };
        SessionRecord { operator, operator_revision: Revision(3), created: Timestamp::EPOCH, seen: Timestamp::EPOCH }
    }

    #[test]
    fn a_session_ends_by_its_bounds_and_with_its_operator() {
        let at = |duration| Timestamp::EPOCH.plus(duration);
        let session_end = |session: &SessionRecord, now: Timestamp| session_end(session, now, now.into());
        let moment = Duration::from_secs(1);
        assert_eq!(session_end(&session(), at(MAX_IDLE - moment)), None);
        assert_eq!(session_end(&session(), at(MAX_IDLE)), Some(SessionEnd::Idle));
        let mut busy = session();
        busy.seen = at(MAX_DURATION - moment);
        assert_eq!(session_end(&busy, at(MAX_DURATION - moment)), None);
        assert_eq!(session_end(&busy, at(MAX_DURATION)), Some(SessionEnd::Over));
        let mut ahead = session();
        (ahead.created, ahead.seen) = (at(MAX_IDLE), at(MAX_IDLE));
        assert_eq!(session_end(&ahead, at(moment)), Some(SessionEnd::Over), "it began while the clock was ahead");
        ahead.created = Timestamp::EPOCH;
        assert_eq!(session_end(&ahead, at(moment)), Some(SessionEnd::Idle), "it was seen while the clock was ahead");
        let mut changed = session();
        changed.operator.row_revision = Revision(4);
        assert_eq!(session_end(&changed, at(moment)), Some(SessionEnd::Changed));
        changed.operator.expires = Some(at(moment));
        assert_eq!(session_end(&changed, at(moment)), Some(SessionEnd::Expired));
        changed.operator.revoked = Some(at(moment));
        assert_eq!(session_end(&changed, at(moment)), Some(SessionEnd::Revoked));
    }

    #[test]
    fn a_session_token_has_one_spelling_and_cannot_be_printed() {
        let token = SessionToken::new([0xaf; 32]);
        assert_eq!(token.reveal(), "af".repeat(32));
        assert_eq!(SessionToken::parse(token.reveal()), Some(token.clone()));
        for bad in ["", "af", &"AF".repeat(32), &"ag".repeat(32), &"af".repeat(33)] {
            assert!(SessionToken::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{token:?}"), "SessionToken(…)");
    }
}
