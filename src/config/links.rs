//! Service links: variables that begin with `LATCHKEY_` although nobody set them for Latchkey. kubelet and Docker add
//! them to a container's environment for services and linked containers whose names begin with `latchkey`.
//!
//! | variable | value |
//! |---|---|
//! | `NAME_SERVICE_HOST` | an IP address |
//! | `NAME_SERVICE_PORT`, `NAME_SERVICE_PORT_PORTNAME` | a port |
//! | `NAME_PORT`, `NAME_PORT_8080_TCP` | `tcp://10.0.0.1:8080` |
//! | `NAME_PORT_8080_TCP_PROTO`, `…_PORT`, `…_ADDR` | `tcp`, a port, an IP address |
//! | `NAME_PORT_8080_TCP_START`, `…_END`, `…_PORT_START`, `…_PORT_END` | the same, from Docker for a range of ports |
//! | `NAME_NAME` | `/container/alias`, from Docker |
//! | `NAME_ENV_VARIABLE` | anything, from Docker, together with a `NAME_NAME` or `NAME_PORT` |
//!
//! Both name and value must match: `LATCHKEY_ADMIN_PORT=8080` is a mistake for `LATCHKEY_ADMIN_ADDR`, and is refused.
//! No setting has a name of this shape; a test in this file enforces that.

use std::collections::BTreeMap;
use std::net::IpAddr;

const PROTOCOLS: [&str; 3] = ["tcp", "udp", "sctp"];

/// Returns whether the variable is a service link. `all` contains all variables of the environment.
pub(super) fn is_link(name: &str, value: &str, all: &BTreeMap<String, String>) -> bool {
    by_itself(name, value) || of_linked_container(name, all)
}

/// Returns whether name and value alone identify a service link.
fn by_itself(name: &str, value: &str) -> bool {
    if !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_') {
        return false;
    }
    if name.ends_with("_SERVICE_HOST") {
        return is_address(value);
    }
    let is_port_name = name.split_once("_SERVICE_PORT_").is_some_and(|(_, port)| !port.is_empty());
    if name.ends_with("_SERVICE_PORT") || is_port_name {
        return is_port(value);
    }
    if name.ends_with("_NAME") && is_container(value) {
        return true;
    }
    match of_port(name) {
        Some("" | "START" | "END") => is_url(value),
        Some("PROTO") => PROTOCOLS.contains(&value),
        Some("PORT" | "PORT_START" | "PORT_END") => is_port(value),
        Some("ADDR") => is_address(value),
        _ => name.ends_with("_PORT") && is_url(value),
    }
}

/// Returns whether Docker passes on a variable of a linked container, as `NAME_ENV_VARIABLE`.
fn of_linked_container(name: &str, all: &BTreeMap<String, String>) -> bool {
    name.match_indices("_ENV_").any(|(at, _)| {
        let linked = &name[..at];
        let is_set = |end: &str| {
            let name = format!("{linked}{end}");
            all.get(&name).is_some_and(|value| by_itself(&name, value))
        };
        is_set("_NAME") || is_set("_PORT")
    })
}

/// Returns the part of a name after `…_PORT_8080_TCP_`; an empty text if it ends with `…_PORT_8080_TCP`.
fn of_port(name: &str) -> Option<&str> {
    name.rmatch_indices("_PORT_").find_map(|(at, mark)| {
        let (port, rest) = name[at + mark.len()..].split_once('_')?;
        let (protocol, rest) = rest.split_once('_').unwrap_or((rest, ""));
        (is_port(port) && PROTOCOLS.contains(&protocol.to_ascii_lowercase().as_str())).then_some(rest)
    })
}

/// Matches `tcp://10.0.0.1:8080`, `tcp://[fd00::1]:8080`, and `tcp://fd00::1:8080` as in older versions of Docker.
fn is_url(value: &str) -> bool {
    let Some((protocol, rest)) = value.split_once("://") else { return false };
    let Some((host, port)) = rest.rsplit_once(':') else { return false };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    PROTOCOLS.contains(&protocol) && is_address(host) && is_port(port)
}

fn is_address(value: &str) -> bool {
    value.parse::<IpAddr>().is_ok()
}

fn is_port(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit()) && value.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Matches `/container/alias`.
fn is_container(value: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    value.strip_prefix('/').and_then(|rest| rest.split_once('/')).is_some_and(|(one, two)| part(one) && part(two))
}

#[cfg(test)]
mod tests {
    use super::super::SETTINGS;
    use super::*;

