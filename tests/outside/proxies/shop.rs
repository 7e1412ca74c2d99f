//! The shop behind a proxy: responds with 200 to everything, returns the revision that it received, and stores its
//! requests; and a client of the proxy. Both use bytes, so that nothing is normalized before it is compared.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Timeout of each read and write.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A request or a response, as bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The first line.
    pub line: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The complete body.
    pub body: Vec<u8>,
}

impl Message {
    /// Returns the value of a header; `None` if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the path and query of a request.
    #[must_use]
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// Returns the status of a response.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the whole message as text, to search it for forbidden contents.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}\n{:?}\n{}", self.line, self.headers, self.text())
    }
}

/// Converts bytes to text, one letter each, so that nothing is lost.
fn bytes_as_chars(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn read_line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).ok().filter(|length| *length > 0)?;
    Some(bytes_as_chars(&line).trim_end_matches(['\r', '\n']).to_owned())
}

/// Reads one message; `None` at the end of the stream. The response to HEAD has a length and no body.
fn read(stream: &mut impl BufRead, to_head: bool) -> Option<Message> {
    let mut message = Message { line: read_line(stream)?, ..Message::default() };
    loop {
        let line = read_line(stream)?;
        let Some((name, value)) = line.split_once(':') else { break };
        message.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if to_head {
        return Some(message);
    }
    if message.header("transfer-encoding").is_some() {
        loop {
            let length = usize::from_str_radix(read_line(stream)?.trim(), 16).ok()?;
            let mut chunk = vec![0; length + 2];
            stream.read_exact(&mut chunk).ok()?;
            message.body.extend(&chunk[..length]);
            if length == 0 {
                break;
            }
        }
    } else if let Some(length) = message.header("content-length") {
        message.body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut message.body).ok()?;
    }
    Some(message)
}

/// A shop that stores its requests.
#[derive(Debug, Clone)]
pub struct Shop {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<Message>>>,
}

impl Shop {
    /// Opens a shop. It closes with the process.
    ///
    /// # Panics
    ///
    /// When there is no port left.
    #[must_use]
    pub fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("127.0.0.1 has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shop = Self { address, sent: Arc::default() };
        let sent = Arc::clone(&shop.sent);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sent = Arc::clone(&sent);
                std::thread::spawn(move || serve(&stream, &sent));
            }
        });
        shop
    }

    /// Returns its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the requests since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Message> {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the requests with this header since the last call.
    #[must_use]
    pub fn take_with(&self, name: &str, value: &str) -> Vec<Message> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.extract_if(.., |message| message.header(name) == Some(value)).collect()
    }
}

fn serve(stream: &TcpStream, sent: &Mutex<Vec<Message>>) {
    stream.set_nodelay(true).ok();
    let mut reader = BufReader::new(stream);
    while let Some(message) = read(&mut reader, false) {
        let body = if message.line.starts_with("HEAD ") { "" } else { "shop" };
        let revision = message.header("x-latchkey-revision").unwrap_or_default().to_owned();
        sent.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        let mut writer = stream;
        let answer = format!("HTTP/1.1 200 OK\r\nx-revision: {revision}\r\ncontent-length: 4\r\n\r\n{body}");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A client's connection to a proxy.
#[derive(Debug)]
pub struct ClientConnection {
    reader: BufReader<TcpStream>,
}

impl ClientConnection {
    /// Connects to a port of this machine.
    ///
    /// # Errors
    ///
    /// No process listens there.
    pub fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// Sends a request's verb and target, headers (`name: value`) and a body, and reads the response.
    ///
    /// # Errors
    ///
    /// The connection broke, or the response is invalid.
    pub fn send(&mut self, verb: &str, target: &[u8], headers: &[&str], body: &[u8]) -> std::io::Result<Message> {
        let mut bytes = [verb.as_bytes(), b" ", target, b" HTTP/1.1\r\nhost: shop.example\r\n"].concat();
        for header in headers {
            bytes.extend(header.as_bytes());
            bytes.extend(b"\r\n");
        }
        if !body.is_empty() {
            bytes.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        self.send_bytes(&bytes)
    }

    /// Sends a request unchanged, and reads the response.
    ///
    /// # Errors
    ///
    /// The connection broke, or the response is invalid.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<Message> {
        self.reader.get_mut().write_all(bytes)?;
        read(&mut self.reader, bytes.starts_with(b"HEAD "))
            .ok_or_else(|| std::io::Error::other("the connection ended without an answer"))
    }

    /// Reads another response: the one after `100 Continue`.
    ///
    /// # Errors
    ///
    /// The connection broke, or the response is invalid.
    pub fn read_response(&mut self) -> std::io::Result<Message> {
        read(&mut self.reader, false).ok_or_else(|| std::io::Error::other("the connection ended without an answer"))
    }
}
