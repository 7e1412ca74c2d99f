//! The meaning of SQLite's errors.

use rusqlite::ErrorCode;

use crate::storage::Error;
use crate::storage::sql::driver::taken_error;

pub(super) fn translate(what: &str, error: rusqlite::Error) -> Error {
    let file = format!("the SQLite file while {what}");
    let (what, because) = match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => {
            // "UNIQUE constraint failed: stores.code", with every column of the index.
            let text = error.to_string();
            let columns = text.split("UNIQUE constraint failed: ").nth(1).unwrap_or_default();
            let taken = columns.split(", ").find_map(|column| taken_error(column.trim()));
            return taken.unwrap_or_else(|| Error::failed(what, error));
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            "another process held the lock on the SQLite file for too long".to_owned(),
            "another process holds the lock on the database file",
        ),
        Some(ErrorCode::DiskFull) => (file, "the disk is full"),
        Some(ErrorCode::ReadOnly) => (file, "the database file is read-only"),
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::PermissionDenied,
        ) => (file, "the database file cannot be used"),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return Error::corrupt(format!("the SQLite file is damaged: {error}"));
        }
        _ => return Error::failed(what, error),
    };
    Error::Unavailable { what, because: Some(because), source: Some(Box::new(error)) }
}
