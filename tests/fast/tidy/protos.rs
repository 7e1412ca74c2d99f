//! The protos are the reference of the API: every name declared in them has a comment.

/// Returns complaints about declarations without a comment directly above or behind.
#[must_use]
pub fn uncommented(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut commented, mut in_block, mut in_statement) = (false, false, false);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let code = line.split("//").next().unwrap_or_default().trim();
        if in_block {
            in_block = !line.contains("*/");
        } else if line.starts_with("/*") {
            in_block = !line.contains("*/");
            commented = true;
        } else if code.is_empty() {
            // An empty line separates a comment from the code after it.
            commented = line.starts_with("//");
        } else {
            let documented = commented || line.contains("//");
            if !in_statement && is_declaration(code) && !documented {
                found.push(format!("{path}:{}: say what it means: {code}", number + 1));
            }
            in_statement = !code.ends_with([';', '{', '}']);
            commented = commented && in_statement;
        }
    }
    found
}

/// Returns whether the line is a declaration: a message, a field, a value, a method.
fn is_declaration(code: &str) -> bool {
    let first = code.split([' ', '(', '{']).next().unwrap_or_default();
    match first {
        "message" | "enum" | "service" | "rpc" | "oneof" | "extend" => true,
        "syntax" | "package" | "import" | "option" | "reserved" | "extensions" | "returns" | "}" | "]" => false,
        // `type name = 1;`, `NAME = 0;`, or their first line when options follow below.
        _ => {
            code.split_once(" = ").is_some_and(|(_, value)| value.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_comment_is_seen() {
        let text = "syntax = \"proto3\";\npackage a.v1;\n\nmessage A {\n  string b = 1;\n  // Good.\n  string c = 2;\n  \
                    map<string, string> d = 3;\n  // Parted.\n\n  oneof e {\n    int32 f = 4; // Good.\n  }\n}\n\
                    service S {\n  rpc Get(A) returns (A);\n}\nenum E {\n  E_UNSPECIFIED = 0;\n}\n";
        let lines: Vec<String> =
            uncommented("p", text).iter().map(|c| c.split(':').nth(1).unwrap_or("").into()).collect();
        assert_eq!(lines, ["4", "5", "8", "11", "15", "16", "18", "19"]);
    }

    #[test]
    fn what_is_commented_passes() {
        let text = "// S.\nservice S {\n  // Get.\n  rpc Get(A)\n      returns (stream A) {\n    option x = 1;\n  }\n}\n\
                    /* A,\n   a message. */\nmessage A {\n  reserved 4;\n  // B.\n  string b = 1 [\n    deprecated = true\n  ];\n}\n";
        assert_eq!(uncommented("p", text), [""; 0]);
    }

    #[test]
    fn one_comment_serves_one_declaration() {
        assert_eq!(uncommented("p", "// A.\nmessage A {\n  string b = 1;\n}\n").len(), 1);
        assert_eq!(uncommented("p", "// A.\nmessage A {\n  // B.\n  string b = 1;\n  string c = 2;\n}\n").len(), 1);
    }
}
