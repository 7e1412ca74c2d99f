//! A request in parts that can be modified, and as bytes.

/// A request that a client sends.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The verb.
    pub verb: Vec<u8>,
    /// The path, without the query.
    pub path: Vec<u8>,
    /// The pairs of the query; empty: no `?`.
    pub query: Vec<Vec<u8>>,
    /// The headers, unnormalized.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the body is sent in chunks.
    pub chunked: bool,
    /// The trailers of a chunked body.
    pub trailers: Vec<u8>,
}

impl Request {
    /// Adds a header.
    pub fn header(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
    }

    /// Removes the headers of this name.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name.as_bytes()));
    }

    /// Replaces the headers of this name with one.
    pub fn replace(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.remove(name);
        self.header(name, value);
    }

    /// Parses a text of the corpus: a request as bytes. Its framing headers stay; without one a length is added.
    ///
    /// # Panics
    ///
    /// When it has no request line or no empty line.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head ends with an empty line");
        let mut lines = Lines(&bytes[..end]);
        let line = lines.next().expect("a request line");
        let mut words = line.splitn(2, |byte| *byte == b' ');
        let verb = words.next().expect("a verb").to_vec();
        let target = words.next().expect("a target");
        let target = target.strip_suffix(b" HTTP/1.1").expect("HTTP/1.1");
        let (path, query) = match target.iter().position(|byte| *byte == b'?') {
            Some(at) => (&target[..at], target[at + 1..].split(|byte| *byte == b'&').map(<[u8]>::to_vec).collect()),
            None => (target, Vec::new()),
        };
        let headers = lines.map(|line| {
            let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            (line[..at].to_vec(), line.get(at + 1..).unwrap_or_default().trim_ascii_start().to_vec())
        });
        let headers = headers.collect();
        Self { verb, path: path.to_vec(), query, headers, body: bytes[end + 4..].to_vec(), ..Self::default() }
    }

    /// Returns the bytes to send.
    #[must_use]
    pub fn bytes(&self, case: &str) -> Vec<u8> {
        let mut bytes = [&*self.verb, b" ", &*self.path].concat();
        if !self.query.is_empty() {
            bytes.push(b'?');
            bytes.extend(self.query.join(&b'&'));
        }
        bytes.extend(b" HTTP/1.1\r\n");
        for (name, value) in &self.headers {
            bytes.extend([name, &b": "[..], value, b"\r\n"].concat());
        }
        bytes.extend(format!("{}: {case}\r\n", crate::frameworks::raw::CASE).into_bytes());
        let framed = |name: &[u8]| self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if framed(b"content-length") || framed(b"transfer-encoding") {
            bytes.extend(b"\r\n");
            bytes.extend(&self.body);
        } else if self.chunked {
            bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
            for chunk in self.body.chunks(7) {
                bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend([b"0\r\n", &*self.trailers, b"\r\n"].concat());
        } else {
            if !self.body.is_empty() {
                bytes.extend(format!("content-length: {}\r\n", self.body.len()).into_bytes());
            }
            bytes.extend(b"\r\n");
            bytes.extend(&self.body);
        }
        bytes
    }
}

/// Lines that end with `\r\n`.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.windows(2).position(|two| two == b"\r\n");
        let (line, rest) = end.map_or((self.0, &[][..]), |at| (&self.0[..at], &self.0[at + 2..]));
        self.0 = rest;
        Some(line)
    }
}
