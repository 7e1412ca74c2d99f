//! `latchkey keys import`.

use std::path::PathBuf;

use clap::Args;

use super::import_file::{self, COLUMNS, FileFormat};
use crate::cli::context::{CommandContext, LONG_CALL_TIMEOUT};
use crate::cli::display;
use crate::cli::exit::Error;
use crate::cli::input::read_file;
use crate::cli::output::CommandResult;
use crate::cli::write::WriteArgs;
use crate::proto::v1;

/// Larger files were named by mistake: 100 000 keys fit.
const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

#[derive(Debug, Args)]
#[command(after_long_help = COLUMNS)]
pub(in crate::cli) struct ImportArgs {
    /// The file, `-` for standard input
    file: PathBuf,
    /// Format of the file [default: from its extension; CSV on standard input]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<FileFormat>,
    /// Check everything without changing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl ImportArgs {
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let format = self.file_format()?;
        let file = self.file.clone();
        let text = tokio::task::spawn_blocking(move || read_file(&file, MAX_FILE_BYTES))
            .await
            .map_err(|error| Error::Internal(format!("reading the file was interrupted: {error}")))?
            .map_err(|error| Error::Failed(format!("{} cannot be read: {error}", self.file.display())))?;
        let keys = import_file::read(&text, format)
            .map_err(|errors| Error::Invalid(format!("{} cannot be imported:\n  {errors}", self.file.display())))?;
        let (places, keys): (Vec<String>, Vec<v1::ImportedKey>) = keys.into_iter().unzip();
        let what = format!("importing {} keys", keys.len());
        let request = v1::ImportKeysRequest { keys, dry_run: self.dry_run, options: Some(self.write.options()) };
        let mut client = context.keys().await?;
        let response = context.call_within(LONG_CALL_TIMEOUT, &what, client.import_keys(request)).await;
        let response = response.map_err(|error| with_location(error, &places))?;
        context.render(&response, |response| {
            let keys = display::count(response.imported.into(), "key", "keys");
            if self.dry_run {
                format!("Dry run, nothing was changed: {keys} would be imported\n")
            } else {
                format!("imported {keys}\n")
            }
        })
    }

    fn file_format(&self) -> Result<FileFormat, Error> {
        let name = self.file.extension().map(|end| end.to_string_lossy().to_lowercase());
        match (self.format, name.as_deref()) {
            (Some(format), _) => Ok(format),
            (None, Some("csv")) => Ok(FileFormat::Csv),
            (None, Some("json")) => Ok(FileFormat::Json),
            (None, None) if self.file.as_os_str() == "-" => Ok(FileFormat::Csv),
            (None, _) => Err(Error::Usage(format!(
                "the name of {} does not show its format: add --format csv or --format json",
                self.file.display()
            ))),
        }
    }
}

/// Replaces the number by which the server names each key in an error by its location in the file.
fn with_location(error: Error, places: &[String]) -> Error {
    match error {
        Error::Invalid(text) => Error::Invalid(format!("nothing was imported: {}", in_file(&text, places))),
        Error::Conflict(text) => Error::Conflict(format!("nothing was imported: {}", in_file(&text, places))),
        other => other,
    }
}

fn in_file(text: &str, places: &[String]) -> String {
    let mut parts = text.split("keys[");
    let mut located = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let found =
            part.split_once(']').and_then(|(number, rest)| Some((places.get(number.parse::<usize>().ok()?)?, rest)));
        let Some((place, rest)) = found else {
            located.extend(["keys[", part]);
            continue;
        };
        match rest.strip_prefix(".key.").or_else(|| rest.strip_prefix('.')) {
            Some(field) => located.extend([place.as_str(), ": ", field]),
            None => located.extend([place, rest]),
        }
    }
    located
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_by_their_place_in_the_file() {
        let places = ["line 2", "line 5"].map(str::to_owned);
        for (text, expected) in [
            ("keys[0].token: is invalid", "line 2: token: is invalid"),
            ("keys[1].key.stores[3]: is unknown", "line 5: stores[3]: is unknown"),
            ("keys[1].token: is the same token as in keys[0]", "line 5: token: is the same token as in line 2"),
            ("keys[7].token: is invalid", "keys[7].token: is invalid"),
            ("keys: must have at least one entry", "keys: must have at least one entry"),
        ] {
            assert_eq!(in_file(text, &places), expected);
        }
    }
}
