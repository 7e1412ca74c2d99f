//! The proxies, started from the files in deploy/ with only ports and log paths changed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::proxies::shop::{ClientConnection, Message};
use helpers::support::daemon::{Daemon, read_lossy};
use helpers::support::eventually;
use helpers::support::machine::{find_program, free_port};
use helpers::support::workspace::Workspace;

/// Bound for starting.
const START_BOUND: Duration = Duration::from_secs(30);

/// A running proxy. Dropping it kills it and removes its files.
#[derive(Debug)]
pub struct Proxy {
    // Declared before the workspace, because fields are dropped in order.
    server: Daemon,
    /// Port for clients.
    pub port: u16,
    /// Administration port of Envoy.
    admin: Option<u16>,
    workspace: Workspace,
}

/// Ports that a proxy connects to.
#[derive(Debug, Clone, Copy)]
pub struct Upstreams<'a> {
    /// The decision ports.
    pub latchkey: &'a [u16],
    /// The operations port of the first Latchkey.
    pub ops: u16,
    /// The shop.
    pub shop: u16,
    /// Token of the proxy's operator.
    pub token: &'a str,
}

/// Replaces `from`, which must occur.
pub(crate) fn change(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the file in deploy/ has {from}");
    text.replace(from, to)
}

fn deployed(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

impl Proxy {
    /// Starts Envoy with deploy/envoy/envoy.yaml.
    #[must_use]
    pub fn envoy(upstreams: Upstreams<'_>) -> Self {
        Self::envoy_with(upstreams, str::to_owned)
    }

    /// Does the same with changes to the file.
    #[must_use]
    pub fn envoy_with(upstreams: Upstreams<'_>, changes: impl FnOnce(&str) -> String) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/envoy/envoy/_bin/envoy");
        assert!(program.is_file(), "Envoy is needed: run `make setup`");
        let (port, workspace) = (free_port(), Workspace::new("envoy"));
        let endpoint = |port: &u16| {
            format!("- endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }}")
        };
        let latchkeys: Vec<_> = upstreams.latchkey.iter().map(endpoint).collect();
        let text = changes(&deployed("envoy/envoy.yaml"));
        // How quickly a server without optimisation decides on a busy machine is not what these tests are about.
        let text = change(
            &text,
            "timeout: 1s\n                        envoy_grpc",
            "timeout: 20s\n                        envoy_grpc",
        );
        let text = change(&text, &endpoint(&50051), &latchkeys.join("\n              "));
        let admin = free_port();
        let text = change(&text, "port_value: 9901", &format!("port_value: {admin}"));
        let text =
            change(&text, "address: 0.0.0.0, port_value: 8000", &format!("address: 127.0.0.1, port_value: {port}"));
        let text = change(&text, "port_value: 8001", &format!("port_value: {}", upstreams.shop));
        let file = workspace.path().join("envoy.yaml");
        std::fs::write(&file, text).expect("the configuration can be written");
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).args(["--concurrency", "2", "--disable-hot-restart"]);
        Self { admin: Some(admin), ..Self::start("Envoy", command, port, workspace, upstreams.token) }
    }

    /// Starts nginx with deploy/nginx/nginx.conf.
    #[must_use]
    pub fn nginx(upstreams: Upstreams<'_>) -> Self {
        Self::nginx_with(upstreams, str::to_owned)
    }

    /// Does the same with changes to the file.
    #[must_use]
    pub fn nginx_with(upstreams: Upstreams<'_>, changes: impl FnOnce(&str) -> String) -> Self {
        let program = find_program("nginx", &[Path::new("/usr/sbin")]).expect("nginx is needed: run `make setup`");
        let (port, workspace) = (free_port(), Workspace::new("nginx"));
        let folder = workspace.path().display().to_string();
        let text = changes(&deployed("nginx/nginx.conf"));
        // As for Envoy.
        let text = change(&text, "proxy_read_timeout 1s", "proxy_read_timeout 20s");
        let text = change(&text, "listen 8000", &format!("listen 127.0.0.1:{port}"));
        let text = change(&text, "127.0.0.1:50051", &format!("127.0.0.1:{}", upstreams.latchkey[0]));
        let text = change(&text, "127.0.0.1:8001", &format!("127.0.0.1:{}", upstreams.shop));
        let text = change(&text, "/var/log/nginx", &folder);
        let text = change(&text, "/run/nginx.pid", &format!("{folder}/pid"));
        let file = workspace.path().join("nginx.conf");
        std::fs::write(&file, text).expect("the configuration can be written");
        let caller = format!("proxy_set_header X-Latchkey-Caller \"{}\";\n", upstreams.token);
        std::fs::write(workspace.path().join("latchkey-caller.conf"), caller).expect("the token can be written");
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).arg("-p").arg(workspace.path()).args(["-g", "daemon off;"]);
        Self::start("nginx", command, port, workspace, upstreams.token)
    }

    /// Starts Caddy with deploy/caddy/Caddyfile.
    #[must_use]
    pub fn caddy(upstreams: Upstreams<'_>) -> Self {
        Self::caddy_with(upstreams, str::to_owned)
    }

    /// Does the same with changes to the file.
    #[must_use]
    pub fn caddy_with(upstreams: Upstreams<'_>, changes: impl FnOnce(&str) -> String) -> Self {
        let program = find_program("caddy", &[]).expect("caddy is needed: run `make setup`");
        let (port, workspace) = (free_port(), Workspace::new("caddy"));
        let text = changes(&deployed("caddy/Caddyfile"));
        let text = change(&text, ":8000 {", &format!(":{port} {{"));
        let text = change(&text, "127.0.0.1:50051", &format!("127.0.0.1:{}", upstreams.latchkey[0]));
        let text = change(&text, "health_port 9090", &format!("health_port {}", upstreams.ops));
        let text = change(&text, "127.0.0.1:8001", &format!("127.0.0.1:{}", upstreams.shop));
        let text = change(&text, "admin localhost:2019", &format!("admin localhost:{}", free_port()));
        let file = workspace.path().join("Caddyfile");
        std::fs::write(&file, text).expect("the configuration can be written");
        let mut command = Command::new(program);
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
        Self::start("Caddy", command, port, workspace, upstreams.token)
    }

    /// Starts a separate nginx as a balancer: it connects from 127.0.0.9 to the port `to`, and adds its client's
    /// address to X-Forwarded-For.
    #[must_use]
    pub fn balancer(to: u16) -> Self {
        let program = find_program("nginx", &[Path::new("/usr/sbin")]).expect("nginx is needed: run `make setup`");
        let (port, workspace) = (free_port(), Workspace::new("balancer"));
        let folder = workspace.path().display().to_string();
        let text = format!(
            "worker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{ }}\nhttp {{\naccess_log off;\n\
             server {{\nlisten 127.0.0.1:{port};\nlocation / {{\nproxy_pass http://127.0.0.1:{to};\nproxy_bind 127.0.0.9;\n\
             proxy_http_version 1.1;\nproxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n}}\n}}\n}}\n"
        );
        let file = workspace.path().join("nginx.conf");
        std::fs::write(&file, text).expect("the configuration can be written");
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).arg("-p").arg(workspace.path()).args(["-g", "daemon off;"]);
        Self::start("the balancer", command, port, workspace, "")
    }

    /// Starts a separate Envoy as a balancer of connections: it connects from 127.0.0.9 to the port `to` with the PROXY
    /// protocol.
    #[must_use]
    pub fn tcp_balancer(to: u16) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/envoy/envoy/_bin/envoy");
        let (port, workspace) = (free_port(), Workspace::new("balancer"));
        let text = format!(
            r#"static_resources:
  listeners:
    - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
      filter_chains:
        - filters:
            - name: tcp
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                stat_prefix: tcp
                cluster: proxy
  clusters:
    - name: proxy
      upstream_bind_config: {{ source_address: {{ address: 127.0.0.9, port_value: 0 }} }}
      transport_socket:
        name: proxy_protocol
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport
          config: {{ version: V1 }}
          transport_socket:
            name: plain
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer }}
      load_assignment:
        cluster_name: proxy
        endpoints:
          - lb_endpoints:
              - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {to} }} }} }}
