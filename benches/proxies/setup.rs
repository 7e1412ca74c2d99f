//! Latchkey, the upstream service, and the proxies in front of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use helpers::support::daemon::Daemon;
use helpers::support::eventually;
use helpers::support::machine::{find_program, free_port};
use helpers::support::process::LatchkeyProcess;
use helpers::support::workspace::Workspace;

/// Path of every request.
const TARGET: &str = "/api/v5/orders/statuses";

/// A proxy and its kind of authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    EnvoyBare,
    /// Envoy's own filter, which compares the key with a list in its configuration.
    EnvoyOwn,
    EnvoyAsking,
    NginxBare,
    NginxAsking,
}

impl Kind {
    /// Returns the name shown in the results.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::EnvoyBare => "Envoy",
            Self::EnvoyOwn => "Envoy, its own api_key_auth",
            Self::EnvoyAsking => "Envoy, ext_authz to Latchkey",
            Self::NginxBare => "nginx",
            Self::NginxAsking => "nginx, auth_request to Latchkey",
        }
    }
}

/// A running proxy.
pub(crate) struct RunningProxy {
    _server: Daemon,
    port: u16,
    _workspace: Workspace,
}

/// Parts shared by all proxies.
pub(crate) struct Setup {
    latchkey: LatchkeyProcess,
    /// The upstream service.
    shop: RunningProxy,
    operator: String,
    token: String,
}

fn deployed(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path);
    std::fs::read_to_string(path).expect("the file is in deploy/")
}

/// Replaces `from`, which must occur.
fn change(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the file in deploy/ has {from}");
    text.replace(from, to)
}

/// Replaces the part that begins with `from` and ends before `to`.
fn cut(text: &str, from: &str, to: &str, with: &str) -> String {
    let at = text.find(from).expect("the file in deploy/ has it");
    let end = at + text[at..].find(to).expect("the file in deploy/ has its end");
    format!("{}{with}{}", &text[..at], &text[end..])
}

