//! `latchkey audit`: who changed what, when and why.

use clap::Args;

use super::context::CommandContext;
use super::difference::difference;
use super::exit::Error;
use super::keys;
use super::output::TextTable;
use super::result::{CommandOutput, CommandResult};
use super::time::{TimeArg, format_time, parse_time};
use crate::proto::v1;

/// Default limit of the number of changes.
const LIMIT: usize = 50;

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Only changes of this key (ID, or name if it is unique)
    #[arg(long, value_name = "KEY", group = "subject")]
    key: Option<String>,
    /// Only changes of this store (code)
    #[arg(long, value_name = "CODE", group = "subject")]
    store: Option<String>,
    /// Only changes of this method (`VERB pattern`)
    #[arg(long, value_name = "METHOD", group = "subject")]
    method: Option<String>,
    /// Only changes of this operator (ID)
    #[arg(long, value_name = "OPERATOR", group = "subject")]
    operator: Option<String>,
    /// Only changes made by this operator (ID)
    #[arg(long, value_name = "OPERATOR", default_value = "", hide_default_value = true)]
    by: String,
    /// Start of the range: 2026-01-31, or 7d for 7 days ago
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    since: Option<TimeArg>,
    /// End of the range: 2026-01-31, or 1d for 1 day ago
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    until: Option<TimeArg>,
    /// Maximum number of results
    #[arg(long, value_name = "NUMBER", default_value_t = LIMIT, conflicts_with = "all")]
    limit: usize,
    /// Show all of them
    #[arg(long)]
    all: bool,
}

impl AuditArgs {
    /// Runs the command.
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let (kind, id) = match (self.key, self.store, self.method, self.operator) {
            (Some(key), ..) => ("key", keys::resolve_key_id(context, key).await?),
            (_, Some(store), ..) => ("store", store),
            (_, _, Some(method), _) => ("method", method),
            (.., Some(operator)) => ("operator", operator),
            (None, None, None, None) => ("", String::new()),
        };
        let filter = v1::ListChangesRequest {
            subject_kind: kind.to_owned(),
            subject_id: id,
            actor: self.by,
            start_time: self.since.map(TimeArg::in_past),
            end_time: self.until.map(TimeArg::in_past),
            ..Default::default()
        };
        let limit = (!self.all).then_some(self.limit);
        let mut client = context.audit().await?;
        let page = async |page_token, page_size| {
            let request = v1::ListChangesRequest { page_token, page_size, ..filter.clone() };
            let response = context.call("reading the audit trail", client.list_changes(request)).await?;
            Ok::<_, Error>((response.changes, response.next_page_token))
        };
        // One more than is shown, to find out whether there are more.
        let mut changes = context.pages(limit.map(|limit| limit.saturating_add(1)), page).await?;
        let more = limit.is_some_and(|limit| changes.len() > limit);
        changes.truncate(limit.unwrap_or(usize::MAX));
        let listed = v1::ListChangesResponse { changes, ..Default::default() };
        let output = context.render(&listed, |response| table(&response.changes))?;
        Ok(if more { output.with_note("there are older changes: use --limit or --all to see more") } else { output })
    }
}

fn table(changes: &[v1::Change]) -> CommandOutput {
    let mut table = TextTable::new(["REVISION", "WHEN", "WHO", "DID", "SUBJECT", "WHAT", "WHY"]);
    for change in changes {
        table.row([
            change.revision.to_string(),
            format_time(change.time.as_ref()),
            change.actor_name.clone(),
            change.action.clone(),
            format!("{} {}", change.subject_kind, change.subject_id),
            difference(change.before.as_ref(), change.after.as_ref()),
            change.comment.clone(),
        ]);
    }
    CommandOutput::table(table, "changes")
}