"#
        );
        let file = workspace.path().join("envoy.yaml");
        std::fs::write(&file, text).expect("the configuration can be written");
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).args(["--concurrency", "1", "--disable-hot-restart"]);
        Self::start("the balancer", command, port, workspace, "")
    }

    fn start(name: &str, mut command: Command, port: u16, workspace: Workspace, token: &str) -> Self {
        let folder: PathBuf = workspace.path().to_owned();
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &folder).current_dir(&folder);
        command.env("LATCHKEY_TOKEN", token);
        let server = Daemon::spawn(name, command, &folder.join("stdout"), &folder.join("stderr"));
        let mut proxy = Self { server, port, admin: None, workspace };
        eventually(&format!("{name} listens"), START_BOUND, || {
            assert!(proxy.server.try_wait().is_none(), "{name} ended:\n{}", proxy.server.tail());
            ClientConnection::connect(port).ok()
        });
        proxy
    }

    /// Makes one request on a connection of its own.
    ///
    /// # Panics
    ///
    /// When there is no response.
    #[must_use]
    pub fn request(&self, verb: &str, target: &str, headers: &[&str], body: &str) -> Message {
        let mut caller = ClientConnection::connect(self.port).expect("the proxy listens");
        caller.send(verb, target.as_bytes(), headers, body.as_bytes()).expect("the proxy answers")
    }

    /// Reads a path of Envoy's administration port.
    ///
    /// # Panics
    ///
    /// When there is no response, or this is not Envoy.
    #[must_use]
    pub fn read_admin(&self, path: &str) -> String {
        let admin = self.admin.expect("Envoy has an administration port");
        let answer = ClientConnection::connect(admin).and_then(|mut line| line.send("GET", path.as_bytes(), &[], b""));
        answer.expect("Envoy answers").text()
    }

    /// Waits until Envoy considers every Latchkey at `ports` healthy.
    ///
    /// # Panics
    ///
    /// When it does not in time, or this is not Envoy.
    pub fn wait_healthy(&self, ports: &[u16], bound: Duration) {
        eventually("Envoy finds every Latchkey well", bound, || {
            let clusters = self.read_admin("/clusters");
            let well = |port: &u16| clusters.contains(&format!("latchkey::127.0.0.1:{port}::health_flags::healthy"));
            ports.iter().all(well).then_some(())
        });
    }

    /// Returns its whole log.
    #[must_use]
    pub fn logs(&self) -> String {
        let names = ["stdout", "stderr", "access.log", "error.log"];
        names.map(|name| read_lossy(&self.workspace.path().join(name))).join("\n")
    }
}
