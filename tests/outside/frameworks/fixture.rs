//! The test data: stores, an API under several profiles, and keys with access to parts of it.

use latchkey::proto::v1 as proto;

use crate::frameworks::raw::Backend;
use crate::proxies::proxy::{Proxy, Upstreams};
use helpers::calls::{Client, key_with_access};
use helpers::support::machine::free_port;
use helpers::support::process::LatchkeyProcess;
use helpers::support::workspace::Workspace;

/// Codes of the stores. Each has the host `CODE.shop.test`.
pub const STORES: [&str; 3] = ["berlin", "madrid", "warsaw"];

/// A profile: its name, which is also its prefix, and how it reads requests.
#[derive(Debug)]
pub struct Profile {
    /// Its name and first segment of the path.
    pub name: &'static str,
    toml: &'static str,
    /// Whether a parameter may contain the key.
    pub key_parameter: bool,
    /// Whether `authorization` may contain it.
    pub bearer: bool,
    /// Locations of stores.
    pub stores: &'static [&'static str],
    /// Whether the service applies the scope that it receives, so that a store is optional.
    pub scope_applied: bool,
    /// Whether `siteBy` must be `code`.
    pub fixed: bool,
}

/// The profiles.
pub const PROFILES: [Profile; 8] = [
    Profile {
        name: "api",
        toml: "keys = [\"bearer\", \"header:x-api-key\", \"query:apiKey\", \"form:apiKey\"]\n\
               stores = [\"query:site\", \"query:filter[sites][]\", \"form:site\", \"form:filter[sites][]\", \"json:site\"]\n\
               upstream_applies_scope = true",
        key_parameter: true,
        bearer: true,
        stores: &["query:site", "query:filter[sites][]", "form:site", "form:filter[sites][]", "json:site"],
        scope_applied: true,
        fixed: false,
    },
    // Nothing in bodies: the limits of nginx and Caddy.
    Profile {
        name: "site",
        toml: "keys = [\"bearer\", \"header:x-api-key\", \"query:apiKey\"]\n\
               stores = [\"query:site\", \"query:filter[sites][]\"]\nupstream_applies_scope = true",
        key_parameter: true,
        bearer: true,
        stores: &["query:site", "query:filter[sites][]"],
        scope_applied: true,
        fixed: false,
    },
    Profile {
        name: "head",
        toml: "keys = [\"bearer\", \"header:x-api-key\"]\nstores = [\"header:x-store\"]\nupstream_applies_scope = true",
        key_parameter: false,
        bearer: true,
        stores: &["header:x-store"],
        scope_applied: true,
        fixed: false,
    },
    Profile {
        name: "query",
        toml: "keys = [\"bearer\", \"header:x-api-key\"]\nstores = [\"query:site\"]",
        key_parameter: false,
        bearer: true,
        stores: &["query:site"],
        scope_applied: false,
        fixed: false,
    },
    Profile {
        name: "form",
        toml: "keys = [\"bearer\", \"header:x-api-key\"]\nstores = [\"form:site\"]\nfixed = { siteBy = \"code\" }",
        key_parameter: false,
        bearer: true,
        stores: &["form:site"],
        scope_applied: false,
        fixed: true,
    },
    Profile {
        name: "json",
        toml: "keys = [\"bearer\", \"header:x-api-key\"]\nstores = [\"json:site\"]",
        key_parameter: false,
        bearer: true,
        stores: &["json:site"],
        scope_applied: false,
        fixed: false,
    },
    Profile {
        name: "host",
        toml: "keys = [\"bearer\", \"header:x-api-key\"]\nstores = [\"host\"]\nupstream_applies_scope = true",
        key_parameter: false,
        bearer: true,
        stores: &["host"],
        scope_applied: true,
        fixed: false,
    },
    Profile {
        name: "crm",
        toml: "like = \"retailcrm\"",
        key_parameter: true,
        bearer: false,
        stores: &["query:site", "form:site", "query:filter[sites][]"],
        scope_applied: false,
        fixed: true,
    },
];

/// The methods of each profile, and the locations of their stores under the profile `crm`.
pub const METHODS: [(&str, &str, &[&str]); 8] = [
    ("GET", "/orders", &["query:filter[sites][]"]),
    ("GET", "/orders/history", &["query:filter[sites][]"]),
    ("GET", "/orders/{id}", &["query:site"]),
    ("POST", "/orders/create", &["form:site", "query:site", "json:site", "form:order#/site", "json:order#/site"]),
    ("POST", "/orders/{id}", &["form:site", "query:site", "json:site"]),
    ("PUT", "/orders/{id}", &["query:site"]),
    ("DELETE", "/orders/{id}", &["query:site"]),
    // The end of this path can match another one.
    ("GET", "/files/{area}/{version}/{kind}/{name}", &["query:site"]),
];

