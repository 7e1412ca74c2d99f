//! Minimal HTTP/1.1 client to request a page from our servers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Timeout for connecting, and for each read.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A status and a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status, such as 200.
    pub status: u16,
    /// The header lines, as sent.
    pub head: String,
    /// The body as text.
    pub body: String,
}

/// Requests `GET path` on a connection of its own.
///
/// # Errors
///
/// When there is no response, or it is not HTTP/1.1 with a body of stated length or up to the end.
pub fn get(address: SocketAddr, path: &str) -> std::io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&String::from_utf8_lossy(&bytes))
        .ok_or_else(|| std::io::Error::other(format!("not an answer that this client reads, from {address}{path}")))
}

fn parse(text: &str) -> Option<Response> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    if head.to_ascii_lowercase().contains("\r\ntransfer-encoding:") {
        return None;
    }
    Some(Response { status, head: head.to_owned(), body: body.to_owned() })
}
