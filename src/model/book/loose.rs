//! How a lax service might read a segment: ignoring letter case, and truncated where a name ends for that service.

use super::super::path::decoded;

/// The longest segment, in bytes, that is folded without allocating: longer than any UUID or word.
const SHORT: usize = 64;

/// A segment of a canonical path, decoded, its ASCII letters lower-case, without leading spaces.
pub(super) enum FoldedSegment<'s> {
    AsIs(&'s [u8]),
    Short([u8; SHORT], usize),
    Long(Vec<u8>),
}

impl<'s> FoldedSegment<'s> {
    pub(super) fn new(segment: &'s str) -> Self {
        if !segment.bytes().any(|byte| byte == b'%' || byte.is_ascii_uppercase()) {
            return Self::AsIs(segment.as_bytes());
        }
        let folded = decoded(segment).skip_while(|byte| *byte == b' ').map(|byte| byte.to_ascii_lowercase());
        // Decoding only shortens it.
        if segment.len() > SHORT {
            return Self::Long(folded.collect());
        }
        let mut bytes = [0; SHORT];
        let mut len = 0;
        for byte in folded {
            bytes[len] = byte;
            len += 1;
        }
        Self::Short(bytes, len)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::AsIs(bytes) => bytes,
            Self::Short(bytes, len) => &bytes[..*len],
            Self::Long(bytes) => bytes,
        }
    }

    /// Returns the leading parts that some service may take for the whole, at most `longest` bytes, shortest first.
    pub(super) fn heads(&self, longest: usize) -> impl Iterator<Item = &[u8]> {
        let bytes = self.bytes();
        (1..=longest.min(bytes.len()))
            .filter(move |end| bytes.get(*end).is_none_or(|next| ends_name(*next)))
            .map(move |end| &bytes[..end])
    }
}

/// Returns whether a name ends here for some service: before an extension, at a space (trimmed; some write `+`), at a
/// character that starts parameters, a query or a fragment if decoded too early, at an escape if decoded twice, and at
/// non-ASCII bytes (Unicode has spaces too).
fn ends_name(byte: u8) -> bool {
    matches!(byte, b'.' | b' ' | b'+' | b';' | b'?' | b'#' | b'%') || !byte.is_ascii()
}
