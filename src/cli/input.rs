//! Files, and secrets that are typed, piped or stored in files: never arguments, which every user of the machine can
//! see.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::exit::Error;
use crate::model::token::Token;

/// No token is longer; a longer file was named by mistake.
const MAX_TOKEN_BYTES: u64 = 4_096;

/// Reads the text of a token from a file, or from standard input (`-`, or no file), with a prompt on a terminal.
pub(super) async fn read_secret(file: Option<PathBuf>, prompt: &'static str) -> Result<String, Error> {
    let read = tokio::task::spawn_blocking(move || {
        let from = file.as_deref().filter(|file| *file != Path::new("-"));
        let text = match from {
            Some(path) => std::fs::File::open(path)
                .and_then(read_limited)
                .map_err(|error| Error::Failed(format!("{} cannot be read: {error}", path.display())))?,
            None if io::stdin().is_terminal() => read_hidden_line(prompt)?,
            None => read_limited(io::stdin())
                .map_err(|error| Error::Failed(format!("standard input cannot be read: {error}")))?,
        };
        let text = text.trim();
        if text.is_empty() {
            let place = from.map_or("standard input".to_owned(), |path| path.display().to_string());
            return Err(Error::Invalid(format!("{place} contains no token")));
        }
        Ok(text.to_owned())
    });
    read.await.map_err(|error| Error::Internal(format!("reading a token was interrupted: {error}")))?
}

/// Like [`read_secret`], for the token that a key is to have: checked here, before anything is sent.
pub(super) async fn supplied_token(file: Option<PathBuf>) -> Result<String, Error> {
    let Some(file) = file else { return Ok(String::new()) };
    let text = read_secret(Some(file), "Token for the key: ").await?;
    Token::parse(&text).map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(text)
}

/// Reads a file, or standard input (`-`), up to a length.
pub(super) fn read_file(file: &Path, longest: u64) -> io::Result<String> {
    let from: Box<dyn io::Read> =
        if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(std::fs::File::open(file)?) };
    let mut text = String::new();
    from.take(longest).read_to_string(&mut text)?;
    Ok(text)
}

fn read_limited(from: impl io::Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(MAX_TOKEN_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_TOKEN_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long for a token"));
    }
    Ok(text)
}

/// Restores the terminal however the input ends.
struct Restore(Termios);

impl Drop for Restore {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// Reads a line from the terminal without echo. Ctrl-C is read as a character, so that the terminal is always restored.
fn read_hidden_line(prompt: &str) -> Result<String, Error> {
    let failed = |error: io::Error| Error::Failed(format!("the terminal cannot be read: {error}"));
    let before = tcgetattr(io::stdin()).map_err(|error| failed(error.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    let restore = Restore(before);
    tcsetattr(io::stdin(), OptionalActions::Flush, &silent).map_err(|error| failed(error.into()))?;
    let _ = write!(io::stderr(), "{prompt}");
    let line = edited_line(io::stdin().lock().bytes());
    drop(restore);
    let _ = writeln!(io::stderr());
    line.map_err(failed)?.ok_or(Error::Interrupted)
}

/// Returns the line that was typed, with backspace applied; `None` if it was aborted with Ctrl-C.
fn edited_line(keys: impl Iterator<Item = io::Result<u8>>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    for key in keys {
        match key? {
            0x03 => return Ok(None),
            b'\n' | b'\r' | 0x04 => break,
            0x08 | 0x7f => drop(line.pop()),
            letter => line.push(letter),
        }
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(keys: &[u8]) -> Option<String> {
        edited_line(keys.iter().map(|key| Ok(*key))).unwrap()
    }

    #[test]
    fn a_typed_line_can_be_mended_and_given_up() {
        assert_eq!(line(b"abx\x7fc\rd").as_deref(), Some("abc"));
        assert_eq!(line(b"\x7fab\x04").as_deref(), Some("ab"));
        assert_eq!(line(b"ab\x03"), None);
    }

    #[test]
    fn a_file_that_is_too_long_is_no_token() {
        assert_eq!(read_limited(&b"abc\n"[..]).unwrap(), "abc\n");
        assert!(read_limited(vec![b'a'; 5_000].as_slice()).is_err());
    }

    #[tokio::test]
    async fn tokens_come_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "  a-token-of-another-system-of-ours-1\n").unwrap();
        assert_eq!(supplied_token(Some(file.clone())).await.unwrap(), "a-token-of-another-system-of-ours-1");
        std::fs::write(&file, "short").unwrap();
        assert!(matches!(supplied_token(Some(file.clone())).await, Err(Error::Invalid(_))));
        std::fs::write(&file, "\n").unwrap();
        assert!(matches!(read_secret(Some(file), "").await, Err(Error::Invalid(_))));
        assert_eq!(supplied_token(None).await.unwrap(), "");
        assert!(matches!(read_secret(Some(folder.path().join("none")), "").await, Err(Error::Failed(_))));
    }
}
