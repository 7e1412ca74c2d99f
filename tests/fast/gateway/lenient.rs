//! Services as they read requests, each lenient in its own way. Implemented from their documentation and behavior,
//! without any code of the gateway: if one of them reads something that the decision did not cover, that is a hole.

use std::collections::BTreeMap;

/// Reads the values at a path such as `["filter", "sites"]` from a query or an urlencoded form.
pub(crate) type Reader = fn(&[u8], &[&str]) -> Vec<String>;

/// Readers that read plain requests as intended: each of them must find the store that the gateway found.
pub(crate) const USUAL: [(&str, Reader); 4] = [("php", php), ("first", first), ("last", last), ("every", every)];
/// Readers with unusual behavior.
pub(crate) const ODD: [(&str, Reader); 5] = [
    ("any case", any_case),
    ("decodes twice", twice),
    ("semicolons", semicolons),
    ("names undecoded", undecoded),
    ("dots nest", dots),
];

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// Decodes percent-encoding like most services: invalid escapes stay.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'+' => decoded.push(b' '),
            b'%' if at + 2 < text.len() && hex(text[at + 1]).is_some() && hex(text[at + 2]).is_some() => {
                decoded.push(hex(text[at + 1]).unwrap() * 16 + hex(text[at + 2]).unwrap());
                at += 2;
            }
            byte => decoded.push(byte),
        }
        at += 1;
    }
    decoded
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn pairs<'a>(whole: &'a [u8], separators: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    whole.split(move |byte| separators.contains(byte)).filter(|pair| !pair.is_empty()).map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (&pair[..at], pair.get(at + 1..).unwrap_or_default())
    })
}

/// A PHP array.
#[derive(Debug)]
enum Php {
    Text(String),
    Array(BTreeMap<String, Php>),
}

/// Parses `$_GET` and `$_POST`.
fn php(whole: &[u8], path: &[&str]) -> Vec<String> {
    let mut root = BTreeMap::new();
    for (name, value) in pairs(whole, b"&").take(1000) {
        let mut name = decode(name);
        name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
        let start = name.iter().position(|byte| *byte != b' ').unwrap_or(name.len());
        let name = text(&name[start..]);
        let (base, mut rest) = name.split_at(name.find('[').unwrap_or(name.len()));
        let mut base: String = base.replace([' ', '.'], "_");
        if base.is_empty() {
            continue;
        }
        let mut steps = Vec::new();
        while let Some(inner) = rest.strip_prefix('[') {
            let Some(end) = inner.find(']') else {
                if steps.is_empty() {
                    base.push('_');
                    base.push_str(&inner.replace([' ', '.'], "_"));
                }
                break;
            };
            steps.push(inner[..end].trim_start().to_owned());
            rest = &inner[end + 1..];
        }
        put(&mut root, base, &steps, text(&decode(value)));
    }
    let mut here = root.remove(path[0]);
    for step in &path[1..] {
        here = match here {
            Some(Php::Array(mut array)) => array.remove(*step),
            _ => None,
        };
    }
    let mut values = Vec::new();
    if let Some(found) = here {
        leaves(&found, &mut values);
    }
    values
}

fn put(array: &mut BTreeMap<String, Php>, name: String, steps: &[String], value: String) {
    let Some((step, rest)) = steps.split_first() else {
        array.insert(name, Php::Text(value));
        return;
    };
    let slot = array.entry(name).or_insert_with(|| Php::Array(BTreeMap::new()));
    if let Php::Text(_) = slot {
        *slot = Php::Array(BTreeMap::new());
    }
    if let Php::Array(inner) = slot {
        let step = if step.is_empty() { format!("{:06}", inner.len()) } else { step.clone() };
        put(inner, step, rest, value);
    }
}

fn leaves(php: &Php, values: &mut Vec<String>) {
    match php {
        Php::Text(text) => values.push(text.clone()),
        Php::Array(array) => array.values().for_each(|inner| leaves(inner, values)),
    }
}

/// Returns whether it is a spelling of a path that services without arrays look for.
fn is_spelling(name: &str, path: &[&str]) -> bool {
    let flat = path[0].to_owned() + &path[1..].iter().map(|step| format!("[{step}]")).collect::<String>();
    name == flat
        || path.len() > 1
            && name
                .strip_prefix(&flat)
                .and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'))
                .is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}

