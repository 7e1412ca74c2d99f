//! The meaning of SQLite's errors.

use rusqlite::ErrorCode;

use crate::storage::Error;
use crate::storage::sql::driver::taken_error;

/// Translates `error` while doing `what`.
pub(super) fn translate(what: &str, error: rusqlite::Error) -> Error {
    let code = error.sqlite_error_code();
    match code {
        Some(ErrorCode::ConstraintViolation) => {
            // "UNIQUE constraint failed: stores.code", with every column of the index.
            let text = error.to_string();
            let columns = text.split("UNIQUE constraint failed: ").nth(1).unwrap_or_default();
            let taken = columns.split(", ").find_map(|column| taken_error(column.trim()));
            taken.unwrap_or_else(|| Error::Failed { what: what.to_owned(), source: Box::new(error) })
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Unavailable {
            what: "another process held the lock on the SQLite file for too long".to_owned(),
            because: Some("another process holds the lock on the database file"),
            source: Some(Box::new(error)),
        },
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::PermissionDenied,
        ) => Error::Unavailable {
            what: format!("the SQLite file while {what}"),
            because: match code {
                Some(ErrorCode::DiskFull) => Some("the disk is full"),
                Some(ErrorCode::ReadOnly) => Some("the database file is read-only"),
                _ => Some("the database file cannot be used"),
            },
            source: Some(Box::new(error)),
        },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::corrupt(format!("the SQLite file is damaged: {error}"))
        }
        _ => Error::Failed { what: what.to_owned(), source: Box::new(error) },
    }
}
