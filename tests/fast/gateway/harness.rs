//! A gateway with an authority over a fresh SQLite file, with stores, methods and keys. All tests share one: it never
//! changes after its setup.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use latchkey::authority::{Authority, Query, Settings};
use latchkey::books;
use latchkey::clock::{SharedClock, SystemClock};
use latchkey::config::{Config, Sources};
use latchkey::gateway::{Allow, Body, ClientResponse, Gateway, HttpRequest, Outcome};
use latchkey::lifecycle::Tasks;
use latchkey::model::change::Cursor;
use latchkey::model::decision::{Decision, Request, StoresFrom};
use latchkey::model::id::ReplicaId;
use latchkey::model::method::StoreUse;
use latchkey::model::store::StoreKind;
use latchkey::model::token::Token;
use latchkey::random::{OsRandom, Random};
use latchkey::registry::{
    AccessKind, Bootstrap, Caller, Choice, Convergence, CreateKey, ImportMethods, KeyDraft, MethodDraft, Pending,
    RawTime, Registry, StoreDraft, SubjectRef, TokenLocation, Update, WriteOptions,
};
use latchkey::storage::{self, Options, Storage};
use latchkey::telemetry::metrics::Metrics;
use tokio::runtime::Runtime;

/// The gateway shared by all tests.
pub(crate) static GATEWAY: LazyLock<TestGateway> = LazyLock::new(TestGateway::new);

/// Profiles in addition to the built-in ones.
const PROFILES: &str = "
[profiles.applied]
like = 'retailcrm'
upstream_applies_scope = true

[profiles.whole]
keys = ['bearer', 'header:x-api-key']

[profiles.forms]
prefix = '/forms'
stores = ['form:site']

[profiles.jsons]
prefix = '/jsons'
stores = ['json:site']

[profiles.vouched]
prefix = '/api/v5/orders/links'
upstream_reads_only_places = true

[profiles.shop]
prefix = '/shop'
keys = ['bearer', 'header:x-api-key', 'query:key', 'form:key']
stores = ['query:store', 'form:store', 'json:store', 'header:x-store', 'host']
body_limit = 4096
";

/// Methods of a second API, one for each kind of location.
const SHOP: [(&str, StoreUse, &[&str]); 13] = [
    ("POST /forms/a", StoreUse::Optional, &[]),
    ("POST /jsons/a", StoreUse::Optional, &[]),
    ("PUT /shop/plain", StoreUse::Optional, &[]),
    ("DELETE /shop/plain", StoreUse::Optional, &[]),
    ("GET /shop/items", StoreUse::Optional, &["query:stores[]"]),
    ("GET /shop/one", StoreUse::Optional, &["query:store"]),
    ("POST /shop/items", StoreUse::Required, &["form:store", "json:store"]),
    ("PUT /shop/prices", StoreUse::Optional, &["json:#/-/store"]),
    ("GET /shop/{store}/prices", StoreUse::Required, &["path:store"]),
    ("GET /shop/head", StoreUse::Optional, &["header:x-shop"]),
    ("GET /shop/search", StoreUse::Optional, &["query:q#/store"]),
    ("GET /shop/plain", StoreUse::Optional, &[]),
    ("GET /shop/none", StoreUse::None, &[]),
];

/// A gateway and its keys.
pub(crate) struct TestGateway {
    pub(crate) runtime: Runtime,
    gateway: Gateway,
    authority: Authority,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) keys: BTreeMap<&'static str, String>,
    _folder: tempfile::TempDir,
}

/// A request under construction.
#[derive(Clone)]
pub(crate) struct TestRequest {
    pub(crate) verb: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) host: Vec<u8>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: TestBody,
    pub(crate) client: Option<IpAddr>,
}

/// Its body.
#[derive(Clone)]
pub(crate) enum TestBody {
    None,
    Withheld,
    CutOff,
    Whole(Vec<u8>),
}

struct NoSuppliedToken;

impl TokenLocation for NoSuppliedToken {
    fn supplied(&self) -> std::io::Result<Option<Token>> {
        Ok(None)
    }

    fn save(&self, _: &Token) -> std::io::Result<()> {
        Ok(())
    }
}

/// No replicas to wait for: there is only one, and the tests wait for it.
#[derive(Debug)]
struct NoReplicas;

