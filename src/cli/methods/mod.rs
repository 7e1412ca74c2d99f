//! `latchkey methods`: the reference book of API methods.

mod book;
mod import;

use clap::{Args, Subcommand};

pub(super) use self::book::ServerBook;
use self::import::ImportArgs;
use super::context::CommandContext;
use super::display;
use super::exit::Error;
use super::output::{CommandOutput, CommandResult, Details};
use super::time;
use super::write::{UpdateMask, WriteArgs};
use crate::books::{self, RETAILCRM};
use crate::proto::v1;

#[derive(Debug, Subcommand)]
pub(super) enum MethodsCommand {
    /// List the reference book, block by block
    List {
        /// Only methods of this block
        #[arg(long, value_name = "TITLE", default_value = "", hide_default_value = true)]
        block: String,
        /// Only methods with this text in the identity, block, summary or description
        #[arg(long, default_value = "", hide_default_value = true)]
        text: String,
        /// List the blocks and the number of methods in each
        #[arg(long)]
        blocks: bool,
    },
    /// Show one method
    Show(MethodNameArgs),
    /// Add a method
    Create(CreateArgs),
    /// Change a method
    Update(UpdateArgs),
    /// Retire a method: keys that select methods can no longer call it, even with a wider pattern that matches
    Delete {
        #[command(flatten)]
        name: MethodNameArgs,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Make the reference book match a file, and show which keys that affects
    Import(ImportArgs),
    /// List the built-in reference books
    Books,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MethodNameArgs {
    /// `VERB pattern`, or the pattern alone if the reference book has it with one verb only
    #[arg(required = true, num_args = 1..=2)]
    method: Vec<String>,
}

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
    store_use: v1::StoreUse,
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
    store_use: Option<v1::StoreUse>,
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

impl MethodNameArgs {
    /// Returns the identity, looked up in the book if the verb was omitted.
    async fn identity(&self, context: &CommandContext) -> Result<String, Error> {
        ServerBook::resolve(context, &self.method.join(" ")).await
    }
}

pub(super) async fn run(command: MethodsCommand, context: &CommandContext) -> CommandResult {
    match command {
        MethodsCommand::List { block, text, blocks } => {
            let unfiltered = block.is_empty() && text.is_empty();
            let filter = v1::ListMethodsRequest { block, text, ..Default::default() };
            let methods = context.list_methods(filter, None).await?;
            context.render(&v1::ListMethodsResponse { methods, ..Default::default() }, |response| {
                let table = if blocks { by_block(&response.methods) } else { table(&response.methods) };
                if response.methods.is_empty() && unfiltered {
                    table.with_note("to import the built-in book, run `latchkey methods import retailcrm`")
                } else {
                    table
                }
            })
        }
        MethodsCommand::Show(name) => {
            let request = v1::GetMethodRequest { method: name.identity(context).await? };
            let mut client = context.methods().await?;
            context
                .show("reading the method", client.get_method(request), |found| describe(found.method.as_ref()))
                .await
        }
        MethodsCommand::Create(args) => {
            let method = v1::Method {
                method: args.method.join(" "),
                block: args.block,
                summary: args.summary,
                description: args.description,
                store_use: args.store_use.into(),
                store_places: args.store_place,
                scope: args.scope,
                position: args.position,
                ..Default::default()
            };
            let request = v1::CreateMethodRequest { method: Some(method), options: Some(args.write.options()) };
            let mut client = context.methods().await?;
            context
                .show("adding the method", client.create_method(request), |made| describe(made.method.as_ref()))
                .await
        }
        MethodsCommand::Update(args) => {
            let mut method = v1::Method::default();
            let mut mask = UpdateMask::default();
            let places = (args.no_store_places || !args.store_place.is_empty()).then_some(args.store_place);
            mask.set("block", &mut method.block, args.block);
            mask.set("summary", &mut method.summary, args.summary);
            mask.set("description", &mut method.description, args.description);
            mask.set("store_use", &mut method.store_use, args.store_use.map(Into::into));
            mask.set("store_places", &mut method.store_places, places);
            mask.set("scope", &mut method.scope, args.scope);
            mask.set("position", &mut method.position, args.position);
            let update_mask = mask.complete("methods")?;
            method.method = args.name.identity(context).await?;
            let request =
                v1::UpdateMethodRequest { method: Some(method), update_mask, options: Some(args.write.options()) };
            let mut client = context.methods().await?;
            context
                .show("changing the method", client.update_method(request), |now| describe(now.method.as_ref()))
                .await
        }
        MethodsCommand::Delete { name, write } => {
            let method = name.identity(context).await?;
            let request =
                v1::DeleteMethodRequest { method: method.clone(), etag: String::new(), options: Some(write.options()) };
            let mut client = context.methods().await?;
            let retired = context.show("retiring the method", client.delete_method(request), |response| {
                let keys = display::count(response.keys_narrowed, "key lost access to it", "keys lost access to it");
                format!("retired the method {method}; {keys}\n")
            });
            retired.await
        }
        MethodsCommand::Import(args) => args.run(context).await,
        MethodsCommand::Books => built_in(context),
    }
}

fn by_block(methods: &[v1::Method]) -> CommandOutput {
    let mut counts: Vec<(&str, i64)> = Vec::new();
    for method in methods {
        match counts.iter_mut().find(|(title, _)| *title == method.block) {
            Some((_, count)) => *count += 1,
            None => counts.push((&method.block, 1)),
        }
    }
    let rows = counts.into_iter().map(|(title, count)| [title.to_owned(), count.to_string()]);
    CommandOutput::table("blocks", ["BLOCK", "METHODS"], rows)
}

fn table(methods: &[v1::Method]) -> CommandOutput {
    let rows = methods.iter().map(|method| {
        let store = display::word(&method.store_use());
        [method.method.clone(), method.summary.clone(), store, method.block.clone()]
    });
    CommandOutput::table("methods", ["METHOD", "SUMMARY", "STORE", "BLOCK"], rows)
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
    let row = [import::BUILT_IN.to_owned(), book.title, book.blocks.len().to_string(), methods.to_string()];
    Ok(CommandOutput::table("books", ["NAME", "TITLE", "BLOCKS", "METHODS"], [row]))
}

fn describe(method: Option<&v1::Method>) -> String {
    let Some(method) = method else { return String::new() };
    Details::new()
        .with("method", &method.method)
        .with("block", &method.block)
        .with("summary", &method.summary)
        .with("description", &method.description)
        .with("store", display::word(&method.store_use()))
        .with_all("store locations", method.store_places.clone())
        .with("scope", &method.scope)
        .with("position", method.position)
        .with("added", time::format_time(method.create_time.as_ref()))
        .with("changed", time::format_time(method.update_time.as_ref()))
        .text()
}
