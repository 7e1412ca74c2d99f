//! A server for one scenario, and the people and services that use it.

use latchkey::proto::v1 as proto;
use prost_types::{FieldMask, Timestamp};
use proto::{Access, Decision, Key, Method, Reason, Role, ScopeKind, Store, StoreKind, StoreUse};
use tonic::Status;

use crate::calls::Client;
use crate::support::postgres::{Cluster, Database};
use crate::support::process::{Builder, LatchkeyProcess};

/// Storage engine of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file in the data folder.
    Sqlite,
    /// A database of the test process's cluster.
    Postgres,
}

/// A running server and all of its callers, each with a different role.
#[derive(Debug)]
pub struct TestServer {
    /// The server.
    pub process: LatchkeyProcess,
    /// Its storage engine.
    pub engine: Engine,
    /// Its database, with [`Engine::Postgres`].
    pub database: Option<Database>,
    /// The platform engineer who set it up: role admin.
    pub admin: Client,
    /// The integration manager: role editor.
    pub manager: Client,
    /// The security officer: role viewer.
    pub officer: Client,
    /// The order API: role authorizer.
    pub order_api: Client,
    /// The CRM: role authorizer.
    pub crm: Client,
    /// Names and tokens of those four.
    tokens: Vec<(&'static str, Token)>,
}

/// A key and its token.
#[derive(Debug, Clone)]
pub struct IssuedKey {
    /// The key.
    pub key: Key,
    /// The token; this test does not print it either.
    pub token: Token,
}

/// A token that a failing assertion does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl std::ops::Deref for Token {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// The stores or methods that a key has access to.
#[derive(Debug, Clone, Copy)]
pub enum Selection<'a> {
    /// Everything, including what is added later.
    All,
    /// Exactly these.
    Only(&'a [&'a str]),
}

/// Returns a key that is not created yet.
#[must_use]
pub fn key(name: &str, stores: Selection<'_>, methods: Selection<'_>) -> Key {
    let split = |selection: Selection<'_>| match selection {
        Selection::All => (Access::All.into(), Vec::new()),
        Selection::Only(list) => (Access::Selected.into(), list.iter().map(ToString::to_string).collect()),
    };
    let (store_access, stores) = split(stores);
    let (method_access, methods) = split(methods);
    Key { name: name.to_owned(), store_access, stores, method_access, methods, ..Default::default() }
}

/// Returns a field mask.
#[must_use]
pub fn mask(fields: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: fields.iter().map(ToString::to_string).collect() })
}

/// Returns options with a comment for the audit trail and the server's default wait.
#[must_use]
#[expect(clippy::unnecessary_wraps, reason = "what the field of every request is")]
pub fn with_comment(comment: &str) -> Option<proto::WriteOptions> {
    Some(proto::WriteOptions { comment: comment.to_owned(), replica_wait: None })
}

/// Returns the time `seconds` after the beginning of the year 2000: in the past.
#[must_use]
pub const fn long_ago(seconds: i64) -> Timestamp {
    Timestamp { seconds: 946_684_800 + seconds, nanos: 0 }
}

/// Returns a time in the year 2100: in the future.
#[must_use]
pub const fn far_future() -> Timestamp {
    Timestamp { seconds: 4_102_444_800, nanos: 0 }
}

