//! The frameworks: real servers of each, which return what they read of a request. Their sources are in `servers/`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::frameworks::raw::Connection;
use helpers::support::daemon::Daemon;
use helpers::support::eventually;
use helpers::support::machine::{find_program, free_port, python_with};
use helpers::support::workspace::Workspace;

/// Bound from start to the first response; Go's service is compiled before.
const START_BOUND: Duration = Duration::from_secs(60);
/// Where Debian puts the sources of Go libraries.
const GO_PATH: &str = "/usr/share/gocode";

const SOURCES: [(&str, &str); 9] = [
    ("common.php", include_str!("servers/common.php")),
    ("plain.php", include_str!("servers/plain.php")),
    ("symfony.php", include_str!("servers/symfony.php")),
    ("laravel.php", include_str!("servers/laravel.php")),
    ("express.js", include_str!("servers/express.js")),
    ("flask_app.py", include_str!("servers/flask_app.py")),
    ("django_app.py", include_str!("servers/django_app.py")),
    ("sinatra.ru", include_str!("servers/sinatra.ru")),
    ("service.go", include_str!("servers/service.go")),
];

/// A framework and the port of its server.
#[derive(Debug, Clone, Copy)]
pub struct Framework {
    /// Its name, for messages.
    pub name: &'static str,
    /// Port of its server.
    pub port: u16,
    /// Its server accepts no chunked body: Debian's Caddy never ends the input of a FastCGI service after one.
    pub whole_bodies: bool,
    /// Each request needs its own connection: Puma does not respond to a malformed one on a persistent connection.
    pub ends_connections: bool,
}

/// The running servers. Dropping kills them.
#[derive(Debug)]
pub struct Frameworks {
    // Declared before the workspace, because fields are dropped in order.
    servers: Vec<Daemon>,
    /// All frameworks.
    pub all: Vec<Framework>,
    workspace: Workspace,
}

fn program(name: &str, package: &str) -> PathBuf {
    let found = find_program(name, &[Path::new("/usr/sbin"), Path::new("/usr/local/sbin")]);
    found.unwrap_or_else(|| panic!("{name} is needed: run `make setup` (Debian: {package})"))
}