#[async_trait]
impl Convergence for NoReplicas {
    async fn wait(&self, _: Cursor, _: Duration) -> Pending {
        Pending::Known(Vec::new())
    }
}

impl TestGateway {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (gateway, authority, metrics, keys) = runtime.block_on(build_gateway(folder.path()));
        let gateway = Self { runtime, gateway, authority, metrics, keys, _folder: folder };
        // So that check_now finds each key in the cache.
        for token in gateway.keys.values() {
            let _ = gateway.check("plain", &get("/").header("x-api-key", token));
        }
        gateway
    }

    /// Checks a request; the immediate decision must equal the awaited one.
    pub(crate) fn check(&self, profile: &str, request: &TestRequest) -> Outcome {
        let headers: Vec<(&[u8], &[u8])> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let request = request.request(&headers);
        let profile = (!profile.is_empty()).then_some(profile);
        if let Some(outcome) = self.gateway.check_now(profile, &request) {
            return outcome;
        }
        self.runtime.block_on(self.gateway.check(profile, &request)).expect("it can be decided")
    }

    pub(crate) fn allowed(&self, profile: &str, request: &TestRequest) -> Allow {
        match self.check(profile, request) {
            Outcome::Allow(allow) => allow,
            other => panic!("{} was not allowed: {other:?}", request.describe()),
        }
    }

    pub(crate) fn refused(&self, profile: &str, request: &TestRequest) -> ClientResponse {
        match self.check(profile, request) {
            Outcome::Refuse(respond) => respond,
            other => panic!("{} was not refused: {other:?}", request.describe()),
        }
    }

    pub(crate) fn answered(&self, profile: &str, request: &TestRequest) -> ClientResponse {
        match self.check(profile, request) {
            Outcome::Answer(respond) => respond,
            other => panic!("{} was not answered: {other:?}", request.describe()),
        }
    }

    /// Returns status and body of a refusal.
    pub(crate) fn refusal(&self, profile: &str, request: &TestRequest) -> (u16, String) {
        let respond = self.refused(profile, request);
        (respond.status, respond.body)
    }

    /// Returns the token of a key.
    pub(crate) fn key(&self, name: &str) -> &str {
        &self.keys[name]
    }

    /// Returns Authorize's decision for a service that calls `method` for this store: whether it is allowed, and
    /// whether only because the service applies the scope.
    pub(crate) fn authorize(&self, key: &str, method: &str, store: &str) -> (bool, bool) {
        let request = Request { method, store, stores: &[], client: None, stores_from: StoresFrom::Service };
        let query = Query { token: self.key(key), request, min_revision: None };
        let summarize = |decision: &Decision<'_>| (decision.allowed(), decision.scope_must_be_applied);
        self.runtime.block_on(self.authority.decide(&query, summarize)).expect("it can be decided")
    }

    /// Returns the reason that is logged.
    pub(crate) fn reason(&self, profile: &str, request: &TestRequest) -> &'static str {
        self.check(profile, request).facts().reason
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }
}

async fn build_gateway(folder: &std::path::Path) -> (Gateway, Authority, Arc<Metrics>, BTreeMap<&'static str, String>) {
    let url = format!("sqlite:{}", folder.join("latchkey.db").display());
    let mut options = Options::new(url.parse().unwrap());
    let tasks = Tasks::new();
    let clock: SharedClock = Arc::new(SystemClock);
    options.clock = Arc::clone(&clock);
    options.tasks = tasks.clone();
    let storage: Arc<Storage> = storage::open(options).await.unwrap();
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let convergence: Arc<dyn Convergence> = Arc::new(NoReplicas);
    let registry = Registry::new(Arc::clone(&storage), tasks.clone(), Arc::clone(&random), convergence, Duration::ZERO);
    let Bootstrap::Created { operator, .. } = registry.bootstrap(&NoSuppliedToken).await.unwrap() else {
        panic!("storage was not empty")
    };
    let admin = Caller { id: operator.id, name: operator.name, role: operator.role };
    let keys = create_data(&registry, &admin, clock.now().as_seconds().0).await;
    let settings = Settings {
        replica: ReplicaId::new(clock.now(), random.bytes()),
        host: "here".to_owned(),
        cache_capacity: 1000,
        poll_interval: Duration::from_millis(50),
        max_staleness: Duration::from_secs(600),
        read_wait: Duration::from_millis(500),
        usage: false,
        hash_key: random.bytes(),
    };
    let head = storage.head().await.unwrap().revision;
    let metrics = Arc::new(Metrics::new());
    let authority = Authority::start(storage, settings, &clock, &tasks, Arc::clone(&metrics));
    assert!(authority.wait_applied(head, Duration::from_secs(30)).await, "everything is loaded in time");
    let file = folder.join("latchkey.toml");
    std::fs::write(&file, PROFILES).unwrap();
    let flags = BTreeMap::from([("config".to_owned(), file.display().to_string())]);
    let config = Config::load(&Sources { flags, ..Sources::default() }).unwrap();
    (Gateway::new(authority.clone(), &config.profiles, Arc::clone(&metrics)), authority, metrics, keys)
}

