//! All processes: etcd, the nodes, HAProxy, pgbouncer, and the servers with relays in front of their database.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::availability::node::Node;
use helpers::fleet::{Fleet, now, server};
use helpers::support::daemon::Daemon;
use helpers::support::machine::{Account, find_program, free_port, run_as};
use helpers::support::postgres::query;
use helpers::support::relay::{Relay, Traffic};
use helpers::support::workspace::Workspace;
use helpers::support::{eventually, eventually_async, pass};

/// The default of servers: longer than anything takes that Patroni does here.
pub const MAX_STALENESS: Duration = Duration::from_secs(60);
/// Bound for the cluster to recover: a node may have to be copied again.
const SETTLED: Duration = Duration::from_secs(180);

/// How each server connects to the database, in the order of the fleet.
pub const CONNECTIONS: [&str; 3] = ["several hosts", "HAProxy", "pgbouncer"];

/// The cluster and the servers.
#[derive(Debug)]
pub struct HaCluster {
    /// The servers.
    pub fleet: Fleet,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Relays through which each server connects to its database.
    relays: [Vec<Relay>; 3],
    // Declared before the workspace, because fields are dropped in order.
    _daemons: Vec<Daemon>,
    _workspace: Workspace,
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

impl HaCluster {
    /// Starts all processes.
    pub async fn start() -> Self {
        let workspace = Workspace::new("ha");
        let (etcd, etcd_address) = start_etcd(&workspace);
        // The first node creates the database; the others copy it.
        let mut nodes = vec![Node::start(&workspace, 0, etcd_address)];
        eventually("the first node is the primary", SETTLED, || nodes[0].is_primary().then_some(()));
        for number in 1..3 {
            nodes.push(Node::start(&workspace, number, etcd_address));
        }
        let (haproxy, haproxy_address) = start_haproxy(&workspace, &nodes);
        let (bouncer, bouncer_address) = start_bouncer(&workspace, haproxy_address);
        settle(&nodes, SETTLED);
        let admin = format!("postgres://postgres@{haproxy_address}/postgres");
        eventually("HAProxy leads to the primary", SETTLED, || query(&admin, "CREATE DATABASE latchkey").ok());

        let hosts: Vec<_> = nodes.iter().map(|node| Relay::to(node.postgres)).collect();
        let relays = [hosts, vec![Relay::to(haproxy_address)], vec![Relay::to(bouncer_address)]];
        let url = |relays: &[Relay]| {
            let all: Vec<_> = relays.iter().map(|relay| relay.address().to_string()).collect();
            let query = if all.len() > 1 { "?target_session_attrs=read-write" } else { "" };
            format!("postgres://postgres@{}/latchkey{query}", all.join(","))
        };
        let builders = relays.iter().map(|relays| server(&url(relays), MAX_STALENESS)).collect();
        let fleet = Fleet::start(builders, MAX_STALENESS).await;
        Self { fleet, nodes, relays, _daemons: vec![etcd, haproxy, bouncer], _workspace: workspace }
    }

    /// Returns the number of the primary.
    pub fn primary(&self) -> usize {
        eventually("there is one primary", SETTLED, || {
            let primaries: Vec<_> = (0..3).filter(|at| self.nodes[*at].is_primary()).collect();
            if let [primary] = primaries.as_slice() { Some(*primary) } else { None }
        })
    }

    /// Returns the number of the synchronous standby, or else of any.
    pub fn standby(&self) -> usize {
        let primary = self.primary();
        let synchronous = |at: &usize| {
            self.nodes[*at].get_json("/patroni").is_some_and(|status| status["sync_standby"].as_bool() == Some(true))
        };
        let standbys: Vec<_> = (0..3).filter(|at| *at != primary).collect();
        standbys.iter().copied().find(synchronous).unwrap_or(standbys[0])
    }

    /// Waits until all nodes follow one primary, and every server is ready.
    pub async fn wait_settled(&self) {
        settle(&self.nodes, SETTLED);
        self.fleet.wait_all_ready().await;
    }

    /// Sets whether commits wait for a standby.
    pub fn set_synchronous(&self, synchronous: bool) {
        let node = &self.nodes[self.primary()];
        node.post("PATCH", "/config", &json!({ "synchronous_mode": synchronous })).expect("it is configured");
        eventually("commits wait for a standby, or do not", SETTLED, || {
            let url = format!("postgres://postgres@{}/postgres", node.postgres);
            let rows = query(&url, "SELECT current_setting('synchronous_standby_names') <> ''").ok()?;
            (rows[0][0].as_deref() == Some(if synchronous { "t" } else { "f" })).then_some(())
        });
    }

