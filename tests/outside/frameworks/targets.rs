//! Modifications of a request's target and framing: hosts, paths, verbs, chunks.

use crate::frameworks::generate::AttackContext;
use crate::frameworks::random::Random;
use crate::frameworks::request::Request;

/// Writes the host, or adds another one, in a way that some reader interprets differently.
pub fn host(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let closed = format!("{}.shop.test", context.closed);
    let open = format!("{}.shop.test", context.open);
    let host = match random.below(26) {
        0 => format!("{closed}:x"),
        1 => format!("{closed}."),
        2 => format!("{closed}.:80"),
        3 => format!("[{closed}]"),
        4 => format!("{open}@{closed}"),
        5 => format!("{closed}:80:80"),
        6 => format!("{closed}:"),
        7 => format!("{closed},{open}"),
        8 => format!("{open}, {closed}"),
        9 => format!("{closed}/"),
        10 => format!("{closed}#"),
        11 => closed.to_uppercase(),
        12 => format!("{closed}:99999"),
        13 => format!("{closed}:-1"),
        14 => format!("{closed}.."),
        15 => format!("{closed}:80."),
        16 => format!(".{closed}"),
        17 => format!("{closed}:80@"),
        18 => format!("{open}:80, {closed}"),
        19 => String::new(),
        20 => format!("{closed}_"),
        21 => format!("{closed}:x:80"),
        22 => format!("[::1]{closed}"),
        23 => format!("{closed}]:80"),
        24 => format!("{closed}:\u{661}"),
        _ => closed.clone(),
    };
    match random.below(8) {
        0 => request.header("Host", host),
        1 => {
            let path = std::mem::take(&mut request.path);
            request.path = [format!("http://{host}").into_bytes(), path].concat();
        }
        2 => request.header(random.pick(&["X-Forwarded-Host", "X_Forwarded_Host", "X.Forwarded.Host"]), host),
        _ => request.replace("Host", host),
    }
}

/// Changes the path: escapes, dots, slashes, case, other digits.
pub fn path(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let at = 1 + random.below(request.path.len().max(2) - 1);
    let at = at.min(request.path.len().saturating_sub(1));
    let byte = request.path[at];
    let mut splice = |range: std::ops::Range<usize>, text: String| drop(request.path.splice(range, text.into_bytes()));
    match random.below(16) {
        0..=2 => splice(at..at + 1, format!("%{byte:02X}")),
        3 => splice(at..at + 1, format!("%{byte:02x}")),
        4 => splice(at..at + 1, format!("%25{byte:02x}")),
        5 => splice(at..at + 1, format!("%u00{byte:02x}")),
        6 => splice(
            at..at,
            random
                .pick(&["/", "./", "../", ";x", "%2F", "%2f", "%5C", "\\", "%00", "%", "*", "{", "~", "."])
                .to_owned(),
        ),
        7 => request.path.extend(
            random
                .pick(&[
                    "/",
                    "//",
                    "/.",
                    ".json",
                    ";a=b",
                    "%20",
                    "%0a",
                    "%00",
                    "/%2e%2e",
                    "/..",
                    "#x",
                    "%23",
                    "%3f",
                    "/x",
                    "%2Fhistory",
                ])
                .bytes(),
        ),
        8 => splice(at..at + 1, String::from_utf8_lossy(&[byte ^ 0x20]).into_owned()),
        9 => {
            let tail = random.pick(&[
                "history",
                "hist%6Fry",
                "History",
                "create",
                "cr%65ate",
                "CREATE",
                "hist%256Fry",
                "%68istory",
                "history/",
                "history;x",
                "history.json",
                "\u{ff48}istory",
                "history%20",
            ]);
            request.path = format!("/{}/v5/orders/{tail}", context.profile.name).into();
        }
        10 => {
            request.path =
                [format!("/{}/v5/orders/..", context.profile.name).into_bytes(), request.path.clone()].concat()
        }
        11 => request.path.insert(0, b'/'),
        12 => splice(at..at + 1, format!("%c1%{:02x}", byte | 0x80)),
        13 => {
            request.path = format!(
                "/{}/v{}/orders",
                context.profile.name,
                random.pick(&["05", "5a", "%35", "*", "5.0", "-5", "\u{665}"])
            )
            .into()
        }
        14 => {
            request.path = request.path.replacen_bytes(
                b"/orders",
                random.pick(&[
                    &b"/Orders"[..],
                    b"/orders/",
                    b"/o%72ders",
                    b"//orders",
                    b"/orders/.",
                    b"/%6frders",
                    b"/orders;",
                ]),
            )
        }
        _ => splice(at..at + 1, format!("%{:02X}", byte ^ 0x20)),
    }
}

/// Replacement in bytes.
trait ReplaceBytes {
    fn replacen_bytes(&self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl ReplaceBytes for Vec<u8> {
    fn replacen_bytes(&self, from: &[u8], to: &[u8]) -> Vec<u8> {
        match self.windows(from.len()).position(|window| window == from) {
            Some(at) => [&self[..at], to, &self[at + from.len()..]].concat(),
            None => self.clone(),
        }
    }
}

/// Sends the body in chunks, with trailers, or with `Expect`.
pub fn framing(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    match random.below(9) {
        0..=2 => request.chunked = true,
        3 => {
            request.chunked = true;
            let trailers = [
                format!("X-Latchkey-Store: {}\r\n", context.closed),
                format!("X-Store: {}\r\n", context.closed),
                "X-HTTP-Method-Override: DELETE\r\n".to_owned(),
            ];
            request.header("Trailer", "X-Latchkey-Store");
            request.trailers = trailers[random.below(3)].clone().into();
        }
        4 => request.header("Expect", "100-continue"),
        5 => request.header(
            "Connection",
            random.pick(&["close", "keep-alive", "X-Latchkey-Store", "Host", "Cookie", "upgrade", "TE"]),
        ),
        6 => request.header("Upgrade", random.pick(&["h2c", "websocket"])),
        7 if request.body.is_empty() => {
            request.replace("Content-Length", "0");
        }
        _ => request.header("X-Folded", format!("a\r\n X-Latchkey-Store: {}", context.closed)),
    }
}

/// Sends another verb.
pub fn verb(_: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let verbs = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "Post", "DELETE ", "PROPFIND", "GET_", "_GET",
        "TRACE", "HEAD", "QUERY",
    ];
    request.verb = random.pick(&verbs).into();
}
