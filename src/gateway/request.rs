//! A request as a proxy received it, in raw bytes: nothing is decoded, folded or joined before it is read.

use std::fmt;
use std::net::IpAddr;

/// A request to the service behind the gateway. Cheap to copy.
#[derive(Clone, Copy)]
pub struct HttpRequest<'a> {
    /// The HTTP method, as on the wire.
    pub verb: &'a [u8],
    /// Path and query as they go upstream.
    pub target: &'a [u8],
    /// The requested host, with or without a port; empty if unknown.
    pub host: &'a [u8],
    /// The client's headers, in any case, each line separately. Without pseudo headers, and without those that the
    /// proxy adds: a `x-forwarded-uri` here is the client's, and refused.
    pub headers: &'a [(&'a [u8], &'a [u8])],
    /// The body.
    pub body: Body<'a>,
    /// The client's address; `None` if unknown.
    pub client: Option<IpAddr>,
}

/// Parses an address without a port, a zone or brackets.
pub(super) fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// Splits bytes at the first `separator`; without one, the second part is empty.
pub(super) fn split_once(bytes: &[u8], separator: u8) -> (&[u8], &[u8]) {
    let at = bytes.iter().position(|byte| *byte == separator);
    at.map_or((bytes, &[]), |at| (&bytes[..at], &bytes[at + 1..]))
}

/// What is known of a request's body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// There is none. A header that announces one overrides this.
    None,
    /// There is one, or may be, and the proxy does not forward it.
    Withheld,
    /// The proxy neither forwards a body nor reports whether there is one.
    Unknown,
    /// The complete body.
    Complete(&'a [u8]),
    /// There is one, and the proxy forwards only its beginning.
    Truncated,
}

impl fmt::Debug for HttpRequest<'_> {
    /// Omits every field that may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("verb", &String::from_utf8_lossy(self.verb))
            .field("headers", &self.headers.len())
            .field("body", &self.body)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Withheld => f.write_str("Withheld"),
            Self::Unknown => f.write_str("Unknown"),
            Self::Complete(bytes) => write!(f, "Complete({} bytes)", bytes.len()),
            Self::Truncated => f.write_str("Truncated"),
        }
    }
}
