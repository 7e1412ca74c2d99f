//! `latchkey stores`: the stores that keys have access to.

use clap::Subcommand;

use super::context::CommandContext;
use super::display;
use super::exit::Error;
use super::output::{CommandOutput, CommandResult, Details};
use super::time;
use super::write::{UpdateMask, WriteArgs};
use crate::proto::v1;

#[derive(Debug, Subcommand)]
pub(super) enum StoresCommand {
    /// Add a store
    Create {
        /// Code of the store: up to 64 letters, digits, `.`, `_` and `-`; cannot be changed later
        code: String,
        /// Name of the store
        #[arg(long)]
        name: String,
        /// Kind of store
        #[arg(long, value_enum)]
        kind: v1::StoreKind,
        /// Platform it runs on; stores with the same platform can be selected together
        #[arg(long, default_value = "", hide_default_value = true)]
        platform: String,
        /// Host name of the store; can be repeated
        #[arg(long)]
        host: Vec<String>,
        /// Create it switched off: calls that name it are refused
        #[arg(long)]
        inactive: bool,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// List stores by code
    List {
        /// Only stores that are switched on
        #[arg(long, conflicts_with = "inactive")]
        active: bool,
        /// Only stores that are switched off
        #[arg(long)]
        inactive: bool,
        /// Only stores with this platform
        #[arg(long)]
        platform: Option<String>,
        /// Only stores of this kind
        #[arg(long, value_enum)]
        kind: Option<v1::StoreKind>,
        /// Only stores with this text in the code, name or a host name
        #[arg(long, default_value = "", hide_default_value = true)]
        text: String,
        /// Maximum number of results
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// Show one store
    Show {
        /// Code of the store
        code: String,
    },
    /// Change a store
    Update {
        /// Code of the store
        code: String,
        /// Change the name
        #[arg(long)]
        name: Option<String>,
        /// Change the kind of store
        #[arg(long, value_enum)]
        kind: Option<v1::StoreKind>,
        /// Change the platform
        #[arg(long)]
        platform: Option<String>,
        /// Replace the host names; can be repeated
        #[arg(long, conflicts_with = "no_hosts")]
        host: Vec<String>,
        /// Remove all host names
        #[arg(long)]
        no_hosts: bool,
        /// Switch it on
        #[arg(long, conflicts_with = "deactivate")]
        activate: bool,
        /// Switch it off: calls that name it are refused
        #[arg(long)]
        deactivate: bool,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Delete a store: keys lose access to it and gain nothing
    Delete {
        /// Code of the store
        code: String,
        /// Delete it even if some keys would have exactly one store left, to which their calls that name no store would
        /// go
        #[arg(long)]
        allow_rebinding: bool,
        #[command(flatten)]
        write: WriteArgs,
    },
}

pub(super) async fn run(command: StoresCommand, context: &CommandContext) -> CommandResult {
    match command {
        StoresCommand::Create { code, name, kind, platform, host: hosts, inactive, write } => {
            let (kind, active) = (kind.into(), Some(!inactive));
            let store = v1::Store { code, name, kind, platform, hosts, active, ..Default::default() };
            let request = v1::CreateStoreRequest { store: Some(store), options: Some(write.options()) };
            let mut client = context.stores().await?;
            context.show("adding the store", client.create_store(request), |made| describe(made.store.as_ref())).await
        }
        StoresCommand::List { active, inactive, platform, kind, text, limit } => {
            let active = (active || inactive).then_some(active);
            let kind = kind.unwrap_or_default().into();
            let filter = v1::ListStoresRequest { active, platform, kind, text, ..Default::default() };
            let stores = context.list_stores(filter, limit).await?;
            context.render(&v1::ListStoresResponse { stores, ..Default::default() }, |response| table(&response.stores))
        }
        StoresCommand::Show { code } => {
            let request = v1::GetStoreRequest { code };
            let mut client = context.stores().await?;
            context.show("reading the store", client.get_store(request), |found| describe(found.store.as_ref())).await
        }
        StoresCommand::Update { code, name, kind, platform, host, no_hosts, activate, deactivate, write } => {
            let mut store = v1::Store { code, ..Default::default() };
            let mut mask = UpdateMask::default();
            mask.set("name", &mut store.name, name);
            mask.set("kind", &mut store.kind, kind.map(Into::into));
            mask.set("platform", &mut store.platform, platform);
            mask.set("hosts", &mut store.hosts, (no_hosts || !host.is_empty()).then_some(host));
            mask.set("active", &mut store.active, (activate || deactivate).then_some(Some(activate)));
            let request = v1::UpdateStoreRequest {
                store: Some(store),
                update_mask: mask.complete("stores")?,
                options: Some(write.options()),
            };
            let mut client = context.stores().await?;
            context.show("changing the store", client.update_store(request), |now| describe(now.store.as_ref())).await
        }
        StoresCommand::Delete { code, allow_rebinding, write } => {
            let options = Some(write.options());
            let request = v1::DeleteStoreRequest { code: code.clone(), etag: String::new(), allow_rebinding, options };
            let mut client = context.stores().await?;
            let deleted = context.show("deleting the store", client.delete_store(request), |response| {
                let keys = display::count(response.keys_narrowed, "key lost access to it", "keys lost access to it");
                format!("deleted the store {code}; {keys}\n")
            });
            deleted.await.map_err(|error| match error {
                Error::Conflict(text) if text.contains("rebinding") => {
                    Error::Conflict(format!("{text}\nto accept this, add --allow-rebinding"))
                }
                other => other,
            })
        }
    }
}

fn table(stores: &[v1::Store]) -> CommandOutput {
    let rows = stores.iter().map(|store| {
        [
            store.code.clone(),
            store.name.clone(),
            display::word(&store.kind()),
            store.platform.clone(),
            display::yes_no(store.active()).to_owned(),
            store.hosts.join(", "),
        ]
    });
    CommandOutput::table("stores", ["CODE", "NAME", "KIND", "PLATFORM", "ACTIVE", "HOSTS"], rows)
}

fn describe(store: Option<&v1::Store>) -> String {
    let Some(store) = store else { return String::new() };
    Details::new()
        .with("code", &store.code)
        .with("name", &store.name)
        .with("kind", display::word(&store.kind()))
        .with("platform", &store.platform)
        .with_all("hosts", store.hosts.clone())
        .with("active", display::yes_no(store.active()))
        .with("added", time::format_time(store.create_time.as_ref()))
        .with("changed", time::format_time(store.update_time.as_ref()))
        .text()
}
