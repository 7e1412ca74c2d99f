//! HTTP/1.1 as bytes: a client with a persistent connection, and the service behind the proxies, which stores the bytes
//! of each request. Nothing is normalized: a framework later receives exactly what a proxy sent.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Timeout of each read and write.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The header that identifies a request behind a proxy.
pub const CASE: &str = "x-case";

/// The response to a request.
#[derive(Debug, Default)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// A request or response as bytes, and its framing.
#[derive(Debug, Default)]
struct Message {
    raw: Vec<u8>,
    head: usize,
    length: Option<usize>,
    chunked: bool,
    close: bool,
}

impl Message {
    /// Reads a head up to its empty line; `None` at the end of the stream.
    fn head(stream: &mut impl BufRead) -> Result<Option<Self>> {
        let mut message = Self::default();
        loop {
            let start = message.raw.len();
            if stream.read_until(b'\n', &mut message.raw)? == 0 {
                return if start == 0 { Ok(None) } else { Err(Error::other("the head has no end")) };
            }
            let line = message.raw[start..].trim_ascii();
            if line.is_empty() {
                message.head = message.raw.len();
                return Ok(Some(message));
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix(b"content-length:") {
                message.length = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
            } else if lower.starts_with(b"transfer-encoding:") {
                message.chunked = true;
            } else if lower.starts_with(b"connection:") {
                message.close |= lower.ends_with(b"close");
            }
        }
    }

    /// Reads the body and returns its content; the raw bytes are appended to the head.
    fn body(&mut self, stream: &mut impl BufRead) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        if self.chunked {
            loop {
                let start = self.raw.len();
                stream.read_until(b'\n', &mut self.raw)?;
                let line = String::from_utf8_lossy(&self.raw[start..]).into_owned();
                let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
                    .map_err(|_| Error::other("a chunk has no size"))?;
                if size == 0 {
                    // Trailers, up to an empty line.
                    loop {
                        let start = self.raw.len();
                        stream.read_until(b'\n', &mut self.raw)?;
                        if self.raw[start..].trim_ascii().is_empty() {
                            return Ok(content);
                        }
                    }
                }
                let start = self.raw.len();
                self.raw.resize(start + size + 2, 0);
                stream.read_exact(&mut self.raw[start..])?;
                content.extend(&self.raw[start..start + size]);
            }
        }
        if let Some(length) = self.length {
            let start = self.raw.len();
            self.raw.resize(start + length, 0);
            stream.read_exact(&mut self.raw[start..])?;
            content.extend(&self.raw[start..]);
        }
        Ok(content)
    }
}

/// A client's connection, opened on demand.
#[derive(Debug)]
pub struct Connection {
    port: u16,
    stream: Option<BufReader<TcpStream>>,
}

impl Connection {
    /// Creates a connection to a port of this machine.
    #[must_use]
    pub fn new(port: u16) -> Self {
        Self { port, stream: None }
    }

    fn connect(&mut self) -> Result<&mut BufReader<TcpStream>> {
        if self.stream.is_none() {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            stream.set_nodelay(true)?;
            self.stream = Some(BufReader::new(stream));
        }
        self.stream.as_mut().ok_or_else(|| Error::other("not connected"))
    }

