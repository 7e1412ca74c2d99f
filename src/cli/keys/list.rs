//! `latchkey keys list`.

use clap::Args;

use crate::cli::context::CommandContext;
use crate::cli::display;
use crate::cli::methods::ServerBook;
use crate::cli::output::{CommandOutput, CommandResult};
use crate::cli::time::{TimeArg, format_time_or_never, parse_time};
use crate::proto::v1;

#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only keys that are switched on and not revoked
    #[arg(long, conflicts_with = "inactive")]
    active: bool,
    /// Only keys that are switched off or revoked
    #[arg(long)]
    inactive: bool,
    /// Only keys with this access to stores
    #[arg(long, value_enum, value_name = "ACCESS")]
    store_access: Option<v1::Access>,
    /// Only keys with this access to methods
    #[arg(long, value_enum, value_name = "ACCESS")]
    method_access: Option<v1::Access>,
    /// Only keys with access to this store, including keys with access to all stores
    #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
    store: String,
    /// Only keys with access to this method, including keys with access to all methods
    #[arg(long, value_name = "METHOD", default_value = "", hide_default_value = true)]
    method: String,
    /// Only keys with this text in the name, owner, comment, ID or last characters of a token
    #[arg(long, default_value = "", hide_default_value = true)]
    text: String,
    /// Only keys of this owner
    #[arg(long, default_value = "", hide_default_value = true)]
    owner: String,
    /// Only keys that expire before this time, including expired ones: 2027-01-31, or 30d for 30 days from now
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    expires_before: Option<TimeArg>,
    /// Only keys not used since this time, including keys never used: 2026-01-31, or 90d for 90 days ago
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    unused_since: Option<TimeArg>,
    /// Only keys that were used
    #[arg(long, conflicts_with = "never_used")]
    used: bool,
    /// Only keys that were never used
    #[arg(long)]
    never_used: bool,
    /// Only keys that were revoked
    #[arg(long, conflicts_with = "not_revoked")]
    revoked: bool,
    /// Only keys that were not revoked
    #[arg(long)]
    not_revoked: bool,
    /// Maximum number of results
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
}

impl ListArgs {
    pub(super) async fn run(self: Box<Self>, context: &CommandContext) -> CommandResult {
        let method =
            if self.method.is_empty() { String::new() } else { ServerBook::resolve(context, &self.method).await? };
        let filter = v1::ListKeysRequest {
            active: (self.active || self.inactive).then_some(self.active),
            store_access: self.store_access.unwrap_or_default().into(),
            method_access: self.method_access.unwrap_or_default().into(),
            store: self.store,
            method,
            text: self.text,
            owner: self.owner,
            expire_before: self.expires_before.map(TimeArg::in_future),
            unused_since: self.unused_since.map(TimeArg::in_past),
            used: (self.used || self.never_used).then_some(self.used),
            revoked: (self.revoked || self.not_revoked).then_some(self.revoked),
            ..Default::default()
        };
        let keys = context.list_keys(filter, self.limit).await?;
        context.render(&v1::ListKeysResponse { keys, ..Default::default() }, |response| table(&response.keys))
    }
}

fn table(keys: &[v1::Key]) -> CommandOutput {
    let headings = ["KEY", "NAME", "OWNER", "STATE", "STORES", "METHODS", "EXPIRES", "LAST USED", "TOKENS"];
    let rows = keys.iter().map(|key| {
        [
            key.id.clone(),
            key.name.clone(),
            key.owner.clone(),
            display::state(key).to_owned(),
            display::access(key.store_access(), &key.stores, "stores"),
            display::access(key.method_access(), &key.methods, "methods"),
            format_time_or_never(key.expire_time.as_ref()),
            format_time_or_never(key.last_use_time.as_ref()),
            key.secrets.iter().map(|secret| format!("…{}", secret.hint)).collect::<Vec<_>>().join(" "),
        ]
    });
    CommandOutput::table("keys", headings, rows)
}
