//! `latchkey methods`: the reference book of API methods.

mod book;
mod import;

use clap::{Args, Subcommand, ValueEnum};
use prost_types::FieldMask;

pub(super) use self::book::ServerBook;
use self::import::ImportArgs;
use super::context::CommandContext;
use super::display;
use super::exit::Error;
use super::output::{Details, TextTable};
use super::result::{CommandOutput, CommandResult};
use super::time;
use super::write::WriteArgs;
use crate::books::{self, RETAILCRM};
use crate::proto::v1;

/// What can be done with the reference book.
#[derive(Debug, Subcommand)]
pub(super) enum MethodsCommand {
    /// List the reference book, block by block
    List(ListArgs),
    /// Show one method
    Show(MethodNameArgs),
    /// Add a method
    Create(CreateArgs),
    /// Change a method
    Update(UpdateArgs),
    /// Retire a method: keys that select methods can no longer call it, even with a wider pattern that matches
    Delete(DeleteArgs),
    /// Make the reference book match a file, and show which keys that affects
    Import(ImportArgs),
    /// List the built-in reference books
    Books,
}

/// A method on the command line.
#[derive(Debug, Args)]
pub(in crate::cli) struct MethodNameArgs {
    /// `VERB pattern`, or the pattern alone if the reference book has it with one verb only
    #[arg(required = true, num_args = 1..=2)]
    method: Vec<String>,
}

/// Whether calls of a method are about a store.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum StoreUseArg {
    /// Calls name no store; the result may belong to stores
    None,
    /// Read-only, and the result belongs to no store, such as a list of countries; open to every key with access to the
    /// method
    Shared,
    /// Calls may name a store
    Optional,
    /// Calls must name a store, unless the key is bound to one
    Required,
}

/// Arguments of `methods list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only methods of this block
    #[arg(long, value_name = "TITLE", default_value = "", hide_default_value = true)]
    block: String,
    /// Only methods with this text in the identity, block, summary or description
    #[arg(long, default_value = "", hide_default_value = true)]
    text: String,
    /// List the blocks and the number of methods in each
    #[arg(long)]
    blocks: bool,
}

/// Arguments of `methods create`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// `VERB pattern`, such as `GET /api/v*/orders/{externalId}`; cannot be changed later
    #[arg(required = true, num_args = 1..=2)]
    method: Vec<String>,
    /// Title of its block
    #[arg(long, value_name = "TITLE")]
    block: String,
    /// Short summary
    #[arg(long)]
    summary: String,
    /// Longer description
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Whether its calls concern a store
    #[arg(long, value_enum, value_name = "USE")]
    store_use: StoreUseArg,
    /// Where its calls name the store, such as `query:site`; can be repeated
    #[arg(long, value_name = "PLACE")]
    store_place: Vec<String>,
    /// Scope that it belongs to
    #[arg(long, default_value = "", hide_default_value = true)]
    scope: String,
    /// Position among the methods [default: after all others]
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    position: i32,
    #[command(flatten)]
    write: WriteArgs,
}

