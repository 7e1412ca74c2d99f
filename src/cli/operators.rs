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
    /// Tell who the token that is used belongs to
    Whoami,
    /// Create an operator and print its token, once
    Create(CreateArgs),
    /// List operators, the newest first
    List(ListArgs),
    /// Show one operator
    Show {
        /// Id of the operator, or its name
        operator: String,
    },
    /// Change an operator
    Update(UpdateArgs),
    /// Give an operator a new token, and end the old one at once
    Rotate(RotateArgs),
    /// End an operator at once, for good
    Revoke(RevokeArgs),
    /// Make a new admin with access to storage alone, when every admin's token is lost
    Recover(RecoverArgs),
}

/// What an operator may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Everything, operators included
    Admin,
    /// Read and change keys, stores and methods
    Editor,
    /// Read keys, stores, methods, audit, usage and servers
    Viewer,
    /// Ask for decisions, nothing else
    Authorizer,
}

/// What `operators create` is told.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Name for people, unique
    #[arg(long)]
    name: String,
    /// What it may do
    #[arg(long, value_enum)]
    role: Role,
    /// Until when it is good: 2027-01-31, 2027-01-31T12:00:00Z, or 90d from now [default: for ever]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    expires: Option<Moment>,
    /// Print the token alone, for scripts
    #[arg(long, short, alias = "quiet", short_alias = 'q')]
    token_only: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// What `operators list` is told.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only operators with this role
    #[arg(long, value_enum)]
    role: Option<Role>,
    /// Revoked ones too
    #[arg(long)]
    revoked: bool,
}

/// What `operators update` is told.
#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// Id of the operator, or its name
    operator: String,
    /// Change the name
    #[arg(long)]
    name: Option<String>,
    /// Change what it may do
    #[arg(long, value_enum)]
    role: Option<Role>,
    /// Change until when it is good: 2027-01-31, 90d from now, or never
    #[arg(long, value_name = "WHEN", value_parser = moment_or_never)]
    expires: Option<MomentOrNever>,
    #[command(flatten)]
    write: WriteArgs,
}

/// What `operators rotate` is told.
#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// Id of the operator, or its name
    operator: String,
    /// Print the token alone, for scripts
    #[arg(long, short, alias = "quiet", short_alias = 'q')]
    token_only: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// What `operators revoke` is told.
#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// Id of the operator, or its name
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

/// Does it.
pub(super) async fn run(command: OperatorsCommand, session: &Session) -> Outcome {
    match command {
        OperatorsCommand::Whoami => {
            let mut client = session.operators().await?;
            let request = v1::GetCurrentOperatorRequest {};
            let answer = session.call("asking who we are", client.get_current_operator(request)).await?;
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
            Err(Error::Internal("recovery was taken for a command that asks a server".to_owned()))
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
        return Err(Error::Usage("say what is to change: see `latchkey operators update --help`".to_owned()));
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

/// The id of an operator that is named by its id, or by its name, which no other living one has.
async fn identified(session: &Session, operator: String) -> Result<String, Error> {
    if operator.starts_with("op_") {
        return Ok(operator);
    }
    let living = all(session, &v1::ListOperatorsRequest::default()).await?;
    living
        .into_iter()
        .find(|candidate| candidate.name == operator)
        .map(|found| found.id)
        .ok_or_else(|| Error::NotFound(format!("no operator has the id or the name `{operator}`")))
}

/// A new token: `alone`, or after what was `told` of its operator, which has it already as JSON.
fn token(session: &Session, told: Answer, token: &str, alone: bool) -> Answer {
    let answer = match (alone, session.is_json()) {
        (true, _) => format!("{token}\n").into(),
        (false, true) => told,
        (false, false) => told.with_text(&format!("{token}\n")),
    };
    answer.with_note("the token is shown only now: keep it where it is to be used")
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
