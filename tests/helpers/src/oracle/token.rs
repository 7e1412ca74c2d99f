//! A second implementation of the format check of tokens: bit by bit, and without the crate's code.

const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Returns the reason for which a text is refused without a look-up.
#[must_use]
pub fn format_error(token: &str) -> Option<&'static str> {
    if token.is_empty() {
        return Some("KEY_MISSING");
    }
    let bytes = token.as_bytes();
    let good = if token.starts_with("lk_") {
        bytes.len() == 52
            && bytes[3..].iter().all(|byte| DIGITS.contains(byte))
            && checksum(&bytes[..46]) == bytes[46..]
    } else if token.starts_with("lko_") {
        false
    } else {
        (32..=512).contains(&bytes.len()) && bytes.iter().all(|byte| (33..127).contains(byte))
    };
    (!good).then_some("KEY_MALFORMED")
}

/// Returns six digits of CRC-32/IEEE.
fn checksum(text: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in text {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    let mut rest = u64::from(!crc);
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.insert(0, DIGITS[usize::try_from(rest % 62).expect("a digit")]);
        rest /= 62;
    }
    digits
}
