//! Valid and invalid configurations, as people write them.

use super::*;

fn sources(flags: &[(&str, &str)], environment: &[(&str, &str)]) -> Sources {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Sources { flags: map(flags), environment: map(environment) }
}

fn errors(environment: &[(&str, &str)]) -> String {
    Config::load(&sources(&[], environment)).unwrap_err().to_string()
}

#[test]
fn nothing_need_be_configured() {
    let config = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.database_url, "sqlite:./latchkey-data/latchkey.db");
    assert_eq!(config.decision_addr.to_string(), "127.0.0.1:50051");
    assert_eq!(config.admin_url, "http://127.0.0.1:8080");
    assert!(config.decision_auth && config.migrate && config.usage);
    assert_eq!(config.max_staleness, Duration::from_mins(1));
}

#[test]
fn a_flag_goes_before_a_variable_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.toml");
    std::fs::write(&file, "drain = '3s'\nreplica_wait = '3s'\nusage = false\npool_size = 3\n").unwrap();
    let environment =
        [("LATCHKEY_CONFIG", file.to_str().unwrap()), ("LATCHKEY_DRAIN", "2s"), ("LATCHKEY_REPLICA_WAIT", "2s")];
    let config = Config::load(&sources(&[("drain", "1s")], &environment)).unwrap();
    assert_eq!(config.drain, Duration::from_secs(1));
    assert_eq!(config.replica_wait, Duration::from_secs(2));
    assert!(!config.usage);
    assert_eq!(config.pool_size, 3);
    let drain = config.origins.iter().find(|(setting, ..)| setting.name == "drain").unwrap();
    assert_eq!((drain.1.as_str(), drain.2), ("1s", SettingOrigin::Flag));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let messages = errors(&[
        ("LATCHKEY_DECISION_ADDRESS", "x"),
        ("LATCHKEY_ADMIN_ADDR", "localhost"),
        ("LATCHKEY_MAX_STALENESS", "1s"),
        ("LATCHKEY_DRAIN", "10"),
        ("LATCHKEY_POOL_SIZE", "0"),
        ("LATCHKEY_DECISION_AUTH", "no"),
        ("LATCHKEY_ADMIN_TLS_CERT", "c.pem"),
        ("LATCHKEY_CLIENT_KEY", "k.pem"),
        ("LATCHKEY_DATABASE_URL", "sqlite:a"),
        ("LATCHKEY_DATABASE_URL_FILE", "b"),
    ]);
    for part in [
        "unknown environment variable LATCHKEY_DECISION_ADDRESS; did you mean LATCHKEY_DECISION_ADDR?",
        "admin_addr is `localhost`",
        "max_staleness is `1s`; it must be a duration from 5s to 1h",
        "drain is `10`",
        "pool_size is `0`; it must be a whole number from 1 to 100",
        "decision_auth is `no`; it must be one of required, off",
        "admin_tls_cert and admin_tls_key must be set together",
        "client_cert and client_key must be set together",
        "database_url and database_url_file are both set",
    ] {
        assert!(messages.contains(part), "{part} is missing in:\n{messages}");
    }
    assert_eq!(messages.lines().count(), 9);
}

#[test]
fn a_file_is_refused_without_repeating_what_may_be_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.toml");
    std::fs::write(&file, "usage = true\ndatabase_url = 'postgres://u:hunter2@h/d\n").unwrap();
    let messages = errors(&[("LATCHKEY_CONFIG", file.to_str().unwrap())]);
    assert!(messages.contains("line 2") && !messages.contains("hunter2"), "{messages}");
    std::fs::write(&file, "datadir = 'x'\nusage = [1]\n").unwrap();
    let messages = errors(&[("LATCHKEY_CONFIG", file.to_str().unwrap())]);
    assert!(messages.contains("did you mean data_dir?") && messages.contains("usage in"), "{messages}");
}

