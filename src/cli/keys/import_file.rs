//! Files of keys to import: CSV with a line of headings, or JSON with an array of objects of the same names.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::csv;
use crate::cli::time::{TimeArg, parse_time};
use crate::proto::v1::{self, Access, imported_key::Secret};

/// Text of `--help` about the files.
pub(super) const COLUMNS: &str = "\
The file is CSV with a header line, or JSON with an array of objects, with these columns or fields:
  name         name of the key; required
  token        the token, 32 to 512 printable ASCII characters; this or sha256 is required
  sha256       SHA-256 of the token, 64 hexadecimal digits
  hint         the last characters of the token, at most 4, shown to people; only with sha256
  stores       `all`, `none`, or codes separated by `;` (in JSON an array); required
  methods      `all`, `none`, or `VERB pattern`s separated by `;` (in JSON an array); required
  owner, contact, comment
  active       `true` or `false`; empty: true
  not_before, expires   2027-01-31 or 2027-01-31T12:00:00Z
  networks     CIDRs separated by `;` (in JSON an array)
  labels       `name=value` separated by `;` (in JSON an object)";

/// The columns of CSV.
const HEADINGS: &str = "name, token, sha256, hint, stores, methods, owner, contact, comment, active, not_before, \
                        expires, networks, labels";

const MAX_REPORTED: usize = 20;

/// A key of a file, before its values are parsed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct KeyEntry {
    name: String,
    token: String,
    sha256: String,
    hint: String,
    stores: MemberList,
    methods: MemberList,
    owner: String,
    contact: String,
    comment: String,
    active: Option<bool>,
    not_before: String,
    expires: String,
    networks: Vec<String>,
    labels: BTreeMap<String, String>,
}

/// A set as written in files.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum MemberList {
    Word(String),
    List(Vec<String>),
}

