//! A node: Patroni and its PostgreSQL, with a relay in front of each port for other nodes, and in front of its etcd.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use helpers::support::daemon::Daemon;
use helpers::support::eventually;
use helpers::support::machine::{Account, chown, find_program, free_port, run_as};
use helpers::support::relay::{Relay, Traffic};
use helpers::support::workspace::{Workspace, processes_in};

/// Bound for internal work of a node on a busy machine.
const BOUND: Duration = Duration::from_secs(60);
/// Timeout of a request to Patroni.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// A node.
#[derive(Debug)]
pub struct Node {
    /// Its name in the cluster.
    pub name: String,
    /// Address of PostgreSQL.
    pub postgres: SocketAddr,
    /// Address of Patroni.
    pub rest: SocketAddr,
    /// Relay through which other nodes reach its PostgreSQL.
    peers: Relay,
    /// Relay through which it reaches etcd.
    etcd: Relay,
    folder: PathBuf,
    patroni: Daemon,
}

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

impl Node {
    /// Starts the node with this number.
    pub fn start(workspace: &Workspace, number: usize, etcd: SocketAddr) -> Self {
        let (name, account) = (format!("node{number}"), Account::for_servers());
        let folder = workspace.folder(&name, account);
        let sockets = folder.join("s");
        std::fs::create_dir(&sockets).expect("a folder can be made");
        chown(&sockets, account);
        let (postgres, rest) = (local(), local());
        let (peers, etcd) = (Relay::to(postgres), Relay::to(etcd));
        let text = configuration(&name, &folder, postgres, rest, peers.address(), etcd.address());
        std::fs::write(folder.join("patroni.yml"), text).expect("the configuration can be written");
        let patroni = spawn(&folder);
        Self { name, postgres, rest, peers, etcd, folder, patroni }
    }

    /// Returns Patroni's status at `path`; `None` if it does not respond.
    pub fn get_json(&self, path: &str) -> Option<Value> {
        rest(self.rest, "GET", path, "").ok().and_then(|(_, body)| serde_json::from_str(&body).ok())
    }

    /// Sends a command to Patroni.
    ///
    /// # Errors
    /// Patroni did not execute it.
    pub fn post(&self, verb: &str, path: &str, body: &Value) -> Result<(), String> {
        match rest(self.rest, verb, path, &body.to_string()) {
            Ok((200..=299, _)) => Ok(()),
            Ok((status, body)) => Err(format!("{status}: {body}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Returns whether it considers itself the primary.
    pub fn is_primary(&self) -> bool {
        rest(self.rest, "GET", "/primary", "").is_ok_and(|(status, _)| status == 200)
    }

    fn processes(&self) -> Vec<Pid> {
        let all = processes_in(&self.folder).into_iter();
        all.filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).collect()
    }

    /// Ignores processes that have ended in the meantime. Runs twice, because a process may start others meanwhile.
    fn signal(&self, signal: Signal) {
        for _ in 0..2 {
            for pid in self.processes() {
                kill_process(pid, signal).ok();
            }
        }
    }

    /// Sends SIGSTOP to everything on the node: it keeps its connections and does not respond.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends [`Node::freeze`].
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends `kill -9` to everything on the node.
    pub fn kill(&mut self) {
        eventually("everything on the node is gone", BOUND, || {
            self.signal(Signal::KILL);
            self.patroni.try_wait();
            self.processes().is_empty().then_some(())
        });
    }

    /// Starts Patroni again after [`Node::kill`].
    pub fn revive(&mut self) {
        self.patroni = spawn(&self.folder);
    }

    /// Sends `kill -9` to PostgreSQL; Patroni keeps running.
    pub fn kill_postgres(&self) {
        for pid in self.processes() {
            let name = std::fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()));
            if name.is_ok_and(|name| name.trim() == "postgres") {
                kill_process(pid, Signal::KILL).ok();
            }
        }
    }

    /// Partitions it from etcd and the other nodes, or ends that. Other clients still reach it.
    pub fn partition(&self, cut: bool) {
        let traffic = if cut { Traffic::Silent } else { Traffic::Open };
        self.etcd.set(traffic);
        self.peers.set(traffic);
    }

    /// Prevents other nodes from following it, or ends that.
    pub fn stop_replication(&self, stopped: bool) {
        self.peers.set(if stopped { Traffic::Closed } else { Traffic::Open });
    }

    /// Prevents its files from growing, as on a full disk, or ends that.
    ///
    /// Uses the file size limit of its processes, which they may change for each other with their own rights.
    pub fn fill_disk(&self, full: bool) {
        let limit = format!("--fsize={}:", if full { "65536" } else { "unlimited" });
        let mut limited = 0;
        for pid in self.processes() {
            let mut command = Command::new("prlimit");
            command.args(["--pid", &pid.as_raw_nonzero().to_string(), &limit]);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            run_as(&mut command, Account::for_servers());
            // A process that has ended needs no limit.
            limited += usize::from(command.status().expect("prlimit is part of every Debian").success());
        }
        assert!(limited > 0, "no process of {} has the limit", self.name);
    }
}

fn spawn(folder: &Path) -> Daemon {
    let patroni = find_program("patroni", &[]).expect("Patroni is needed: run `make setup` (Debian: patroni)");
    let mut command = Command::new(patroni);
    command.arg(folder.join("patroni.yml")).env_clear().env("LANG", "C.UTF-8").env("TZ", "UTC").current_dir(folder);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder);
    run_as(&mut command, Account::for_servers());
    let log = folder.with_extension("log");
    Daemon::spawn("patroni", command, &log, &log)
}

