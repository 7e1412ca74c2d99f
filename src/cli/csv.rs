//! Comma-separated values as in RFC 4180, with the number of the line on which each record begins.

/// Parses all records, each with the number of the line on which it begins, from 1; empty lines are skipped.
pub(super) fn parse(text: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
    let mut records = Vec::new();
    // Spreadsheets put a byte order mark in front.
    let mut letters = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
    let mut line = 1;
    while letters.peek().is_some() {
        let begin = line;
        let mut fields = Vec::new();
        loop {
            let mut field = String::new();
            let quoted = letters.next_if_eq(&'"').is_some();
            let mut open = quoted;
            while let Some(letter) = letters.next_if(|letter| open || !quoted && !matches!(letter, ',' | '\n' | '\r')) {
                // A quote within quotes is doubled.
                if open && letter == '"' && letters.next_if_eq(&'"').is_none() {
                    open = false;
                    continue;
                }
                line += usize::from(letter == '\n');
                field.push(letter);
            }
            if open {
                return Err(format!("line {begin}: a field starts with a quote but does not end with one"));
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
            records.push((begin, fields));
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: usize, fields: &[&str]) -> (usize, Vec<String>) {
        (line, fields.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn quotes_commas_and_lines_within_fields_are_text() {
        let text = "\u{feff}a,b\r\n\"x, \"\"y\"\"\nz\",2\n\n,\nlast";
        assert_eq!(
            parse(text).unwrap(),
            [row(1, &["a", "b"]), row(2, &["x, \"y\"\nz", "2"]), row(5, &["", ""]), row(6, &["last"])]
        );
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn quotes_that_do_not_match_are_refused() {
        assert!(parse("a\n\"b").unwrap_err().starts_with("line 2"));
        assert!(parse("\"a\"b,c").unwrap_err().contains("closing quote"));
    }
}
