//! A new token, shown once.

use crate::cli::answer::Answer;
use crate::cli::exit::Error;
use crate::cli::session::Session;

/// Returns a new token: `alone`, or after the description of its key, which already contains it as JSON.
pub(super) fn token(session: &Session, told: Answer, token: &str, alone: bool) -> Answer {
    if token.is_empty() {
        let retry = "this was a retry: the key already exists, and its token was shown when it was created";
        if alone {
            let nothing = Err(Error::Conflict("there is no token to print".to_owned()));
            return Answer::nothing().with_note(retry).ending(nothing);
        }
        return told.with_note(retry);
    }
    let answer = match (alone, session.is_json()) {
        (true, _) => format!("{token}\n").into(),
        (false, true) => told,
        (false, false) => told.with_text(&format!("\n{token}\n")),
    };
    answer.with_note("copy the token now: it will not be shown again")
}