impl Default for MemberList {
    fn default() -> Self {
        Self::Word(String::new())
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum FileFormat {
    /// Comma-separated values
    Csv,
    /// An array of objects
    Json,
}

/// Parses the keys of a file, each with its location, such as `line 2`. An error has a line for each error of the
/// file, and never contains a token.
pub(super) fn read(text: &str, format: FileFormat) -> Result<Vec<(String, v1::ImportedKey)>, String> {
    let entries = match format {
        FileFormat::Csv => from_csv(text)?,
        FileFormat::Json => from_json(text)?,
    };
    if entries.is_empty() {
        return Err("it contains no keys".to_owned());
    }
    let mut errors = Vec::new();
    let mut keys = Vec::with_capacity(entries.len());
    for (place, entry) in entries {
        match entry.and_then(KeyEntry::parse).and_then(KeyEntry::into_key) {
            Ok(key) => keys.push((place, key)),
            Err(what) => errors.extend(what.into_iter().map(|error| format!("{place}: {error}"))),
        }
    }
    if errors.is_empty() {
        return Ok(keys);
    }
    let more = errors.len().saturating_sub(MAX_REPORTED);
    errors.truncate(MAX_REPORTED);
    if more > 0 {
        errors.push(format!("and {more} more"));
    }
    Err(errors.join("\n  "))
}

/// The keys of a file as JSON, each with its location.
type KeyEntries = Vec<(String, Result<Value, Vec<String>>)>;

fn from_csv(text: &str) -> Result<KeyEntries, String> {
    let mut records = csv::parse(text)?.into_iter();
    let headings = records.next().map(|(_, fields)| fields).unwrap_or_default();
    let headings: Vec<_> = headings.iter().map(|heading| heading.trim().to_owned()).collect();
    let is_known = |heading: &&String| HEADINGS.split(", ").any(|known| known == *heading);
    let unknown: Vec<_> = headings.iter().filter(|heading| !is_known(heading)).collect();
    if !unknown.is_empty() {
        return Err(format!("line 1: unknown headings: {unknown:?}; use {HEADINGS}"));
    }
    if let Some(twice) = headings.iter().enumerate().find(|(at, heading)| headings[..*at].contains(heading)) {
        return Err(format!("line 1: the heading `{}` occurs twice", twice.1));
    }
    let entries = records.map(|(line, fields)| {
        let entry = if fields.len() == headings.len() {
            from_fields(headings.iter().zip(fields))
        } else {
            Err(vec![format!("{} fields under {} headings", fields.len(), headings.len())])
        };
        (format!("line {line}"), entry)
    });
    Ok(entries.collect())
}

fn from_json(text: &str) -> Result<KeyEntries, String> {
    let values: Vec<Value> = serde_json::from_str(text).map_err(|error| {
        // The message from serde may quote the input; only its position is safe to report.
        format!("line {}, column {}: expected a JSON array of objects", error.line(), error.column())
    })?;
    let entries = values.into_iter().enumerate().map(|(at, value)| {
        let named = value.get("name").and_then(Value::as_str).map(str::to_owned);
        (named.map_or(format!("[{at}]"), |name| format!("[{at}] {name}")), Ok(value))
    });
    Ok(entries.collect())
}

/// Converts a record of CSV to JSON.
fn from_fields<'a>(fields: impl Iterator<Item = (&'a String, String)>) -> Result<Value, Vec<String>> {
    let mut errors = Vec::new();
    let mut read = |heading: &str, text: String| match (heading, text.trim()) {
        ("active", "") => Value::Null,
        ("active", "true") => Value::Bool(true),
        ("active", "false") => Value::Bool(false),
        ("active", _) => {
            errors.push("active must be true, false or empty".to_owned());
            Value::Null
        }
        ("networks", _) => split(&text).into(),
        ("labels", _) => {
            let mut labels = Map::new();
            for label in split(&text) {
                match label.split_once('=') {
                    Some((name, value)) => drop(labels.insert(name.to_owned(), value.into())),
                    None => errors.push("a label must be written name=value".to_owned()),
                }
            }
            labels.into()
        }
        _ => text.into(),
    };
    let fields: Map<_, _> = fields.map(|(heading, text)| (heading.clone(), read(heading, text))).collect();
    if errors.is_empty() { Ok(fields.into()) } else { Err(errors) }
}

