//! A browser without rendering: it keeps cookies, sends the origin of its forms, and reads fields from pages.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use helpers::test_server::TestServer;

const TIMEOUT: Duration = Duration::from_secs(20);

/// A user with a browser.
#[derive(Debug, Clone)]
pub struct Browser {
    address: SocketAddr,
    cookie: Option<String>,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// The header lines, in lower case up to their colon.
    pub headers: Vec<(String, String)>,
    /// The page.
    pub body: String,
}

impl Page {
    /// Returns the value of a header; empty if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Returns the value of the first field of this name, as the browser would send it.
    ///
    /// # Panics
    ///
    /// When there is no such field.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        let tag = self.tags("input").find(|tag| tag.contains(&format!(" name=\"{name}\"")));
        let tag = tag.unwrap_or_else(|| panic!("no field {name} in:\n{}", self.body));
        attribute(tag, "value").unwrap_or_default()
    }

    /// Returns the value of the field with this id.
    ///
    /// # Panics
    ///
    /// When there is no such field.
    #[must_use]
    pub fn field_by_id(&self, id: &str) -> String {
        let tag = self.tags("input").find(|tag| tag.contains(&format!(" id=\"{id}\"")));
        attribute(tag.unwrap_or_else(|| panic!("no field {id} in:\n{}", self.body)), "value").unwrap_or_default()
    }

    /// Returns an attribute of the first form that is sent by POST, such as its action.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn field_of_form(&self, name: &str) -> String {
        let form = self.tags("form").find(|tag| tag.contains("method=\"post\""));
        form.and_then(|tag| attribute(tag, name)).unwrap_or_else(|| panic!("no form with {name} in:\n{}", self.body))
    }

    /// Returns the named fields as pairs to send.
    #[must_use]
    pub fn fields(&self, names: &[&'static str]) -> Vec<(&'static str, String)> {
        names.iter().map(|name| (*name, self.field(name))).collect()
    }

    /// Returns the values of ticked boxes and buttons of this name.
    #[must_use]
    pub fn ticked(&self, name: &str) -> Vec<String> {
        let named = format!(" name=\"{name}\"");
        let ticked = self.tags("input").filter(|tag| tag.contains(&named) && tag.contains(" checked"));
        ticked.filter_map(|tag| attribute(tag, "value")).collect()
    }

    /// Returns the tags of this name.
    pub fn tags<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let start = format!("<{name}");
        self.body
            .match_indices(&start)
            .filter_map(|(at, _)| {
                let tag = &self.body[at..];
                tag.find('>').map(|end| &tag[..=end])
            })
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Returns the text of the page, without tags.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for part in self.body.split('<') {
            text.push_str(part.split_once('>').map_or(part, |(_, rest)| rest));
            text.push(' ');
        }
        unescape(&text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Asserts the status; panics with the page.
    #[must_use]
    #[track_caller]
    pub fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescape(rest.split_once('"')?.0))
}

/// Decodes escaped text.
#[must_use]
pub fn unescape(text: &str) -> String {
    let replaced = [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
    ];
    let text = replaced.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    text.replace("&#38;", "&").replace("&amp;", "&")
}

impl Browser {
    /// Creates a browser who is not signed in.
    #[must_use]
    pub fn signed_out(server: &TestServer) -> Self {
        Self { address: server.process.addresses().admin, cookie: None }
    }

    /// Creates a browser who has signed in with this token.
    #[must_use]
    pub fn sign_in_with(server: &TestServer, token: &str) -> Self {
        let mut browser = Self::signed_out(server);
        let _ = browser.submit("/sign-in", &[("token", token)]).assert_status(303);
        assert!(browser.cookie.is_some(), "whoever signs in has a session");
        browser
    }

    /// Creates a browser signed in as the initial operator of this name.
    #[must_use]
    pub fn sign_in(server: &TestServer, name: &str) -> Self {
        Self::sign_in_with(server, server.token_of(name))
    }

    /// Returns the session cookie.
    #[must_use]
    pub fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// Replaces the session cookie.
    pub fn set_cookie(&mut self, cookie: &str) {
        self.cookie = Some(cookie.to_owned());
    }

    /// Opens a page.
    pub fn get(&mut self, path: &str) -> Page {
        self.request("GET", path, &[], None)
    }

    /// Opens a page that must exist.
    #[track_caller]
    pub fn open(&mut self, path: &str) -> Page {
        self.get(path).assert_status(200)
    }

    /// Sends a form from one of the console's own pages.
    pub fn submit<V: AsRef<str>>(&mut self, path: &str, fields: &[(&str, V)]) -> Page {
        let origin = format!("http://{}", self.address);
        self.post(path, fields, &[("origin", &origin), ("sec-fetch-site", "same-origin")])
    }

    /// Sends a form with these headers.
    pub fn post<V: AsRef<str>>(&mut self, path: &str, fields: &[(&str, V)], headers: &[(&str, &str)]) -> Page {
        let body = fields.iter().map(|(name, value)| format!("{name}={}", encode(value.as_ref()))).collect::<Vec<_>>();
        self.request("POST", path, headers, Some(&body.join("&")))
    }

    /// Follows a redirect.
    #[track_caller]
    pub fn follow(&mut self, page: &Page) -> Page {
        assert_eq!(page.status, 303, "it leads nowhere: {}", page.text());
        let location = page.header("location").split('#').next().unwrap_or_default().to_owned();
        self.get(&location)
    }

    fn request(&mut self, verb: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Page {
        let mut stream = TcpStream::connect_timeout(&self.address, TIMEOUT).expect("the console listens");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a time-out is set");
        let mut head = format!("{verb} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(cookie) = &self.cookie {
            head.push_str(&format!("cookie: {cookie}\r\n"));
        }
        if let Some(body) = body {
            let length = body.len();
            head.push_str(&format!("content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n"));
        }
        // A server that refuses early may close the connection before everything was sent.
        let _ = stream.write_all(format!("{head}\r\n{}", body.unwrap_or_default()).as_bytes());
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("the console answers");
        let page = parse(&String::from_utf8(bytes).expect("pages are UTF-8"));
        for (_, cookie) in page.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, rest) = cookie.split_once(';').expect("cookies have attributes");
            let (name, value) = pair.split_once('=').expect("cookies have a value");
            if rest.contains("Max-Age=0") {
                self.cookie = self.cookie.take().filter(|kept| !kept.starts_with(&format!("{name}=")));
            } else {
                self.cookie = Some(format!("{name}={value}"));
            }
        }
        page
    }
}

fn parse(text: &str) -> Page {
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Page { status: status.expect("an answer has a status"), headers: headers.collect(), body: body.to_owned() }
}

/// Percent-encodes every character that could have a meaning.
#[must_use]
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
