//! `latchkey stores`: the stores that keys have access to.

use clap::{Args, Subcommand, ValueEnum};
use prost_types::FieldMask;

use super::context::CommandContext;
use super::display;
use super::exit::Error;
use super::output::{Details, TextTable};
use super::result::{CommandOutput, CommandResult};
use super::time;
use super::write::WriteArgs;
use crate::proto::v1;

/// What can be done with stores.
#[derive(Debug, Subcommand)]
pub(super) enum StoresCommand {
    /// Add a store
    Create(CreateArgs),
    /// List stores by code
    List(ListArgs),
    /// Show one store
    Show {
        /// Code of the store
        code: String,
    },
    /// Change a store
    Update(UpdateArgs),
    /// Delete a store: keys lose access to it and gain nothing
    Delete(DeleteArgs),
}

/// What sort of shop a store is.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum StoreKindArg {
    /// A regular site
    Site,
    /// A landing page
    LandingPage,
    /// A full online store on a CMS
    OnlineStore,
}

/// Arguments of `stores create`.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Code of the store: up to 64 letters, digits, `.`, `_` and `-`; cannot be changed later
    code: String,
    /// Name of the store
    #[arg(long)]
    name: String,
    /// Kind of store
    #[arg(long, value_enum)]
    kind: StoreKindArg,
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
}

/// Arguments of `stores list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
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
    kind: Option<StoreKindArg>,
    /// Only stores with this text in the code, name or a host name
    #[arg(long, default_value = "", hide_default_value = true)]
    text: String,
    /// Maximum number of results
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
}

/// Arguments of `stores update`.
#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// Code of the store
    code: String,
    /// Change the name
    #[arg(long)]
    name: Option<String>,
    /// Change the kind of store
    #[arg(long, value_enum)]
    kind: Option<StoreKindArg>,
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
}

/// Arguments of `stores delete`.
#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// Code of the store
    code: String,
    /// Delete it even if some keys would have exactly one store left, to which their calls that name no store would go
    #[arg(long)]
    allow_rebinding: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl From<StoreKindArg> for v1::StoreKind {
    fn from(kind: StoreKindArg) -> Self {
        match kind {
            StoreKindArg::Site => Self::Site,
            StoreKindArg::LandingPage => Self::LandingPage,
            StoreKindArg::OnlineStore => Self::OnlineStore,
        }
    }
}

/// Runs the command.
pub(super) async fn run(command: StoresCommand, context: &CommandContext) -> CommandResult {
    match command {
        StoresCommand::Create(args) => create(args, context).await,
        StoresCommand::List(args) => list(args, context).await,
        StoresCommand::Show { code } => {
            let mut client = context.stores().await?;
            let response = context.call("reading the store", client.get_store(v1::GetStoreRequest { code })).await?;
            context.render(&response, |response| describe(response.store.as_ref()))
        }
        StoresCommand::Update(args) => update(args, context).await,
        StoresCommand::Delete(args) => delete(args, context).await,
    }
}

/// Returns all stores that match the filters.
pub(super) async fn all(
    context: &CommandContext,
    filter: &v1::ListStoresRequest,
    limit: Option<usize>,
) -> Result<Vec<v1::Store>, Error> {
    let mut client = context.stores().await?;
    let page = async |page_token, page_size| {
        let request = v1::ListStoresRequest { page_token, page_size, ..filter.clone() };
        let response = context.call("listing stores", client.list_stores(request)).await?;
        Ok((response.stores, response.next_page_token))
    };
    context.pages(limit, page).await
}

async fn create(args: CreateArgs, context: &CommandContext) -> CommandResult {
    let store = v1::Store {
        code: args.code,
        name: args.name,
        kind: v1::StoreKind::from(args.kind).into(),
        platform: args.platform,
        hosts: args.host,
        active: Some(!args.inactive),
        ..Default::default()
    };
    let request = v1::CreateStoreRequest { store: Some(store), options: Some(args.write.options()) };
    let mut client = context.stores().await?;
    let response = context.call("adding the store", client.create_store(request)).await?;
    Ok(context.render(&response, |response| describe(response.store.as_ref()))?.with_written(response.written.as_ref()))
}

