//! Printing: results on standard output, notes and progress on standard error; tables as wide as the terminal, styles
//! only where supported.

use std::fmt;
use std::future::Future;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, ColumnConstraint, ContentArrangement};
use indicatif::{ProgressBar, ProgressStyle};

use super::exit::Error;

/// How answers are printed.
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

/// Prints a result.
///
/// # Errors
/// Standard output can't be written, for instance because its reader has exited.
pub(super) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
}

/// Prints a note in addition to the result, on standard error.
pub(super) fn note(text: &str) {
    // A note that can't be written must not fail a completed command.
    let _ = writeln!(io::stderr(), "{text}");
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

/// A table for people.
pub(super) struct TextTable {
    table: comfy_table::Table,
    rows: usize,
}

impl TextTable {
    /// Creates a table with these headings.
    pub(super) fn new<const COLUMNS: usize>(headings: [&str; COLUMNS]) -> Self {
        let mut table = plain();
        table.set_header(headings.map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
        // The text that people copy, an id or a name, is never wrapped.
        if let Some(first) = table.column_mut(0) {
            first.set_constraint(ColumnConstraint::ContentWidth);
        }
        Self { table, rows: 0 }
    }

    /// Adds a row.
    pub(super) fn row<const COLUMNS: usize>(&mut self, cells: [String; COLUMNS]) {
        self.table.add_row(cells.map(|cell| sanitize(&cell)));
        self.rows += 1;
    }

    /// Renders the table as text; empty without rows.
    pub(super) fn text(mut self) -> String {
        if self.rows == 0 { String::new() } else { trimmed(&mut self.table) }
    }
}

/// The details of one object: names and values, one per line; a value of several lines is a column.
pub(super) struct Details(Vec<(&'static str, Vec<String>)>);

impl Details {
    /// Creates an empty list.
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a fact, unless it is empty.
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        let value = sanitize(&value.to_string());
        if !value.is_empty() {
            self.0.push((name, vec![value]));
        }
        self
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

    /// Renders the details as text.
    pub(super) fn text(self) -> String {
        let mut table = plain();
        for (name, values) in self.0 {
            for (at, value) in values.into_iter().enumerate() {
                let name = if at == 0 { name } else { "" };
                table.add_row([Cell::new(name).add_attribute(Attribute::Bold), Cell::new(value)]);
            }
        }
        if let Some(first) = table.column_mut(0) {
            first.set_constraint(ColumnConstraint::ContentWidth);
        }
        trimmed(&mut table)
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

fn trimmed(table: &mut comfy_table::Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_a_line_a_row_and_shows_no_controls() {
        let mut table = TextTable::new(["CODE", "NAME"]);
        table.row(["a".to_owned(), "A\u{1b}[31mb".to_owned()]);
        table.row(["bcd".to_owned(), "C".to_owned()]);
        let text = table.text();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn empty_facts_are_left_out() {
        let text = Details::new().with("name", "N").with("owner", "").with_all("stores", []).text();
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}
