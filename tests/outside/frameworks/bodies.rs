//! Bodies: urlencoded forms, multipart forms and JSON, with correct and incorrect content types.

use crate::frameworks::attacks::{any_type, pair, store};
use crate::frameworks::generate::AttackContext;
use crate::frameworks::random::Random;
use crate::frameworks::request::Request;

fn announce(random: &mut Random, request: &mut Request, honest: &str) {
    if random.percent(10) {
        request.remove("Content-Type");
    } else if random.percent(60) {
        request.replace("Content-Type", honest);
    } else {
        request.replace("Content-Type", any_type(random));
    }
    if random.percent(30) {
        request.verb = random.pick(&["POST", "POST", "PUT", "GET", "DELETE"]).into();
    }
}

/// Puts an urlencoded form into the body.
pub fn form(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let mut pairs: Vec<Vec<u8>> = (0..=random.below(2)).map(|_| pair(context, random)).collect();
    if random.percent(50) {
        pairs.insert(random.below(pairs.len() + 1), format!("site={}", context.open).into_bytes());
    }
    let between: &[&[u8]] = &[b"&", b"&", b"&", b";", b"&&", b"\r\n"];
    let mut body = pairs.join(random.pick(between));
    match random.below(14) {
        0 => drop(body.splice(0..0, *b"\xef\xbb\xbf")),
        1 => body = body.iter().flat_map(|byte| [0, *byte]).collect(),
        2 => body = body.iter().flat_map(|byte| [*byte, 0]).collect(),
        3 => body.extend(b"\r\n"),
        4 => body.insert(0, b'&'),
        _ => {}
    }
    request.body = body;
    announce(random, request, "application/x-www-form-urlencoded");
}

/// Puts JSON into the body.
pub fn json(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let code = if random.percent(75) { context.closed } else { context.open };
    let open = context.open;
    let verb = random.pick(&["DELETE", "PUT", "GET"]);
    let other = &context.other.token;
    let text = match random.below(30) {
        0..=2 => format!("{{\"site\":\"{code}\"}}"),
        3 => format!("{{\"site\":\"{open}\",\"site\":\"{code}\"}}"),
        4 => format!("{{\"site\":\"{open}\",\"Site\":\"{code}\"}}"),
        5 => format!("{{\"SITE\":\"{code}\"}}"),
        6 => format!("{{\"s\\u0069te\":\"{code}\"}}"),
        7 => format!("{{\"\u{17f}ite\":\"{code}\"}}"),
        8 => format!("{{\"__proto__\":{{\"site\":\"{code}\"}}}}"),
        9 => format!("{{\"site\":\"{open}\",\"__proto__\":{{\"site\":\"{code}\"}}}}"),
        10 => format!("{{\"constructor\":{{\"prototype\":{{\"site\":\"{code}\"}}}}}}"),
        11 => format!("{{\"filter\":{{\"sites\":[\"{code}\"]}}}}"),
        12 => format!("{{\"filter\":{{\"sites\":\"{code}\"}}}}"),
        13 => format!("{{\"filter[sites][]\":\"{code}\"}}"),
        14 => format!("{{\"site\":[\"{code}\"]}}"),
        15 => format!("{{\"site\":{{\"0\":\"{code}\"}}}}"),
        16 => format!("\u{feff}{{\"site\":\"{code}\"}}"),
        17 => format!("[{{\"site\":\"{code}\"}}]"),
        18 => format!("{{\"site\":\"{open}\"}}{{\"site\":\"{code}\"}}"),
        19 => format!("{{\"site\":\"{code}\"}} trailing"),
        20 => format!("{{\"_method\":\"{verb}\",\"site\":\"{open}\"}}"),
        21 => format!("{{\"_method\":\"{verb}\"}}"),
        22 => format!("{{\"apiKey\":\"{other}\"}}"),
        23 => format!("{{\"siteBy\":\"id\",\"site\":\"{open}\"}}"),
        24 => format!("{{\"order\":{{\"site\":\"{code}\"}},\"site\":\"{open}\"}}"),
        25 => format!("{{\"order\":\"{{\\\"site\\\":\\\"{code}\\\"}}\"}}"),
        26 => format!("{{\"site\":\"{code}\",}}"),
        27 => format!(" \r\n\t{{\"site\":\"{code}\"}}"),
        28 => format!("{{\"site\":\"{open}\",\"x\":1e999,\"y\":123456789012345678901234567890}}"),
        _ => format!("{{\"site\\u0000x\":\"{code}\"}}"),
    };
    request.body = match random.below(16) {
        0 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        1 => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => text.into_bytes(),
    };
    announce(random, request, "application/json");
}

