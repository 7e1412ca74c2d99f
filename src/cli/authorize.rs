//! `latchkey authorize`: requests a decision and explains it.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use tonic::Code;

use super::context::CommandContext;
use super::display;
use super::exit::{Error, Exit};
use super::input;
use super::output::{self, CommandResult, Details};
use crate::proto::v1;
use crate::proto::v1::batch_authorize_result::Result as BatchResult;

/// Where a key's token comes from.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// File with the key's token, `-` for standard input [default: LATCHKEY_KEY, otherwise standard input]
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    key_file: Option<PathBuf>,
    /// The key's token itself; everyone on this machine can see it while the command runs
    #[arg(long, value_name = "TOKEN")]
    key: Option<String>,
}

impl KeyArgs {
    /// Returns the token as given: the server checks whether it is valid.
    pub(super) async fn token(self, context: &CommandContext) -> Result<String, Error> {
        match (self.key, self.key_file, &context.environment_key) {
            (Some(token), _, _) => Ok(token),
            (None, None, Some(token)) => Ok(token.clone()),
            (None, file, _) => input::read_secret(file, "Token of the key (not shown): ").await,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct AuthorizeArgs {
    /// Call to check: `VERB path`, such as `GET /api/v5/orders`, or a path alone, which must then be allowed for every
    /// verb it could mean. Several calls are checked one by one
    #[arg(required = true, value_name = "METHOD")]
    methods: Vec<String>,
    /// Code of a store that the call names; can be repeated
    #[arg(long, value_name = "CODE")]
    store: Vec<String>,
    /// Address that the call comes from, for keys restricted to networks
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// Decide like a gateway in front of a service that does not apply the scope: a key limited to certain stores is
    /// refused methods that take no store although their result may belong to stores
    #[arg(long)]
    gateway: bool,
    /// Revision that the decision must include, as returned by a write or `watch`
    #[arg(long, value_name = "REVISION", default_value = "", hide_default_value = true)]
    min_revision: String,
    #[command(flatten)]
    key: KeyArgs,
}

/// Refuses a call that is allowed only because the caller applies the scope.
fn as_gateway(decision: &mut v1::Decision) {
    if decision.scope_must_be_applied {
        let reason = v1::Reason::MethodReadsNoStore.into();
        (decision.allowed, decision.reason, decision.scope_must_be_applied) = (false, reason, false);
        (decision.failed_checks, decision.scope) = (vec![reason], None);
    }
}

impl AuthorizeArgs {
    /// Several calls are allowed together only if each of them is.
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let key = self.key.token(context).await?;
        let named = self.store.join(", ");
        let mut client = context.authorization().await?;
        let requests: Vec<_> = parse_calls(self.methods)
            .into_iter()
            .map(|method| v1::AuthorizeRequest {
                key: key.clone(),
                method,
                stores: self.store.clone(),
                client_address: self.client.map(|address| address.to_string()).unwrap_or_default(),
                min_revision: self.min_revision.clone(),
                ..Default::default()
            })
            .collect();
        let methods: Vec<_> = requests.iter().map(|request| request.method.clone()).collect();
        if let [request] = requests.as_slice() {
            let mut response = context.call("requesting a decision", client.authorize(request.clone())).await?;
            if self.gateway {
                response.decision.iter_mut().for_each(as_gateway);
            }
            let decision = response.decision.clone().unwrap_or_default();
            let exit = if decision.allowed { Exit::Success } else { Exit::Negative };
            return Ok(context.render(&response, |_| describe(&methods[0], &decision, &named))?.with_exit(Ok(exit)));
        }
        let request = v1::BatchAuthorizeRequest { requests };
        let mut response = context.call("requesting decisions", client.batch_authorize(request)).await?;
        if self.gateway {
            for result in &mut response.results {
                if let Some(BatchResult::Decision(decision)) = &mut result.result {
                    as_gateway(decision);
                }
            }
        }
        let exit = batch_exit(&response);
        Ok(context.render(&response, |response| describe_all(&methods, response, &named))?.with_exit(exit))
    }
}

/// Returns the calls to check: verb and path may be one argument or two.
fn parse_calls(words: Vec<String>) -> Vec<String> {
    let mut calls: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        match calls.last_mut() {
            Some(verb) if is_verb(verb) && !is_verb(&word) => verb.extend([" ", &word]),
            _ => calls.push(word),
        }
    }
    calls
}

fn is_verb(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|letter| letter.is_ascii_alphabetic())
}

fn batch_exit(response: &v1::BatchAuthorizeResponse) -> Result<Exit, Error> {
    let mut exit = Exit::Success;
    for result in &response.results {
        match &result.result {
            Some(BatchResult::Decision(decision)) if decision.allowed => {}
            Some(BatchResult::Decision(_)) => exit = Exit::Negative,
            Some(BatchResult::Undecided(undecided)) => return Err(undecided_error(undecided)),
            None => return Err(Error::Internal("the server returned no result for a call".to_owned())),
        }
    }
    Ok(exit)
}

/// Returns the error with which a check of this call alone would end.
fn undecided_error(undecided: &v1::Undecided) -> Error {
    let message = output::sanitize(&undecided.message);
    match Code::from(undecided.code) {
        Code::InvalidArgument => Error::Invalid(message),
        Code::FailedPrecondition => Error::Conflict(message),
        _ => Error::Unavailable(message),
    }
}