    /// Partitions a server from its database, or ends that.
    pub fn partition_server(&self, at: usize, cut: bool) {
        for relay in &self.relays[at] {
            relay.set(if cut { Traffic::Silent } else { Traffic::Open });
        }
    }

    /// Waits until there is another primary than `before`.
    pub async fn wait_for_new_primary(&self, before: usize) -> Duration {
        eventually_async("another node is the primary", SETTLED, async || {
            let other = (0..3).filter(|at| *at != before).any(|at| self.nodes[at].is_primary());
            pass(Duration::from_millis(100)).await;
            other.then_some(())
        })
        .await;
        now()
    }
}

/// Waits until there is one leader with two followers, one of them synchronous if that is configured.
fn settle(nodes: &[Node], bound: Duration) {
    eventually("all nodes follow one leader", bound, || {
        let status = nodes.iter().filter_map(|node| node.get_json("/cluster")).next_back()?;
        let synchronous = nodes.iter().find_map(|node| node.get_json("/config"))?["synchronous_mode"] == true;
        let members = status["members"].as_array().cloned().unwrap_or_default();
        let of = |role: &str| members.iter().filter(|member| member["role"] == role).count();
        let well = |member: &&Value| {
            matches!(member["state"].as_str(), Some("running" | "streaming"))
                && (member["role"] == "leader" || member["lag"].as_u64().is_some_and(|lag| lag < 1 << 20))
        };
        let all = members.len() == 3 && members.iter().filter(well).count() == 3;
        (all && of("leader") == 1 && (!synchronous || of("sync_standby") == 1)).then_some(())
    });
}

fn start_etcd(workspace: &Workspace) -> (Daemon, SocketAddr) {
    let program = find_program("etcd", &[]).expect("etcd is needed: run `make setup` (Debian: etcd-server)");
    let folder = workspace.folder("etcd", Account::for_servers());
    let (client, peer) = (local(free_port()), local(free_port()));
    let mut command = Command::new(program);
    let (client_url, peer_url) = (format!("http://{client}"), format!("http://{peer}"));
    command.args(["--name", "etcd", "--data-dir"]).arg(folder.join("data"));
    command.args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url]);
    command.args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url]);
    command.args(["--initial-cluster", &format!("etcd={peer_url}"), "--unsafe-no-fsync"]);
    (launch("etcd", command, &folder), client)
}

fn start_haproxy(workspace: &Workspace, nodes: &[Node]) -> (Daemon, SocketAddr) {
    let program = find_program("haproxy", &[Path::new("/usr/sbin")]);
    let program = program.expect("HAProxy is needed: run `make setup` (Debian: haproxy)");
    let folder = workspace.folder("haproxy", Account::for_servers());
    let address = local(free_port());
    let servers: Vec<_> = nodes
        .iter()
        .map(|node| format!("  server {} {} check port {}\n", node.name, node.postgres, node.rest.port()))
        .collect();
    let text = format!(
        "global\n  maxconn 1000\ndefaults\n  mode tcp\n  timeout connect 2s\n  timeout client 1h\n  timeout server 1h\n  \
         timeout check 1s\nlisten primary\n  bind {address}\n  option httpchk OPTIONS /primary\n  http-check expect status 200\n  \
         default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions\n{}",
        servers.concat()
    );
    std::fs::write(folder.join("haproxy.cfg"), text).expect("the configuration can be written");
    let mut command = Command::new(program);
    command.arg("-f").arg(folder.join("haproxy.cfg"));
    (launch("haproxy", command, &folder), address)
}

fn start_bouncer(workspace: &Workspace, haproxy: SocketAddr) -> (Daemon, SocketAddr) {
    let program = find_program("pgbouncer", &[Path::new("/usr/sbin")]);
    let program = program.expect("pgbouncer is needed: run `make setup` (Debian: pgbouncer)");
    let folder = workspace.folder("bouncer", Account::for_servers());
    let address = local(free_port());
    let text = format!(
        "[databases]\n* = host={} port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
         unix_socket_dir =\nauth_type = any\npool_mode = transaction\nmax_client_conn = 500\nserver_login_retry = 1\n",
        haproxy.ip(),
        haproxy.port(),
        address.port()
    );
    std::fs::write(folder.join("pgbouncer.ini"), text).expect("the configuration can be written");
    let mut command = Command::new(program);
    command.arg(folder.join("pgbouncer.ini"));
    (launch("pgbouncer", command, &folder), address)
}

fn launch(name: &str, mut command: Command, folder: &Path) -> Daemon {
    command.env_clear().env("LANG", "C.UTF-8").current_dir(folder);
    run_as(&mut command, Account::for_servers());
    let log = folder.with_extension("log");
    Daemon::spawn(name, command, &log, &log)
}
