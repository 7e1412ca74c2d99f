//! `latchkey operators`: who may call Latchkey itself.

use std::path::PathBuf;

use clap::Subcommand;

use super::context::CommandContext;
use super::display;
use super::exit::Error;
use super::output::{CommandOutput, CommandResult, Details};
use super::time::{TimeArg, TimeOrNever, format_time, format_time_or_never, is_past, parse_time, parse_time_or_never};
use super::write::{UpdateMask, WriteArgs};
use crate::proto::v1;

#[derive(Debug, Subcommand)]
pub(super) enum OperatorsCommand {
    /// Show which operator the current token belongs to
    Whoami,
    /// Create an operator and print its token, once
    Create {
        /// Name of the operator; must be unique
        #[arg(long)]
        name: String,
        /// Role
        #[arg(long, value_enum)]
        role: v1::Role,
        /// End of its validity: 2027-01-31, 2027-01-31T12:00:00Z, or 90d for 90 days from now [default: never expires]
        #[arg(long, value_name = "WHEN", value_parser = parse_time)]
        expires: Option<TimeArg>,
        /// Print only the token, for scripts
        #[arg(long, short, alias = "quiet", short_alias = 'q')]
        token_only: bool,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// List operators, newest first
    List {
        /// Only operators with this role
        #[arg(long, value_enum)]
        role: Option<v1::Role>,
        /// Include revoked operators
        #[arg(long)]
        revoked: bool,
    },
    /// Show one operator
    Show {
        /// ID of the operator, or its name
        operator: String,
    },
    /// Change an operator
    Update {
        /// ID of the operator, or its name
        operator: String,
        /// Change the name
        #[arg(long)]
        name: Option<String>,
        /// Change the role
        #[arg(long, value_enum)]
        role: Option<v1::Role>,
        /// Change the end of its validity: 2027-01-31, 90d for 90 days from now, or `never`
        #[arg(long, value_name = "WHEN", value_parser = parse_time_or_never)]
        expires: Option<TimeOrNever>,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Create a new token for an operator and revoke the old one immediately
    Rotate {
        /// ID of the operator, or its name
        operator: String,
        /// Print only the token, for scripts
        #[arg(long, short, alias = "quiet", short_alias = 'q')]
        token_only: bool,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Revoke an operator immediately and permanently
    Revoke {
        /// ID of the operator, or its name
        operator: String,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Create a new admin with access to storage only, if the tokens of all admins are lost
    Recover {
        /// File to write the new admin's token to; it must not exist yet [default: recovered.token in the data folder]
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
    },
}

pub(super) async fn run(command: OperatorsCommand, context: &CommandContext) -> CommandResult {
    match command {
        OperatorsCommand::Whoami => {
            let mut client = context.operators().await?;
            let request = client.get_current_operator(v1::GetCurrentOperatorRequest {});
            context.show("checking the operator token", request, |own| describe(own.operator.as_ref())).await
        }
        OperatorsCommand::Create { name, role, expires, token_only, write } => {
            let (role, expire_time) = (role.into(), expires.map(TimeArg::in_future));
            let operator = v1::Operator { name, role, expire_time, ..Default::default() };
            let request = v1::CreateOperatorRequest { operator: Some(operator), options: Some(write.options()) };
            let mut client = context.operators().await?;
            let made = context.call("creating the operator", client.create_operator(request)).await?;
            context.render_token(&made, &made.token, token_only, "", |made| describe(made.operator.as_ref()))
        }
        OperatorsCommand::List { role, revoked } => {
            let role = role.unwrap_or_default().into();
            let filter = v1::ListOperatorsRequest { role, include_revoked: revoked, ..Default::default() };
            let operators = context.list_operators(filter, None).await?;
            let response = v1::ListOperatorsResponse { operators, ..Default::default() };
            context.render(&response, |response| table(&response.operators))
        }
        OperatorsCommand::Show { operator } => {
            let request = v1::GetOperatorRequest { id: resolve_operator_id(context, operator).await? };
            let mut client = context.operators().await?;
            let found = client.get_operator(request);
            context.show("reading the operator", found, |found| describe(found.operator.as_ref())).await
        }
        OperatorsCommand::Update { operator: id, name, role, expires, write } => {
            let mut operator = v1::Operator::default();
            let mut mask = UpdateMask::default();
            mask.set("name", &mut operator.name, name);
            mask.set("role", &mut operator.role, role.map(Into::into));
            mask.set("expire_time", &mut operator.expire_time, expires.map(TimeOrNever::in_future));
            let update_mask = mask.complete("operators")?;
            operator.id = resolve_operator_id(context, id).await?;
            let options = Some(write.options());
            let request = v1::UpdateOperatorRequest { operator: Some(operator), update_mask, options };
            let mut client = context.operators().await?;
            let changed = client.update_operator(request);
            context.show("changing the operator", changed, |now| describe(now.operator.as_ref())).await
        }
        OperatorsCommand::Rotate { operator, token_only, write } => {
            let id = resolve_operator_id(context, operator).await?;
            let request = v1::RotateOperatorRequest { id, options: Some(write.options()) };
            let mut client = context.operators().await?;
            let rotated = context.call("rotating the operator", client.rotate_operator(request)).await?;
            context
                .render_token(&rotated, &rotated.token, token_only, "", |rotated| describe(rotated.operator.as_ref()))
        }
        OperatorsCommand::Revoke { operator, write } => {
            let id = resolve_operator_id(context, operator).await?;
            let request = v1::RevokeOperatorRequest { id, options: Some(write.options()) };
            let mut client = context.operators().await?;
            let revoked = client.revoke_operator(request);
            context.show("revoking the operator", revoked, |revoked| describe(revoked.operator.as_ref())).await
        }
        OperatorsCommand::Recover { .. } => {
            Err(Error::Internal("bug: recovery was treated as a client command".to_owned()))
        }
    }
}

fn table(operators: &[v1::Operator]) -> CommandOutput {
    let rows = operators.iter().map(|operator| {
        [
            operator.id.clone(),
            operator.name.clone(),
            display::word(&operator.role()),
            state(operator).to_owned(),
            format_time_or_never(operator.expire_time.as_ref()),
            format!("…{}", operator.hint),
        ]
    });
    CommandOutput::table("operators", ["OPERATOR", "NAME", "ROLE", "STATE", "EXPIRES", "TOKEN"], rows)
}

/// Returns the id of an operator that is given by its id, or by its name, which no other active operator has.
async fn resolve_operator_id(context: &CommandContext, operator: String) -> Result<String, Error> {
    if operator.starts_with("op_") {
        return Ok(operator);
    }
    let living = context.list_operators(v1::ListOperatorsRequest::default(), None).await?;
    living
        .into_iter()
        .find(|candidate| candidate.name == operator)
        .map(|found| found.id)
        .ok_or_else(|| Error::NotFound(format!("there is no operator with the ID or name `{operator}`")))
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
        .with("role", display::word(&operator.role()))
        .with("state", state(operator))
        .with("expires", format_time_or_never(operator.expire_time.as_ref()))
        .with("revoked", format_time(operator.revoke_time.as_ref()))
        .with("token", format!("…{}", operator.hint))
        .with("created", format_time(operator.create_time.as_ref()))
        .with("changed", format_time(operator.update_time.as_ref()))
        .text()
}