/// Returns codes of stores that together are too long for a header.
pub(crate) fn branches() -> Vec<String> {
    (10..80).map(|number| format!("branch-{number}-{}", "x".repeat(50))).collect()
}

async fn create_data(registry: &Registry, admin: &Caller, now: i64) -> BTreeMap<&'static str, String> {
    let options = WriteOptions::default();
    for (code, host) in [("main", "main.example"), ("second", "second.example"), ("third", ""), ("off", "off.example")]
        .into_iter()
        .chain([("dark", "")])
    {
        let draft = StoreDraft {
            code: code.to_owned(),
            name: code.to_owned(),
            kind: Choice::Is(StoreKind::OnlineStore),
            hosts: if host.is_empty() { Vec::new() } else { vec![host.to_owned()] },
            ..StoreDraft::default()
        };
        registry.create_store(admin, &draft, &options).await.unwrap();
    }
    for code in branches() {
        let kind = Choice::Is(StoreKind::LandingPage);
        let draft = StoreDraft { code: code.clone(), name: code, kind, ..StoreDraft::default() };
        registry.create_store(admin, &draft, &options).await.unwrap();
    }
    for code in ["off", "dark"] {
        let off = StoreDraft { active: Some(false), ..StoreDraft::default() };
        let update = Update { id: code.to_owned(), draft: off, mask: vec!["active".to_owned()], ..Update::default() };
        registry.update_store(admin, &update, &options).await.unwrap();
    }
    let book = books::parse(books::RETAILCRM).unwrap();
    let mut methods: Vec<MethodDraft> = Vec::new();
    for block in &book.blocks {
        methods.extend(block.methods.iter().map(|method| MethodDraft {
            method: method.method.to_string(),
            block: block.title.clone(),
            summary: method.summary.clone(),
            description: method.description.clone(),
            store_use: Choice::Is(method.store_use),
            store_places: method.store_places.iter().map(ToString::to_string).collect(),
            scope: method.scope.clone().unwrap_or_default(),
            position: 0,
        }));
    }
    methods.extend(SHOP.map(|(method, store_use, places)| MethodDraft {
        method: method.to_owned(),
        block: "Shop".to_owned(),
        summary: "Does something".to_owned(),
        store_use: Choice::Is(store_use),
        store_places: places.iter().map(ToString::to_string).collect(),
        ..MethodDraft::default()
    }));
    registry.import_methods(admin, &ImportMethods { methods, ..ImportMethods::default() }, &options).await.unwrap();

    let all = || Choice::Is(AccessKind::All);
    let some = || Choice::Is(AccessKind::Selected);
    let own = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let key = |stores: Option<&[&str]>, methods: Option<&[&str]>| KeyDraft {
        name: "a key".to_owned(),
        store_access: if stores.is_none() { all() } else { some() },
        stores: own(stores.unwrap_or_default()),
        method_access: if methods.is_none() { all() } else { some() },
        methods: own(methods.unwrap_or_default()),
        ..KeyDraft::default()
    };
    let branches = branches();
    let branches: Vec<&str> = branches.iter().map(String::as_str).collect();
    let segments = ["GET /api/v*/segments", "POST /api/v*/payment/check", "POST /api/v*/payment/update-invoice"];
    let beside = [
        "GET /api/v*/customers/{externalId}",
        "GET /api/v*/customers-corporate/{externalId}",
        "GET /api/v*/orders/{externalId}",
        "GET /api/v*/orders/packs/{id}",
        "GET /api/v*/tasks/{id}",
        "GET /api/v*/custom-fields/{entity}/{code}",
        "POST /api/v*/custom-fields/{entity}/create",
        "POST /api/v*/custom-fields/{entity}/{code}/edit",
    ];
    let drafts = [
        ("wide", key(None, None)),
        ("one", key(Some(&["main"]), None)),
        ("two", key(Some(&["main", "second"]), None)),
        ("cpa", key(None, Some(&["GET /api/v*/orders/statuses"]))),
        ("order", key(None, Some(&["GET /api/v*/orders/{externalId}", "POST /api/v*/orders/create"]))),
        ("beside", key(None, Some(&beside))),
        ("links", key(None, Some(&["POST /api/v*/orders/links/create"]))),
        ("module", key(Some(&["main"]), Some(&segments))),
        ("branches", key(Some(&branches), None)),
        ("nothing", key(Some(&[]), Some(&[]))),
        ("storeless", key(Some(&[]), None)),
        ("closed", key(Some(&["off"]), None)),
        ("dark", key(Some(&["off", "dark"]), None)),
        ("inactive", KeyDraft { active: Some(false), ..key(None, None) }),
        ("revoked", key(None, None)),
        ("expired", key(None, None)),
        ("netted", KeyDraft { networks: own(&["10.0.0.0/8"]), ..key(None, None) }),
    ];
    let mut keys = BTreeMap::new();
    for (name, draft) in drafts {
        let request = CreateKey { key: draft, ..CreateKey::default() };
        let (made, _) = registry.create_key(admin, &request, &options).await.unwrap();
        let id = made.key.id.to_string();
        keys.insert(name, made.token.unwrap().reveal().to_owned());
        if name == "revoked" {
            let named = SubjectRef { id, ..SubjectRef::default() };
            registry.revoke_key(admin, &named, "it leaked", &options).await.unwrap();
        } else if name == "expired" {
            let past = RawTime { seconds: now - 60, nanos: 0 };
            let draft = KeyDraft { expires: Some(past), ..KeyDraft::default() };
            let update = Update { id, draft, mask: vec!["expire_time".to_owned()], ..Update::default() };
            registry.update_key(admin, &update, &options).await.unwrap();
        }
    }
    keys
}

