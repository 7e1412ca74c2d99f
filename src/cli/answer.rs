//! The result of a command as data: a command first reads its input and calls the server, then returns this; `run`, in
//! the module above, prints it. Only long-running ones (`serve`, `watch`, `replicas lost --reapply`) print themselves.

use super::exit::{Ending, Error};
use super::output::{self, Table, clean};
use crate::proto::v1;

/// The result of a command.
pub(super) type Outcome = Result<Answer, Error>;

/// The output of a command, and how it ends.
#[derive(Debug)]
pub(super) struct Answer {
    /// For standard output.
    text: String,
    /// Lines for standard error.
    notes: Vec<String>,
    ending: Result<Ending, Error>,
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, notes: Vec::new(), ending: Ok(Ending::Done) }
    }
}

impl Answer {
    /// Returns an empty answer: the command is done.
    pub(super) fn nothing() -> Self {
        Self::from(String::new())
    }

    /// Creates an answer from a table, or a note that there are no `things`.
    pub(super) fn table(table: Table, things: &str) -> Self {
        let text = table.text();
        let notes = if text.is_empty() { vec![format!("no {things}")] } else { Vec::new() };
        Self { notes, ..Self::from(text) }
    }

    /// Adds text.
    #[must_use]
    pub(super) fn with_text(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds a note.
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
            let pending = clean(&written.pending_replicas.join(", "));
            self = self.with_note(&format!("done, but not yet applied by: {pending}"));
        }
        self
    }

    /// Sets another ending than success.
    #[must_use]
    pub(super) fn ending(mut self, ending: Result<Ending, Error>) -> Self {
        self.ending = ending;
        self
    }

    /// Prints it.
    ///
    /// # Errors
    /// Standard output cannot be written, or the command failed.
    pub(super) fn print(self) -> Result<Ending, Error> {
        output::print(&self.text)?;
        for note in &self.notes {
            output::note(note);
        }
        self.ending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_rows_is_a_note() {
        let answer = Answer::table(Table::new(["CODE"]), "stores");
        assert_eq!((&*answer.text, answer.notes), ("", vec!["no stores".to_owned()]));
    }

    #[test]
    fn a_write_that_is_not_applied_everywhere_is_noted() {
        let written = |pending: &[&str], pending_unknown| v1::Written {
            pending_replicas: pending.iter().map(ToString::to_string).collect(),
            pending_unknown,
            ..Default::default()
        };
        let notes = |written: &v1::Written| Answer::nothing().with_written(Some(written)).notes;
        assert_eq!(notes(&written(&[], false)), [""; 0]);
        assert_eq!(notes(&written(&["rep_1", "rep_2"], false)), ["done, but not yet applied by: rep_1, rep_2"]);
        assert_eq!(notes(&written(&[], true)).len(), 1);
    }
}