#[test]
fn open_decisions_must_be_meant() {
    let open = [("LATCHKEY_DECISION_AUTH", "off"), ("LATCHKEY_DECISION_ADDR", "0.0.0.0:50051")];
    assert!(errors(&open).contains("allow_open_decisions"));
    let mut meant = open.to_vec();
    meant.push(("LATCHKEY_ALLOW_OPEN_DECISIONS", "true"));
    let config = Config::load(&sources(&[], &meant)).unwrap();
    assert!(!config.decision_auth);
    assert_eq!(config.decision_url, "http://127.0.0.1:50051");
}

#[test]
fn a_configuration_can_be_printed() {
    let environment = [("LATCHKEY_TOKEN", "lko_secret"), ("LATCHKEY_DATABASE_URL", "postgres://u:hunter2@h/d")];
    let printed = format!("{:?}", Config::load(&sources(&[], &environment)).unwrap());
    assert!(printed.contains("(set)") && !printed.contains("hunter2") && !printed.contains("lko_secret"), "{printed}");
}

#[test]
fn service_links_count_for_nothing_and_mistakes_are_still_refused() {
    let links = [
        ("LATCHKEY_ADMIN_PORT", "tcp://10.96.0.7:8080"),
        ("LATCHKEY_ADMIN_SERVICE_HOST", "10.96.0.7"),
        ("LATCHKEY_ADMIN_SERVICE_PORT_GRPC_ADMIN", "8080"),
        ("LATCHKEY_PORT_50051_TCP_ADDR", "10.96.0.8"),
    ];
    let config = Config::load(&sources(&[], &links)).unwrap();
    assert_eq!(config.ignored_variables, links.map(|(name, _)| name));
    assert_eq!(config.admin_addr.to_string(), "127.0.0.1:8080");
    let messages = errors(&[links[0], ("LATCHKEY_ADMIN_ADR", "127.0.0.1:1"), ("LATCHKEY_DECISION_PORT", "50051")]);
    assert!(
        messages.contains("unknown environment variable LATCHKEY_ADMIN_ADR; did you mean LATCHKEY_ADMIN_ADDR?"),
        "{messages}"
    );
    assert!(
        messages.contains("unknown environment variable LATCHKEY_DECISION_PORT") && messages.lines().count() == 2,
        "{messages}"
    );
    // A setting is never a service link, whatever its value looks like.
    assert!(errors(&[("LATCHKEY_ADMIN_ADDR", "tcp://10.96.0.7:8080")]).contains("admin_addr is"));
}

#[test]
fn a_line_end_behind_a_value_is_no_part_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    for end in ["", "\n", "\r\n", "\n\n", " \n"] {
        let url = format!("postgres://u:p@h/d{end}");
        let by_variable = Config::load(&sources(&[], &[("LATCHKEY_DATABASE_URL", &url)])).unwrap();
        assert_eq!(by_variable.database_url, "postgres://u:p@h/d");
        std::fs::write(&file, &url).unwrap();
        let path = format!("{}{}", file.display(), end.trim_start_matches(' '));
        let by_file = Config::load(&sources(&[], &[("LATCHKEY_DATABASE_URL_FILE", &path)])).unwrap();
        assert_eq!(by_file.database_url, "postgres://u:p@h/d");
        let drain = format!("3s{}", end.trim_start_matches(' '));
        assert_eq!(Config::load(&sources(&[], &[("LATCHKEY_DRAIN", &drain)])).unwrap().drain, Duration::from_secs(3));
    }
    assert!(Config::load(&sources(&[], &[("LATCHKEY_TOKEN", "\n")])).unwrap().token.is_none());
}

#[test]
fn a_secret_where_none_belongs_is_not_repeated() {
    let url = "postgres://u:hunter2@h/d";
    let token = "lko_hunter2hunter2hunter2hunter2hunter2hunter2";
    for setting in SETTINGS.iter().filter(|setting| !setting.secret) {
        let name = format!("LATCHKEY_{}", setting.name.to_uppercase());
        for value in [url, token, "postgres://h/d?user=u&password=hunter2"] {
            let messages = errors(&[(&name, value)]);
            assert!(messages.contains(setting.name) && !messages.contains("hunter2"), "{messages}");
        }
    }
}
