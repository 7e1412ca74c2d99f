//! `latchkey operators`: who may call Latchkey itself.

use clap::{Args, Subcommand, ValueEnum};
use prost_types::FieldMask;

use super::context::CommandContext;
use super::display;
use super::exit::Error;
use super::output::{Details, TextTable};
use super::result::{CommandOutput, CommandResult};
use super::server::RecoverArgs;
use super::time::{TimeArg, TimeOrNever, format_time, format_time_or_never, is_past, parse_time, parse_time_or_never};
use super::write::WriteArgs;
use crate::proto::v1;

/// What can be done with operators.
#[derive(Debug, Subcommand)]
pub(super) enum OperatorsCommand {
    /// Show which operator the current token belongs to
    Whoami,
    /// Create an operator and print its token, once
    Create(CreateArgs),
    /// List operators, newest first
    List(ListArgs),
    /// Show one operator
    Show {
        /// ID of the operator, or its name
        operator: String,
    },
    /// Change an operator
    Update(UpdateArgs),
    /// Create a new token for an operator and revoke the old one immediately
    Rotate(RotateArgs),
    /// Revoke an operator immediately and permanently
    Revoke(RevokeArgs),
    /// Create a new admin with access to storage only, if the tokens of all admins are lost
    Recover(RecoverArgs),
}

/// What an operator may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArg {
    /// Everything, including operators
    Admin,
    /// Read and change keys, stores and methods
    Editor,
    /// Read keys, stores, methods, the audit trail, usage and servers
    Viewer,
    /// Request decisions, nothing else
    Authorizer,
}

/// Arguments of `operators create`.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Name of the operator; must be unique
    #[arg(long)]
    name: String,
    /// Role
    #[arg(long, value_enum)]
    role: RoleArg,
    /// End of its validity: 2027-01-31, 2027-01-31T12:00:00Z, or 90d for 90 days from now [default: never expires]
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    expires: Option<TimeArg>,
    /// Print only the token, for scripts
    #[arg(long, short, alias = "quiet", short_alias = 'q')]
    token_only: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// Arguments of `operators list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only operators with this role
    #[arg(long, value_enum)]
    role: Option<RoleArg>,
    /// Include revoked operators
    #[arg(long)]
    revoked: bool,
}

/// Arguments of `operators update`.
#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// ID of the operator, or its name
    operator: String,
    /// Change the name
    #[arg(long)]
    name: Option<String>,
    /// Change the role
    #[arg(long, value_enum)]
    role: Option<RoleArg>,
    /// Change the end of its validity: 2027-01-31, 90d for 90 days from now, or `never`
    #[arg(long, value_name = "WHEN", value_parser = parse_time_or_never)]
    expires: Option<TimeOrNever>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Arguments of `operators rotate`.
#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// ID of the operator, or its name
    operator: String,
    /// Print only the token, for scripts
    #[arg(long, short, alias = "quiet", short_alias = 'q')]
    token_only: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// Arguments of `operators revoke`.
#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// ID of the operator, or its name
    operator: String,
    #[command(flatten)]
    write: WriteArgs,
}

impl From<RoleArg> for v1::Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Admin => Self::Admin,
            RoleArg::Editor => Self::Editor,
            RoleArg::Viewer => Self::Viewer,
            RoleArg::Authorizer => Self::Authorizer,
        }
    }
}

/// Runs the command.
pub(super) async fn run(command: OperatorsCommand, context: &CommandContext) -> CommandResult {
    match command {
        OperatorsCommand::Whoami => {
            let mut client = context.operators().await?;
            let request = v1::GetCurrentOperatorRequest {};
            let response = context.call("checking the operator token", client.get_current_operator(request)).await?;
            context.render(&response, |response| describe(response.operator.as_ref()))
        }
        OperatorsCommand::Create(args) => create(args, context).await,
        OperatorsCommand::List(args) => list(args, context).await,
        OperatorsCommand::Show { operator } => {
            let id = resolve_operator_id(context, operator).await?;
            let mut client = context.operators().await?;
            let response =
                context.call("reading the operator", client.get_operator(v1::GetOperatorRequest { id })).await?;
            context.render(&response, |response| describe(response.operator.as_ref()))
        }
        OperatorsCommand::Update(args) => update(args, context).await,
        OperatorsCommand::Rotate(args) => {
            let id = resolve_operator_id(context, args.operator).await?;
            let mut client = context.operators().await?;
            let request = v1::RotateOperatorRequest { id, options: Some(args.write.options()) };
            let response = context.call("rotating the operator", client.rotate_operator(request)).await?;
            let described = context.render(&response, |response| describe(response.operator.as_ref()))?;
            Ok(with_token(context, described, &response.token, args.token_only).with_written(response.written.as_ref()))
        }
        OperatorsCommand::Revoke(args) => {
            let id = resolve_operator_id(context, args.operator).await?;
            let mut client = context.operators().await?;
            let request = v1::RevokeOperatorRequest { id, options: Some(args.write.options()) };
            let response = context.call("revoking the operator", client.revoke_operator(request)).await?;
            Ok(context
                .render(&response, |response| describe(response.operator.as_ref()))?
                .with_written(response.written.as_ref()))
        }
        OperatorsCommand::Recover(_) => {
            Err(Error::Internal("bug: recovery was treated as a client command".to_owned()))
        }
    }
}

