//! Parsing the URL: the parameters of tokio-postgres, and those it does not support.
//!
//! | parameter | meaning |
//! |---|---|
//! | `sslmode=disable` | no TLS |
//! | `sslmode=prefer` (default) | TLS if available, without verification: a forger could refuse TLS as well |
//! | `sslmode=require`, `verify-ca`, `verify-full` | TLS, with a certificate for this host from a trusted authority |
//! | `sslrootcert=PATH` | the trusted authorities, as PEM, instead of the machine's |

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// The longest time to connect to one address (connecting, TLS, authentication), unless the URL sets another one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long sent data may stay unacknowledged before the connection counts as broken.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is idle before the first keepalive probe, the time between probes, and how many may stay
/// unanswered.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(10), Duration::from_secs(3), 3);

#[derive(Clone)]
pub(in crate::storage) struct UrlSettings {
    pub(super) config: Config,
    pub(super) connect_timeout: Duration,
    pub(super) verify_certificate: bool,
    pub(super) root_certificates: Option<PathBuf>,
}

impl UrlSettings {
    /// Parses a URL; returns why it is invalid, without any part of a password.
    pub(in crate::storage) fn parse(url: &str) -> Result<Self, String> {
        check_unambiguous(url)?;
        // Parsed like in tokio-postgres: user and password end at the first `@`.
        let host = url.find('@').unwrap_or(0);
        let (place, parameters) = match url[host..].find('?') {
            Some(mark) => (&url[..host + mark], &url[host + mark + 1..]),
            None => (url, ""),
        };
        let (mut verify_certificate, mut root_certificates, mut kept) = (false, None, Vec::new());
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslrootcert", path)) => root_certificates = Some(PathBuf::from(decode(path)?)),
                Some(("sslmode", "require" | "verify-ca" | "verify-full")) => {
                    verify_certificate = true;
                    kept.push("sslmode=require");
                }
                _ => kept.push(parameter),
            }
        }
        let rest = if kept.is_empty() { place.to_owned() } else { format!("{place}?{}", kept.join("&")) };
        let mut config: Config = rest.parse().map_err(|error| explain(&error, parameters))?;
        let nowhere = |host: &Host| matches!(host, Host::Tcp(host) if host.is_empty());
        if config.get_hosts().is_empty() || config.get_hosts().iter().any(nowhere) {
            return Err("it has no host".to_owned());
        }
        if root_certificates.is_some() && !verify_certificate {
            return Err("sslrootcert requires sslmode=require".to_owned());
        }
        if config.get_application_name().is_none() {
            config.application_name("latchkey");
        }
        let (hosts, ports, addresses) =
            (config.get_hosts().len(), config.get_ports().len(), config.get_hostaddrs().len());
        if ports > 1 && ports != hosts || addresses > 0 && addresses != hosts {
            return Err("the number of ports or addresses (hostaddr) differs from the number of hosts".to_owned());
        }
        let connect_timeout = config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        // Distinguishes a host that drops packets from one that accepts connections but never responds.
        config.connect_timeout(connect_timeout * 3 / 4);
        config.tcp_user_timeout(config.get_tcp_user_timeout().copied().unwrap_or(TCP_USER_TIMEOUT));
        if !kept.iter().any(|parameter| parameter.split('=').next() == Some("keepalives_idle")) {
            config.keepalives_idle(KEEPALIVE.0);
        }
        config.keepalives_interval(config.get_keepalives_interval().unwrap_or(KEEPALIVE.1));
        config.keepalives_retries(config.get_keepalives_retries().unwrap_or(KEEPALIVE.2));
        Ok(Self { config, connect_timeout, verify_certificate, root_certificates })
    }

    /// Returns the driver's settings for a connection to one of the hosts, at `address` if known.
    pub(super) fn config_for(&self, host: &Host, address: Option<IpAddr>, port: u16) -> Config {
        let all = &self.config;
        let mut one = Config::new();
        match host {
            Host::Tcp(host) => one.host(host.clone()),
            Host::Unix(path) => one.host_path(path),
        };
        address.map(|address| one.hostaddr(address));
        all.get_user().map(|user| one.user(user));
        all.get_password().map(|password| one.password(password));
        all.get_dbname().map(|name| one.dbname(name));
        all.get_options().map(|options| one.options(options));
        all.get_application_name().map(|name| one.application_name(name));
        all.get_connect_timeout().map(|timeout| one.connect_timeout(*timeout));
        all.get_tcp_user_timeout().map(|timeout| one.tcp_user_timeout(*timeout));
        all.get_keepalives_interval().map(|interval| one.keepalives_interval(interval));
        all.get_keepalives_retries().map(|retries| one.keepalives_retries(retries));
        one.port(port)
            .ssl_mode(all.get_ssl_mode())
            .ssl_negotiation(all.get_ssl_negotiation())
            .keepalives(all.get_keepalives())
            .keepalives_idle(all.get_keepalives_idle())
            .target_session_attrs(all.get_target_session_attrs())
            .channel_binding(all.get_channel_binding())
            .load_balance_hosts(all.get_load_balance_hosts());
        one
    }

    pub(super) fn database(&self) -> &str {
        // Like the server: the default is the user's name.
        self.config.get_dbname().or_else(|| self.config.get_user()).unwrap_or("named like the user")
    }

    /// Returns the location of the server, for people: hosts with ports.
    pub(super) fn location(&self) -> String {
        self.addresses().into_iter().map(|(text, _)| text).collect::<Vec<_>>().join(", ")
    }

    /// Returns every host with its port, for people, and its port.
    pub(super) fn addresses(&self) -> Vec<(String, u16)> {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(n, host)| {
            let port = ports.get(n).or_else(|| ports.first()).copied().unwrap_or(5432);
            let text = match host {
                Host::Tcp(host) => format!("{host}:{port}"),
                Host::Unix(path) => format!("{} (port {port})", path.display()),
            };
            (text, port)
        });
        hosts.collect()
    }
}

