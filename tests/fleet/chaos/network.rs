//! A network namespace with two links to the outside: one on which its server is called, and one to the database, which
//! can be cut like a cable. Creating one requires root; without root, tests use a relay that stops responding.
//!
//! The namespace belongs to a sleeping process, not to a name of `ip netns`: that mounts, which does not work
//! everywhere where tests run (in a chroot, for example).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::chaos::at;
use crate::chaos::local;
use helpers::fleet::server;
use helpers::support::eventually;
use helpers::support::process::Builder;
use helpers::support::relay::{Relay, Traffic};

/// The network between a server and its database.
#[derive(Debug)]
pub(crate) struct Network {
    relay: Relay,
    namespace: Option<Namespace>,
}

#[derive(Debug)]
struct Namespace {
    /// Process that holds the namespace.
    holder: Child,
    /// Number that makes addresses and interface names unique to this process.
    number: u32,
}

impl Network {
    /// Creates a network that connects to the database on `port` of this machine.
    pub(crate) fn to(port: u16) -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self { relay: Relay::to(local(port)), namespace: None };
        }
        let namespace = Namespace::make(std::process::id() % 250);
        let relay = Relay::listen_on(SocketAddr::from(([10, 232, namespace.octet(), 1], 0)), local(port));
        Self { relay, namespace: Some(namespace) }
    }

    /// Returns the builder of a server at its far end.
    pub(crate) fn server(&self, url: &str, max_staleness: Duration) -> Builder {
        let builder = server(&at(url, self.relay.address()), max_staleness);
        let Some(namespace) = &self.namespace else {
            return builder;
        };
        let address = format!("10.231.{}.2:0", namespace.number);
        let ports = ["LATCHKEY_DECISION_ADDR", "LATCHKEY_ADMIN_ADDR", "LATCHKEY_OPS_ADDR"];
        let builder = ports.into_iter().fold(builder, |builder, port| builder.env(port, &address));
        builder.under(&["nsenter", "--target", &namespace.holder.id().to_string(), "--net"])
    }

    /// Cuts the link to the database.
    pub(crate) fn cut(&self) {
        match &self.namespace {
            Some(namespace) => ip(&format!("link set {} down", namespace.interface('d'))),
            None => self.relay.set(Traffic::Silent),
        }
    }

    /// Restores the link.
    pub(crate) fn reconnect(&self) {
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

    /// Returns the name of the outer interface of the callers' (`c`) or the database's (`d`) link.
    fn interface(&self, line: char) -> String {
        format!("lk{line}{}", self.number)
    }

    fn make(number: u32) -> Self {
        // It ends by itself if the test is killed.
        let holder = Command::new("unshare").args(["--net", "sleep", "1800"]).stdin(Stdio::null()).spawn();
        let namespace = Self { holder: holder.expect("unshare is needed (Debian: util-linux)"), number };
        eventually("the namespace is there", Duration::from_secs(10), || {
            (net_of("self") != net_of(&namespace.holder.id().to_string())).then_some(())
        });
        namespace.ip("link set lo up");
        for (line, network) in [('c', 231), ('d', 232)] {
            let outside = namespace.interface(line);
            // Left over from a killed process of the same number.
            drop(Command::new("ip").args(["link", "del", &outside]).output());
            ip(&format!("link add {outside} type veth peer name {line}0 netns {}", namespace.holder.id()));
            ip(&format!("addr add 10.{network}.{number}.1/30 dev {outside}"));
            ip(&format!("link set {outside} up"));
            namespace.ip(&format!("addr add 10.{network}.{number}.2/30 dev {line}0"));
            namespace.ip(&format!("link set {line}0 up"));
        }
        namespace
    }

    /// Runs `ip` inside the namespace.
    fn ip(&self, arguments: &str) {
        let mut inside = Command::new("nsenter");
        inside.args(["--target", &self.holder.id().to_string(), "--net", "ip"]);
        run(&mut inside, arguments);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Its interfaces disappear with it.
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}

/// Returns the network namespace of a process; `None` if it cannot be determined.
fn net_of(process: &str) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{process}/ns/net")).ok()
}

fn ip(arguments: &str) {
    run(&mut Command::new("ip"), arguments);
}

fn run(command: &mut Command, arguments: &str) {
    let output = command.args(arguments.split(' ')).output();
    let output = output.expect("ip and nsenter are needed: run `make setup` (Debian: iproute2, util-linux)");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