    fn alone(name: &str, value: &str) -> bool {
        is_link(name, value, &BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn what_kubelet_and_docker_set_is_a_link() {
        for (name, value) in [
            ("LATCHKEY_SERVICE_HOST", "10.96.0.7"),
            ("LATCHKEY_SERVICE_PORT", "50051"),
            ("LATCHKEY_SERVICE_PORT_GRPC_DECISION", "50051"),
            ("LATCHKEY_PORT", "tcp://10.96.0.7:50051"),
            ("LATCHKEY_PORT_50051_TCP", "tcp://10.96.0.7:50051"),
            ("LATCHKEY_PORT_50051_TCP_PROTO", "tcp"),
            ("LATCHKEY_PORT_50051_TCP_PORT", "50051"),
            ("LATCHKEY_PORT_50051_TCP_ADDR", "10.96.0.7"),
            ("LATCHKEY_ADMIN_SERVICE_HOST", "fd00::7"),
            ("LATCHKEY_ADMIN_PORT", "tcp://[fd00::7]:8080"),
            ("LATCHKEY_ADMIN_PORT_53_UDP", "udp://10.96.0.7:53"),
            ("LATCHKEY_ADMIN_PORT_53_UDP_PROTO", "udp"),
            ("LATCHKEY_ADMIN_PORT_9_SCTP_ADDR", "fd00::7"),
            // A Service named latchkey-decision-addr, and one named latchkey-port-1-tcp.
            ("LATCHKEY_DECISION_ADDR_PORT", "tcp://10.96.0.7:50051"),
            ("LATCHKEY_PORT_1_TCP_SERVICE_HOST", "10.96.0.7"),
            ("LATCHKEY_PORT_1_TCP_PORT_80_TCP_PROTO", "tcp"),
            ("LATCHKEY_NAME", "/order-api/latchkey"),
            ("LATCHKEY_DB_NAME", "/order_api.1/latchkey-db"),
            ("LATCHKEY_PORT_8000_TCP_START", "tcp://172.17.0.2:8000"),
            ("LATCHKEY_PORT_8000_TCP_PORT_END", "8010"),
        ] {
            assert!(alone(name, value), "{name}={value}");
        }
    }

    #[test]
    fn what_somebody_mistyped_is_none() {
        for (name, value) in [
            ("LATCHKEY_ADMIN_PORT", "8080"),
            ("LATCHKEY_ADMIN_PORT", "0.0.0.0:8080"),
            ("LATCHKEY_ADMIN_PORT", "http://10.0.0.1:8080"),
            ("LATCHKEY_ADMIN_PORT", "tcp://latchkey:8080"),
            ("LATCHKEY_ADMIN_PORT", "tcp://10.0.0.1"),
            ("LATCHKEY_ADMIN_PORT", "tcp://10.0.0.1:0"),
            ("LATCHKEY_ADMIN_PORT", "tcp://10.0.0.1:+80"),
            ("LATCHKEY_SERVICE_HOST", "latchkey.example"),
            ("LATCHKEY_SERVICE_HOST", ""),
            ("LATCHKEY_SERVICE_PORT", "http"),
            ("LATCHKEY_SERVICE_PORT_", "80"),
            ("LATCHKEY_PORT_50051_HTTP", "tcp://10.0.0.1:80"),
            ("LATCHKEY_PORT_50051_TCP_ADDR", "0.0.0.0:50051"),
            ("LATCHKEY_DECISION_ADDRESS", "10.0.0.1"),
            ("LATCHKEY_DATABASE_NAME", "latchkey"),
            ("LATCHKEY_DATABASE_NAME", "/var/lib/latchkey/db"),
            ("LATCHKEY_DB_ENV_PASSWORD", "hunter2"),
            ("LATCHKEY_admin_PORT", "tcp://10.0.0.1:80"),
        ] {
            assert!(!alone(name, value), "{name}={value}");
        }
    }

    #[test]
    fn variables_of_a_linked_container_need_the_link_beside_them() {
        let mut all = BTreeMap::from([("LATCHKEY_DB_ENV_PGDATA".to_owned(), "/data".to_owned())]);
        assert!(!is_link("LATCHKEY_DB_ENV_PGDATA", "/data", &all));
        all.insert("LATCHKEY_DB_NAME".to_owned(), "/web/latchkey-db".to_owned());
        assert!(is_link("LATCHKEY_DB_ENV_PGDATA", "/data", &all));
        assert!(!is_link("LATCHKEY_OTHER_ENV_PGDATA", "/data", &all));
    }

    #[test]
    fn no_setting_has_the_name_of_a_link() {
        let values = ["10.0.0.1", "80", "tcp://10.0.0.1:80", "tcp", "/a/b"];
        for setting in SETTINGS {
            let name = format!("LATCHKEY_{}", setting.name.to_uppercase());
            for value in values {
                assert!(!alone(&name, value), "{name} could be a service link");
            }
        }
    }
}
