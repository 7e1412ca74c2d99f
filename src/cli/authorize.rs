//! `latchkey authorize`: one question, and its answer in words.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::exit::{Ending, Error, Outcome};
use super::input;
use super::output::{self, Facts};
use super::session::Session;
use super::words;
use crate::proto::v1;

/// Where a key's token comes from.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// File with the key's token, `-` for standard input [default: LATCHKEY_KEY, else standard input]
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    key_file: Option<PathBuf>,
    /// The key's token itself; everybody on this machine can see it while the command runs
    #[arg(long, value_name = "TOKEN")]
    key: Option<String>,
}

impl KeyArgs {
    /// The token, as it was given: whether it can be one is for the server to say.
    pub(super) async fn token(self, session: &Session) -> Result<String, Error> {
        match (self.key, self.key_file, session.environment_key()) {
            (Some(token), _, _) => Ok(token),
            (None, None, Some(token)) => Ok(token.to_owned()),
            (None, file, _) => input::secret(file, "the key's token (it is not shown): ").await,
        }
    }
}

/// What `authorize` is told.
#[derive(Debug, Args)]
pub(super) struct AuthorizeArgs {
    /// What is called: `VERB path`, such as `GET /api/v5/orders`; the path alone asks for every verb that it could mean
    #[arg(required = true, num_args = 1..=2)]
    method: Vec<String>,
    /// Code of a store that the call names; may be given several times
    #[arg(long, value_name = "CODE")]
    store: Vec<String>,
    /// Address that the call comes from, for keys that are limited to networks
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// Revision that the decision must not be older than, as a write or `watch` told it
    #[arg(long, value_name = "REVISION", default_value = "", hide_default_value = true)]
    min_revision: String,
    #[command(flatten)]
    key: KeyArgs,
}

impl AuthorizeArgs {
    /// Does it.
    pub(super) async fn run(self, session: &Session) -> Outcome {
        let key = self.key.token(session).await?;
        let named = self.store.join(", ");
        let request = v1::AuthorizeRequest {
            key,
            method: self.method.join(" "),
            stores: self.store,
            client_address: self.client.map(|address| address.to_string()).unwrap_or_default(),
            min_revision: self.min_revision,
            ..Default::default()
        };
        let mut client = session.authorization().await?;
        let answer = session.call("asking for a decision", client.authorize(request)).await?;
        let decision = answer.decision.clone().unwrap_or_default();
        session.answer(&answer, |_| told(&decision, &named))?;
        Ok(if decision.allowed { Ending::Done } else { Ending::No })
    }
}

/// A decision for people, about a call that named these stores.
fn told(decision: &v1::Decision, named: &str) -> String {
    let mut text = String::from(if decision.allowed { "ALLOWED\n" } else { "DENIED\n" });
    for reason in &decision.failed_checks {
        let _ = writeln!(text, "  {}: {}", words::reason_name(*reason), words::reason(*reason));
    }
    let store = match (decision.store.as_str(), named) {
        ("", "") => "none was named",
        ("", named) => named,
        (store, "") => &format!("{store}, to which the key binds"),
        (store, _) => store,
    };
    let facts = Facts::new()
        .with("key", &decision.key_id)
        .with_all("method", decision.methods.clone())
        .with("store", store)
        .with_all("not open", decision.denied_stores.clone())
        .with("stores in reach", decision.scope.as_ref().map(words::scope).unwrap_or_default())
        .with("revision", decision.revision);
    text.push_str(&output::indented(&facts.text()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{Reason, Scope, ScopeKind};

    #[test]
    fn a_refusal_says_every_reason_in_words() {
        let decision = v1::Decision {
            failed_checks: vec![Reason::MethodDenied.into(), Reason::StoreDenied.into()],
            reason: Reason::MethodDenied.into(),
            denied_stores: vec!["b".to_owned()],
            methods: vec!["GET /api/v*/orders".to_owned()],
            revision: 7,
            ..Default::default()
        };
        let text = told(&decision, "a, b");
        assert!(
            text.starts_with("DENIED\n  METHOD_DENIED: the key does not open this method\n  STORE_DENIED:"),
            "{text}"
        );
        assert!(text.contains("GET /api/v*/orders") && text.contains("not open"), "{text}");
    }

    #[test]
    fn an_allowed_call_says_its_store_and_what_is_in_reach() {
        let decision = v1::Decision {
            allowed: true,
            store: "a".to_owned(),
            scope: Some(Scope { kind: ScopeKind::Listed.into(), stores: vec!["a".to_owned(), "b".to_owned()] }),
            ..Default::default()
        };
        let text = told(&decision, "");
        assert!(text.starts_with("ALLOWED\n") && text.contains("a, b"), "{text}");
        assert!(text.contains("a, to which the key binds"), "{text}");
    }
}
