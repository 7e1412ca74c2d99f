//! `latchkey introspect`: what a key's token may do.

use clap::Args;

use super::authorize::KeyArgs;
use super::context::CommandContext;
use super::display;
use super::output::{CommandResult, Details};
use super::time::{format_time, format_time_or_never};
use crate::proto::v1::{self, Access};

#[derive(Debug, Args)]
pub(super) struct IntrospectArgs {
    /// Revision that the result must include, as returned by a write or `watch`
    #[arg(long, value_name = "REVISION", default_value = "", hide_default_value = true)]
    min_revision: String,
    #[command(flatten)]
    key: KeyArgs,
}

impl IntrospectArgs {
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let request = v1::IntrospectKeyRequest { key: self.key.token(context).await?, min_revision: self.min_revision };
        let mut client = context.authorization().await?;
        context.show("reading what the key may do", client.introspect_key(request), describe).await
    }
}

fn describe(response: &v1::IntrospectKeyResponse) -> String {
    if !response.usable {
        let (name, reason) = (display::reason_name(response.reason), display::reason(response.reason));
        return format!("not usable\n  {name}: {reason}\n");
    }
    let access = |access: Access, none: bool| match access {
        Access::All if none => "all, including those added later; none exist now",
        Access::All => "all, including those added later; now:",
        Access::Selected if none => "none",
        Access::Selected => "exactly:",
        Access::Unspecified => "unknown",
    };
    Details::new()
        .with("key", &response.key_id)
        .with("name", &response.name)
        .with("stores", access(response.store_access(), response.stores.is_empty()))
        .with_all("", response.stores.iter().map(|store| format!("  {}  {}", store.code, store.name)))
        .with("methods", access(response.method_access(), response.methods.is_empty()))
        .with_all("", response.methods.iter().map(|method| format!("  {method}")))
        .with("scopes", response.scopes.join(", "))
        .with("expires", format_time_or_never(response.expire_time.as_ref()))
        .with("token until", format_time(response.secret_expire_time.as_ref()))
        .with("revision", response.revision)
        .text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_not_good_says_why() {
        let response = v1::IntrospectKeyResponse { reason: v1::Reason::KeyExpired.into(), ..Default::default() };
        assert_eq!(describe(&response), "not usable\n  KEY_EXPIRED: the key has expired\n");
    }

    #[test]
    fn what_is_open_is_listed() {
        let response = v1::IntrospectKeyResponse {
            usable: true,
            store_access: Access::Selected.into(),
            method_access: Access::All.into(),
            methods: vec!["GET /a".to_owned()],
            ..Default::default()
        };
        let text = describe(&response);
        assert!(
            text.contains("none") && text.contains("including those added later") && text.contains("GET /a"),
            "{text}"
        );
    }
}
