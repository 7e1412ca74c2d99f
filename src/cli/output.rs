//! Printing: results on standard output, notes and progress on standard error; tables as wide as the terminal, styles
//! only where supported.
//!
//! The result of a command is data: a command first reads its input and calls the server, then returns it; `run`, in the
//! module above, prints it. Only long-running ones (`serve`, `watch`, `replicas lost --reapply`) print themselves.

use std::fmt;
use std::future::Future;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, ColumnConstraint, ContentArrangement};
use indicatif::{ProgressBar, ProgressStyle};

use super::exit::{Error, Exit};
use crate::proto::v1;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum OutputFormat {
    /// Tables for people.
    #[default]
    Table,
    /// Messages of the API as JSON.
    Json,
}

/// How long an operation takes before its progress is shown.
const PROGRESS_DELAY: Duration = Duration::from_secs(1);

pub(super) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
}

/// Removes characters that would control the terminal from untrusted text.
pub(super) fn sanitize(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// Indents each line of the text by two columns.
pub(super) fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

/// Waits for `work`; after a second, shows on a terminal that it is in progress.
pub(super) async fn with_progress<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if !io::stderr().is_terminal() {
        return work.await;
    }
    if let Ok(done) = tokio::time::timeout(PROGRESS_DELAY, &mut work).await {
        return done;
    }
    let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(120));
    let done = work.await;
    spinner.finish_and_clear();
    done
}

/// Renders a table for people; empty without rows.
pub(super) fn table<const COLUMNS: usize>(
    headings: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let mut table = plain();
    table.set_header(headings.map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
    for row in rows {
        table.add_row(row.map(|cell| sanitize(&cell)));
    }
    if table.is_empty() { String::new() } else { trimmed(table) }
}

/// The details of one object: names and values, one per line; a value of several lines is a column.
pub(super) struct Details(Vec<(&'static str, Vec<String>)>);

impl Details {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a fact, unless it is empty.
    #[must_use]
    pub(super) fn with(self, name: &'static str, value: impl fmt::Display) -> Self {
        let value = value.to_string();
        self.with_all(name, Some(value).filter(|value| !value.is_empty()))
    }

    /// Adds a fact with several values, unless there are none.
    #[must_use]
    pub(super) fn with_all(mut self, name: &'static str, values: impl IntoIterator<Item = String>) -> Self {
        let values: Vec<_> = values.into_iter().map(|value| sanitize(&value)).collect();
        if !values.is_empty() {
            self.0.push((name, values));
        }
        self
    }

    pub(super) fn text(self) -> String {
        let mut table = plain();
        for (name, values) in self.0 {
            for (at, value) in values.into_iter().enumerate() {
                let name = if at == 0 { name } else { "" };
                table.add_row([Cell::new(name).add_attribute(Attribute::Bold), Cell::new(value)]);
            }
        }
        trimmed(table)
    }
}

fn plain() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(NOTHING);
    // Outside a terminal, a row is a line, however long, for grep and awk.
    let arrangement =
        if io::stdout().is_terminal() { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
    table.set_content_arrangement(arrangement);
    table
}

fn trimmed(mut table: comfy_table::Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    // The text that people copy, an id or a name, is never wrapped.
    if let Some(first) = table.column_mut(0) {
        first.set_constraint(ColumnConstraint::ContentWidth);
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

pub(super) type CommandResult = Result<CommandOutput, Error>;

/// The output of a command, and how it ends.
#[derive(Debug)]
pub(super) struct CommandOutput {
    /// For standard output.
    text: String,
    /// Lines for standard error.
    notes: Vec<String>,
    exit: Result<Exit, Error>,
}

impl From<String> for CommandOutput {
    fn from(text: String) -> Self {
        Self { text, notes: Vec::new(), exit: Ok(Exit::Success) }
    }
}

impl CommandOutput {
    pub(super) fn empty() -> Self {
        Self::from(String::new())
    }

    /// Creates an output from a table of `things`, or a note that there are none.
    pub(super) fn table<const COLUMNS: usize>(
        things: &str,
        headings: [&str; COLUMNS],
        rows: impl IntoIterator<Item = [String; COLUMNS]>,
    ) -> Self {
        let output = Self::from(table(headings, rows));
        if output.text.is_empty() { output.with_note(&format!("no {things}")) } else { output }
    }

    #[must_use]
    pub(super) fn with_note(mut self, note: &str) -> Self {
        self.notes.push(note.to_owned());
        self
    }

    /// Adds notes about a completed write.
    #[must_use]
    pub(super) fn with_written(mut self, written: Option<&v1::Written>) -> Self {
        let Some(written) = written else { return self };
        if written.pending_unknown {
            self = self.with_note(
                "done, but it is unknown which replicas have applied it: storage did not respond afterwards",
            );
        }
        if !written.pending_replicas.is_empty() {
            let pending = sanitize(&written.pending_replicas.join(", "));
            self = self.with_note(&format!("done, but not yet applied by: {pending}"));
        }
        self
    }

    /// Sets how the command exits, if not with success.
    #[must_use]
    pub(super) fn with_exit(mut self, exit: Result<Exit, Error>) -> Self {
        self.exit = exit;
        self
    }

    pub(super) fn print(self) -> Result<Exit, Error> {
        print(&self.text)?;
        for note in &self.notes {
            // A note that can't be written must not fail a completed command.
            let _ = writeln!(io::stderr(), "{note}");
        }
        self.exit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_a_line_a_row_and_shows_no_controls() {
        let text = table(["CODE", "NAME"], [["a", "A\u{1b}[31mb"], ["bcd", "C"]].map(|row| row.map(str::to_owned)));
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn empty_facts_are_left_out() {
        let text = Details::new().with("name", "N").with("owner", "").with_all("stores", []).text();
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[test]
    fn a_table_without_rows_is_a_note() {
        let output = CommandOutput::table("stores", ["CODE"], []);
        assert_eq!((&*output.text, output.notes), ("", vec!["no stores".to_owned()]));
    }

    #[test]
    fn a_write_that_is_not_applied_everywhere_is_noted() {
        let written = |pending: &[&str], pending_unknown| v1::Written {
            pending_replicas: pending.iter().map(ToString::to_string).collect(),
            pending_unknown,
            ..Default::default()
        };
        let notes = |written: &v1::Written| CommandOutput::empty().with_written(Some(written)).notes;
        assert_eq!(notes(&written(&[], false)), [""; 0]);
        assert_eq!(notes(&written(&["rep_1", "rep_2"], false)), ["done, but not yet applied by: rep_1, rep_2"]);
        assert_eq!(notes(&written(&[], true)).len(), 1);
    }
}
