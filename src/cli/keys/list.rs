//! `latchkey keys list`.

use clap::{Args, ValueEnum};

use crate::cli::answer::{Answer, Outcome};
use crate::cli::methods::Book;
use crate::cli::moment::{Moment, moment, told_or_never};
use crate::cli::output::Table;
use crate::cli::session::Session;
use crate::cli::words;
use crate::proto::v1;

/// A kind of access of a key.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Access {
    /// Everything, including members added later
    All,
    /// The listed members
    Selected,
}

/// Arguments of `keys list`.
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
    store_access: Option<Access>,
    /// Only keys with this access to methods
    #[arg(long, value_enum, value_name = "ACCESS")]
    method_access: Option<Access>,
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
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    expires_before: Option<Moment>,
    /// Only keys not used since this time, including keys never used: 2026-01-31, or 90d for 90 days ago
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    unused_since: Option<Moment>,
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
    /// Runs the command.
    pub(super) async fn run(self: Box<Self>, session: &Session) -> Outcome {
        let access = |access: Option<Access>| match access {
            None => v1::Access::Unspecified,
            Some(Access::All) => v1::Access::All,
            Some(Access::Selected) => v1::Access::Selected,
        };
        let method =
            if self.method.is_empty() { String::new() } else { Book::identity_of(session, &self.method).await? };
        let filter = v1::ListKeysRequest {
            active: (self.active || self.inactive).then_some(self.active),
            store_access: access(self.store_access).into(),
            method_access: access(self.method_access).into(),
            store: self.store,
            method,
            text: self.text,
            owner: self.owner,
            expire_before: self.expires_before.map(Moment::ahead),
            unused_since: self.unused_since.map(Moment::back),
            used: (self.used || self.never_used).then_some(self.used),
            revoked: (self.revoked || self.not_revoked).then_some(self.revoked),
            ..Default::default()
        };
        let mut client = session.keys().await?;
        let page = async |page_token, page_size| {
            let request = v1::ListKeysRequest { page_token, page_size, ..filter.clone() };
            let answer = session.call("listing keys", client.list_keys(request)).await?;
            Ok((answer.keys, answer.next_page_token))
        };
        let keys = session.pages(self.limit, page).await?;
        session.answer(&v1::ListKeysResponse { keys, ..Default::default() }, |answer| table(&answer.keys))
    }
}

fn table(keys: &[v1::Key]) -> Answer {
    let mut table =
        Table::new(["KEY", "NAME", "OWNER", "STATE", "STORES", "METHODS", "EXPIRES", "LAST USED", "TOKENS"]);
    for key in keys {
        table.row([
            key.id.clone(),
            key.name.clone(),
            key.owner.clone(),
            words::state(key).to_owned(),
            words::access(key.store_access(), &key.stores, "stores"),
            words::access(key.method_access(), &key.methods, "methods"),
            told_or_never(key.expire_time.as_ref()),
            told_or_never(key.last_use_time.as_ref()),
            key.secrets.iter().map(|secret| format!("…{}", secret.hint)).collect::<Vec<_>>().join(" "),
        ]);
    }
    Answer::table(table, "keys")
}