/// Refuses a URL in which part of a password could be mistaken for a host, a database or a parameter, and so be shown.
fn check_unambiguous(url: &str) -> Result<(), String> {
    const ENCODE: &str = "in a user, a password or a parameter, write @ as %40, / as %2F, ? as %3F, & as %26, % as %25";

    if url.chars().any(char::is_control) {
        return Err("it contains a line break or another control character".to_owned());
    }
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (user, place) = rest.split_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
    if place.contains('@') {
        return Err(format!("it has more than one @; {ENCODE}"));
    }
    if user.is_some_and(|user| user.contains(['/', '?'])) {
        return Err(format!("there is a / or a ? before the @; {ENCODE}"));
    }
    Ok(())
}

/// Explains why a URL is invalid. Repeats only names of parameters, and none after a password, which they may be part
/// of.
fn explain(error: &tokio_postgres::Error, parameters: &str) -> String {
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let name = text.split('`').nth(1).unwrap_or_default();
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    // Decoded like in tokio-postgres; what cannot be decoded could be anything.
    let is_password = |parameter: &str| {
        decode(parameter.split('=').next().unwrap_or_default()).is_ok_and(|name| name.contains("password"))
    };
    let password = parameters.contains('%') || parameters.split('&').any(is_password);
    match text.split('`').next() {
        Some(what @ "invalid value for option ") if plain => format!("{what}{name}"),
        Some(what @ "unknown option ") if plain && !password => format!("{what}{name}"),
        Some("unknown option ") => "it has an unknown option".to_owned(),
        _ => "it is not well-formed".to_owned(),
    }
}