    /// Sends a request unchanged.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let sent = self.connect()?.get_mut().write_all(bytes);
        if sent.is_err() {
            self.stream = None;
        }
        sent
    }

    /// Sends a request without an end on a connection of its own and closes its write side, because the other side
    /// would wait for the rest.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub fn send_broken(&mut self, bytes: &[u8]) -> Result<()> {
        self.reset();
        self.send(bytes)?;
        self.connect()?.get_mut().shutdown(Shutdown::Write)
    }

    /// Closes the connection; the next request opens another one.
    pub fn reset(&mut self) {
        self.stream = None;
    }

    /// Receives the response.
    pub fn receive(&mut self, to_head: bool) -> Result<Response> {
        let mut stream = self.stream.take().ok_or_else(|| Error::other("nothing was sent"))?;
        loop {
            let mut message = Message::head(&mut stream)?.ok_or_else(|| Error::other("no response"))?;
            let line = message.raw.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let status = line.split(|byte| *byte == b' ').nth(1).and_then(|code| std::str::from_utf8(code).ok());
            let status = status.and_then(|code| code.trim().parse().ok()).ok_or_else(|| Error::other("no status"))?;
            if (100..200).contains(&status) {
                continue;
            }
            let bodiless = to_head || status == 204 || status == 304;
            let body = if bodiless {
                Vec::new()
            } else if message.chunked || message.length.is_some() {
                message.body(&mut stream)?
            } else {
                message.close = true;
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest)?;
                rest
            };
            if !message.close {
                self.stream = Some(stream);
            }
            return Ok(Response { status, body });
        }
    }

    /// Sends a request and receives its response. Retries if a persistent connection was closed meanwhile.
    pub fn exchange(&mut self, bytes: &[u8]) -> Result<Response> {
        if unchunked(bytes).is_err() {
            let response = self.send_broken(bytes).and_then(|()| self.receive(bytes.starts_with(b"HEAD ")));
            self.reset();
            return response;
        }
        let kept = self.stream.is_some();
        let to_head = bytes.starts_with(b"HEAD ");
        let first = self.send(bytes).and_then(|()| self.receive(to_head));
        if first.is_err() && kept {
            self.stream = None;
            self.send(bytes)?;
            return self.receive(to_head);
        }
        first
    }
}

/// The service behind the proxies: responds with 200 to everything, and stores the bytes of each request by its case.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Its port.
    pub port: u16,
    kept: Arc<Mutex<HashMap<String, Vec<Vec<u8>>>>>,
}

impl Backend {
    /// Opens the service. It closes with the process.
    ///
    /// # Panics
    ///
    /// When there is no port left.
    #[must_use]
    pub fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("127.0.0.1 has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let backend = Self { port, kept: Arc::default() };
        let serving = backend.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(&stream));
            }
        });
        backend
    }

    fn serve(&self, stream: &TcpStream) {
        stream.set_nodelay(true).ok();
        let mut reader = BufReader::new(stream);
        while let Ok(Some(mut message)) = Message::head(&mut reader) {
            let read = message.body(&mut reader);
            let to_head = message.raw.starts_with(b"HEAD ");
            // Incomplete requests are stored as well: they passed the proxy.
            let case = header(&message.raw, CASE).unwrap_or_default();
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).entry(case).or_default().push(message.raw);
            let body = if to_head { "" } else { "ok" };
            let mut writer = stream;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{body}");
            if read.is_err() || writer.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    /// Removes and returns the requests of a case; for an empty one, those without a case.
    #[must_use]
    pub fn take(&self, case: &str) -> Vec<Vec<u8>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(case).unwrap_or_default()
    }
}

/// Returns the value of the last header with exactly this name, ignoring case.
#[must_use]
pub fn header(raw: &[u8], name: &str) -> Option<String> {
    let mut found = None;
    for line in raw.split(|byte| *byte == b'\n').skip(1) {
        let line = line.trim_ascii();
        if line.is_empty() {
            break;
        }
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        if line[..at].eq_ignore_ascii_case(name.as_bytes()) {
            let value = line.get(at + 1..).unwrap_or_default().trim_ascii();
            found = Some(value.iter().map(|byte| char::from(*byte)).collect());
        }
    }
    found
}

/// Returns the same request with a contiguous body instead of chunks, and without trailers.
///
/// # Errors
///
/// It has no end.
pub fn unchunked(raw: &[u8]) -> Result<Vec<u8>> {
    let mut stream = raw;
    let mut message = Message::head(&mut stream)?.ok_or_else(|| Error::other("no request"))?;
    let body = message.body(&mut stream)?;
    if !message.chunked {
        return Ok(raw.to_vec());
    }
    let framing = [&b"transfer-encoding:"[..], b"content-length:", b"trailer:"];
    let mut bytes = Vec::with_capacity(raw.len());
    for line in raw[..message.head].split_inclusive(|byte| *byte == b'\n') {
        let lower = line.to_ascii_lowercase();
        if line.trim_ascii().is_empty() {
            bytes.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
        }
        if !framing.iter().any(|name| lower.starts_with(name)) {
            bytes.extend(line);
        }
    }
    bytes.extend(body);
    Ok(bytes)
}