fn flat(whole: &[u8], path: &[&str]) -> Vec<String> {
    let all = pairs(whole, b"&").map(|(name, value)| (text(&decode(name)), text(&decode(value))));
    all.filter(|(name, _)| is_spelling(name, path)).map(|(_, value)| value).collect()
}

fn first(whole: &[u8], path: &[&str]) -> Vec<String> {
    flat(whole, path).into_iter().take(1).collect()
}

fn last(whole: &[u8], path: &[&str]) -> Vec<String> {
    flat(whole, path).into_iter().last().into_iter().collect()
}

/// Reads repeated names as arrays, like Node; `[site]` is `site`, and `site[]` too.
fn every(whole: &[u8], path: &[&str]) -> Vec<String> {
    let all = pairs(whole, b"&").map(|(name, value)| (text(&decode(name)), text(&decode(value))));
    let steps = |name: &str| -> Vec<String> {
        name.split(['[', ']']).filter(|step| !step.is_empty()).map(str::to_owned).collect()
    };
    let reads = |name: &str| {
        let steps = steps(name);
        steps.len() >= path.len() && steps.iter().zip(path).all(|(found, step)| found == step)
    };
    all.filter(|(name, _)| reads(name)).map(|(_, value)| value).collect()
}

fn any_case(whole: &[u8], path: &[&str]) -> Vec<String> {
    let all = pairs(whole, b"&").map(|(name, value)| (text(&decode(name)), text(&decode(value))));
    let lower: Vec<String> = path.iter().map(|step| step.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    all.filter(|(name, _)| is_spelling(&name.to_lowercase(), &lower)).map(|(_, value)| value).collect()
}

fn twice(whole: &[u8], path: &[&str]) -> Vec<String> {
    let all = pairs(whole, b"&").map(|(name, value)| (text(&decode(&decode(name))), text(&decode(&decode(value)))));
    all.filter(|(name, _)| is_spelling(name, path)).map(|(_, value)| value).collect()
}

fn semicolons(whole: &[u8], path: &[&str]) -> Vec<String> {
    let all = pairs(whole, b"&;").map(|(name, value)| (text(&decode(name)), text(&decode(value))));
    all.filter(|(name, _)| is_spelling(name, path)).map(|(_, value)| value).collect()
}

fn undecoded(whole: &[u8], path: &[&str]) -> Vec<String> {
    let all = pairs(whole, b"&").map(|(name, value)| (text(name), text(&decode(value))));
    all.filter(|(name, _)| is_spelling(name, path)).map(|(_, value)| value).collect()
}

fn dots(whole: &[u8], path: &[&str]) -> Vec<String> {
    let all = pairs(whole, b"&").map(|(name, value)| (text(&decode(name)), text(&decode(value))));
    all.filter(|(name, _)| *name == path.join(".")).map(|(_, value)| value).collect()
}

/// Returns the headers of a CGI service: all but letters and digits are underscores, and repeated headers are joined.
pub(crate) fn cgi(headers: &[(Vec<u8>, Vec<u8>)]) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let name: String = name
            .iter()
            .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte.to_ascii_uppercase()) } else { '_' })
            .collect();
        let value = text(value.trim_ascii());
        variables.entry(name).and_modify(|before| *before = format!("{before},{value}")).or_insert(value);
    }
    variables
}