impl TestServer {
    /// Starts a server on fresh storage of this engine, with one operator of each role.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, LatchkeyProcess::builder()).await
    }

    /// Does the same as [`TestServer::start`] with more settings.
    pub async fn start_with(engine: Engine, builder: Builder) -> Self {
        let database = (engine == Engine::Postgres).then(|| Cluster::shared().database());
        let builder = database.iter().fold(builder, |builder, database| builder.database(database.url()));
        let process = builder.start();
        let admin = Client::for_admin(&process);
        let mut tokens = Vec::new();
        let mut create_operator = async |name: &'static str, role| {
            let (_, token) = create_operator(&admin, name, role, None).await;
            let client = Client::new(process.addresses(), &token);
            tokens.push((name, token));
            client
        };
        let manager = create_operator("integration manager", Role::Editor).await;
        let officer = create_operator("security officer", Role::Viewer).await;
        let order_api = create_operator("order api", Role::Authorizer).await;
        let crm = create_operator("crm", Role::Authorizer).await;
        Self { process, engine, database, admin, manager, officer, order_api, crm, tokens }
    }

    /// Creates an operator.
    pub async fn create_operator(
        &self,
        name: &str,
        role: Role,
        expire_time: Option<Timestamp>,
    ) -> (proto::Operator, Token) {
        create_operator(&self.admin, name, role, expire_time).await
    }

    /// Returns the token of the initial operator with this name.
    #[must_use]
    pub fn token_of(&self, name: &str) -> &str {
        let found = self.tokens.iter().find(|(known, _)| *known == name);
        found.map_or_else(|| panic!("{name} was not there from the beginning"), |(_, token)| token)
    }

    /// Returns a client of this server with another token.
    #[must_use]
    pub fn client(&self, token: &str) -> Client {
        Client::new(self.process.addresses(), token)
    }

    /// Returns the decision that the order API receives.
    pub async fn authorize(&self, token: &str, method: &str, store: &str) -> Decision {
        self.order_api.authorize(token, method, store).await.expect("something is decided")
    }

    /// Returns the decision that the order API receives for a full request.
    ///
    /// # Errors
    ///
    /// The server made no decision.
    pub async fn try_authorize(&self, request: proto::AuthorizeRequest) -> Result<Decision, Status> {
        let answer = self.order_api.authorization().authorize(request).await?.into_inner();
        Ok(answer.decision.expect("an answer has a decision"))
    }

    /// Connects a store.
    pub async fn create_store(&self, code: &str, kind: StoreKind, platform: &str) -> Store {
        let store = Store {
            code: code.to_owned(),
            name: format!("Store {code}"),
            kind: kind.into(),
            platform: platform.to_owned(),
            ..Default::default()
        };
        let request = proto::CreateStoreRequest { store: Some(store), options: None };
        let answer = self.manager.stores().create_store(request).await.expect("the store is connected").into_inner();
        answer.store.expect("an answer has a store")
    }

    /// Connects online stores of one platform.
    pub async fn create_stores(&self, codes: &[&str]) {
        for code in codes {
            self.create_store(code, StoreKind::OnlineStore, "opencart").await;
        }
    }

    /// Updates the named fields of a store.
    pub async fn update_store(&self, store: Store, fields: &[&str]) -> Store {
        let request = proto::UpdateStoreRequest { store: Some(store), update_mask: mask(fields), options: None };
        let answer = self.manager.stores().update_store(request).await.expect("the store is changed").into_inner();
        answer.store.expect("an answer has a store")
    }

    /// Switches a store on or off.
    pub async fn set_store_active(&self, code: &str, active: bool) {
        let store = Store { code: code.to_owned(), active: Some(active), ..Default::default() };
        self.update_store(store, &["active"]).await;
    }

    /// Adds a method to the reference book.
    pub async fn create_method(&self, identity: &str, store_use: StoreUse) -> Method {
        let method = Method {
            method: identity.to_owned(),
            block: "Orders".to_owned(),
            summary: format!("What {identity} does"),
            store_use: store_use.into(),
            ..Default::default()
        };
        let request = proto::CreateMethodRequest { method: Some(method), options: None };
        let answer = self.manager.methods().create_method(request).await.expect("the method is added").into_inner();
        answer.method.expect("an answer has a method")
    }

    /// Imports the built-in reference book of the RetailCRM API, and returns its methods in order.
    pub async fn import_book(&self) -> Vec<Method> {
        let methods = built_in_book();
        let request = proto::ImportMethodsRequest { methods: methods.clone(), ..Default::default() };
        let answer = self.manager.methods().import_methods(request).await.expect("the book is imported").into_inner();
        assert_eq!(answer.added.len(), methods.len(), "every method of the book is added");
        methods
    }

    /// Issues a key.
    pub async fn create_key(&self, key: Key) -> IssuedKey {
        let (key, token) = self.manager.create_key(key).await.expect("the key is issued");
        IssuedKey { key, token: Token(token) }
    }

    /// Updates the named fields of a key.
    pub async fn update_key(&self, key: Key, fields: &[&str]) -> Key {
        self.try_update_key(key, fields).await.expect("the key is changed")
    }

    /// Does the same as [`TestServer::update_key`] and returns the error.
    ///
    /// # Errors
    ///
    /// The server refused.
    pub async fn try_update_key(&self, key: Key, fields: &[&str]) -> Result<Key, Status> {
        // A caller that has just read the key has its etag; scenarios about etags set it themselves.
        let key = Key { etag: String::new(), ..key };
        let request = proto::UpdateKeyRequest { key: Some(key), update_mask: mask(fields), options: None };
        let answer = self.manager.keys().update_key(request).await?.into_inner();
        Ok(answer.key.expect("an answer has a key"))
    }

    /// Reads a key.
    ///
    /// # Errors
    ///
    /// The server refused.
    pub async fn get_key(&self, id: &str) -> Result<Key, Status> {
        let answer = self.officer.keys().get_key(proto::GetKeyRequest { id: id.to_owned() }).await?.into_inner();
        Ok(answer.key.expect("an answer has a key"))
    }

    /// Returns every key of a list, page by page.
    pub async fn list_keys(&self, request: proto::ListKeysRequest) -> Vec<Key> {
        let mut keys = Vec::new();
        let mut request = request;
        loop {
            let page = self.officer.keys().list_keys(request.clone()).await.expect("keys are listed").into_inner();
            keys.extend(page.keys);
            if page.next_page_token.is_empty() {
                return keys;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Revokes a key.
    pub async fn revoke_key(&self, id: &str, reason: &str) -> Key {
        let request = proto::RevokeKeyRequest { id: id.to_owned(), reason: reason.to_owned(), ..Default::default() };
        let answer = self.manager.keys().revoke_key(request).await.expect("the key is revoked").into_inner();
        answer.key.expect("an answer has a key")
    }

    /// Deletes a key.
    pub async fn delete_key(&self, id: &str) {
        let request = proto::DeleteKeyRequest { id: id.to_owned(), ..Default::default() };
        self.manager.keys().delete_key(request).await.expect("the key is deleted");
    }

    /// Returns the latest revision in storage.
    pub async fn latest_revision(&self) -> u64 {
        let answer = self.officer.replicas().list_replicas(proto::ListReplicasRequest {}).await;
        answer.expect("replicas are listed").into_inner().head_revision
    }

    /// Returns all changes, oldest first.
    pub async fn changes(&self) -> Vec<proto::Change> {
        let mut changes = Vec::new();
        let mut request = proto::ListChangesRequest { page_size: 1_000, ..Default::default() };
        loop {
            let page = self.officer.audit().list_changes(request.clone()).await.expect("changes are listed");
            let page = page.into_inner();
            changes.extend(page.changes);
            if page.next_page_token.is_empty() {
                changes.reverse();
                return changes;
            }
            request.page_token = page.next_page_token;
        }
    }
}

async fn create_operator(
    admin: &Client,
    name: &str,
    role: Role,
    expire_time: Option<Timestamp>,
) -> (proto::Operator, Token) {
    let operator = proto::Operator { name: name.to_owned(), role: role.into(), expire_time, ..Default::default() };
    let request = proto::CreateOperatorRequest { operator: Some(operator), options: None };
    let answer = admin.operators().create_operator(request).await.expect("an operator is made").into_inner();
    (answer.operator.expect("an answer has an operator"), Token(answer.token))
}

/// Returns the methods of the RetailCRM book in order, as an import sends them.
#[must_use]
pub fn built_in_book() -> Vec<Method> {
    use latchkey::model::method::StoreUse as Use;
    let book = latchkey::books::parse(latchkey::books::RETAILCRM).expect("the built-in book is a book");
    let blocks = book.blocks.into_iter();
    blocks
        .flat_map(|block| block.methods.into_iter().map(move |method| (block.title.clone(), method)))
        .map(|(block, method)| Method {
            method: method.method,
            block,
            summary: method.summary,
            description: method.description,
            store_use: match method.store_use {
                Use::None => StoreUse::None,
                Use::Shared => StoreUse::Shared,
                Use::Optional => StoreUse::Optional,
                Use::Required => StoreUse::Required,
            }
            .into(),
            store_places: method.store_places.iter().map(ToString::to_string).collect(),
            scope: method.scope.unwrap_or_default(),
            ..Default::default()
        })
        .collect()
}

/// Assertions about a decision in one line.
pub trait DecisionAssertions {
    /// Asserts that it is allowed.
    fn must_allow(self) -> Decision;
    /// Asserts that it is refused, with this reason first.
    fn must_refuse(self, reason: Reason) -> Decision;
    /// Returns the reasons of all failed checks.
    fn failures(&self) -> Vec<Reason>;
    /// Returns the stores in scope; `None` means all.
    fn scope_codes(&self) -> Option<Vec<&str>>;
}

impl DecisionAssertions for Decision {
    #[track_caller]
    fn must_allow(self) -> Decision {
        assert!(self.allowed, "allowed: {self:?}");
        assert_eq!(self.reason(), Reason::Allowed, "{self:?}");
        assert!(self.failed_checks.is_empty() && self.denied_stores.is_empty(), "nothing failed: {self:?}");
        assert!(self.key_id.starts_with("key_") && self.secret_id.starts_with("sec_"), "it says who: {self:?}");
        assert!(self.scope.is_some() && self.revision > 0, "it says how far and as of when: {self:?}");
        self
    }

    #[track_caller]
    fn must_refuse(self, reason: Reason) -> Decision {
        assert!(!self.allowed, "refused: {self:?}");
        assert_eq!(self.reason(), reason, "{self:?}");
        assert_eq!(self.failures().first(), Some(&reason), "the reason is the first check that failed: {self:?}");
        assert!(self.failed_checks.is_sorted(), "checks are listed in their order: {self:?}");
        let with_scope = reason == Reason::StoreRequired;
        assert_eq!(self.scope.is_some(), with_scope, "a refusal tells no scope, unless a store is asked for: {self:?}");
        self
    }

    fn failures(&self) -> Vec<Reason> {
        self.failed_checks().collect()
    }

    fn scope_codes(&self) -> Option<Vec<&str>> {
        let scope = self.scope.as_ref().expect("the decision has a scope");
        match scope.kind() {
            ScopeKind::All => {
                assert!(scope.stores.is_empty(), "all has no list: {scope:?}");
                None
            }
            ScopeKind::Listed => Some(scope.stores.iter().map(String::as_str).collect()),
            other => panic!("a scope of so few stores is {other:?}"),
        }
    }
}

/// Returns the fields of a refusal, in order.
#[must_use]
pub fn violated_fields(status: &Status) -> Vec<String> {
    use tonic_types::StatusExt as _;
    let details = status.get_details_bad_request().map(|details| details.field_violations);
    details.unwrap_or_default().into_iter().map(|violation| violation.field).collect()
}
