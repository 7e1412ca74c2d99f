//! A new token, shown once.

use crate::cli::context::CommandContext;
use crate::cli::exit::Error;
use crate::cli::result::CommandOutput;

/// Returns a new token: alone if `token_only`, or after the description of its key, which already contains it as JSON.
pub(super) fn with_token(
    context: &CommandContext,
    described: CommandOutput,
    token: &str,
    token_only: bool,
) -> CommandOutput {
    if token.is_empty() {
        let retry = "this was a retry: the key already exists, and its token was shown when it was created";
        if token_only {
            let nothing = Err(Error::Conflict("there is no token to print".to_owned()));
            return CommandOutput::empty().with_note(retry).with_exit(nothing);
        }
        return described.with_note(retry);
    }
    let output = match (token_only, context.is_json()) {
        (true, _) => format!("{token}\n").into(),
        (false, true) => described,
        (false, false) => described.with_text(&format!("\n{token}\n")),
    };
    output.with_note("copy the token now: it will not be shown again")
}
