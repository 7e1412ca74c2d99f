//! Settings as flags: generated from the table of settings, added to the commands that use them.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _};

use super::args::Arguments;
use super::exit::Error;
use crate::config::{SETTINGS, Setting, Sources};

/// The settings that clients of a server need: flags of every command.
const GLOBAL_SETTINGS: [&str; 8] =
    ["config", "data_dir", "token_file", "admin_url", "decision_url", "ca_file", "client_cert", "client_key"];
type SettingFilter = fn(&Setting) -> bool;

/// The commands that also read the server's settings: all of them, or the location of storage.
const SERVER_COMMANDS: [(&[&str], SettingFilter); 4] = [
    (&["serve"], is_for_servers),
    (&["check"], is_for_servers),
    (&["migrate"], is_for_storage),
    (&["operators", "recover"], is_for_storage),
];

pub(super) fn command() -> Command {
    let flags = |filter: SettingFilter| SETTINGS.iter().filter(move |setting| filter(setting)).map(flag);
    let mut command = Arguments::command().args(flags(is_for_servers));
    for (path, filter) in SERVER_COMMANDS {
        command = at(command, path, |command| command.args(flags(filter)));
    }
    command.args(flags(is_global).map(|flag| flag.global(true)))
}

fn at(command: Command, path: &[&'static str], change: impl FnOnce(Command) -> Command) -> Command {
    match path {
        [] => change(command),
        [first, rest @ ..] => command.mut_subcommand(first, |command| at(command, rest, change)),
    }
}

fn is_global(setting: &Setting) -> bool {
    !setting.secret && GLOBAL_SETTINGS.contains(&setting.name)
}

fn is_for_servers(setting: &Setting) -> bool {
    !setting.secret && !GLOBAL_SETTINGS.contains(&setting.name)
}

fn is_for_storage(setting: &Setting) -> bool {
    setting.name == "database_url_file"
}

fn flag(setting: &Setting) -> Arg {
    let mut help = capitalised(setting.meaning);
    if !setting.default.is_empty() {
        help = format!("{help} [default: {}]", setting.default);
    }
    let global = is_global(setting);
    Arg::new(setting.name)
        .long(setting.name.replace('_', "-"))
        .value_name(value_name(setting.name))
        .help(help)
        .help_heading(if global { "Connection" } else { "Server settings" })
        .hide_short_help(!global)
}

fn value_name(name: &str) -> &'static str {
    let ends = |with: &[&str]| with.iter().any(|end| name.ends_with(end));
    match name {
        "data_dir" => "FOLDER",
        "max_staleness" | "poll_interval" | "replica_wait" | "read_wait" | "start_wait" | "drain" | "accept_grace"
        | "connection_age" => "TIME",
        "max_connections_per_peer" => "NUMBER",
        _ if ends(&["_capacity", "_size", "_connections", "_threads"]) => "NUMBER",
        "decision_auth" | "allow_open_decisions" | "migrate" | "usage" | "log_format" => "WORD",
        "log" => "FILTER",
        "trusted_proxies" | "trusted_balancers" => "NETWORKS",
        _ if ends(&["_url"]) => "URL",
        _ if ends(&["_addr"]) => "ADDRESS",
        _ => "FILE",
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Returns the sources of the configuration: the flags given at any level of the command, and our variables.
pub(super) fn sources(
    matches: &ArgMatches,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Sources, Error> {
    let mut sources = Sources { flags: flags(matches), environment: BTreeMap::new() };
    for (name, value) in environment {
        let Ok(name) = name.into_string() else { continue };
        if !name.starts_with("LATCHKEY_") {
            continue;
        }
        let value = value
            .into_string()
            .map_err(|_| Error::Usage(format!("the value of the environment variable {name} is not UTF-8")))?;
        sources.environment.insert(name, value);
    }
    Ok(sources)
}

fn flags(matches: &ArgMatches) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut level = Some(matches);
    while let Some(matches) = level {
        for setting in SETTINGS.iter().filter(|setting| !setting.secret) {
            // At a level without the flag, this returns an error.
            if let Ok(Some(value)) = matches.try_get_one::<String>(setting.name)
                && matches.value_source(setting.name) == Some(ValueSource::CommandLine)
            {
                found.insert(setting.name.to_owned(), value.clone());
            }
        }
        level = matches.subcommand().map(|(_, matches)| matches);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> BTreeMap<String, String> {
        flags(&command().try_get_matches_from(line.split(' ')).unwrap())
    }

    #[test]
    fn settings_are_flags_before_and_after_the_command() {
        let flags = given("latchkey --data-dir a serve --drain 3s --decision-addr 127.0.0.1:1");
        let pairs: Vec<_> = flags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("data_dir", "a"), ("decision_addr", "127.0.0.1:1"), ("drain", "3s")]);
        assert_eq!(given("latchkey keys list --admin-url http://h:1").len(), 1);
        assert_eq!(given("latchkey --drain 3s").len(), 1);
        assert_eq!(given("latchkey operators recover --database-url-file f").len(), 1);
    }

    #[test]
    fn no_secret_has_a_flag() {
        for secret in SETTINGS.iter().filter(|setting| setting.secret) {
            let flag = format!("--{}=x", secret.name.replace('_', "-"));
            for command_line in [vec!["latchkey", &flag], vec!["latchkey", "serve", &flag]] {
                assert!(command().try_get_matches_from(command_line).is_err(), "{flag} is accepted");
            }
        }
    }

    #[test]
    fn variables_that_are_not_ours_are_not_looked_at() {
        let matches = command().try_get_matches_from(["latchkey"]).unwrap();
        let environment = [("PATH", "x"), ("LATCHKEY_DRAIN", "1s")].map(|(name, value)| (name.into(), value.into()));
        let read = sources(&matches, environment.into_iter()).unwrap();
        assert_eq!(read.environment.into_iter().collect::<Vec<_>>(), [("LATCHKEY_DRAIN".into(), "1s".into())]);
    }
}
