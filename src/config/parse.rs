//! Reads settings from their sources and collects all errors.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use strsim::levenshtein;

use super::profiles::{self, Profile};
use super::{SETTINGS, Setting, SettingOrigin, Sources, TlsFiles, links};

/// Prefix of Latchkey's variables.
const PREFIX: &str = "LATCHKEY_";
/// Variables with this prefix that are not settings: the tests and the command line read them directly.
const NOT_SETTINGS: [&str; 4] = ["LATCHKEY_KEY", "LATCHKEY_TEST_SEED", "LATCHKEY_TEST_CASES", "LATCHKEY_BLESS"];

/// The values of all settings as text, and the errors found.
pub(super) struct SettingsReader {
    values: BTreeMap<&'static str, (String, SettingOrigin)>,
    pub(super) profiles: BTreeMap<String, Profile>,
    /// The variables that are service links.
    pub(super) ignored: Vec<String>,
    pub(super) errors: Vec<String>,
}

impl SettingsReader {
    pub(super) fn new(sources: &Sources) -> Self {
        let defaults = SETTINGS.iter().filter(|setting| !setting.default.is_empty());
        let values =
            defaults.map(|setting| (setting.name, (setting.default.to_owned(), SettingOrigin::Default))).collect();
        let mut reader = Self { values, profiles: profiles::built_in(), ignored: Vec::new(), errors: Vec::new() };
        let variable = |name: &str| format!("{PREFIX}{}", name.to_uppercase());
        let file = sources.flags.get("config").or_else(|| sources.environment.get(&variable("config")));
        let file = file.map(|file| without_line_end(file));
        if let Some(file) = file.filter(|file| !file.is_empty() && !is_secret(file)) {
            reader.read_file(file);
        }
        for (name, value) in &sources.environment {
            let Some(short) = name.strip_prefix(PREFIX).filter(|_| !NOT_SETTINGS.contains(&name.as_str())) else {
                continue;
            };
            match find(&short.to_lowercase()).filter(|setting| variable(setting.name) == *name) {
                Some(setting) => reader.set(setting, value, SettingOrigin::Environment),
                None if links::is_link(name, value, &sources.environment) => reader.ignored.push(name.clone()),
                None => {
                    reader.unknown(&format!("unknown environment variable {name}"), &short.to_lowercase(), variable);
                }
            }
        }
        for (name, value) in &sources.flags {
            if let Some(setting) = find(name) {
                reader.set(setting, value, SettingOrigin::Flag);
            }
        }
        reader
    }

    fn set(&mut self, setting: &Setting, value: &str, origin: SettingOrigin) {
        // `echo` and `kubectl create secret --from-file` append a line end to the value.
        let value = if setting.secret { value.trim() } else { without_line_end(value) };
        if !setting.secret && is_secret(value) {
            let name = setting.name;
            return self.add_error(format!(
                "{name} must not contain a token or a URL with a password (its value is not shown); put secrets in \
                 database_url, token, or the files named by database_url_file and token_file"
            ));
        }
        // An empty value unsets: this is how to disable a variable in a unit file.
        if value.is_empty() && setting.default.is_empty() {
            self.values.remove(setting.name);
        } else {
            self.values.insert(setting.name, (value.to_owned(), origin));
        }
    }