/// Returns the fields of a multipart form: any line end, any text before and after, the name quoted or not. Each
/// possible name of a part, with its value.
pub(crate) fn parts(body: &[u8], boundary: &str) -> Vec<(String, String)> {
    let body = text(body).replace("\r\n", "\n");
    let mut fields = Vec::new();
    for part in body.split(&format!("--{boundary}")).skip(1) {
        let Some((head, value)) = part.split_once("\n\n") else { continue };
        let value = value.strip_suffix('\n').unwrap_or(value);
        let mut rest = head;
        while let Some(at) = rest.to_ascii_lowercase().find("name") {
            let file = rest[..at].to_ascii_lowercase().ends_with("file");
            rest = &rest[at + 4..];
            let after = rest.trim_start_matches(['*', ' ']);
            if let Some(name) = after.strip_prefix('=').filter(|_| !file) {
                let name = name.trim_start().trim_start_matches("utf-8''");
                let name = match name.strip_prefix('"') {
                    Some(quoted) => quoted.split('"').next().unwrap_or_default(),
                    None => name.split([';', '\n', ' ']).next().unwrap_or_default(),
                };
                fields.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    fields
}

/// JSON, with all members of an object in order.
#[derive(Debug, Clone)]
pub(crate) enum Loose {
    Text(String),
    Array(Vec<Loose>),
    Object(Vec<(String, Loose)>),
    Other,
}

/// Parses the first value of `text` and ignores the rest; accepts extra commas.
pub(crate) fn json(text: &str) -> Option<Loose> {
    let letters: Vec<char> = text.chars().collect();
    value(&letters, &mut 0, 0)
}

fn blank(text: &[char], at: &mut usize) {
    while text.get(*at).is_some_and(|letter| letter.is_whitespace() || matches!(letter, ',' | '\u{feff}')) {
        *at += 1;
    }
}

fn value(text: &[char], at: &mut usize, depth: usize) -> Option<Loose> {
    blank(text, at);
    if depth > 100 {
        return None;
    }
    match text.get(*at)? {
        '{' => {
            *at += 1;
            let mut members = Vec::new();
            loop {
                blank(text, at);
                match text.get(*at) {
                    Some('}') => break *at += 1,
                    Some('"' | '\'') => {}
                    _ => break,
                }
                let name = string(text, at)?;
                blank(text, at);
                if text.get(*at) != Some(&':') {
                    break;
                }
                *at += 1;
                let Some(member) = value(text, at, depth + 1) else { break };
                members.push((name, member));
            }
            Some(Loose::Object(members))
        }
        '[' => {
            *at += 1;
            let mut items = Vec::new();
            loop {
                blank(text, at);
                if text.get(*at) == Some(&']') {
                    *at += 1;
                    break;
                }
                let Some(item) = value(text, at, depth + 1) else { break };
                items.push(item);
            }
            Some(Loose::Array(items))
        }
        '"' | '\'' => string(text, at).map(Loose::Text),
        letter if letter.is_alphanumeric() || *letter == '-' => {
            while text.get(*at).is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '.' | '+')) {
                *at += 1;
            }
            Some(Loose::Other)
        }
        _ => None,
    }
}

fn string(text: &[char], at: &mut usize) -> Option<String> {
    let quote = *text.get(*at)?;
    *at += 1;
    let mut read = String::new();
    loop {
        let letter = *text.get(*at)?;
        *at += 1;
        match letter {
            letter if letter == quote => return Some(read),
            '\\' => {
                let escaped = *text.get(*at)?;
                *at += 1;
                match escaped {
                    'u' => {
                        let digits: String = text.get(*at..*at + 4)?.iter().collect();
                        *at += 4;
                        read.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?).unwrap_or('?'));
                    }
                    'n' => read.push('\n'),
                    't' => read.push('\t'),
                    'r' => read.push('\r'),
                    'b' => read.push('\u{8}'),
                    'f' => read.push('\u{c}'),
                    other => read.push(other),
                }
            }
            letter => read.push(letter),
        }
    }
}

/// Collects all texts that some reader of `json` finds at `path`: the first or last of duplicate members, in any case,
/// and through text that contains JSON.
pub(crate) fn seen(json: &Loose, path: &[&str], found: &mut Vec<String>) {
    match (json, path) {
        (Loose::Text(text), []) => found.push(text.clone()),
        (Loose::Array(items), []) => items.iter().for_each(|item| seen(item, &[], found)),
        (Loose::Object(members), [step, rest @ ..]) => {
            for (_, member) in members.iter().filter(|(name, _)| name.to_lowercase().replace('ſ', "s") == *step) {
                seen(member, rest, found);
            }
        }
        (Loose::Array(items), path) => items.iter().for_each(|item| seen(item, path, found)),
        (Loose::Text(text), path) => {
            if let Some(inner) = self::json(text).filter(|inner| !matches!(inner, Loose::Text(_))) {
                seen(&inner, path, found);
            }
        }
        (Loose::Object(_), []) | (Loose::Other, _) => {}
    }
}
