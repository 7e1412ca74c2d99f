//! `latchkey keys update`.

use clap::Args;
use prost_types::FieldMask;

use super::fields::ChangedFields;
use super::lookup::resolve_key_id;
use super::show;
use crate::cli::choice::{MethodChange, MethodChoice, StoreChange, StoreChoice};
use crate::cli::context::CommandContext;
use crate::cli::exit::Error;
use crate::cli::result::CommandResult;
use crate::cli::write::WriteArgs;
use crate::proto::v1;

/// Arguments of `keys update`.
#[derive(Debug, Args)]
pub(in crate::cli) struct UpdateArgs {
    /// ID of the key, or its name if it is unique
    key: String,
    #[command(flatten)]
    fields: ChangedFields,
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
    /// Runs the command.
    pub(super) async fn run(self: Box<Self>, context: &CommandContext) -> CommandResult {
        let id = resolve_key_id(context, self.key.clone()).await?;
        let mut client = context.keys().await?;
        // Additions and removals are relative to the current key; its etag refuses a concurrent change.
        let now = context.call("reading the key", client.get_key(v1::GetKeyRequest { id: id.clone() })).await?;
        let now = now.key.unwrap_or_default();
        let mut key = v1::Key { id, etag: now.etag.clone(), ..Default::default() };
        let mut paths = self.fields.apply(&now, &mut key);

        let stores = match self.store_change.applied(&now)? {
            None => self.stores.chosen(context).await?,
            changed => changed,
        };
        if let Some(stores) = stores {
            paths.extend(["store_access", "stores"]);
            key.set_store_access(stores.access);
            key.stores = stores.members;
        }
        let methods = match self.method_change.applied(context, &now).await? {
            None => self.methods.chosen(context).await?,
            changed => changed,
        };
        if let Some(methods) = methods {
            paths.extend(["method_access", "methods"]);
            key.set_method_access(methods.access);
            key.methods = methods.members;
        }
        if paths.is_empty() {
            return Err(Error::Usage("nothing to change: see `latchkey keys update --help`".to_owned()));
        }
        let request = v1::UpdateKeyRequest {
            key: Some(key),
            update_mask: Some(FieldMask { paths: paths.into_iter().map(str::to_owned).collect() }),
            options: Some(self.write.options()),
        };
        let response = context.call("changing the key", client.update_key(request)).await?;
        Ok(context
            .render(&response, |response| show::key(response.key.as_ref()))?
            .with_written(response.written.as_ref()))
    }
}