impl Setup {
    /// Starts Latchkey and the upstream service.
    pub(crate) fn new() -> Self {
        let builder = LatchkeyProcess::builder().env("LATCHKEY_TRUSTED_PROXIES", "127.0.0.0/8");
        let latchkey = builder.env("LATCHKEY_DECISION_ADDR", format!("127.0.0.1:{}", free_port())).start();
        let run = |arguments: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_latchkey"))
                .args(arguments)
                .env("LATCHKEY_DATA_DIR", latchkey.data())
                .output()
                .expect("latchkey runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        run(&["methods", "import", "retailcrm"]);
        let statuses = "GET /api/v*/orders/statuses";
        let token = run(&["keys", "create", "--name", "load", "--all-stores", "--method", statuses, "--token-only"]);
        let operator = run(&["operators", "create", "--name", "proxy", "--role", "authorizer", "--token-only"]);
        let port = free_port();
        let text = format!(
            "worker_processes 1;\npid shop.pid;\nerror_log shop.log crit;\nevents {{ }}\nhttp {{\n access_log off;\n \
             keepalive_requests 100000000;\n server {{\n listen 127.0.0.1:{port};\n location / {{ return 200 'shop'; }}\n \
             }}\n}}\n"
        );
        let shop = nginx(&text, "", port, "");
        Self { latchkey, shop, operator, token }
    }

    /// Returns the key of every request.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Starts a proxy.
    pub(crate) fn start_proxy(&self, kind: Kind) -> RunningProxy {
        match kind {
            Kind::EnvoyBare | Kind::EnvoyOwn | Kind::EnvoyAsking => self.envoy(kind),
            Kind::NginxBare | Kind::NginxAsking => self.nginx(kind),
        }
    }

    fn envoy(&self, kind: Kind) -> RunningProxy {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/envoy/envoy/_bin/envoy");
        let (port, workspace) = (free_port(), Workspace::new("envoy"));
        let decision = self.latchkey.addresses().decision.port();
        let text = deployed("envoy/envoy.yaml");
        let text = change(&text, "port_value: 50051", &format!("port_value: {decision}"));
        let text = change(&text, "port_value: 9901", &format!("port_value: {}", free_port()));
        let text = change(&text, "port_value: 8000", &format!("port_value: {port}"));
        let text = change(&text, "port_value: 8001", &format!("port_value: {}", self.shop.port));
        let own = format!(
            "                  - name: envoy.filters.http.api_key_auth\n                    typed_config:\n                      \
             \"@type\": type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth\n                      \
             credentials: [{{ key: {}, client: load }}]\n                      key_sources: [{{ header: x-api-key }}]\n",
            self.token
        );
        let (from, to) = (
            "                  - name: envoy.filters.http.ext_authz\n",
            "                  - name: envoy.filters.http.router\n",
        );
        let text = match kind {
            Kind::EnvoyOwn => cut(&text, from, to, &own),
            Kind::EnvoyAsking => text,
            _ => cut(&text, from, to, ""),
        };
        let file = workspace.path().join("envoy.yaml");
        std::fs::write(&file, text).expect("the configuration can be written");
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warn"]);
        command.env("LATCHKEY_TOKEN", &self.operator);
        started("Envoy", command, port, workspace, &self.token)
    }

    fn nginx(&self, kind: Kind) -> RunningProxy {
        let port = free_port();
        let text = deployed("nginx/nginx.conf");
        let text = change(&text, "worker_processes auto", "worker_processes 1");
        let text = change(&text, "listen 8000", &format!("listen 127.0.0.1:{port}"));
        let text = change(&text, "127.0.0.1:50051", &self.latchkey.addresses().decision.to_string());
        let text = change(&text, "127.0.0.1:8001", &format!("127.0.0.1:{}", self.shop.port));
        let text = change(&text, "/var/log/nginx/", "");
        let text = change(&text, "/run/nginx.pid", "pid");
        let text = if kind == Kind::NginxBare {
            let text = cut(&text, "            auth_request /latchkey-decides;", "            error_page 401", "");
            let text = change(&text, "error_page 401 403 = @refused;", "");
            // Every other variable of the file needs a value.
            let names =
                ["uri", "status", "body", "body_type", "reason", "key_id", "store", "stores", "scope", "revision"];
            let empty: String = names.iter().map(|name| format!("set $latchkey_{name} '';\n")).collect();
            let text = change(&text, "http://shop$latchkey_uri", "http://shop$request_uri");
            change(&text, "            error_page 500 = @undecided;", &empty)
        } else {
            text
        };
        let caller = format!("proxy_set_header X-Latchkey-Caller \"{}\";\n", self.operator);
        nginx(&text, &caller, port, &self.token)
    }
}

fn nginx(text: &str, caller: &str, port: u16, token: &str) -> RunningProxy {
    let program = find_program("nginx", &[Path::new("/usr/sbin")]).expect("nginx is needed: run `make setup`");
    let workspace = Workspace::new("nginx");
    std::fs::write(workspace.path().join("nginx.conf"), text).expect("the configuration can be written");
    std::fs::write(workspace.path().join("latchkey-caller.conf"), caller).expect("the token can be written");
    let mut command = Command::new(program);
    command.arg("-c").arg(workspace.path().join("nginx.conf")).arg("-p").arg(workspace.path());
    command.args(["-g", "daemon off;"]);
    started("nginx", command, port, workspace, token)
}

fn started(name: &str, mut command: Command, port: u16, workspace: Workspace, token: &str) -> RunningProxy {
    let folder = workspace.path().to_owned();
    command.current_dir(&folder);
    let mut server = Daemon::spawn(name, command, &folder.join("stdout"), &folder.join("stderr"));
    eventually(&format!("{name} answers"), Duration::from_secs(30), || {
        assert!(server.try_wait().is_none(), "{name} ended:\n{}", server.tail());
        answers(port, token).unwrap_or(false).then_some(())
    });
    RunningProxy { _server: server, port, _workspace: workspace }
}

/// Checks whether a request returns status 200.
fn answers(port: u16, token: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {TARGET} HTTP/1.1\r\nhost: shop\r\nx-api-key: {token}\r\nconnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(head == *b"HTTP/1.1 200")
}

impl RunningProxy {
    /// Returns the URL that the load requests.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}{TARGET}", self.port)
    }
}
