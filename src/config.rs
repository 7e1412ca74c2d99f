//! Configuration: one typed tree, read once from flags, environment, TOML file and defaults, in order of precedence.
//!
//! The table [`SETTINGS`] defines all settings: names, meaning, unit, default. Flags, variables and the file use the
//! same names: `decision_addr`, `LATCHKEY_DECISION_ADDR`, `--decision-addr`. Secrets are read from files or the
//! environment, never from flags. Unknown names are refused, except service links of kubelet or Docker (see the module
//! `links`). The file may also contain tables `[profiles.NAME]`; see [`profiles`].

mod links;
mod parse;
pub mod profiles;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use self::parse::SettingsReader;
use self::profiles::Profile;
use crate::model::time::LONGEST_STALENESS;
use crate::telemetry::logs::LogFormat;

/// Documentation of one setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in the file; the variable is this in capitals after `LATCHKEY_`, the flag this with hyphens.
    pub name: &'static str,
    /// Its default, as text; empty if there is none.
    pub default: &'static str,
    /// Its meaning, with unit and bounds.
    pub meaning: &'static str,
    /// Whether its value must not be shown.
    pub secret: bool,
}

/// A setting without a default, whose value may be shown.
const fn setting(name: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default: "", meaning, secret: false }
}

impl Setting {
    const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }
}

/// All settings.
pub const SETTINGS: [Setting; 43] = [
    setting("database_url", "`sqlite:PATH` or `postgres://…`; unset: the file `latchkey.db` in the data folder")
        .secret(),
    setting("database_url_file", "file with the database URL, instead of `database_url`"),
    setting("data_dir", "folder for the SQLite file, the first operator's token and `addresses.json`")
        .or("./latchkey-data"),
    setting("decision_addr", "address and port for decisions (gRPC)").or("127.0.0.1:50051"),
    setting("admin_addr", "address and port for administration (gRPC and the console)").or("127.0.0.1:8080"),
    setting("ops_addr", "address and port for /metrics, /livez and /readyz (HTTP)").or("127.0.0.1:9090"),
    setting("token", "operator token that the command line uses").secret(),
    setting("token_file", "file with the operator token, instead of `token`"),
    setting(
        "bootstrap_token_file",
        "file with the first operator's token; unset: a token is generated and written to `admin.token` in the data \
         folder",
    ),
    setting(
        "decision_auth",
        "whether callers of the decision port must authenticate as operators: `required` or `off`",
    )
    .or("required"),
    setting("allow_open_decisions", "allows `decision_auth = off` on an address other than loopback").or("false"),
    setting(
        "trusted_proxies",
        "addresses and networks of nginx, Caddy or Traefik that may use /forward-auth/, such as \
         `10.0.0.0/8,127.0.0.1`; unset: /forward-auth/ is disabled",
    ),
    setting(
        "trusted_balancers",
        "addresses and networks of load balancers in front of nginx, Caddy or Traefik, such as `10.1.0.0/16`, and \
         nothing else: the client is the last address in X-Forwarded-For that is not a load balancer; unset: there \
         are none, and the client is unknown if the header has more than one address",
    ),
    setting(
        "max_staleness",
        "how long a replica keeps allowing requests without proof that its state is current, 5s to 1h",
    )
    .or("60s"),
    setting("poll_interval", "longest time between two polls for changes, 20ms to 10s").or("250ms"),
    setting("replica_wait", "how long a write waits for every live replica to apply it, 0s to 30s").or("1s"),
    setting("read_wait", "how long a request waits for a key to be read from the database, 100ms to 5s").or("500ms"),
    setting(
        "start_wait",
        "how long `serve` waits at startup for a database that cannot be reached before it exits with code 1, 0s to \
         10m",
    )
    .or("0s"),
    setting("cache_capacity", "number of keys kept in memory, 1000 to 100000000").or("1000000"),
    setting("log", "log filter, such as `warn` or `latchkey=debug`").or("info"),
    setting("log_format", "log format: `pretty`, `json`, or `auto` (pretty on a terminal)").or("auto"),
    setting("drain", "how long running calls may take to finish when the server stops, 0s to 10m").or("10s"),
    setting(
        "accept_grace",
        "how long calls are still accepted after SIGTERM while health reports NOT_SERVING, at most half of `drain`, \
         0s to 5m; does not apply to SIGINT",
    )
    .or("5s"),
    setting(
        "connection_age",
        "maximum age of a connection before its client is asked to reconnect, 10s to 24h, varied randomly by up to a \
         tenth; 0s: unlimited",
    )
    .or("10m"),
    setting("decision_threads", "number of threads for decisions, 1 to 256; 0: one per core, at most 16").or("0"),
    setting("max_connections", "maximum number of connections to the decision port, 16 to 1000000").or("8192"),
    setting(
        "max_connections_per_peer",
        "maximum number of these connections from one address (IPv6: one /64), 4 to 1000000; 0: a quarter; set it to \
         `max_connections` if all clients connect through one load balancer",
    )
    .or("0"),
    setting(
        "admin_connections",
        "maximum number of connections to the administration port, 16 to 100000; one address can have at most half \
         of them",
    )
    .or("512"),
    setting("migrate", "whether `serve` migrates the tables of the database").or("true"),
    setting("usage", "whether key usage is counted").or("true"),
    setting("decision_tls_cert", "certificate chain of the decision port (PEM file)"),
    setting("decision_tls_key", "private key of the decision port (PEM file)"),
    setting(
        "decision_client_ca",
        "require client certificates on the decision port, issued by an authority in this PEM file",
    ),
    setting("admin_tls_cert", "certificate chain of the administration port (PEM file)"),
    setting("admin_tls_key", "private key of the administration port (PEM file)"),
    setting(
        "admin_client_ca",
        "require client certificates on the administration port, issued by an authority in this PEM file",
    ),
    setting(
        "decision_url",
        "URL of the decision port for the command line, `http://…` or `https://…`; unset: `decision_addr`",
    ),
    setting("admin_url", "URL of the administration port for the command line; unset: `admin_addr`"),
    setting("ca_file", "certificates that the command line trusts in addition to the system's (PEM file)"),
    setting("client_cert", "certificate chain that the command line presents to a port with `…_client_ca` (PEM file)"),
    setting("client_key", "private key of `client_cert` (PEM file)"),
    setting(
        "pool_size",
        "number of Postgres connections for writes, 1 to 100; a server uses 13 more for everything else",
    )
    .or("8"),
    setting("config", "TOML file with these settings"),
];