fn configuration(
    name: &str,
    folder: &Path,
    postgres: SocketAddr,
    rest: SocketAddr,
    peers: SocketAddr,
    etcd: SocketAddr,
) -> String {
    let folder = folder.display();
    let binaries = helpers::support::postgres::binaries();
    let binaries = binaries.display();
    format!(
        "scope: latchkey
name: {name}
restapi: {{listen: '{rest}', connect_address: '{rest}'}}
# One address and no other: what etcd says of its own would lead past the relay.
etcd3: {{hosts: ['{etcd}'], use_proxies: true}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 5
    synchronous_mode: true
    master_start_timeout: 0
    postgresql:
      use_pg_rewind: true
      use_slots: true
      # Otherwise PostgreSQL starts again by itself on a full disk, over and over, and Patroni leaves it the primary.
      parameters: {{restart_after_crash: 'off', max_connections: 200, wal_log_hints: 'on', wal_keep_size: 256MB, dynamic_shared_memory_type: mmap,
                    shared_buffers: 32MB, wal_receiver_status_interval: 1s}}
  initdb: [{{encoding: UTF8}}, {{locale: C.UTF-8}}, {{auth: trust}}, data-checksums, no-sync]
  pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust', 'local all all trust']
postgresql:
  listen: '{postgres}'
  connect_address: '{peers}'
  data_dir: {folder}/data
  bin_dir: {binaries}
  pgpass: {folder}/pgpass
  use_unix_socket: true
  pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust', 'local all all trust']
  parameters: {{unix_socket_directories: '{folder}/s'}}
  authentication:
    superuser: {{username: postgres}}
    replication: {{username: postgres}}
    rewind: {{username: postgres}}
watchdog: {{mode: 'off'}}
"
    )
}

/// Makes one request to Patroni; returns the status and the body.
fn rest(address: SocketAddr, verb: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, REQUEST_TIMEOUT)?;
    // Patroni responds to a switchover once it is done.
    stream.set_read_timeout(Some(if verb == "GET" { REQUEST_TIMEOUT } else { BOUND }))?;
    write!(
        stream,
        "{verb} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("no answer of HTTP"))?;
    Ok((status, text.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned())))
}
