//! `latchkey keys import`.

use std::io::Read as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::import_file::{self, COLUMNS, Form};
use crate::cli::answer::Outcome;
use crate::cli::exit::Error;
use crate::cli::session::Session;
use crate::cli::words;
use crate::cli::write::WriteArgs;
use crate::proto::v1;

/// Files beyond this were named by mistake: 100 000 keys have room in it.
const LARGEST: u64 = 512 * 1024 * 1024;

/// How the file is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Written {
    /// Comma-separated values
    Csv,
    /// An array of objects
    Json,
}

/// What `keys import` is told.
#[derive(Debug, Args)]
#[command(after_long_help = COLUMNS)]
pub(in crate::cli) struct ImportArgs {
    /// The file, `-` for standard input
    file: PathBuf,
    /// How the file is written [default: by the end of its name; CSV on standard input]
    #[arg(long = "format", value_enum, value_name = "FORMAT")]
    written: Option<Written>,
    /// Check everything and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl ImportArgs {
    /// Does it.
    pub(super) async fn run(self, session: &Session) -> Outcome {
        let form = self.form()?;
        let file = self.file.clone();
        let text = tokio::task::spawn_blocking(move || text_of(&file))
            .await
            .map_err(|error| Error::Internal(format!("reading the file ended early: {error}")))??;
        let keys = import_file::read(&text, form)
            .map_err(|faults| Error::Invalid(format!("{} cannot be imported:\n  {faults}", self.file.display())))?;
        let what = format!("importing {} keys", keys.len());
        let request = v1::ImportKeysRequest { keys, dry_run: self.dry_run, options: Some(self.write.options()) };
        let mut client = session.keys().await?;
        let answer = session.long_call(&what, client.import_keys(request)).await?;
        Ok(session
            .answer(&answer, |answer| {
                let keys = words::count(answer.imported.into(), "key", "keys");
                if self.dry_run {
                    format!("{keys} would be imported; nothing was changed: this was a dry run\n")
                } else {
                    format!("imported {keys}\n")
                }
            })?
            .with_written(answer.written.as_ref()))
    }

    fn form(&self) -> Result<Form, Error> {
        let name = self.file.extension().map(|end| end.to_string_lossy().to_lowercase());
        match (self.written, name.as_deref()) {
            (Some(Written::Csv), _) | (None, Some("csv")) => Ok(Form::Csv),
            (Some(Written::Json), _) | (None, Some("json")) => Ok(Form::Json),
            (None, None) if self.file.as_os_str() == "-" => Ok(Form::Csv),
            (None, _) => Err(Error::Usage(format!(
                "the name of {} does not say how it is written: say --format csv or --format json",
                self.file.display()
            ))),
        }
    }
}

fn text_of(file: &PathBuf) -> Result<String, Error> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().take(LARGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LARGEST).read_to_string(&mut text))
    };
    read.map_err(|error| Error::Failed(format!("{} cannot be read: {error}", file.display())))?;
    Ok(text)
}