fn split(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

impl KeyEntry {
    fn parse(value: Value) -> Result<Self, Vec<String>> {
        Self::deserialize(value)
            .map_err(|_| vec!["it is not an object with the known fields of the right types; see --help".to_owned()])
    }

    fn into_key(self) -> Result<v1::ImportedKey, Vec<String>> {
        let mut errors = Vec::new();
        let secret = match (self.token.is_empty(), self.sha256.is_empty()) {
            (false, true) => Ok(Secret::Token(self.token)),
            (true, false) => Ok(Secret::Sha256(self.sha256)),
            (true, true) => Err("token or sha256 is missing"),
            (false, false) => Err("token and sha256 are both set; set only one"),
        };
        let secret = secret.map_err(|error| errors.push(error.to_owned())).ok();
        if self.name.trim().is_empty() {
            errors.push("name is missing".to_owned());
        }
        let mut parse_access = |what: &str, members: MemberList| match members {
            MemberList::List(members) => (Access::Selected, members),
            MemberList::Word(word) => match word.trim() {
                "all" => (Access::All, Vec::new()),
                "none" => (Access::Selected, Vec::new()),
                "" => {
                    errors.push(format!("{what} is missing: write all, none, or a list"));
                    (Access::Unspecified, Vec::new())
                }
                listed => (Access::Selected, split(listed)),
            },
        };
        let (store_access, stores) = parse_access("stores", self.stores);
        let (method_access, methods) = parse_access("methods", self.methods);
        let mut time = |what: &str, text: &str| match parse_time(text.trim()) {
            _ if text.trim().is_empty() => None,
            // A time relative to now would mean something else on every import.
            Ok(fixed @ TimeArg::Absolute(_)) => Some(fixed.in_future()),
            Ok(TimeArg::Relative(_)) | Err(_) => {
                errors.push(format!("{what} must be written 2027-01-31 or 2027-01-31T12:00:00Z"));
                None
            }
        };
        let not_before = time("not_before", &self.not_before);
        let expire_time = time("expires", &self.expires);
        if !errors.is_empty() {
            return Err(errors);
        }
        let key = v1::Key {
            name: self.name,
            owner: self.owner,
            contact: self.contact,
            comment: self.comment,
            active: Some(self.active.unwrap_or(true)),
            store_access: store_access.into(),
            stores,
            method_access: method_access.into(),
            methods,
            not_before,
            expire_time,
            networks: self.networks,
            labels: self.labels,
            ..Default::default()
        };
        Ok(v1::ImportedKey { key: Some(key), hint: self.hint, secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn csv_and_json_say_the_same() {
        let csv = format!(
            "name,token,stores,methods,expires,networks,labels\n\"A, B\",{TOKEN},all,GET /a; GET /b,2027-01-31,10.0.0.0/8,team=x\n"
        );
        let json = format!(
            r#"[{{"name": "A, B", "token": "{TOKEN}", "stores": "all", "methods": ["GET /a", "GET /b"],
                 "expires": "2027-01-31", "networks": ["10.0.0.0/8"], "labels": {{"team": "x"}}}}]"#
        );
        let keys = |text: &str, format| read(text, format).unwrap().into_iter().map(|(_, key)| key).collect::<Vec<_>>();
        assert_eq!(keys(&csv, FileFormat::Csv), keys(&json, FileFormat::Json));
        let keys = keys(&csv, FileFormat::Csv);
        let key = keys[0].key.as_ref().unwrap();
        assert_eq!(key.store_access(), Access::All);
        assert_eq!(key.methods, ["GET /a", "GET /b"]);
        assert_eq!(key.active, Some(true));
        assert_eq!(key.expire_time.as_ref().unwrap().seconds, 1_801_353_600);
        assert_eq!(keys[0].secret, Some(Secret::Token(TOKEN.to_owned())));
    }

    #[test]
    fn every_fault_is_told_and_no_token_is() {
        let csv = format!(
            "name,token,sha256,stores,methods,active,expires\n,{TOKEN},aa,,none,,\nB,,,all,,maybe,\nC,{TOKEN},,all,all,true,90d\nD,{TOKEN}\n"
        );
        let error = read(&csv, FileFormat::Csv).unwrap_err();
        for part in [
            "line 2: token and sha256 are both set; set only one",
            "line 2: name is missing",
            "line 2: stores is missing",
            "line 3: active must be true, false or empty",
            "line 4: expires must be written",
            "line 5: 2 fields under 7 headings",
        ] {
            assert!(error.contains(part), "{part} is missing in:\n  {error}");
        }
        assert!(!error.contains(TOKEN));
    }

    #[test]
    fn files_of_another_shape_are_refused() {
        for (text, part) in [
            ("name,colour\n", "unknown headings: [\"colour\"]"),
            ("name,name\n", "`name` occurs twice"),
            ("name,token\n", "it contains no keys"),
            ("", "it contains no keys"),
        ] {
            assert!(read(text, FileFormat::Csv).unwrap_err().contains(part), "{text:?}");
        }
        for text in ["{}", "[1]", r#"[{"name": "A", "colour": "x"}]"#, r#"[{"name": ["secret"]}]"#, "[]"] {
            let error = read(text, FileFormat::Json).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn many_faults_are_counted() {
        let csv = format!("name,token,stores,methods\n{}", format!(",{TOKEN},all,all\n").repeat(25));
        assert!(read(&csv, FileFormat::Csv).unwrap_err().ends_with("and 5 more"));
    }
}
