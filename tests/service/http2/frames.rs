//! HTTP/2 without a library: frames as bytes over a socket, well-formed or malformed.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// `CANCEL`.
pub(crate) const CANCEL: u32 = 8;

/// The client preface.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Timeout of one read or write.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A frame that was read.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// Returns the error code of a GOAWAY.
    pub(crate) fn goaway_code(&self) -> u32 {
        u32::from_be_bytes(self.payload[4..8].try_into().expect("four bytes"))
    }
}

/// Encodes a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame fits").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Encodes headers as HPACK: all literal, none indexed, nothing compressed.
pub(crate) fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in headers {
        bytes.push(0);
        for text in [name, value] {
            length(text.len(), &mut bytes);
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

/// Encodes an integer with a prefix of 7 bits.
fn length(mut value: usize, into: &mut Vec<u8>) {
    if value < 127 {
        into.push(u8::try_from(value).expect("below 127"));
        return;
    }
    into.push(127);
    value -= 127;
    while value >= 128 {
        into.push(u8::try_from(value % 128 + 128).expect("a byte"));
        value /= 128;
    }
    into.push(u8::try_from(value).expect("a byte"));
}

/// Returns the headers of a call of `path`, with an operator's token.
pub(crate) fn call(path: &str, token: &str) -> Vec<u8> {
    let bearer = format!("Bearer {token}");
    block(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "latchkey"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", &bearer),
    ])
}

/// Encodes a gRPC message.
pub(crate) fn message(bytes: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend(u32::try_from(bytes.len()).expect("a small message").to_be_bytes());
    framed.extend(bytes);
    framed
}

/// A client connection.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: TcpStream,
}

impl Peer {
    /// Connects and sends nothing.
    pub(crate) fn connect_silently(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT).expect("the server accepts connections");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a socket takes a bound");
        stream.set_write_timeout(Some(TIMEOUT)).expect("a socket takes a bound");
        stream.set_nodelay(true).expect("a socket takes the option");
        Self { stream }
    }

    /// Connects and sends the preface.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut peer = Self::connect_silently(address);
        peer.send(PREFACE);
        peer.send(&frame(SETTINGS, 0, 0, &[]));
        peer
    }

    /// Sends bytes. Returns whether the server accepted them.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Reads the next frame; `None` once the server has closed the connection.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.read(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length.try_into().expect("a length fits")];
        self.read(&mut payload)?;
        let stream = u32::from_be_bytes(head[5..9].try_into().expect("four bytes")) & 0x7fff_ffff;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    fn read(&mut self, into: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(into) {
            Ok(()) => Some(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the server neither says anything nor closes: {error}")
            }
            Err(_) => None,
        }
    }

    /// Reads until a frame matches `wanted`; `None` if the server closes the connection first.
    pub(crate) fn read_until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next()?;
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }

    /// Returns whether the connection still works: the server responds to a ping.
    pub(crate) fn is_alive(&mut self) -> bool {
        let payload = *b"latchkey";
        self.send(&frame(PING, 0, 0, &payload))
            && self
                .read_until(|frame| frame.kind == PING && frame.flags & ACK != 0 && frame.payload == payload)
                .is_some()
    }

    /// Reads and discards in the background until the server closes the connection: without reading, flow control would
    /// stop the server. Returns the code of the GOAWAY, if one was received.
    pub(crate) fn drained(&self) -> std::thread::JoinHandle<Option<u32>> {
        let mut other = Self { stream: self.stream.try_clone().expect("a socket has two halves") };
        std::thread::spawn(move || {
            let mut code = None;
            while let Some(frame) = other.next() {
                if frame.kind == GOAWAY {
                    code = Some(frame.goaway_code());
                }
            }
            code
        })
    }

    /// Does the same; returns how many streams were reset.
    pub(crate) fn refusals(&self) -> std::thread::JoinHandle<usize> {
        let mut other = Self { stream: self.stream.try_clone().expect("a socket has two halves") };
        std::thread::spawn(move || {
            let mut refused = 0;
            while let Some(frame) = other.next() {
                refused += usize::from(frame.kind == RST_STREAM);
            }
            refused
        })
    }

    /// Closes the write side.
    pub(crate) fn finish(&self) {
        // The server may have closed the connection already.
        self.stream.shutdown(Shutdown::Both).ok();
    }
}