/// Puts a multipart form into the body.
pub fn multipart(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let pairs = [
        ("boundary=XX", "XX"),
        ("boundary=XX", "XX"),
        ("boundary=XX", "XX"),
        ("boundary=\"XX\"", "XX"),
        ("boundary=XX,YY", "XX"),
        ("boundary=XX,YY", "XX,YY"),
        ("boundary=XX;charset=utf-8", "XX"),
        ("boundary=XX; charset=utf-16", "XX"),
        ("boundary=XX; boundary=YY", "XX"),
        ("boundary=XX; boundary=YY", "YY"),
        ("boundary=\"XX;YY\"", "XX"),
        ("boundary=\"XX,YY\"", "XX"),
        ("boundary=X'X", "X'X"),
        ("boundary=X=X", "X"),
        ("boundary=X:X", "X:X"),
        ("boundary=X/X", "X/X"),
        ("boundary=X?X", "X?X"),
        ("boundary=X(X)", "X(X)"),
        ("boundary=X(X)", "X"),
        ("boundary=--XX", "--XX"),
        ("boundary=X+X", "X+X"),
        ("boundary=X.X", "X.X"),
        ("boundary= XX", "XX"),
        ("Boundary=XX", "XX"),
        ("boundary=XX ", "XX"),
        ("boundary*=utf-8''XX", "XX"),
        ("boundary*0=X; boundary*1=X", "XX"),
        ("x=boundary=YY; boundary=XX", "XX"),
        ("boundary=XX\"", "XX"),
        ("boundary=xx", "XX"),
    ];
    let (parameter, boundary) = random.pick(&pairs);
    let other = random.pick(&["YY", "XX", "XX,YY", "X"]);
    let mut body = Vec::new();
    if random.percent(6) {
        body.extend(part(context, random, other));
        body.extend(format!("--{other}--\r\n").into_bytes());
    }
    let end = random.pick(&["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r"]);
    if random.percent(50) {
        body.extend(plain(boundary, "site", context.open, end));
    }
    for _ in 0..=random.below(2) {
        let hidden = random.percent(20);
        body.extend(part(context, random, if hidden { other } else { boundary }));
    }
    let closing = random.pick(&["--\r\n", "--\r\n", "--\r\n", "--", "", "\r\n", "-- \r\n", "--x\r\n"]);
    body.extend(format!("--{boundary}{closing}").into_bytes());
    if random.percent(6) {
        body.extend(part(context, random, boundary));
        body.extend(format!("--{boundary}--\r\n").into_bytes());
    }
    request.body = body;
    let family = random.pick(&[
        "multipart/form-data",
        "multipart/form-data",
        "multipart/form-data",
        "multipart/mixed",
        "Multipart/Form-Data",
        "multipart/form-data ",
        "multipart/related",
    ]);
    request.replace("Content-Type", format!("{family}{} {parameter}", random.pick(&[";", ";", ";", ",", " ;"])));
    if random.percent(30) {
        request.verb = b"POST".to_vec();
    }
}

fn plain(boundary: &str, name: &str, value: &str, end: &str) -> Vec<u8> {
    format!("--{boundary}{end}Content-Disposition: form-data; name=\"{name}\"{end}{end}{value}{end}").into_bytes()
}

fn part(context: &AttackContext<'_>, random: &mut Random, boundary: &str) -> Vec<u8> {
    let field = random.pick(&[
        "site",
        "site",
        "site",
        "Site",
        "site[]",
        "filter[sites][]",
        "filter.sites",
        "_method",
        "apiKey",
        "order",
        "siteBy",
        "_charset_",
        "__proto__[site]",
        "s%69te",
        "si\\te",
        "site\u{0}",
        " site",
        "[site]",
    ]);
    let value = match field {
        "_method" => random.pick(&["DELETE", "PUT", "GET"]).to_owned(),
        "apiKey" => context.other.token.clone(),
        "siteBy" => "id".to_owned(),
        "_charset_" => "utf-16".to_owned(),
        "order" => format!("{{\"site\":\"{}\"}}", context.closed),
        _ => store(context, random),
    };
    let disposition = match random.below(24) {
        0 => format!("form-data; name={field}"),
        1 => format!("form-data; name='{field}'"),
        2 => format!("form-data; name=\"{field}\"; filename=\"a\""),
        3 => format!("form-data; name=\"{field}\"; filename=\"\""),
        4 => format!("form-data; name=\"x\"; name=\"{field}\""),
        5 => format!("form-data; name=\"{field}\"; name=\"x\""),
        6 => format!("form-data; name*=utf-8''{field}"),
        7 => format!("form-data; name=\"x\"; name*=utf-8''{field}"),
        8 => format!("form-data; filename=\"a\\\"; name=\"{field}\""),
        9 => format!("form-data; filename=\"a;name={field}\"; name=\"x\""),
        10 => format!("form-data;name=\"{field}\""),
        11 => format!("form-data; NAME=\"{field}\""),
        12 => format!("attachment; name=\"{field}\""),
        13 => format!("form-data; name = \"{field}\""),
        14 => format!("form-data; name=\"{field}\";"),
        _ => format!("form-data; name=\"{field}\""),
    };
    let header = random.pick(&[
        "Content-Disposition",
        "Content-Disposition",
        "Content-Disposition",
        "Content-Disposition",
        "content-disposition",
        "Content-Disposition ",
        " Content-Disposition",
        "Content-disposition\t",
    ]);
    let extra = random.pick(&[
        "",
        "",
        "",
        "",
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: text/plain; charset=utf-16\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Transfer-Encoding: quoted-printable\r\n",
        "X: y\r\n z\r\n",
        "Content-Type: application/json\r\n",
        "Content-Disposition: form-data; name=\"y\"\r\n",
        "Content-Length: 1\r\n",
    ]);
    let end = random.pick(&["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r"]);
    let before = random.percent(50);
    let (first, last) = if before { (extra, "") } else { ("", extra) };
    let dash = random.pick(&["--", "--", "--", "--", "--", "--", "---", "-- "]);
    format!("{dash}{boundary}{end}{first}{header}: {disposition}{end}{last}{end}{value}{end}").into_bytes()
}
