//! Comma-separated values as in RFC 4180, with the number of the line on which each record begins.

/// A record and the line on which it begins, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) fields: Vec<String>,
}

/// Parses all records; empty lines are skipped.
///
/// # Errors
/// A quoted field does not end, or has text after its end.
pub(super) fn parse(text: &str) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    // Spreadsheets put a byte order mark in front.
    let mut letters = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
    let mut line = 1;
    while letters.peek().is_some() {
        let begin = line;
        let mut fields = Vec::new();
        loop {
            let mut field = String::new();
            if letters.next_if_eq(&'"').is_some() {
                loop {
                    match letters.next() {
                        Some('"') if letters.next_if_eq(&'"').is_some() => field.push('"'),
                        Some('"') => break,
                        Some(letter) => {
                            line += usize::from(letter == '\n');
                            field.push(letter);
                        }
                        None => {
                            return Err(format!("line {begin}: a field starts with a quote but does not end with one"));
                        }
                    }
                }
            } else {
                while let Some(letter) = letters.next_if(|letter| !matches!(letter, ',' | '\n' | '\r')) {
                    field.push(letter);
                }
            }
            fields.push(field);
            match letters.next() {
                Some(',') => {}
                Some('\r') => {
                    letters.next_if_eq(&'\n');
                    break;
                }
                Some('\n') | None => break,
                Some(_) => return Err(format!("line {line}: something follows the closing quote of a field")),
            }
        }
        line += 1;
        if fields != [""] {
            records.push(Record { line: begin, fields });
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(usize, Vec<String>)> {
        parse(text).unwrap().into_iter().map(|record| (record.line, record.fields)).collect()
    }

    fn row(line: usize, fields: &[&str]) -> (usize, Vec<String>) {
        (line, fields.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn quotes_commas_and_lines_within_fields_are_text() {
        let text = "\u{feff}a,b\r\n\"x, \"\"y\"\"\nz\",2\n\n,\nlast";
        assert_eq!(
            rows(text),
            [row(1, &["a", "b"]), row(2, &["x, \"y\"\nz", "2"]), row(5, &["", ""]), row(6, &["last"])]
        );
        assert_eq!(rows(""), []);
    }

    #[test]
    fn quotes_that_do_not_match_are_refused() {
        assert!(parse("a\n\"b").unwrap_err().starts_with("line 2"));
        assert!(parse("\"a\"b,c").unwrap_err().contains("closing quote"));
    }
}
