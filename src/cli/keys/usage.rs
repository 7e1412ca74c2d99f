//! `latchkey keys usage`.

use clap::Args;

use super::lookup::resolve_key_id;
use crate::cli::context::CommandContext;
use crate::cli::display;
use crate::cli::output::TextTable;
use crate::cli::result::{CommandOutput, CommandResult};
use crate::cli::time::{TimeArg, format_time, parse_time};
use crate::proto::v1;

/// Arguments of `keys usage`.
#[derive(Debug, Args)]
pub(in crate::cli) struct UsageArgs {
    /// ID of the key, or its name if it is unique
    key: String,
    /// Start of the range: 2026-01-31, or 7d for 7 days ago [default: 30 days before --until]
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    since: Option<TimeArg>,
    /// End of the range: 2026-01-31, or 1d for 1 day ago [default: now]
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    until: Option<TimeArg>,
    /// Count per hour instead of per day
    #[arg(long)]
    hourly: bool,
}

impl UsageArgs {
    /// Runs the command.
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let period = if self.hourly { v1::UsagePeriod::Hour } else { v1::UsagePeriod::Day };
        let request = v1::GetKeyUsageRequest {
            key_id: resolve_key_id(context, self.key).await?,
            start_time: self.since.map(TimeArg::in_past),
            end_time: self.until.map(TimeArg::in_past),
            period: period.into(),
        };
        let mut client = context.usage().await?;
        let response = context.call("reading the usage of the key", client.get_key_usage(request)).await?;
        context.render(&response, |response| {
            let mut table = TextTable::new(["FROM", "METHOD", "STORE", "ALLOWED", "CALLS"]);
            for count in &response.counts {
                let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
                table.row([
                    format_time(count.start_time.as_ref()),
                    or(&count.method, "(not in the reference book)"),
                    or(&count.store, "-"),
                    display::yes_no(count.allowed).to_owned(),
                    count.calls.to_string(),
                ]);
            }
            let output = CommandOutput::table(table, "uses in this range");
            if response.truncated { output.with_note("there are more counts: choose a shorter range") } else { output }
        })
    }
}
