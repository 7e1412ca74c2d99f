//! `latchkey introspect`: what a key's token may do.

use clap::Args;

use super::answer::Outcome;
use super::authorize::KeyArgs;
use super::moment::{told, told_or_never};
use super::output::Facts;
use super::session::Session;
use super::words;
use crate::proto::v1::{self, Access};

/// Arguments of `introspect`.
#[derive(Debug, Args)]
pub(super) struct IntrospectArgs {
    /// Revision that the result must include, as returned by a write or `watch`
    #[arg(long, value_name = "REVISION", default_value = "", hide_default_value = true)]
    min_revision: String,
    #[command(flatten)]
    key: KeyArgs,
}

impl IntrospectArgs {
    /// Runs the command.
    pub(super) async fn run(self, session: &Session) -> Outcome {
        let request = v1::IntrospectKeyRequest { key: self.key.token(session).await?, min_revision: self.min_revision };
        let mut client = session.authorization().await?;
        let answer = session.call("reading what the key may do", client.introspect_key(request)).await?;
        session.answer(&answer, told_of)
    }
}

fn told_of(answer: &v1::IntrospectKeyResponse) -> String {
    if !answer.usable {
        return format!("not usable\n  {}: {}\n", words::reason_name(answer.reason), words::reason(answer.reason));
    }
    let access = |access: Access, none: bool| match access {
        Access::All if none => "all, including those added later; none exist now",
        Access::All => "all, including those added later; now:",
        Access::Selected if none => "none",
        Access::Selected => "exactly:",
        Access::Unspecified => "unknown",
    };
    Facts::new()
        .with("key", &answer.key_id)
        .with("name", &answer.name)
        .with("stores", access(answer.store_access(), answer.stores.is_empty()))
        .with_all("", answer.stores.iter().map(|store| format!("  {}  {}", store.code, store.name)))
        .with("methods", access(answer.method_access(), answer.methods.is_empty()))
        .with_all("", answer.methods.iter().map(|method| format!("  {method}")))
        .with("scopes", answer.scopes.join(", "))
        .with("expires", told_or_never(answer.expire_time.as_ref()))
        .with("token until", told(answer.secret_expire_time.as_ref()))
        .with("revision", answer.revision)
        .text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_not_good_says_why() {
        let answer = v1::IntrospectKeyResponse { reason: v1::Reason::KeyExpired.into(), ..Default::default() };
        assert_eq!(told_of(&answer), "not usable\n  KEY_EXPIRED: the key has expired\n");
    }

    #[test]
    fn what_is_open_is_listed() {
        let answer = v1::IntrospectKeyResponse {
            usable: true,
            store_access: Access::Selected.into(),
            method_access: Access::All.into(),
            methods: vec!["GET /a".to_owned()],
            ..Default::default()
        };
        let text = told_of(&answer);
        assert!(
            text.contains("none") && text.contains("including those added later") && text.contains("GET /a"),
            "{text}"
        );
    }
}
