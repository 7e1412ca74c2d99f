//! `latchkey keys usage`.

use clap::Args;

use super::named::identified;
use crate::cli::answer::{Answer, Outcome};
use crate::cli::moment::{Moment, moment, told};
use crate::cli::output::Table;
use crate::cli::session::Session;
use crate::cli::words;
use crate::proto::v1;

/// What `keys usage` is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct UsageArgs {
    /// Id of the key, or its name if only one has it
    key: String,
    /// From when on: 2026-01-31, or 7d ago [default: 30 days before --until]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Moment>,
    /// Until when: 2026-01-31, or 1d ago [default: now]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Moment>,
    /// Count by the hour, not by the day
    #[arg(long)]
    hourly: bool,
}

impl UsageArgs {
    /// Does it.
    pub(super) async fn run(self, session: &Session) -> Outcome {
        let period = if self.hourly { v1::UsagePeriod::Hour } else { v1::UsagePeriod::Day };
        let request = v1::GetKeyUsageRequest {
            key_id: identified(session, self.key).await?,
            start_time: self.since.map(Moment::back),
            end_time: self.until.map(Moment::back),
            period: period.into(),
        };
        let mut client = session.usage().await?;
        let answer = session.call("reading the use of the key", client.get_key_usage(request)).await?;
        session.answer(&answer, |answer| {
            let mut table = Table::new(["FROM", "METHOD", "STORE", "ALLOWED", "CALLS"]);
            for count in &answer.counts {
                let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
                table.row([
                    told(count.start_time.as_ref()),
                    or(&count.method, "(not in the book)"),
                    or(&count.store, "-"),
                    words::yes(count.allowed).to_owned(),
                    count.calls.to_string(),
                ]);
            }
            let answered = Answer::table(table, "uses in this time");
            if answer.truncated {
                answered.with_note("there are more counts: ask for a shorter time")
            } else {
                answered
            }
        })
    }
}
