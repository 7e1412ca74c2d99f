//! The file that the first operator's token is read from, or written to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::model::token::Token;
use crate::registry::TokenLocation;

/// Name of the file in the data folder that holds the first operator's token.
pub const ADMIN_TOKEN: &str = "admin.token";

/// A token imported from a file, or else generated into one.
#[derive(Debug)]
pub(super) struct TokenFile {
    /// A file with an existing token.
    pub(super) existing: Option<PathBuf>,
    /// The file for a generated token.
    pub(super) generated: PathBuf,
}

impl TokenLocation for TokenFile {
    fn supplied(&self) -> io::Result<Option<Token>> {
        if let Some(path) = &self.existing {
            return read(path).map(Some);
        }
        // Left by a start that ended after writing the file and before committing the operator.
        match read(&self.generated) {
            Ok(token) => Ok(Some(token)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn save(&self, token: &Token) -> io::Result<()> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.generated.display()));
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.generated).map_err(named)?;
        writeln!(file, "{}", token.reveal()).and_then(|()| file.sync_all()).map_err(named)?;
        // The directory entry must be as durable as the contents of the file.
        let folder = self.generated.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(named)
    }
}

/// Reads an operator's token from a file.
///
/// # Errors
/// The file cannot be read, or contains no token; never quotes its contents.
pub fn read(path: &Path) -> io::Result<Token> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(named)?;
    Token::parse_operator(text.trim()).map_err(|error| named(io::Error::new(io::ErrorKind::InvalidData, error)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_generated_token_is_kept_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let place = TokenFile { existing: None, generated: folder.path().join(ADMIN_TOKEN) };
        assert!(place.supplied().unwrap().is_none());
        let token = Token::issue_operator([4; 32]);
        place.save(&token).unwrap();
        assert_eq!(std::fs::metadata(&place.generated).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(place.supplied().unwrap() == Some(token.clone()));
        let again = place.save(&token).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert!(!again.to_string().contains(token.reveal()));
    }

    #[test]
    fn a_file_without_a_token_is_refused_without_being_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "hunter2").unwrap();
        let place = TokenFile { existing: Some(path.clone()), generated: folder.path().join(ADMIN_TOKEN) };
        let error = place.supplied().unwrap_err().to_string();
        assert!(error.contains("token") && !error.contains("hunter2"), "{error}");
    }
}