    fn read_file(&mut self, file: &str) {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => return self.add_error(format!("the configuration file {file} cannot be read: {error}")),
        };
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            // The message quotes the line, which may contain a secret: report only its position.
            Err(error) => {
                let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
                return self.add_error(format!("the configuration file {file} is not valid TOML: see line {line}"));
            }
        };
        for (name, value) in table {
            if name == "profiles" {
                self.profiles = profiles::read(value, |sentence| self.errors.push(format!("{sentence} ({file})")));
                continue;
            }
            let Some(setting) = find(&name).filter(|setting| setting.name != "config") else {
                self.unknown(&format!("unknown setting {name} in {file}"), &name, str::to_owned);
                continue;
            };
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
                    self.add_error(format!("{name} in {file} must be a string, a whole number, true or false"));
                    continue;
                }
            };
            self.set(setting, &value, SettingOrigin::File);
        }
    }

    fn unknown(&mut self, what: &str, name: &str, spell: impl Fn(&str) -> String) {
        // Profiles are not a setting, but appear in the file like settings.
        let names = SETTINGS.iter().map(|setting| setting.name).chain(["profiles"]);
        let nearest = names.min_by_key(|known| levenshtein(known, name));
        let nearest = nearest.filter(|known| levenshtein(known, name) <= name.len() / 2);
        let hint = nearest.map_or(String::new(), |known| format!("; did you mean {}?", spell(known)));
        self.add_error(format!("{what}{hint}"));
    }

    pub(super) fn add_error(&mut self, sentence: String) {
        self.errors.push(sentence);
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|(value, _)| value.clone())
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// Reads a secret, set directly or in a file.
    pub(super) fn secret(&mut self, name: &str, file_name: &str) -> Option<String> {
        match (self.text(name), self.path(file_name)) {
            (Some(_), Some(_)) => {
                self.add_error(format!("{name} and {file_name} are both set; set only one of them"));
                None
            }
            (given, None) => given,
            (None, Some(path)) => {
                let unread = |error| self.add_error(format!("{file_name} {} cannot be read: {error}", path.display()));
                std::fs::read_to_string(&path).map(|text| text.trim().to_owned()).map_err(unread).ok()
            }
        }
    }

    /// Reads a value with `parse`; reports one that it refuses, which must follow `rule`.
    fn value<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>, rule: impl fmt::Display) -> Option<T> {
        let text = self.text(name).unwrap_or_default();
        let value = parse(&text);
        if value.is_none() {
            self.add_error(format!("{name} is `{text}`; it must be {rule}"));
        }
        value
    }

    pub(super) fn address(&mut self, name: &str) -> SocketAddr {
        let rule = "an IP address and a port, such as 127.0.0.1:50051";
        self.value(name, |text| text.parse().ok(), rule).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Reads comma-separated addresses and networks.
    pub(super) fn networks(&mut self, name: &str) -> Vec<IpNet> {
        let text = self.text(name).unwrap_or_default();
        let mut networks = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => networks.push(network),
                Err(_) => self.add_error(format!(
                    "{name} has `{part}`; it must be a comma-separated list of addresses or networks, such as \
                     10.0.0.0/8,127.0.0.1"
                )),
            }
        }
        networks
    }

    pub(super) fn number<T: FromStr + PartialOrd + Copy + fmt::Display>(&mut self, name: &str, least: T, most: T) -> T {
        let parse = |text: &str| text.parse().ok().filter(|number| (least..=most).contains(number));
        self.value(name, parse, format_args!("a whole number from {least} to {most}")).unwrap_or(least)
    }

    pub(super) fn duration(&mut self, name: &str, least: Duration, most: Duration) -> Duration {
        let parse = |text: &str| duration(text).filter(|duration| (least..=most).contains(duration));
        let rule = format!("a duration from {} to {}, such as 250ms, 10s or 5m", written(least), written(most));
        self.value(name, parse, rule).unwrap_or(least)
    }

    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> T {
        let chosen = |text: &str| choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        self.value(name, chosen, format_args!("one of {}", words.join(", "))).unwrap_or(choices[0].1)
    }

    pub(super) fn tls(&mut self, port: &str) -> Option<TlsFiles> {
        let files = ["tls_cert", "tls_key", "client_ca"].map(|name| self.path(&format!("{port}_{name}")));
        match files {
            [Some(cert), Some(key), client_ca] => Some(TlsFiles { cert, key, client_ca }),
            [None, None, None] => None,
            _ => {
                self.add_error(format!(
                    "{port}_tls_cert and {port}_tls_key must be set together, and {port}_client_ca requires both"
                ));
                None
            }
        }
    }

    pub(super) fn client_identity(&mut self) -> Option<(PathBuf, PathBuf)> {
        match (self.path("client_cert"), self.path("client_key")) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => {
                self.add_error("client_cert and client_key must be set together".to_owned());
                None
            }
        }
    }

    /// Returns every setting's value and origin; secrets only as set or not.
    pub(super) fn origins(&self) -> Vec<(Setting, String, SettingOrigin)> {
        let origins = SETTINGS.iter().map(|setting| match self.values.get(setting.name) {
            None => (*setting, String::new(), SettingOrigin::Default),
            Some((_, origin)) if setting.secret => (*setting, "(set)".to_owned(), *origin),
            Some((value, origin)) => (*setting, value.clone(), *origin),
        });
        origins.collect()
    }
}

fn without_line_end(value: &str) -> &str {
    value.trim_end_matches(['\r', '\n'])
}

/// Returns whether a value must not appear in an error: it is a token, or a URL of a database.
fn is_secret(value: &str) -> bool {
    let url = value.starts_with("postgres") && value.contains("://");
    let user = value.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    let token = ["lk_", "lko_"].iter().any(|start| value.starts_with(start)) && value.len() >= 32;
    url || user || token || value.contains("password=")
}

fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Parses `250ms`, `10s`, `5m`, `1h`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    match &text[digits..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        _ => None,
    }
}

/// Writes a duration as [`duration`] parses it, in the largest unit without a remainder.
fn written(duration: Duration) -> String {
    match (duration.as_millis(), duration.as_secs()) {
        (millis, _) if !millis.is_multiple_of(1_000) => format!("{millis}ms"),
        (_, seconds) if seconds == 0 || !seconds.is_multiple_of(60) => format!("{seconds}s"),
        (_, seconds) if !seconds.is_multiple_of(3_600) => format!("{}m", seconds / 60),
        (_, seconds) => format!("{}h", seconds / 3_600),
    }
}
