//! `latchkey operators`: who may call Latchkey itself.

use clap::{Args, Subcommand, ValueEnum};
use prost_types::FieldMask;

use super::answer::{Answer, Outcome};
use super::exit::Error;
use super::moment::{Moment, MomentOrNever, is_past, moment, moment_or_never, told, told_or_never};
use super::output::{Facts, Table};
use super::server::RecoverArgs;
use super::session::Session;
use super::words;
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
enum Role {
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
    role: Role,
    /// End of its validity: 2027-01-31, 2027-01-31T12:00:00Z, or 90d for 90 days from now [default: never expires]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    expires: Option<Moment>,
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
    role: Option<Role>,
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
    role: Option<Role>,
    /// Change the end of its validity: 2027-01-31, 90d for 90 days from now, or `never`
    #[arg(long, value_name = "WHEN", value_parser = moment_or_never)]
    expires: Option<MomentOrNever>,
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

impl From<Role> for v1::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Editor => Self::Editor,
            Role::Viewer => Self::Viewer,
            Role::Authorizer => Self::Authorizer,
        }
    }
}

/// Runs the command.
pub(super) async fn run(command: OperatorsCommand, session: &Session) -> Outcome {
    match command {
        OperatorsCommand::Whoami => {
            let mut client = session.operators().await?;
            let request = v1::GetCurrentOperatorRequest {};
            let answer = session.call("checking the operator token", client.get_current_operator(request)).await?;
            session.answer(&answer, |answer| shown(answer.operator.as_ref()))
        }
        OperatorsCommand::Create(args) => create(args, session).await,
        OperatorsCommand::List(args) => list(args, session).await,
        OperatorsCommand::Show { operator } => {
            let id = identified(session, operator).await?;
            let mut client = session.operators().await?;
            let answer =
                session.call("reading the operator", client.get_operator(v1::GetOperatorRequest { id })).await?;
            session.answer(&answer, |answer| shown(answer.operator.as_ref()))
        }
        OperatorsCommand::Update(args) => update(args, session).await,
        OperatorsCommand::Rotate(args) => {
            let id = identified(session, args.operator).await?;
            let mut client = session.operators().await?;
            let request = v1::RotateOperatorRequest { id, options: Some(args.write.options()) };
            let answer = session.call("rotating the operator", client.rotate_operator(request)).await?;
            let told = session.answer(&answer, |answer| shown(answer.operator.as_ref()))?;
            Ok(token(session, told, &answer.token, args.token_only).with_written(answer.written.as_ref()))
        }
        OperatorsCommand::Revoke(args) => {
            let id = identified(session, args.operator).await?;
            let mut client = session.operators().await?;
            let request = v1::RevokeOperatorRequest { id, options: Some(args.write.options()) };
            let answer = session.call("revoking the operator", client.revoke_operator(request)).await?;
            Ok(session.answer(&answer, |answer| shown(answer.operator.as_ref()))?.with_written(answer.written.as_ref()))
        }
        OperatorsCommand::Recover(_) => {
            Err(Error::Internal("bug: recovery was treated as a client command".to_owned()))
        }
    }
}

async fn create(args: CreateArgs, session: &Session) -> Outcome {
    let operator = v1::Operator {
        name: args.name,
        role: v1::Role::from(args.role).into(),
        expire_time: args.expires.map(Moment::ahead),
        ..Default::default()
    };
    let request = v1::CreateOperatorRequest { operator: Some(operator), options: Some(args.write.options()) };
    let mut client = session.operators().await?;
    let answer = session.call("creating the operator", client.create_operator(request)).await?;
    let told = session.answer(&answer, |answer| shown(answer.operator.as_ref()))?;
    Ok(token(session, told, &answer.token, args.token_only).with_written(answer.written.as_ref()))
}

async fn all(session: &Session, filter: &v1::ListOperatorsRequest) -> Result<Vec<v1::Operator>, Error> {
    let mut client = session.operators().await?;
    let page = async |page_token, page_size| {
        let request = v1::ListOperatorsRequest { page_token, page_size, ..filter.clone() };
        let answer = session.call("listing operators", client.list_operators(request)).await?;
        Ok((answer.operators, answer.next_page_token))
    };
    session.pages(None, page).await
}

async fn list(args: ListArgs, session: &Session) -> Outcome {
    let filter = v1::ListOperatorsRequest {
        role: args.role.map_or(v1::Role::Unspecified, Into::into).into(),
        include_revoked: args.revoked,
        ..Default::default()
    };
    let operators = all(session, &filter).await?;
    session.answer(&v1::ListOperatorsResponse { operators, ..Default::default() }, |answer| {
        let mut table = Table::new(["OPERATOR", "NAME", "ROLE", "STATE", "EXPIRES", "TOKEN"]);
        for operator in &answer.operators {
            table.row([
                operator.id.clone(),
                operator.name.clone(),
                words::role(operator.role()).to_owned(),
                state(operator).to_owned(),
                told_or_never(operator.expire_time.as_ref()),
                format!("…{}", operator.hint),
            ]);
        }
        Answer::table(table, "operators")
    })
}

async fn update(args: UpdateArgs, session: &Session) -> Outcome {
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
        operator.expire_time = expires.ahead();
    }
    if paths.is_empty() {
        return Err(Error::Usage("nothing to change: see `latchkey operators update --help`".to_owned()));
    }
    operator.id = identified(session, args.operator).await?;
    let request = v1::UpdateOperatorRequest {
        operator: Some(operator),
        update_mask: Some(FieldMask { paths }),
        options: Some(args.write.options()),
    };
    let mut client = session.operators().await?;
    let answer = session.call("changing the operator", client.update_operator(request)).await?;
    Ok(session.answer(&answer, |answer| shown(answer.operator.as_ref()))?.with_written(answer.written.as_ref()))
}

/// Returns the id of an operator that is given by its id, or by its name, which no other active operator has.
async fn identified(session: &Session, operator: String) -> Result<String, Error> {
    if operator.starts_with("op_") {
        return Ok(operator);
    }
    let living = all(session, &v1::ListOperatorsRequest::default()).await?;
    living
        .into_iter()
        .find(|candidate| candidate.name == operator)
        .map(|found| found.id)
        .ok_or_else(|| Error::NotFound(format!("there is no operator with the ID or name `{operator}`")))
}

/// Returns a new token: `alone`, or after the description of its operator, which already contains it as JSON.
fn token(session: &Session, told: Answer, token: &str, alone: bool) -> Answer {
    let answer = match (alone, session.is_json()) {
        (true, _) => format!("{token}\n").into(),
        (false, true) => told,
        (false, false) => told.with_text(&format!("{token}\n")),
    };
    answer.with_note("copy the token now: it will not be shown again")
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

fn shown(operator: Option<&v1::Operator>) -> String {
    let Some(operator) = operator else { return String::new() };
    Facts::new()
        .with("operator", &operator.id)
        .with("name", &operator.name)
        .with("role", words::role(operator.role()))
        .with("state", state(operator))
        .with("expires", told_or_never(operator.expire_time.as_ref()))
        .with("revoked", told(operator.revoke_time.as_ref()))
        .with("token", format!("…{}", operator.hint))
        .with("created", told(operator.create_time.as_ref()))
        .with("changed", told(operator.update_time.as_ref()))
        .text()
}