/// Arguments of `methods update`.
#[derive(Debug, Args)]
pub(in crate::cli) struct UpdateArgs {
    #[command(flatten)]
    name: MethodNameArgs,
    /// Move it to this block
    #[arg(long, value_name = "TITLE")]
    block: Option<String>,
    /// Change the summary
    #[arg(long)]
    summary: Option<String>,
    /// Change the description
    #[arg(long)]
    description: Option<String>,
    /// Change whether its calls concern a store
    #[arg(long, value_enum, value_name = "USE")]
    store_use: Option<StoreUseArg>,
    /// Replace the locations where its calls name the store; can be repeated
    #[arg(long, value_name = "PLACE", conflicts_with = "no_store_places")]
    store_place: Vec<String>,
    /// Remove all locations
    #[arg(long)]
    no_store_places: bool,
    /// Change the scope; an empty value removes it
    #[arg(long)]
    scope: Option<String>,
    /// Change the position among the methods
    #[arg(long, value_name = "NUMBER")]
    position: Option<i32>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Arguments of `methods delete`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DeleteArgs {
    #[command(flatten)]
    name: MethodNameArgs,
    #[command(flatten)]
    write: WriteArgs,
}

impl From<StoreUseArg> for v1::StoreUse {
    fn from(store_use: StoreUseArg) -> Self {
        match store_use {
            StoreUseArg::None => Self::None,
            StoreUseArg::Shared => Self::Shared,
            StoreUseArg::Optional => Self::Optional,
            StoreUseArg::Required => Self::Required,
        }
    }
}

impl MethodNameArgs {
    /// Returns the identity, looked up in the book if the verb was omitted.
    async fn identity(&self, context: &CommandContext) -> Result<String, Error> {
        ServerBook::resolve(context, &self.method.join(" ")).await
    }
}

/// Runs the command.
pub(super) async fn run(command: MethodsCommand, context: &CommandContext) -> CommandResult {
    match command {
        MethodsCommand::List(args) => list(args, context).await,
        MethodsCommand::Show(args) => {
            let method = args.identity(context).await?;
            let mut client = context.methods().await?;
            let response =
                context.call("reading the method", client.get_method(v1::GetMethodRequest { method })).await?;
            context.render(&response, |response| describe(response.method.as_ref()))
        }
        MethodsCommand::Create(args) => create(args, context).await,
        MethodsCommand::Update(args) => update(args, context).await,
        MethodsCommand::Delete(args) => delete(args, context).await,
        MethodsCommand::Import(args) => args.run(context).await,
        MethodsCommand::Books => built_in(context),
    }
}

async fn list(args: ListArgs, context: &CommandContext) -> CommandResult {
    let filter = v1::ListMethodsRequest { block: args.block, text: args.text, ..Default::default() };
    let unfiltered = filter.block.is_empty() && filter.text.is_empty();
    let methods = book::all(context, &filter).await?;
    context.render(&v1::ListMethodsResponse { methods, ..Default::default() }, |response| {
        let table = if args.blocks { blocks(&response.methods) } else { by_block(&response.methods) };
        if response.methods.is_empty() && unfiltered {
            table.with_note("to import the built-in book, run `latchkey methods import retailcrm`")
        } else {
            table
        }
    })
}

fn blocks(methods: &[v1::Method]) -> CommandOutput {
    let mut counts: Vec<(&str, i64)> = Vec::new();
    for method in methods {
        match counts.iter_mut().find(|(title, _)| *title == method.block) {
            Some((_, count)) => *count += 1,
            None => counts.push((&method.block, 1)),
        }
    }
    let mut table = TextTable::new(["BLOCK", "METHODS"]);
    for (title, count) in counts {
        table.row([title.to_owned(), count.to_string()]);
    }
    CommandOutput::table(table, "blocks")
}

fn by_block(methods: &[v1::Method]) -> CommandOutput {
    let mut table = TextTable::new(["METHOD", "SUMMARY", "STORE", "BLOCK"]);
    for method in methods {
        table.row([
            method.method.clone(),
            method.summary.clone(),
            display::store_use(method.store_use()).to_owned(),
            method.block.clone(),
        ]);
    }
    CommandOutput::table(table, "methods")
}

async fn create(args: CreateArgs, context: &CommandContext) -> CommandResult {
    let method = v1::Method {
        method: args.method.join(" "),
        block: args.block,
        summary: args.summary,
        description: args.description,
        store_use: v1::StoreUse::from(args.store_use).into(),
        store_places: args.store_place,
        scope: args.scope,
        position: args.position,
        ..Default::default()
    };
    let request = v1::CreateMethodRequest { method: Some(method), options: Some(args.write.options()) };
    let mut client = context.methods().await?;
    let response = context.call("adding the method", client.create_method(request)).await?;
    Ok(context
        .render(&response, |response| describe(response.method.as_ref()))?
        .with_written(response.written.as_ref()))
}

async fn update(args: UpdateArgs, context: &CommandContext) -> CommandResult {
    let mut method = v1::Method::default();
    let mut paths = Vec::new();
    let mut change = |path: &str| paths.push(path.to_owned());
    if let Some(block) = args.block {
        change("block");
        method.block = block;
    }
    if let Some(summary) = args.summary {
        change("summary");
        method.summary = summary;
    }
    if let Some(description) = args.description {
        change("description");
        method.description = description;
    }
    if let Some(store_use) = args.store_use {
        change("store_use");
        method.set_store_use(store_use.into());
    }
    if args.no_store_places || !args.store_place.is_empty() {
        change("store_places");
        method.store_places = args.store_place;
    }
    if let Some(scope) = args.scope {
        change("scope");
        method.scope = scope;
    }
    if let Some(position) = args.position {
        change("position");
        method.position = position;
    }
    if paths.is_empty() {
        return Err(Error::Usage("nothing to change: see `latchkey methods update --help`".to_owned()));
    }
    method.method = args.name.identity(context).await?;
    let request = v1::UpdateMethodRequest {
        method: Some(method),
        update_mask: Some(FieldMask { paths }),
        options: Some(args.write.options()),
    };
    let mut client = context.methods().await?;
    let response = context.call("changing the method", client.update_method(request)).await?;
    Ok(context
        .render(&response, |response| describe(response.method.as_ref()))?
        .with_written(response.written.as_ref()))
}

async fn delete(args: DeleteArgs, context: &CommandContext) -> CommandResult {
    let method = args.name.identity(context).await?;
    let request =
        v1::DeleteMethodRequest { method: method.clone(), etag: String::new(), options: Some(args.write.options()) };
    let mut client = context.methods().await?;
    let response = context.call("retiring the method", client.delete_method(request)).await?;
    Ok(context
        .render(&response, |response| {
            let keys = display::count(response.keys_narrowed, "key lost access to it", "keys lost access to it");
            format!("retired the method {method}; {keys}\n")
        })?
        .with_written(response.written.as_ref()))
}

fn built_in(context: &CommandContext) -> CommandResult {
    let book =
        books::parse(RETAILCRM).map_err(|error| Error::Internal(format!("the built-in reference book: {error}")))?;
    let methods: usize = book.blocks.iter().map(|block| block.methods.len()).sum();
    if context.is_json() {
        let listing = serde_json::json!({"books": [{
            "name": import::BUILT_IN, "title": book.title, "blocks": book.blocks.len(), "methods": methods,
        }]});
        return Ok(format!("{listing:#}\n").into());
    }
    let mut table = TextTable::new(["NAME", "TITLE", "BLOCKS", "METHODS"]);
    table.row([import::BUILT_IN.to_owned(), book.title, book.blocks.len().to_string(), methods.to_string()]);
    Ok(CommandOutput::table(table, "books"))
}

fn describe(method: Option<&v1::Method>) -> String {
    let Some(method) = method else { return String::new() };
    Details::new()
        .with("method", &method.method)
        .with("block", &method.block)
        .with("summary", &method.summary)
        .with("description", &method.description)
        .with("store", display::store_use(method.store_use()))
        .with_all("store locations", method.store_places.clone())
        .with("scope", &method.scope)
        .with("position", method.position)
        .with("added", time::format_time(method.create_time.as_ref()))
        .with("changed", time::format_time(method.update_time.as_ref()))
        .text()
}
