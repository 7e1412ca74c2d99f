//! `latchkey keys usage`.

use clap::Args;

use super::named::identified;
use crate::cli::answer::{Answer, Outcome};
use crate::cli::moment::{Moment, moment, told};
use crate::cli::output::Table;
use crate::cli::session::Session;
use crate::cli::words;
use crate::proto::v1;

/// Arguments of `keys usage`.
#[derive(Debug, Args)]
pub(in crate::cli) struct UsageArgs {
    /// ID of the key, or its name if it is unique
    key: String,
    /// Start of the range: 2026-01-31, or 7d for 7 days ago [default: 30 days before --until]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Moment>,
    /// End of the range: 2026-01-31, or 1d for 1 day ago [default: now]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Moment>,
    /// Count per hour instead of per day
    #[arg(long)]
    hourly: bool,
}

impl UsageArgs {
    /// Runs the command.
    pub(super) async fn run(self, session: &Session) -> Outcome {
        let period = if self.hourly { v1::UsagePeriod::Hour } else { v1::UsagePeriod::Day };
        let request = v1::GetKeyUsageRequest {
            key_id: identified(session, self.key).await?,
            start_time: self.since.map(Moment::back),
            end_time: self.until.map(Moment::back),
            period: period.into(),
        };
        let mut client = session.usage().await?;
        let answer = session.call("reading the usage of the key", client.get_key_usage(request)).await?;
        session.answer(&answer, |answer| {
            let mut table = Table::new(["FROM", "METHOD", "STORE", "ALLOWED", "CALLS"]);
            for count in &answer.counts {
                let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
                table.row([
                    told(count.start_time.as_ref()),
                    or(&count.method, "(not in the reference book)"),
                    or(&count.store, "-"),
                    words::yes(count.allowed).to_owned(),
                    count.calls.to_string(),
                ]);
            }
            let answered = Answer::table(table, "uses in this range");
            if answer.truncated {
                answered.with_note("there are more counts: choose a shorter range")
            } else {
                answered
            }
        })
    }
}