fn describe_all(methods: &[String], response: &v1::BatchAuthorizeResponse, named: &str) -> String {
    let texts = methods.iter().zip(&response.results).map(|(method, result)| match &result.result {
        Some(BatchResult::Decision(decision)) => describe(method, decision, named),
        Some(BatchResult::Undecided(undecided)) => {
            format!("UNDECIDED  {}\n  {}\n", output::sanitize(method), output::sanitize(&undecided.message))
        }
        None => format!("UNDECIDED  {}\n", output::sanitize(method)),
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// Describes a decision about a call that named these stores, for people.
fn describe(method: &str, decision: &v1::Decision, named: &str) -> String {
    let verdict = if decision.allowed { "ALLOWED" } else { "DENIED" };
    let mut text = format!("{verdict}  {}\n", output::sanitize(method));
    for reason in &decision.failed_checks {
        let _ = writeln!(text, "  {}: {}", display::reason_name(*reason), display::reason(*reason));
    }
    if decision.scope_must_be_applied {
        text.push_str(
            "  Only for services that restrict the result to the stores in scope: the key is limited to certain \
             stores, and\n  the method takes no store. A gateway refuses this call unless its profile sets \
             upstream_applies_scope.\n",
        );
    }
    let store = match (decision.store.as_str(), named) {
        ("", "") => "none named",
        ("", named) => named,
        (store, "") => &format!("{store} (the key is bound to it)"),
        (store, _) => store,
    };
    let details = Details::new()
        .with("key", &decision.key_id)
        .with_all("method", decision.methods.clone())
        .with("store", store)
        .with_all("no access", decision.denied_stores.clone())
        .with("stores in scope", decision.scope.as_ref().map(display::scope).unwrap_or_default())
        .with("revision", decision.revision);
    text.push_str(&output::indented(&details.text()));
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
        let text = describe("GET /a", &decision, "a, b");
        assert!(
            text.starts_with(
                "DENIED  GET /a\n  METHOD_DENIED: the key has no access to this method\n  \
                STORE_DENIED:"
            ),
            "{text}"
        );
        assert!(text.contains("GET /api/v*/orders") && text.contains("no access"), "{text}");
    }

    #[test]
    fn what_is_allowed_only_within_the_scope_says_so_and_a_gateway_refuses_it() {
        let mut decision = v1::Decision { allowed: true, scope_must_be_applied: true, ..Default::default() };
        let text = describe("GET /a", &decision, "");
        assert!(text.starts_with("ALLOWED  GET /a\n  Only for services that restrict the result"), "{text}");
        as_gateway(&mut decision);
        let text = describe("GET /a", &decision, "");
        assert!(text.starts_with("DENIED  GET /a\n  METHOD_READS_NO_STORE: "), "{text}");
        assert!(!text.contains("Only for services") && !decision.allowed, "{text}");
        let mut confined = v1::Decision { allowed: true, ..Default::default() };
        as_gateway(&mut confined);
        assert!(confined.allowed, "what needs no scope is as before");
    }

    #[test]
    fn a_verb_and_its_path_may_be_two_words() {
        let read = |words: &[&str]| parse_calls(words.iter().map(ToString::to_string).collect());
        assert_eq!(read(&["GET", "/a"]), ["GET /a"]);
        assert_eq!(read(&["GET /a", "/b", "POST", "/c"]), ["GET /a", "/b", "POST /c"]);
        assert_eq!(read(&["GET", "POST", "/c"]), ["GET", "POST /c"]);
    }

    #[test]
    fn several_calls_are_allowed_together_only_if_each_is() {
        let decided = |allowed| Some(BatchResult::Decision(v1::Decision { allowed, ..Default::default() }));
        let undecided = |code: Code| {
            let message = "stale".to_owned();
            Some(BatchResult::Undecided(v1::Undecided { message, code: code.into(), ..Default::default() }))
        };
        let exit = |results: Vec<Option<BatchResult>>| {
            let results = results.into_iter().map(|result| v1::BatchAuthorizeResult { result }).collect();
            batch_exit(&v1::BatchAuthorizeResponse { results })
        };
        assert!(matches!(exit(vec![decided(true), decided(true)]), Ok(Exit::Success)));
        assert!(matches!(exit(vec![decided(true), decided(false)]), Ok(Exit::Negative)));
        // An older server sends no code.
        for code in [Code::Ok, Code::Unavailable] {
            assert!(matches!(exit(vec![decided(false), undecided(code)]), Err(Error::Unavailable(_))));
        }
        assert!(matches!(exit(vec![undecided(Code::InvalidArgument), decided(true)]), Err(Error::Invalid(_))));
        assert!(matches!(exit(vec![decided(true), undecided(Code::FailedPrecondition)]), Err(Error::Conflict(_))));
    }

    #[test]
    fn an_allowed_call_says_its_store_and_what_is_in_reach() {
        let decision = v1::Decision {
            allowed: true,
            store: "a".to_owned(),
            scope: Some(Scope { kind: ScopeKind::Listed.into(), stores: vec!["a".to_owned(), "b".to_owned()] }),
            ..Default::default()
        };
        let text = describe("GET /a", &decision, "");
        assert!(text.starts_with("ALLOWED  GET /a\n") && text.contains("a, b"), "{text}");
        assert!(text.contains("a (the key is bound to it)"), "{text}");
    }
}
