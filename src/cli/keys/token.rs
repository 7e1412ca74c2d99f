//! A new token, shown once.

use crate::cli::answer::Answer;
use crate::cli::exit::Error;
use crate::cli::session::Session;

/// A new token: `alone`, or after what was `told` of its key, which has it already as JSON.
pub(super) fn token(session: &Session, told: Answer, token: &str, alone: bool) -> Answer {
    if token.is_empty() {
        let retry = "this was a retry: the key is there already, and its token was shown when it was made";
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
    answer.with_note("the token is shown only now: keep it where it is to be used")
}