impl Frameworks {
    /// Starts all of them, and returns once each has responded.
    ///
    /// # Panics
    ///
    /// When one is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let workspace = Workspace::new("frameworks");
        for (name, text) in SOURCES {
            std::fs::write(workspace.path().join(name), text).expect("a source can be written");
        }
        let mut all = Self { servers: Vec::new(), all: Vec::new(), workspace };
        all.php();
        all.express();
        all.python();
        all.sinatra();
        all.go();
        for framework in &all.all {
            eventually(&format!("{} responds", framework.name), START_BOUND, || {
                let mut connection = Connection::new(framework.port);
                let response = connection.exchange(b"GET /api/v5/orders HTTP/1.1\r\nHost: a.test\r\n\r\n").ok()?;
                (response.status == 200 && response.body.starts_with(b"{")).then_some(())
            });
        }
        all
    }

    fn folder(&self) -> String {
        self.workspace.path().display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.workspace.path().join(name);
        std::fs::write(&path, text).expect("a configuration can be written");
        path
    }

    fn spawn(&mut self, name: &'static str, mut command: Command) {
        let folder = self.workspace.path();
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder).current_dir(folder);
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("RACK_ENV", "production").env("NODE_ENV", "production");
        command.env("NODE_PATH", Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/frameworks/node_modules"));
        let log = folder.join(format!("{name}.log"));
        self.servers.push(Daemon::spawn(name, command, &log, &log));
    }

    fn add(&mut self, name: &'static str, port: u16) {
        self.all.push(Framework { name, port, whole_bodies: false, ends_connections: false });
    }

    /// Starts PHP with its own server, and with FPM behind Caddy and nginx, which encode header names differently.
    fn php(&mut self) {
        let (folder, built_in, fpm) = (self.folder(), free_port(), free_port());
        let mut command = Command::new(program("php", "php-cli"));
        // As PHP reads $_REQUEST without a php.ini.
        command.args(["-d", "request_order=GPC", "-S"]).arg(format!("127.0.0.1:{built_in}")).arg("plain.php");
        self.spawn("php-server", command);
        self.add("PHP", built_in);

        let user = if rustix::process::geteuid().is_root() { "user = nobody\ngroup = nogroup\n" } else { "" };
        let pool = format!(
            "[global]\nerror_log = {folder}/fpm-error.log\ndaemonize = no\n[www]\n{user}listen = 127.0.0.1:{fpm}\n\
             pm = static\npm.max_children = 2\nphp_admin_value[request_order] = GPC\nphp_admin_flag[log_errors] = on\n"
        );
        let file = self.write("fpm.conf", &pool);
        let versions = ["php-fpm8.2", "php-fpm8.3", "php-fpm8.4", "php-fpm"];
        let php_fpm = versions.iter().find_map(|name| find_program(name, &[Path::new("/usr/sbin")]));
        let mut command = Command::new(php_fpm.expect("php-fpm is needed: run `make setup` (Debian: php-fpm)"));
        command.arg("-y").arg(file);
        self.spawn("php-fpm", command);

        let mut caddyfile = "{\n\tadmin off\n\tauto_https off\n}\n".to_owned();
        for (name, script) in [("PHP behind Caddy", "plain"), ("Symfony", "symfony"), ("Laravel", "laravel")] {
            let port = free_port();
            self.all.push(Framework { name, port, whole_bodies: true, ends_connections: false });
            caddyfile.push_str(&format!(
                ":{port} {{\n\tbind 127.0.0.1\n\treverse_proxy 127.0.0.1:{fpm} {{\n\t\ttransport fastcgi {{\n\
                 \t\t\troot {folder}\n\t\t\tenv SCRIPT_FILENAME {folder}/{script}.php\n\t\t}}\n\t}}\n}}\n"
            ));
        }
        let file = self.write("Caddyfile", &caddyfile);
        let mut command = Command::new(program("caddy", "caddy"));
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
        self.spawn("caddy-php", command);

        let port = free_port();
        let nginx = format!(
            "pid {folder}/nginx.pid;\nerror_log {folder}/nginx-error.log crit;\nworker_processes 1;\n\
             events {{ worker_connections 256; }}\nhttp {{\n  access_log off;\n  client_body_temp_path {folder}/b;\n\
             fastcgi_temp_path {folder}/f;\n  proxy_temp_path {folder}/p;\n  uwsgi_temp_path {folder}/u;\n\
             scgi_temp_path {folder}/s;\n  keepalive_timeout 600s;\n  keepalive_requests 1000000;\n\
             server {{\n    listen 127.0.0.1:{port};\n    location / {{\n      include /etc/nginx/fastcgi_params;\n\
             fastcgi_param SCRIPT_FILENAME {folder}/plain.php;\n      fastcgi_pass 127.0.0.1:{fpm};\n    }}\n  }}\n}}\n"
        );
        let file = self.write("nginx.conf", &nginx);
        let mut command = Command::new(program("nginx", "nginx"));
        command.arg("-c").arg(file).arg("-p").arg(&folder).args(["-g", "daemon off;"]);
        self.spawn("nginx-php", command);
        self.add("PHP behind nginx", port);
    }

    fn express(&mut self) {
        let port = free_port();
        let mut command = Command::new(program("node", "nodejs"));
        command.arg("express.js").arg(port.to_string());
        self.spawn("express", command);
        self.add("Express", port);
    }

    fn python(&mut self) {
        let python = python_with("flask, django, gunicorn");
        for (name, module) in [("Flask", "flask_app:app"), ("Django", "django_app:app")] {
            let port = free_port();
            let mut command = Command::new(&python);
            command.args(["-m", "gunicorn", "-k", "gthread", "--threads", "2", "--keep-alive", "600"]);
            command.args(["--log-level", "error", "--worker-tmp-dir"]).arg(self.workspace.path());
            command.arg("-b").arg(format!("127.0.0.1:{port}")).arg(module);
            self.spawn(name, command);
            self.add(name, port);
        }
    }

    fn sinatra(&mut self) {
        let port = free_port();
        let mut command = Command::new(program("puma", "puma"));
        command.args(["-q", "-t", "1:2", "-b"]).arg(format!("tcp://127.0.0.1:{port}")).arg("sinatra.ru");
        self.spawn("sinatra", command);
        self.all.push(Framework { name: "Sinatra", port, whole_bodies: false, ends_connections: true });
    }

    fn go(&mut self) {
        let (port, binary) = (free_port(), self.workspace.path().join("service"));
        let mut build = Command::new(program("go", "golang-go"));
        build.env("GO111MODULE", "off").env("GOPATH", GO_PATH).env("GOFLAGS", "-buildvcs=false");
        build.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"));
        build.args(["build", "-o"]).arg(&binary).arg("service.go").current_dir(self.workspace.path());
        let built = build.output().expect("go starts");
        assert!(built.status.success(), "Go's service does not compile:\n{}", String::from_utf8_lossy(&built.stderr));
        let mut command = Command::new(binary);
        command.arg(port.to_string());
        self.spawn("go", command);
        self.add("Go", port);
    }
}
