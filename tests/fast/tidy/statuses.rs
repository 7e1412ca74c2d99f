//! Statuses of gRPC calls are made in one file, which attaches reasons for programs in the same way to all. Reading a
//! status, passing it on and naming the type are fine everywhere.

use crate::tidy::layers::module_of;
use crate::tidy::lexer::{Kind, split_tests, tokens};

/// The file that makes them.
const MADE_IN: &str = "src/status.rs";
/// Functions of `Status` that make none: they read one.
const READS: &[&str] = &["code", "message", "details", "metadata", "into_http", "from_header_map", "get_error_details"];

/// Returns complaints about statuses made in the file `path` of src.
#[must_use]
pub fn complaints(path: &str, source: &str) -> Vec<String> {
    if path == MADE_IN || module_of(path).iter().any(|part| part == "tests") {
        return Vec::new();
    }
    let (production, _) = split_tests(&tokens(source));
    let made = production.windows(3).filter(|window| {
        let [status, mark, name] = window else { return false };
        let is_function = name.kind == Kind::Word && name.text.starts_with(char::is_lowercase);
        let makes = is_function && !READS.contains(&name.text.as_str());
        (status.is_word("Status") && mark.is_mark("::") && makes) || renames(window)
    });
    made.map(|window| format!("{path}:{}: statuses are made in {MADE_IN}: call it", window[0].line)).collect()
}

/// Returns whether the tokens give the type another name, behind which its functions could not be found.
fn renames(window: &[crate::tidy::lexer::Token]) -> bool {
    window[0].is_word("Status") && window[1].is_word("as") && !window[2].is_word("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(path: &str, source: &str) -> usize {
        complaints(path, source).len()
    }

    #[test]
    fn statuses_made_elsewhere_are_found() {
        for source in [
            "fn f() -> Status { Status::unavailable(\"x\") }",
            "fn f() { let s = tonic::Status::new(Code::Internal, \"x\"); }",
            "fn f() { r.map_err(Status::from_error) }",
            "fn f() { Status :: with_error_details(a, b, c) }",
            "use tonic::Status as S;",
        ] {
            assert_eq!(made("src/grpc/keys.rs", source), 1, "{source}");
            assert_eq!(made(MADE_IN, source), 0, "{source}");
        }
    }

    #[test]
    fn statuses_that_are_read_or_passed_on_are_fine() {
        for source in [
            "fn f(status: Status) -> Result<(), Status> { Err(status) }",
            "fn f() { r.map_err(Status::into_http); Status::from_header_map(h); h.insert(Status::GRPC_STATUS, OK); }",
            "fn f() { StatusCode::from_u16(200); status::new(Code::Internal, \"x\") }",
            "#[cfg(test)]\nmod tests { fn f() { Status::unavailable(\"x\") } }",
        ] {
            assert_eq!(made("src/grpc/keys.rs", source), 0, "{source}");
        }
        assert_eq!(made("src/grpc/wire/tests.rs", "fn f() { Status::unavailable(\"x\") }"), 0);
    }
}
