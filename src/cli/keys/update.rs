//! `latchkey keys update`.

use clap::Args;

use super::create::label;
use super::{resolve_key_id, show};
use crate::cli::choice::{MethodChange, MethodChoice, StoreChange, StoreChoice};
use crate::cli::context::CommandContext;
use crate::cli::output::CommandResult;
use crate::cli::time::{TimeOrNever, parse_time_or_never};
use crate::cli::write::{UpdateMask, WriteArgs};
use crate::proto::v1;

#[derive(Debug, Args)]
pub(in crate::cli) struct UpdateArgs {
    /// ID of the key, or its name if it is unique
    key: String,
    /// Change the name
    #[arg(long)]
    name: Option<String>,
    /// Change the owner; an empty value removes it
    #[arg(long)]
    owner: Option<String>,
    /// Change the e-mail address of the owner; an empty value removes it
    #[arg(long, value_name = "EMAIL")]
    contact: Option<String>,
    /// Change the comment; an empty value removes it
    #[arg(long)]
    comment: Option<String>,
    /// Switch it on
    #[arg(long, conflicts_with = "deactivate")]
    activate: bool,
    /// Switch it off: it grants access to nothing until it is switched on again
    #[arg(long)]
    deactivate: bool,
    /// Change the start of its validity: 2027-01-31, 7d for 7 days from now, or `never` to remove it
    #[arg(long, value_name = "WHEN", value_parser = parse_time_or_never)]
    not_before: Option<TimeOrNever>,
    /// Change the end of its validity: 2027-01-31, 90d for 90 days from now, or `never`
    #[arg(long, value_name = "WHEN", value_parser = parse_time_or_never)]
    expires: Option<TimeOrNever>,
    /// Replace the networks that calls must come from; can be repeated
    #[arg(long, value_name = "CIDR", conflicts_with = "any_network")]
    network: Vec<String>,
    /// Allow calls from any address
    #[arg(long)]
    any_network: bool,
    /// Set a label; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Remove a label; can be repeated
    #[arg(long, value_name = "NAME")]
    remove_label: Vec<String>,
    #[command(flatten)]
    stores: Option<StoreChoice>,
    #[command(flatten)]
    store_change: StoreChange,
    #[command(flatten)]
    methods: Option<MethodChoice>,
    #[command(flatten)]
    method_change: MethodChange,
    #[command(flatten)]
    write: WriteArgs,
}

impl UpdateArgs {
    pub(super) async fn run(self: Box<Self>, context: &CommandContext) -> CommandResult {
        let id = resolve_key_id(context, self.key).await?;
        let mut client = context.keys().await?;
        // Additions and removals are relative to the current key; its etag refuses a concurrent change.
        let now = context.call("reading the key", client.get_key(v1::GetKeyRequest { id: id.clone() })).await?;
        let now = now.key.unwrap_or_default();
        let mut key = v1::Key { id, etag: now.etag.clone(), ..Default::default() };
        let mut mask = UpdateMask::default();
        mask.set("name", &mut key.name, self.name);
        mask.set("owner", &mut key.owner, self.owner);
        mask.set("contact", &mut key.contact, self.contact);
        mask.set("comment", &mut key.comment, self.comment);
        mask.set("active", &mut key.active, (self.activate || self.deactivate).then_some(Some(self.activate)));
        mask.set("not_before", &mut key.not_before, self.not_before.map(TimeOrNever::in_future));
        mask.set("expire_time", &mut key.expire_time, self.expires.map(TimeOrNever::in_future));
        let networks = (self.any_network || !self.network.is_empty()).then_some(self.network);
        mask.set("networks", &mut key.networks, networks);
        let (added, removed) = (self.label, self.remove_label);
        let changes_labels = !added.is_empty() || !removed.is_empty();
        let kept = now.labels.clone().into_iter().filter(|(name, _)| !removed.contains(name));
        mask.set("labels", &mut key.labels, changes_labels.then(|| kept.chain(added).collect()));

        let stores = match (self.store_change.applied(&now)?, self.stores) {
            (None, Some(choice)) => Some(choice.chosen(context).await?),
            (changed, _) => changed,
        };
        let (access, stores) = stores.unzip();
        mask.set("store_access", &mut key.store_access, access.map(Into::into));
        mask.set("stores", &mut key.stores, stores);
        let methods = match (self.method_change.applied(context, &now).await?, self.methods) {
            (None, Some(choice)) => Some(choice.chosen(context).await?),
            (changed, _) => changed,
        };
        let (access, methods) = methods.unzip();
        mask.set("method_access", &mut key.method_access, access.map(Into::into));
        mask.set("methods", &mut key.methods, methods);
        let request = v1::UpdateKeyRequest {
            key: Some(key),
            update_mask: mask.complete("keys")?,
            options: Some(self.write.options()),
        };
        context.show("changing the key", client.update_key(request), |now| show::key(now.key.as_ref())).await
    }
}