async fn list(args: ListArgs, context: &CommandContext) -> CommandResult {
    let filter = v1::ListStoresRequest {
        active: (args.active || args.inactive).then_some(args.active),
        platform: args.platform,
        kind: args.kind.map_or(v1::StoreKind::Unspecified, Into::into).into(),
        text: args.text,
        ..Default::default()
    };
    let stores = all(context, &filter, args.limit).await?;
    context.render(&v1::ListStoresResponse { stores, ..Default::default() }, |response| {
        let mut table = TextTable::new(["CODE", "NAME", "KIND", "PLATFORM", "ACTIVE", "HOSTS"]);
        for store in &response.stores {
            table.row([
                store.code.clone(),
                store.name.clone(),
                display::kind(store.kind()).to_owned(),
                store.platform.clone(),
                display::yes_no(store.active()).to_owned(),
                store.hosts.join(", "),
            ]);
        }
        CommandOutput::table(table, "stores")
    })
}

async fn update(args: UpdateArgs, context: &CommandContext) -> CommandResult {
    let mut store = v1::Store { code: args.code, ..Default::default() };
    let mut paths = Vec::new();
    let mut change = |path: &str| paths.push(path.to_owned());
    if let Some(name) = args.name {
        change("name");
        store.name = name;
    }
    if let Some(kind) = args.kind {
        change("kind");
        store.set_kind(kind.into());
    }
    if let Some(platform) = args.platform {
        change("platform");
        store.platform = platform;
    }
    if args.no_hosts || !args.host.is_empty() {
        change("hosts");
        store.hosts = args.host;
    }
    if args.activate || args.deactivate {
        change("active");
        store.active = Some(args.activate);
    }
    if paths.is_empty() {
        return Err(Error::Usage("nothing to change: see `latchkey stores update --help`".to_owned()));
    }
    let request = v1::UpdateStoreRequest {
        store: Some(store),
        update_mask: Some(FieldMask { paths }),
        options: Some(args.write.options()),
    };
    let mut client = context.stores().await?;
    let response = context.call("changing the store", client.update_store(request)).await?;
    Ok(context.render(&response, |response| describe(response.store.as_ref()))?.with_written(response.written.as_ref()))
}

async fn delete(args: DeleteArgs, context: &CommandContext) -> CommandResult {
    let request = v1::DeleteStoreRequest {
        code: args.code.clone(),
        etag: String::new(),
        allow_rebinding: args.allow_rebinding,
        options: Some(args.write.options()),
    };
    let mut client = context.stores().await?;
    let response =
        context.call("deleting the store", client.delete_store(request)).await.map_err(|error| match error {
            Error::Conflict(text) if text.contains("rebinding") => {
                Error::Conflict(format!("{text}\nto accept this, add --allow-rebinding"))
            }
            other => other,
        })?;
    Ok(context
        .render(&response, |response| {
            let keys = display::count(response.keys_narrowed, "key lost access to it", "keys lost access to it");
            format!("deleted the store {}; {keys}\n", args.code)
        })?
        .with_written(response.written.as_ref()))
}

fn describe(store: Option<&v1::Store>) -> String {
    let Some(store) = store else { return String::new() };
    Details::new()
        .with("code", &store.code)
        .with("name", &store.name)
        .with("kind", display::kind(store.kind()))
        .with("platform", &store.platform)
        .with_all("hosts", store.hosts.clone())
        .with("active", display::yes_no(store.active()))
        .with("added", time::format_time(store.create_time.as_ref()))
        .with("changed", time::format_time(store.update_time.as_ref()))
        .text()
}