// === impl TestRequest ===

/// Returns a request without a body.
pub(crate) fn test_request(verb: &str, target: &str) -> TestRequest {
    TestRequest {
        verb: verb.into(),
        target: target.into(),
        host: b"api.example".to_vec(),
        headers: Vec::new(),
        body: TestBody::None,
        client: Some([10, 0, 0, 1].into()),
    }
}

pub(crate) fn get(target: &str) -> TestRequest {
    test_request("GET", target)
}

pub(crate) fn post(target: &str) -> TestRequest {
    test_request("POST", target)
}

impl TestRequest {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn key(self, name: &str) -> Self {
        self.header("X-API-KEY", GATEWAY.key(name))
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        self.body = TestBody::Whole(body);
        self.header("Content-Type", content_type).header("Content-Length", &length)
    }

    pub(crate) fn form(self, body: &str) -> Self {
        self.body("application/x-www-form-urlencoded", body)
    }

    pub(crate) fn json(self, body: &str) -> Self {
        self.body("application/json", body)
    }

    /// Adds a multipart form.
    pub(crate) fn parts(self, fields: &[(&str, &str)]) -> Self {
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        self.body("multipart/form-data; boundary=XX", body + "--XX--\r\n")
    }

    pub(crate) fn with_body(mut self, body: TestBody) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn request<'a>(&'a self, headers: &'a [(&'a [u8], &'a [u8])]) -> HttpRequest<'a> {
        HttpRequest {
            verb: &self.verb,
            target: &self.target,
            host: &self.host,
            headers,
            body: match &self.body {
                TestBody::None => Body::None,
                TestBody::Withheld => Body::Withheld,
                TestBody::CutOff => Body::Truncated,
                TestBody::Whole(bytes) => Body::Complete(bytes),
            },
            client: self.client,
        }
    }

    /// Describes the request for messages.
    pub(crate) fn describe(&self) -> String {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let headers: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{}: {}", text(name), text(value))).collect();
        let body = match &self.body {
            TestBody::Whole(bytes) => text(bytes),
            _ => "-".to_owned(),
        };
        format!("{} {} [{}] {body}", text(&self.verb), text(&self.target), headers.join(", "))
    }
}
