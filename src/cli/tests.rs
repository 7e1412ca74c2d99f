//! Every command line, valid and invalid.

use clap::error::ErrorKind;

use super::args::{Arguments, Command};
use super::settings;
use clap::FromArgMatches as _;

fn parse(line: &[&str]) -> Result<Arguments, clap::Error> {
    let matches = settings::command().try_get_matches_from(std::iter::once("latchkey").chain(line.iter().copied()))?;
    Arguments::from_arg_matches(&matches)
}

#[test]
fn the_tree_of_commands_is_sound() {
    settings::command().debug_assert();
}

#[test]
fn every_command_is_understood() {
    for line in [
        "",
        "serve",
        "serve --drain 3s --decision-auth off",
        "migrate",
        "check -o json",
        "keys create --name A --all-stores --all-methods",
        "keys create --name A --store a b --platform p --block X --method /a --expires 90d --label a=b --token-only",
        "keys create --name A --no-stores --no-methods --quiet --key-file - --request-id r --because x --wait 0s",
        "keys list",
        "keys list --active --store-access all --method-access selected --store a --method /x --text t --owner o",
        "keys list --inactive --expires-before 30d --unused-since 2026-01-01 --never-used --revoked --limit 3",
        "keys show key_1",
        "keys find",
        "keys update key_1 --name B --owner O --comment C --deactivate --expires never --not-before 1d",
        "keys update key_1 --add-store a --remove-store b --add-method /m --remove-block B --any-network",
        "keys update key_1 --all-stores --no-methods --label a=b --remove-label c",
        "keys rotate key_1 --overlap 24h --token-only",
        "keys revoke key_1 --reason lost",
        "keys revoke-secret sec_1",
        "keys delete key_1",
        "keys import a.csv --dry-run",
        "keys import - --format json",
        "keys usage key_1 --since 7d --until 1d --hourly",
        "stores create a --name A --kind landing-page --platform p --host a.example --host b.example --inactive",
        "stores list --active --platform p --kind site --text t --limit 1",
        "stores show a",
        "stores update a --name B --kind online-store --platform q --no-hosts --activate",
        "stores delete a --allow-rebinding",
        "methods list --block B --text t --blocks",
        "methods show GET /a",
        "methods show /a",
        "methods create GET /a --block B --summary S --store-use none --store-place query:site --scope s --position 2",
        "methods update /a --block B --summary S --description D --store-use required --no-store-places --scope s",
        "methods delete GET /a",
        "methods import retailcrm --retire-missing --dry-run",
        "methods books",
        "operators whoami",
        "operators create --name A --role authorizer --expires 90d --token-only",
        "operators list --role admin --revoked",
        "operators show op_1",
        "operators update op_1 --name B --role viewer --expires never",
        "operators rotate op_1 -q",
        "operators revoke op_1",
        "operators recover --into f --data-dir d",
        "authorize GET /a --key lk_1 --store a --store b --client 192.0.2.1 --min-revision r1-0",
        "authorize /a --key-file -",
        "introspect --key-file f",
        "audit --key key_1 --by op_1 --since 7d --until 1d --limit 5",
        "audit --store a --all",
        "watch --after r1-0",
        "replicas --output json",
    ] {
        let words: Vec<_> = line.split_whitespace().collect();
        if let Err(error) = parse(&words) {
            panic!("`{line}` is refused: {error}");
        }
    }
}

#[test]
fn nothing_said_means_serve() {
    assert!(parse(&[]).unwrap().command.is_none());
    assert!(matches!(parse(&["serve"]).unwrap().command, Some(Command::Serve)));
}

#[test]
fn what_contradicts_itself_or_is_missing_is_refused() {
    for (line, kind) in [
        ("keys create --all-stores --all-methods", ErrorKind::MissingRequiredArgument),
        ("keys create --name A --all-stores --store a", ErrorKind::ArgumentConflict),
        ("keys create --name A --no-stores --platform p", ErrorKind::ArgumentConflict),
        ("keys create --name A --all-methods --block b", ErrorKind::ArgumentConflict),
        ("keys create --name A --expires tomorrow", ErrorKind::ValueValidation),
        ("keys create --name A --label x", ErrorKind::ValueValidation),
        ("keys rotate key_1", ErrorKind::MissingRequiredArgument),
        ("keys revoke key_1", ErrorKind::MissingRequiredArgument),
        ("keys find lk_token", ErrorKind::UnknownArgument),
        ("keys update key_1 --store a --add-store b", ErrorKind::ArgumentConflict),
        ("keys update key_1 --activate --deactivate", ErrorKind::ArgumentConflict),
        ("keys list --active --inactive", ErrorKind::ArgumentConflict),
        ("stores create a --name A", ErrorKind::MissingRequiredArgument),
        ("stores create a --name A --kind shop", ErrorKind::InvalidValue),
        ("operators create --name A --role root", ErrorKind::InvalidValue),
        ("authorize", ErrorKind::MissingRequiredArgument),
        ("authorize GET /a --key x --key-file f", ErrorKind::ArgumentConflict),
        ("authorize GET /a --client localhost", ErrorKind::ValueValidation),
        ("audit --key a --store b", ErrorKind::ArgumentConflict),
        ("serve --token lko_1", ErrorKind::UnknownArgument),
        ("keys list --drain 1s", ErrorKind::UnknownArgument),
        ("nothing", ErrorKind::InvalidSubcommand),
    ] {
        let words: Vec<_> = line.split_whitespace().collect();
        match parse(&words) {
            Ok(_) => panic!("`{line}` is accepted"),
            Err(error) => assert_eq!(error.kind(), kind, "{line}: {error}"),
        }
    }
}