async fn create(args: CreateArgs, context: &CommandContext) -> CommandResult {
    let operator = v1::Operator {
        name: args.name,
        role: v1::Role::from(args.role).into(),
        expire_time: args.expires.map(TimeArg::in_future),
        ..Default::default()
    };
    let request = v1::CreateOperatorRequest { operator: Some(operator), options: Some(args.write.options()) };
    let mut client = context.operators().await?;
    let response = context.call("creating the operator", client.create_operator(request)).await?;
    let described = context.render(&response, |response| describe(response.operator.as_ref()))?;
    Ok(with_token(context, described, &response.token, args.token_only).with_written(response.written.as_ref()))
}

async fn all(context: &CommandContext, filter: &v1::ListOperatorsRequest) -> Result<Vec<v1::Operator>, Error> {
    let mut client = context.operators().await?;
    let page = async |page_token, page_size| {
        let request = v1::ListOperatorsRequest { page_token, page_size, ..filter.clone() };
        let response = context.call("listing operators", client.list_operators(request)).await?;
        Ok((response.operators, response.next_page_token))
    };
    context.pages(None, page).await
}

async fn list(args: ListArgs, context: &CommandContext) -> CommandResult {
    let filter = v1::ListOperatorsRequest {
        role: args.role.map_or(v1::Role::Unspecified, Into::into).into(),
        include_revoked: args.revoked,
        ..Default::default()
    };
    let operators = all(context, &filter).await?;
    context.render(&v1::ListOperatorsResponse { operators, ..Default::default() }, |response| {
        let mut table = TextTable::new(["OPERATOR", "NAME", "ROLE", "STATE", "EXPIRES", "TOKEN"]);
        for operator in &response.operators {
            table.row([
                operator.id.clone(),
                operator.name.clone(),
                display::role(operator.role()).to_owned(),
                state(operator).to_owned(),
                format_time_or_never(operator.expire_time.as_ref()),
                format!("…{}", operator.hint),
            ]);
        }
        CommandOutput::table(table, "operators")
    })
}

async fn update(args: UpdateArgs, context: &CommandContext) -> CommandResult {
    let mut operator = v1::Operator::default();
    let mut paths = Vec::new();
    let mut change = |path: &str| paths.push(path.to_owned());
    if let Some(name) = args.name {
        change("name");
        operator.name = name;
    }
    if let Some(role) = args.role {
        change("role");
        operator.set_role(role.into());
    }
    if let Some(expires) = args.expires {
        change("expire_time");
        operator.expire_time = expires.in_future();
    }
    if paths.is_empty() {
        return Err(Error::Usage("nothing to change: see `latchkey operators update --help`".to_owned()));
    }
    operator.id = resolve_operator_id(context, args.operator).await?;
    let request = v1::UpdateOperatorRequest {
        operator: Some(operator),
        update_mask: Some(FieldMask { paths }),
        options: Some(args.write.options()),
    };
    let mut client = context.operators().await?;
    let response = context.call("changing the operator", client.update_operator(request)).await?;
    Ok(context
        .render(&response, |response| describe(response.operator.as_ref()))?
        .with_written(response.written.as_ref()))
}

/// Returns the id of an operator that is given by its id, or by its name, which no other active operator has.
async fn resolve_operator_id(context: &CommandContext, operator: String) -> Result<String, Error> {
    if operator.starts_with("op_") {
        return Ok(operator);
    }
    let living = all(context, &v1::ListOperatorsRequest::default()).await?;
    living
        .into_iter()
        .find(|candidate| candidate.name == operator)
        .map(|found| found.id)
        .ok_or_else(|| Error::NotFound(format!("there is no operator with the ID or name `{operator}`")))
}

/// Returns a new token: `alone`, or after the description of its operator, which already contains it as JSON.
fn with_token(context: &CommandContext, described: CommandOutput, token: &str, token_only: bool) -> CommandOutput {
    let output = match (token_only, context.is_json()) {
        (true, _) => format!("{token}\n").into(),
        (false, true) => described,
        (false, false) => described.with_text(&format!("{token}\n")),
    };
    output.with_note("copy the token now: it will not be shown again")
}

fn state(operator: &v1::Operator) -> &'static str {
    if operator.revoke_time.is_some() {
        "revoked"
    } else if is_past(operator.expire_time.as_ref()) {
        "expired"
    } else {
        "active"
    }
}

fn describe(operator: Option<&v1::Operator>) -> String {
    let Some(operator) = operator else { return String::new() };
    Details::new()
        .with("operator", &operator.id)
        .with("name", &operator.name)
        .with("role", display::role(operator.role()))
        .with("state", state(operator))
        .with("expires", format_time_or_never(operator.expire_time.as_ref()))
        .with("revoked", format_time(operator.revoke_time.as_ref()))
        .with("token", format!("…{}", operator.hint))
        .with("created", format_time(operator.create_time.as_ref()))
        .with("changed", format_time(operator.update_time.as_ref()))
        .text()
}