fn decode(text: &str) -> Result<String, String> {
    let bad = || "the percent-encoding of sslrootcert is invalid".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).ok_or_else(bad)?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| bad())?);
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::{SslMode, TargetSessionAttrs};

    use super::*;

    #[test]
    fn a_url_of_several_hosts_is_read() {
        let url = "postgres://u:p@db1:5433,db2/latchkey?target_session_attrs=read-write&sslmode=require\
                   &sslrootcert=%2Fetc%2Fca.pem";
        let settings = UrlSettings::parse(url).unwrap();
        assert_eq!(settings.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(settings.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(settings.config.get_application_name(), Some("latchkey"));
        assert_eq!(settings.root_certificates, Some(PathBuf::from("/etc/ca.pem")));
        assert!(settings.verify_certificate);
        assert_eq!(settings.location(), "db1:5433, db2:5432");
    }

    #[test]
    fn a_connection_to_one_host_has_every_setting_of_the_url() {
        let url = "postgres://u:p@db:5433/latchkey?target_session_attrs=read-write&sslmode=require&options=-c%20a%3Db\
                   &connect_timeout=7&tcp_user_timeout=8&keepalives=0&keepalives_idle=9&keepalives_interval=10\
                   &keepalives_retries=11&channel_binding=require&load_balance_hosts=random&application_name=x\
                   &sslnegotiation=postgres&hostaddr=10.0.0.1";
        let settings = UrlSettings::parse(url).unwrap();
        let one = settings.config_for(&Host::Tcp("db".to_owned()), Some("10.0.0.1".parse().unwrap()), 5433);
        assert_eq!(format!("{one:?}"), format!("{:?}", settings.config));
        assert_eq!(one.get_password(), Some(&b"p"[..]));
        assert_eq!(
            (settings.connect_timeout, one.get_keepalives_idle()),
            (Duration::from_secs(7), Duration::from_secs(9))
        );
        let settings = UrlSettings::parse("postgres://u@db/latchkey").unwrap();
        let one = settings.config_for(&Host::Tcp("db".to_owned()), None, 5432);
        assert_eq!(one.get_tcp_user_timeout(), Some(&TCP_USER_TIMEOUT));
        assert_eq!(one.get_keepalives_idle(), KEEPALIVE.0);
    }

    #[test]
    fn tls_is_preferred_and_not_verified_unless_asked_for() {
        let settings = UrlSettings::parse("postgres://u@db/latchkey").unwrap();
        assert_eq!((settings.config.get_ssl_mode(), settings.verify_certificate), (SslMode::Prefer, false));
        assert!(UrlSettings::parse("postgres://u@db/latchkey?sslmode=verify-full").unwrap().verify_certificate);
        assert!(UrlSettings::parse("postgres://u:p%3Fw@db/latchkey?sslmode=require").unwrap().verify_certificate);
    }

    #[test]
    fn what_is_wrong_is_named_without_the_password() {
        let wrong = |url| UrlSettings::parse(url).map(|_| ()).unwrap_err();
        assert_eq!(wrong("postgres://h/d?nonsense=1"), "unknown option nonsense");
        assert_eq!(wrong("postgres://h/d?sslmode=maybe"), "invalid value for option sslmode");
        assert_eq!(wrong("postgres:///d"), "it has no host");
        assert_eq!(wrong("postgres://u:se?cr/et"), "invalid value for option port");
        assert_eq!(wrong("postgres://h/d?password=a&secret=b"), "it has an unknown option");
        assert_eq!(wrong("postgres://h/d?pass%77ord=a&secret=b"), "it has an unknown option");
        assert_eq!(wrong("postgres://h/d?sslrootcert=a"), "sslrootcert requires sslmode=require");
    }

    #[test]
    fn no_part_of_a_password_is_taken_for_a_place() {
        // Unencoded, many of these would end the password early for some parser.
        for special in
            ["@", "/", "?", "#", "@x/", "@x?", "/@", "?a=@", "#@", "@@", "\n", "\r\n", "\t", "[", "]", " ", "/ @"]
        {
            let password = format!("hun{special}ter2");
            for url in [
                format!("postgres://u:{password}@db/latchkey"),
                format!("postgres://u:{password}@db:5432/latchkey?sslmode=require"),
                format!("postgres://db/latchkey?user=u&password={password}"),
            ] {
                match UrlSettings::parse(&url) {
                    Ok(settings) => {
                        let shown = (settings.location(), settings.database().to_owned());
                        assert_eq!(shown, ("db:5432".to_owned(), "latchkey".to_owned()), "{url:?}");
                        assert_eq!(settings.config.get_password(), Some(password.as_bytes()), "{url:?}");
                    }
                    Err(message) => {
                        assert!(!message.contains("hun") && !message.contains("ter2"), "{url:?}: {message}")
                    }
                }
            }
        }
        // If percent-encoded or unambiguous, everything is the password.
        for (written, meant) in [
            ("p%40s%3As%2F%3F%23%25%20%0A%5B%5D%26", "p@s:s/?#% \n[]&"),
            ("a:b", "a:b"),
            ("100%", "100%"),
            ("a&b=c+;!$'()*,~", "a&b=c+;!$'()*,~"),
        ] {
            let settings = UrlSettings::parse(&format!("postgres://u:{written}@db/latchkey")).unwrap();
            assert_eq!(settings.config.get_password(), Some(meant.as_bytes()));
            assert_eq!((settings.location(), settings.database()), ("db:5432".to_owned(), "latchkey"));
        }
    }
}
