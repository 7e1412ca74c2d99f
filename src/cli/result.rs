//! The result of a command as data: a command first reads its input and calls the server, then returns this; `run`, in
//! the module above, prints it. Only long-running ones (`serve`, `watch`, `replicas lost --reapply`) print themselves.

use super::exit::{Error, Exit};
use super::output::{self, TextTable, sanitize};
use crate::proto::v1;

/// The result of a command.
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
    /// Returns an empty output.
    pub(super) fn empty() -> Self {
        Self::from(String::new())
    }

    /// Creates an output from a table, or a note that there are no `things`.
    pub(super) fn table(table: TextTable, things: &str) -> Self {
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

    /// Prints it.
    ///
    /// # Errors
    /// Standard output cannot be written, or the command failed.
    pub(super) fn print(self) -> Result<Exit, Error> {
        output::print(&self.text)?;
        for note in &self.notes {
            output::note(note);
        }
        self.exit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_rows_is_a_note() {
        let output = CommandOutput::table(TextTable::new(["CODE"]), "stores");
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
