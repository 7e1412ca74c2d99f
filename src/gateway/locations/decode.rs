//! Percent-decoding: once and strictly for values that count, repeatedly for those that merely might.

use std::borrow::Cow;

use crate::model::path::hex_byte;

/// Rounds of decoding; no service decodes more often.
const ROUNDS: usize = 4;

/// Decodes a value of a query or an urlencoded form: `+` is a space, each escape one byte. Returns `None` if a `%`
/// begins no escape, or if the result is not UTF-8.
pub(crate) fn value(raw: &[u8]) -> Option<Cow<'_, str>> {
    if !raw.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return std::str::from_utf8(raw).ok().map(Cow::Borrowed);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, tail @ ..] = rest {
        let (byte, tail) = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => (hex_byte(*high, *low)?, tail),
            (b'%', _) => return None,
            (b'+', tail) => (b' ', tail),
            (byte, tail) => (*byte, tail),
        };
        decoded.push(byte);
        rest = tail;
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// Decodes a name until nothing changes any more; invalid escapes stay. Some services also decode `%uXXXX`.
pub(crate) fn fully(raw: &[u8]) -> Vec<u8> {
    let mut name: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    for _ in 0..ROUNDS {
        if name.contains(&b'%') {
            name = once(&name);
        }
    }
    name
}

fn once(name: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte == b'%' {
            if let [b'u' | b'U', a, b, c, d, tail @ ..] = tail
                && let (Some(high), Some(low)) = (hex_byte(*a, *b), hex_byte(*c, *d))
                && let Some(letter) = char::from_u32(u32::from(high) << 8 | u32::from(low))
            {
                decoded.extend(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = tail;
                continue;
            }
            if let [high, low, tail @ ..] = tail
                && let Some(byte) = hex_byte(*high, *low)
            {
                decoded.push(byte);
                rest = tail;
                continue;
            }
        }
        decoded.push(*byte);
    }
    decoded
}

/// Returns the beginning of a name from a request for people.
pub(crate) fn printable(name: &[u8]) -> String {
    name[..name.len().min(100)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::path::encode;

    #[test]
    fn values_are_decoded_once_or_not_at_all() {
        assert_eq!(value(b"main").as_deref(), Some("main"));
        assert_eq!(value(b"a+b%2Bc%2525").as_deref(), Some("a b+c%25"));
        for bad in ["%", "%4", "%zz", "a%", "%FF"] {
            assert_eq!(value(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn names_are_decoded_until_nothing_changes() {
        assert_eq!(fully(b"s%2569te"), b"site");
        assert_eq!(fully(b"s%25252569te"), b"site");
        assert_eq!(fully(b"%u0073ite+%zz%"), b"site %zz%");
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let text = "filter[sites][0] ü%+&=";
        assert_eq!(value(encode(text).as_bytes()).as_deref(), Some(text));
        assert_eq!(encode("filter[sites][0]"), "filter%5Bsites%5D%5B0%5D");
    }
}
