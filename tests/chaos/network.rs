//! A network namespace with two lines out of it: one on which its server is called, and one to the database, which can be
//! cut as a cable is. Making one takes root; who is not root has a relay that falls silent instead.

use std::net::SocketAddr;
use std::process::Command;

use crate::fleet::server;
use crate::support::process::Builder;
use crate::support::relay::{Relay, Traffic};
use crate::{at, local};

/// The network between a server and its database.
#[derive(Debug)]
pub(crate) struct Network {
    relay: Relay,
    namespace: Option<Namespace>,
}

#[derive(Debug)]
struct Namespace {
    name: String,
    /// Makes addresses and names of interfaces those of this process.
    number: u32,
}

impl Network {
    /// One that leads to the database on `port` of this machine.
    pub(crate) fn to(port: u16) -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self { relay: Relay::to(local(port)), namespace: None };
        }
        let number = std::process::id() % 250;
        let namespace = Namespace { name: format!("latchkey-{number}"), number };
        namespace.make();
        let relay = Relay::listening(SocketAddr::from(([10, 232, namespace.octet(), 1], 0)), local(port));
        Self { relay, namespace: Some(namespace) }
    }

    /// A server at its far end.
    pub(crate) fn server(&self, url: &str, max_staleness: std::time::Duration) -> Builder {
        let builder = server(&at(url, self.relay.address()), max_staleness);
        let Some(namespace) = &self.namespace else {
            return builder;
        };
        let address = format!("10.231.{}.2:0", namespace.number);
        let ports = ["LATCHKEY_DECISION_ADDR", "LATCHKEY_ADMIN_ADDR", "LATCHKEY_OPS_ADDR"];
        let builder = ports.into_iter().fold(builder, |builder, port| builder.env(port, &address));
        builder.under(&["ip", "netns", "exec", &namespace.name])
    }

    /// Cuts the line to the database.
    pub(crate) fn cut(&self) {
        match &self.namespace {
            Some(namespace) => ip(&format!("link set {} down", namespace.interface('d'))),
            None => self.relay.set(Traffic::Silent),
        }
    }

    /// Mends it.
    pub(crate) fn mend(&self) {
        match &self.namespace {
            Some(namespace) => ip(&format!("link set {} up", namespace.interface('d'))),
            None => self.relay.set(Traffic::Open),
        }
    }
}

impl Namespace {
    fn octet(&self) -> u8 {
        u8::try_from(self.number).expect("less than 250")
    }

    /// Name of the interface outside, on the line of callers (`c`) or of the database (`d`).
    fn interface(&self, line: char) -> String {
        format!("lk{line}{}", self.number)
    }

    fn make(&self) {
        let Self { name, number } = self;
        // What an earlier process of the same number left behind when it was killed.
        drop(Command::new("ip").args(["netns", "del", name]).output());
        ip(&format!("netns add {name}"));
        ip(&format!("-n {name} link set lo up"));
        for (line, network) in [('c', 231), ('d', 232)] {
            let outside = self.interface(line);
            ip(&format!("link add {outside} type veth peer name {line}0 netns {name}"));
            ip(&format!("addr add 10.{network}.{number}.1/30 dev {outside}"));
            ip(&format!("link set {outside} up"));
            ip(&format!("-n {name} addr add 10.{network}.{number}.2/30 dev {line}0"));
            ip(&format!("-n {name} link set {line}0 up"));
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Its interfaces go with it.
        drop(Command::new("ip").args(["netns", "del", &self.name]).output());
    }
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.expect("ip is needed: run `make setup` (Debian: iproute2)");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