/// The configuration of a server or of the command line.
#[derive(Clone)]
#[expect(missing_docs, reason = "SETTINGS documents each field under its name")]
pub struct Config {
    pub database_url: String,
    pub data_dir: PathBuf,
    pub decision_addr: SocketAddr,
    pub admin_addr: SocketAddr,
    pub ops_addr: SocketAddr,
    pub token: Option<String>,
    pub token_file: Option<PathBuf>,
    pub bootstrap_token_file: Option<PathBuf>,
    /// Whether callers of the decision port must be operators.
    pub decision_auth: bool,
    pub trusted_proxies: Vec<IpNet>,
    pub trusted_balancers: Vec<IpNet>,
    pub max_staleness: Duration,
    pub poll_interval: Duration,
    pub replica_wait: Duration,
    pub read_wait: Duration,
    pub start_wait: Duration,
    pub cache_capacity: u64,
    pub log: String,
    pub log_format: LogFormat,
    pub drain: Duration,
    pub accept_grace: Duration,
    pub connection_age: Option<Duration>,
    pub max_connections: usize,
    pub max_connections_per_peer: usize,
    pub admin_connections: usize,
    /// At least one.
    pub decision_threads: usize,
    pub migrate: bool,
    pub usage: bool,
    pub decision_tls: Option<TlsFiles>,
    pub admin_tls: Option<TlsFiles>,
    pub decision_url: String,
    pub admin_url: String,
    pub ca_file: Option<PathBuf>,
    /// Client certificate of the command line: certificate chain and private key, PEM.
    pub client_identity: Option<(PathBuf, PathBuf)>,
    pub pool_size: usize,
    /// How gateways read requests, by name, including the built-in profiles.
    pub profiles: BTreeMap<String, Profile>,
    /// Environment variables that begin with `LATCHKEY_` but are service links of kubelet or Docker.
    pub ignored_variables: Vec<String>,
    /// Every setting's value as text and its origin, without secrets, in the order of [`SETTINGS`].
    pub origins: Vec<(Setting, String, SettingOrigin)>,
}

/// The certificates of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, PEM.
    pub cert: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// CA certificates for verifying clients, PEM.
    pub client_ca: Option<PathBuf>,
}

/// The source of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingOrigin {
    /// The default.
    Default,
    /// The TOML file.
    File,
    /// An environment variable.
    Environment,
    /// A flag.
    Flag,
}

/// All errors in a configuration, one sentence each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigErrors(pub Vec<String>);

