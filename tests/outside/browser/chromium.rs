//! A headless Chromium and its driver. It ends with the test process, even if that is killed.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fantoccini::ClientBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::browser::tab::Tab;
use helpers::support::daemon::Daemon;
use helpers::support::eventually_async;
use helpers::support::machine::{find_program, free_port};
use helpers::support::workspace::Workspace;
use helpers::test_server::TestServer;

/// Bound for starting, on a machine that is busy with other tests.
const START_BOUND: Duration = Duration::from_secs(60);

/// A browser with an empty profile.
#[derive(Debug)]
pub struct Chromium {
    // Declared before the workspace, because fields are dropped in order.
    _driver: Daemon,
    port: u16,
    workspace: Workspace,
}

impl Chromium {
    /// Starts the driver. The browser starts with [`Chromium::open`].
    ///
    /// # Panics
    ///
    /// When Chromium or its driver is not installed, or does not start.
    #[must_use]
    pub fn start() -> Self {
        let program = find_program("chromedriver", &[]).expect("Chromium's driver is needed: run `make setup`");
        let (port, workspace) = (free_port(), Workspace::new("chromium"));
        let mut command = Command::new(program);
        // Files that the browser writes outside its profile are deleted with the folder, too.
        let home = workspace.folder("home", None);
        command.arg(format!("--port={port}")).current_dir(workspace.path()).env("HOME", &home).env("TMPDIR", &home);
        command.env("XDG_CONFIG_HOME", &home).env("XDG_CACHE_HOME", &home);
        let log = workspace.path().join("driver.log");
        Self { _driver: Daemon::spawn("chromedriver", command, &log, &log), port, workspace }
    }

    /// Returns the folder of all files of the browser.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.workspace.path()
    }

    /// Opens the browser on the console of `server`, with or without JavaScript.
    ///
    /// # Panics
    ///
    /// When the browser does not start.
    pub async fn open(&self, server: &TestServer, scripts: bool) -> Tab {
        let program = find_program("chromium", &[]).expect("Chromium is needed: run `make setup`");
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-extensions".to_owned(),
            "--force-prefers-reduced-motion".to_owned(),
            "--window-size=1440,900".to_owned(),
        ];
        arguments
            .push(format!("--user-data-dir={}", self.workspace.path().join(format!("profile-{scripts}")).display()));
        // 2 means blocked, as a user would set it.
        let preferences = json!({ "profile.managed_default_content_settings.javascript": if scripts { 1 } else { 2 } });
        let options = json!({ "binary": program, "args": arguments, "prefs": preferences });
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        capabilities.insert("pageLoadStrategy".to_owned(), Value::from("normal"));
        let url = format!("http://127.0.0.1:{}", self.port);
        let client = eventually_async("the browser starts", START_BOUND, async || {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities.clone()).connect(&url).await.ok()
        })
        .await;
        Tab::new(client, server.process.addresses().admin)
    }
}