/// Name, stores (empty: all) and methods in every profile of each key.
pub const KEYS: [(&str, &[&str], &[&str]); 7] = [
    ("lister", &["berlin"], &["GET /orders"]),
    ("historian", &["berlin"], &["GET /orders/history"]),
    ("reader", &["berlin"], &["GET /orders/{id}"]),
    ("poster", &["berlin"], &["POST /orders/create"]),
    ("double", &["berlin", "madrid"], &["GET /orders", "POST /orders/create", "PUT /orders/{id}"]),
    ("filer", &["berlin"], &["GET /files/{area}/{version}/{kind}/{name}"]),
    ("wide", &[], &["GET /orders", "POST /orders/create"]),
];

/// A created key.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Its id.
    pub id: String,
    /// Its token.
    pub token: String,
    /// The stores that it has access to; empty means all.
    pub stores: &'static [&'static str],
    /// `VERB tail` of each method that it has access to.
    pub methods: &'static [&'static str],
}

impl Key {
    /// Returns whether it has access to a store.
    #[must_use]
    pub fn has_store(&self, store: &str) -> bool {
        self.stores.is_empty() || self.stores.contains(&store)
    }
}

/// A running Latchkey, the service behind its proxies, and its keys.
#[derive(Debug)]
pub struct Fixture {
    server: LatchkeyProcess,
    /// The service.
    pub backend: Backend,
    operator: String,
    /// The keys.
    pub keys: Vec<Key>,
    _workspace: Workspace,
}

impl Fixture {
    /// Starts one with all test data.
    pub async fn start() -> Self {
        let workspace = Workspace::new("config");
        let file = workspace.path().join("latchkey.toml");
        let mut text = "trusted_proxies = \"127.0.0.0/8\"\n".to_owned();
        for profile in &PROFILES {
            text.push_str(&format!("[profiles.{0}]\nprefix = \"/{0}\"\n{1}\n", profile.name, profile.toml));
        }
        std::fs::write(&file, text).expect("the configuration can be written");
        let server = LatchkeyProcess::builder()
            .env("LATCHKEY_CONFIG", file)
            .env("LATCHKEY_DECISION_ADDR", format!("127.0.0.1:{}", free_port()))
            .env("LATCHKEY_OPS_ADDR", format!("127.0.0.1:{}", free_port()))
            .start();
        let client = Client::for_admin(&server);
        let proxy =
            proto::Operator { name: "proxy".to_owned(), role: proto::Role::Authorizer.into(), ..Default::default() };
        let request = proto::CreateOperatorRequest { operator: Some(proxy), options: None };
        let operator = client.operators().create_operator(request).await.expect("an operator is made");
        let operator = operator.into_inner().token;
        for code in STORES {
            let store = proto::Store {
                code: code.to_owned(),
                name: code.to_owned(),
                kind: proto::StoreKind::OnlineStore.into(),
                hosts: vec![format!("{code}.shop.test")],
                ..Default::default()
            };
            let request = proto::CreateStoreRequest { store: Some(store), options: None };
            client.stores().create_store(request).await.expect("a store is made");
        }
        for profile in &PROFILES {
            for (verb, tail, places) in METHODS {
                let places = if profile.name == "crm" { places } else { &[] };
                let method = proto::Method {
                    method: format!("{verb} /{}/v*{tail}", profile.name),
                    block: profile.name.to_owned(),
                    summary: "A method".to_owned(),
                    store_use: proto::StoreUse::Optional.into(),
                    store_places: places.iter().map(ToString::to_string).collect(),
                    ..Default::default()
                };
                let request = proto::CreateMethodRequest { method: Some(method), options: None };
                client.methods().create_method(request).await.expect("a method is made");
            }
        }
        let mut keys = Vec::new();
        for (name, stores, methods) in KEYS {
            let all: Vec<String> = PROFILES
                .iter()
                .flat_map(|profile| {
                    methods.iter().map(move |method| method.replacen(" /", &format!(" /{}/v*/", profile.name), 1))
                })
                .collect();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            let mut key = key_with_access(name, stores, &all);
            if stores.is_empty() {
                key.store_access = proto::Access::All.into();
            }
            let (key, token) = client.create_key(key).await.expect("a key is made");
            keys.push(Key { name, id: key.id, token, stores, methods });
        }
        Self { server, backend: Backend::open(), operator, keys, _workspace: workspace }
    }

    /// Starts a proxy in front of the service.
    pub fn start_proxy(&self, start: fn(Upstreams<'_>) -> Proxy) -> Proxy {
        let addresses = self.server.addresses();
        start(Upstreams {
            latchkey: &[addresses.decision.port()],
            ops: addresses.ops.port(),
            shop: self.backend.port,
            token: &self.operator,
        })
    }
}