/// The sources of a configuration.
#[derive(Debug, Default, Clone)]
pub struct Sources {
    /// Flags, by the names of settings.
    pub flags: BTreeMap<String, String>,
    /// All environment variables.
    pub environment: BTreeMap<String, String>,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// All errors in the configuration.
    pub fn load(sources: &Sources) -> Result<Self, ConfigErrors> {
        let mut reader = SettingsReader::new(sources);
        let data_dir = reader.path("data_dir").unwrap_or_default();
        let decision_addr = reader.address("decision_addr");
        let admin_addr = reader.address("admin_addr");
        let default_database = format!("sqlite:{}", data_dir.join("latchkey.db").display());
        let decision_auth = reader.choice("decision_auth", &[("required", true), ("off", false)]);
        let open = reader.choice("allow_open_decisions", BOOLEAN);
        if !decision_auth && !open && !decision_addr.ip().is_loopback() {
            reader.add_error(format!(
                "decision_auth is off and decision_addr is {decision_addr}: anyone who can reach it could check any \
                 key; require authentication, listen on loopback, or set allow_open_decisions = true"
            ));
        }
        let url = |given: Option<String>, address: SocketAddr, tls: bool| {
            given.unwrap_or_else(|| format!("{}://{}", if tls { "https" } else { "http" }, reachable(address)))
        };
        let max_connections = reader.number("max_connections", 16, 1_000_000);
        let max_connections_per_peer = match reader.text("max_connections_per_peer").as_deref() {
            Some("0") => max_connections / 4,
            _ => reader.number("max_connections_per_peer", 4, 1_000_000),
        };
        let decision_tls = reader.tls("decision");
        let admin_tls = reader.tls("admin");
        let config = Self {
            database_url: reader.secret("database_url", "database_url_file").unwrap_or(default_database),
            decision_addr,
            admin_addr,
            ops_addr: reader.address("ops_addr"),
            token: reader.text("token"),
            token_file: reader.path("token_file"),
            bootstrap_token_file: reader.path("bootstrap_token_file"),
            decision_auth,
            trusted_proxies: reader.networks("trusted_proxies"),
            trusted_balancers: reader.networks("trusted_balancers"),
            max_staleness: reader.duration("max_staleness", Duration::from_secs(5), LONGEST_STALENESS),
            poll_interval: reader.duration("poll_interval", Duration::from_millis(20), Duration::from_secs(10)),
            replica_wait: reader.duration("replica_wait", Duration::ZERO, Duration::from_secs(30)),
            read_wait: reader.duration("read_wait", Duration::from_millis(100), Duration::from_secs(5)),
            start_wait: reader.duration("start_wait", Duration::ZERO, Duration::from_mins(10)),
            cache_capacity: reader.number("cache_capacity", 1_000, 100_000_000),
            log: reader.text("log").unwrap_or_default(),
            log_format: reader.choice(
                "log_format",
                &[("auto", LogFormat::Auto), ("pretty", LogFormat::Pretty), ("json", LogFormat::Json)],
            ),
            drain: reader.duration("drain", Duration::ZERO, Duration::from_mins(10)),
            accept_grace: reader.duration("accept_grace", Duration::ZERO, Duration::from_mins(5)),
            connection_age: match reader.text("connection_age").and_then(|text| parse::duration(&text)) {
                Some(Duration::ZERO) => None,
                _ => Some(reader.duration("connection_age", Duration::from_secs(10), Duration::from_hours(24))),
            },
            decision_threads: match reader.number("decision_threads", 0, 256) {
                0 => std::thread::available_parallelism().map_or(1, usize::from).min(16),
                threads => threads,
            },
            max_connections,
            max_connections_per_peer,
            admin_connections: reader.number("admin_connections", 16, 100_000),
            migrate: reader.choice("migrate", BOOLEAN),
            usage: reader.choice("usage", BOOLEAN),
            decision_url: url(reader.text("decision_url"), decision_addr, decision_tls.is_some()),
            admin_url: url(reader.text("admin_url"), admin_addr, admin_tls.is_some()),
            decision_tls,
            admin_tls,
            ca_file: reader.path("ca_file"),
            client_identity: reader.client_identity(),
            pool_size: reader.number("pool_size", 1, 100),
            origins: reader.origins(),
            profiles: reader.profiles,
            ignored_variables: reader.ignored,
            data_dir,
        };
        if reader.errors.is_empty() { Ok(config) } else { Err(ConfigErrors(reader.errors)) }
    }
}

const BOOLEAN: &[(&str, bool)] = &[("true", true), ("false", false)];

/// Returns the address where a client on this machine reaches a server that listens on `address`.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    match (address.ip().is_unspecified(), address.is_ipv4()) {
        (false, _) => address,
        (true, true) => SocketAddr::from(([127, 0, 0, 1], address.port())),
        (true, false) => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, address.port())),
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.origins.iter().map(|(setting, value, _)| (setting.name, value))).finish()
    }
}

#[cfg(test)]
mod tests;
