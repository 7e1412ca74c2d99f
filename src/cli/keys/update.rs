//! `latchkey keys update`.

use clap::Args;
use prost_types::FieldMask;

use super::create::label;
use super::named::identified;
use super::show;
use crate::cli::answer::Outcome;
use crate::cli::choice::{MethodChange, MethodChoice, StoreChange, StoreChoice};
use crate::cli::exit::Error;
use crate::cli::moment::{MomentOrNever, moment_or_never};
use crate::cli::session::Session;
use crate::cli::write::WriteArgs;
use crate::proto::v1;

/// What `keys update` is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct UpdateArgs {
    /// Id of the key, or its name if only one has it
    key: String,
    /// Change the name
    #[arg(long)]
    name: Option<String>,
    /// Change the owner; an empty one removes it
    #[arg(long)]
    owner: Option<String>,
    /// Change the note; an empty one removes it
    #[arg(long)]
    comment: Option<String>,
    /// Switch it on
    #[arg(long, conflicts_with = "deactivate")]
    activate: bool,
    /// Switch it off: it opens nothing until it is switched on again
    #[arg(long)]
    deactivate: bool,
    /// Change from when on it is good: 2027-01-31, 7d from now, or never to remove the bound
    #[arg(long, value_name = "WHEN", value_parser = moment_or_never)]
    not_before: Option<MomentOrNever>,
    /// Change until when it is good: 2027-01-31, 90d from now, or never
    #[arg(long, value_name = "WHEN", value_parser = moment_or_never)]
    expires: Option<MomentOrNever>,
    /// Replace the networks that calls must come from; may be given several times
    #[arg(long, value_name = "CIDR", conflicts_with = "any_network")]
    network: Vec<String>,
    /// Let calls come from anywhere
    #[arg(long)]
    any_network: bool,
    /// Set a label; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Remove a label; may be given several times
    #[arg(long, value_name = "NAME")]
    remove_label: Vec<String>,
    #[command(flatten)]
    stores: StoreChoice,
    #[command(flatten)]
    store_change: StoreChange,
    #[command(flatten)]
    methods: MethodChoice,
    #[command(flatten)]
    method_change: MethodChange,
    #[command(flatten)]
    write: WriteArgs,
}

impl UpdateArgs {
    /// Does it.
    pub(super) async fn run(self: Box<Self>, session: &Session) -> Outcome {
        let id = identified(session, self.key.clone()).await?;
        let mut client = session.keys().await?;
        // What is added and removed is judged by what the key is now; its etag refuses a change made meanwhile.
        let now = session.call("reading the key", client.get_key(v1::GetKeyRequest { id: id.clone() })).await?;
        let now = now.key.unwrap_or_default();
        let mut key = v1::Key { id, etag: now.etag.clone(), ..Default::default() };
        let mut paths = self.simple_changes(&now, &mut key);

        let stores = match self.store_change.applied(&now)? {
            None => self.stores.chosen(session).await?,
            changed => changed,
        };
        if let Some(stores) = stores {
            paths.extend(["store_access", "stores"]);
            key.set_store_access(stores.access);
            key.stores = stores.members;
        }
        let methods = match self.method_change.applied(session, &now).await? {
            None => self.methods.chosen(session).await?,
            changed => changed,
        };
        if let Some(methods) = methods {
            paths.extend(["method_access", "methods"]);
            key.set_method_access(methods.access);
            key.methods = methods.members;
        }
        if paths.is_empty() {
            return Err(Error::Usage("say what is to change: see `latchkey keys update --help`".to_owned()));
        }
        let request = v1::UpdateKeyRequest {
            key: Some(key),
            update_mask: Some(FieldMask { paths: paths.into_iter().map(str::to_owned).collect() }),
            options: Some(self.write.options()),
        };
        let answer = session.call("changing the key", client.update_key(request)).await?;
        Ok(session.answer(&answer, |answer| show::key(answer.key.as_ref()))?.with_written(answer.written.as_ref()))
    }

    /// Puts into `key` what needs no looking up, and answers which fields that are.
    fn simple_changes(&self, now: &v1::Key, key: &mut v1::Key) -> Vec<&'static str> {
        let mut paths = Vec::new();
        if let Some(name) = &self.name {
            paths.push("name");
            key.name.clone_from(name);
        }
        if let Some(owner) = &self.owner {
            paths.push("owner");
            key.owner.clone_from(owner);
        }
        if let Some(comment) = &self.comment {
            paths.push("comment");
            key.comment.clone_from(comment);
        }
        if self.activate || self.deactivate {
            paths.push("active");
            key.active = Some(self.activate);
        }
        if let Some(not_before) = self.not_before {
            paths.push("not_before");
            key.not_before = not_before.ahead();
        }
        if let Some(expires) = self.expires {
            paths.push("expire_time");
            key.expire_time = expires.ahead();
        }
        if self.any_network || !self.network.is_empty() {
            paths.push("networks");
            key.networks.clone_from(&self.network);
        }
        if !self.label.is_empty() || !self.remove_label.is_empty() {
            paths.push("labels");
            key.labels.clone_from(&now.labels);
            key.labels.retain(|name, _| !self.remove_label.contains(name));
            key.labels.extend(self.label.iter().cloned());
        }
        paths
    }
}
