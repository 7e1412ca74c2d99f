//! A command's connection to a running server: its address, the caller's token, and the format of results.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use prost::Name;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Response, Status};

use super::exit::{Error, chain, root_cause};
use super::json;
use super::output::{self, CommandOutput, CommandResult, OutputFormat};
use crate::app::{self, ADMIN_TOKEN};
use crate::config::{Config, SettingOrigin};
use crate::model::token::Token;
use crate::proto::v1;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_mins(1);
/// Timeout of an import of many keys.
pub(super) const LONG_CALL_TIMEOUT: Duration = Duration::from_mins(10);
/// Largest response accepted: a page of 1 000 keys that list many stores each.
const MAX_RESPONSE_BYTES: usize = 512 * 1024 * 1024;
const PAGE_SIZE: i32 = 1_000;

/// A connection that identifies the caller.
pub(super) type AuthenticatedChannel = InterceptedService<Channel, Bearer>;

pub(super) struct CommandContext {
    pub(super) config: Config,
    format: OutputFormat,
    /// The key's token from the environment, for `authorize` and `introspect`.
    pub(super) environment_key: Option<String>,
}

/// Adds an operator's token to each call.
#[derive(Clone)]
pub(super) struct Bearer(Option<MetadataValue<Ascii>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    Decision,
    Admin,
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// Defines a method for the client of a service, on its port.
macro_rules! clients {
    ($($name:ident: $module:ident::$client:ident on $port:ident;)*) => {$(
        pub(super) async fn $name(&self) -> Result<v1::$module::$client<AuthenticatedChannel>, Error> {
            let channel = self.connect(Port::$port).await?;
            Ok(v1::$module::$client::new(channel).max_decoding_message_size(MAX_RESPONSE_BYTES))
        }
    )*};
}

/// Defines a method that returns the entries of a list that match a filter, at most `limit`, page by page.
macro_rules! lists {
    ($($call:ident($request:ident) of $client:ident: $entries:ident $entry:ident, $what:literal;)*) => {$(
        pub(super) async fn $call(
            &self,
            mut request: v1::$request,
            limit: Option<usize>,
        ) -> Result<Vec<v1::$entry>, Error> {
            let limit = limit.unwrap_or(usize::MAX);
            let mut client = self.$client().await?;
            let mut all = Vec::new();
            loop {
                request.page_size = i32::try_from(limit - all.len()).unwrap_or(PAGE_SIZE).min(PAGE_SIZE);
                let response = self.call($what, client.$call(request.clone())).await?;
                all.extend(response.$entries);
                if response.next_page_token.is_empty() || all.len() >= limit {
                    all.truncate(limit);
                    return Ok(all);
                }
                request.page_token = response.next_page_token;
            }
        }
    )*};
}

impl CommandContext {
    pub(super) fn new(config: Config, format: OutputFormat, environment_key: Option<String>) -> Self {
        Self { config, format, environment_key }
    }

    clients! {
        authorization: authorization_service_client::AuthorizationServiceClient on Decision;
        keys: key_service_client::KeyServiceClient on Admin;
        stores: store_service_client::StoreServiceClient on Admin;
        methods: method_service_client::MethodServiceClient on Admin;
        operators: operator_service_client::OperatorServiceClient on Admin;
        audit: audit_service_client::AuditServiceClient on Admin;
        usage: usage_service_client::UsageServiceClient on Admin;
        replicas: replica_service_client::ReplicaServiceClient on Admin;
    }

    lists! {
        list_keys(ListKeysRequest) of keys: keys Key, "listing keys";
        list_stores(ListStoresRequest) of stores: stores Store, "listing stores";
        list_methods(ListMethodsRequest) of methods: methods Method, "listing methods";
        list_operators(ListOperatorsRequest) of operators: operators Operator, "listing operators";
        list_changes(ListChangesRequest) of audit: changes Change, "reading the audit trail";
    }

    pub(super) fn is_json(&self) -> bool {
        self.format == OutputFormat::Json
    }

    /// Calls the server, and returns the response as the result of the command; see [`CommandContext::render`].
    pub(super) fn show<M: Name, A: Into<CommandOutput>>(
        &self,
        what: &str,
        request: impl Future<Output = Result<Response<M>, Status>>,
        people: impl FnOnce(&M) -> A,
    ) -> impl Future<Output = CommandResult> {
        let response = self.call(what, request);
        async move { self.render(&response.await?, people) }
    }

    /// Returns a message as the result of a command: as JSON, or in the text from `people`.
    pub(super) fn render<M: Name, A: Into<CommandOutput>>(
        &self,
        message: &M,
        people: impl FnOnce(&M) -> A,
    ) -> CommandResult {
        let output = if self.is_json() { json::pretty(message)?.into() } else { people(message).into() };
        Ok(output.with_written(json::written(message)?.as_ref()))
    }

    /// Like [`CommandContext::render`], for a response with a new token, which is shown once: alone if `token_only`, in
    /// the JSON, or after the text from `people` and a `gap`. A response to a retry has no token.
    pub(super) fn render_token<M: Name>(
        &self,
        message: &M,
        token: &str,
        token_only: bool,
        gap: &str,
        people: impl FnOnce(&M) -> String,
    ) -> CommandResult {
        let output = match (token_only, self.is_json()) {
            (true, _) if token.is_empty() => {
                let nothing = Err(Error::Conflict("there is no token to print: the key exists already, and its token was shown when it was created; rotate it for a new one".to_owned()));
                CommandOutput::empty().with_exit(nothing)
            }
            (true, _) => format!("{token}\n").into(),
            (false, true) => json::pretty(message)?.into(),
            (false, false) if token.is_empty() => people(message).into(),
            (false, false) => format!("{}{gap}{token}\n", people(message)).into(),
        };
        let note = if token.is_empty() {
            "this was a retry: the key already exists, and its token was shown when it was created"
        } else {
            "copy the token now: it will not be shown again"
        };
        Ok(output.with_note(note).with_written(json::written(message)?.as_ref()))
    }

    /// Waits for a response; shows after a while that it is in progress.
    pub(super) fn call<T>(
        &self,
        what: &str,
        request: impl Future<Output = Result<Response<T>, Status>>,
    ) -> impl Future<Output = Result<T, Error>> {
        self.call_within(CALL_TIMEOUT, what, request)
    }

    /// Like [`CommandContext::call`], for operations with another timeout, such as [`LONG_CALL_TIMEOUT`].
    pub(super) fn call_within<T>(
        &self,
        bound: Duration,
        what: &str,
        request: impl Future<Output = Result<Response<T>, Status>>,
    ) -> impl Future<Output = Result<T, Error>> {
        // Boxed before it is passed on: a request with its client is large, and would be copied from frame to frame.
        let request = Box::pin(request);
        async move {
            match output::with_progress(what, tokio::time::timeout(bound, request)).await {
                Ok(Ok(response)) => Ok(response.into_inner()),
                Ok(Err(status)) => Err(self.status_error(&status)),
                Err(_) => Err(Error::Unavailable(format!(
                    "no response within {} s; the change may still be made: check before you repeat it",
                    bound.as_secs()
                ))),
            }
        }
    }

    pub(super) fn status_error(&self, status: &Status) -> Error {
        let origin = self.token().ok().flatten().map(|(_, origin)| origin);
        Error::from_status(status, origin.as_deref())
    }

    // === Where the server is ===

    /// Returns the URL of a port: the configured one, or else that of a server that was started here.
    pub(super) fn url(&self, port: Port) -> String {
        let config = &self.config;
        let (url, names, address, started) = match port {
            Port::Decision => {
                (&config.decision_url, ["decision_url", "decision_addr"], config.decision_addr, "decision")
            }
            Port::Admin => (&config.admin_url, ["admin_url", "admin_addr"], config.admin_addr, "admin"),
        };
        let is_default = |name| self.has_origin(name, SettingOrigin::Default);
        if !is_default(names[0]) || !is_default(names[1]) && address.port() != 0 {
            return url.clone();
        }
        let addresses = std::fs::read_to_string(config.data_dir.join("addresses.json")).unwrap_or_default();
        let addresses: serde_json::Value = serde_json::from_str(&addresses).unwrap_or_default();
        let (Some((scheme, _)), Some(address)) = (url.split_once("://"), addresses[started].as_str()) else {
            return url.clone();
        };
        let address =
            address.parse().map_or(address.to_owned(), |address| crate::config::reachable(address).to_string());
        format!("{scheme}://{address}")
    }

    fn has_origin(&self, name: &str, origin: SettingOrigin) -> bool {
        self.config.origins.iter().any(|(setting, _, found)| setting.name == name && *found == origin)
    }

    async fn connect(&self, port: Port) -> Result<AuthenticatedChannel, Error> {
        let bearer = match (self.token()?, port) {
            (Some((token, _)), _) => bearer(&token)?,
            (None, Port::Decision) if !self.config.decision_auth => Bearer(None),
            (None, _) => return Err(self.no_token()),
        };
        Ok(InterceptedService::new(self.channel(port).await?, bearer))
    }

    /// Opens a connection without the caller's identity.
    pub(super) async fn channel(&self, port: Port) -> Result<Channel, Error> {
        let url = self.url(port);
        let flag = if port == Port::Admin { "--admin-url" } else { "--decision-url" };
        let wrong =
            |what| Error::Usage(format!("`{url}` is {what}: write {flag} as http://HOST:PORT or https://HOST:PORT"));
        let mut endpoint =
            Endpoint::from_shared(url.clone()).map_err(|_| wrong("not a URL"))?.connect_timeout(CONNECT_TIMEOUT);
        match endpoint.uri().scheme_str() {
            Some("http") => {}
            Some("https") => {
                endpoint = endpoint.tls_config(self.tls()?).map_err(|error| Error::Failed(chain(&error)))?;
            }
            _ => return Err(wrong("not an HTTP URL")),
        }
        let connected = output::with_progress(&format!("connecting to {url}"), endpoint.connect()).await;
        connected.map_err(|error| {
            Error::Unavailable(format!(
                "cannot connect to Latchkey at {url}: {}; start it with `latchkey serve`, or set its address with \
                 {flag}",
                root_cause(&error)
            ))
        })
    }

    fn tls(&self) -> Result<ClientTlsConfig, Error> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| Error::Failed(format!("{} cannot be read: {error}", path.display())))
        };
        let mut tls = ClientTlsConfig::new().with_native_roots();
        if let Some(path) = &self.config.ca_file {
            tls = tls.ca_certificate(Certificate::from_pem(read(path)?));
        }
        if let Some((cert, key)) = &self.config.client_identity {
            tls = tls.identity(Identity::from_pem(read(cert)?, read(key)?));
        }
        Ok(tls)
    }

    // === Who we are ===

    /// Returns the operator's token and its source; `None` if no source has one.
    pub(super) fn token(&self) -> Result<Option<(Token, String)>, Error> {
        let config = &self.config;
        let read = |path: &PathBuf| {
            app::read_token(path)
                .map_err(|error| Error::Credentials(format!("the operator token cannot be read from {error}")))
        };
        match (&config.token, &config.token_file) {
            (Some(_), Some(_)) if !self.has_origin("token_file", SettingOrigin::Flag) => {
                Err(Error::Usage("token and token_file are both set; set only one of them".to_owned()))
            }
            (_, Some(path)) => Ok(Some((read(path)?, path.display().to_string()))),
            (Some(text), None) => {
                let token = Token::parse_operator(text.trim())
                    .map_err(|error| Error::Credentials(format!("LATCHKEY_TOKEN cannot be used: {error}")))?;
                Ok(Some((token, "LATCHKEY_TOKEN".to_owned())))
            }
            (None, None) => {
                let path = config.data_dir.join(ADMIN_TOKEN);
                // A folder of another user counts as missing: that user's token is not for us.
                if std::fs::File::open(&path).is_err() {
                    return Ok(None);
                }
                Ok(Some((read(&path)?, path.display().to_string())))
            }
        }
    }

    /// Returns the error that explains how to get a token.
    pub(super) fn no_token(&self) -> Error {
        Error::Credentials(format!(
            "no operator token: set LATCHKEY_TOKEN or LATCHKEY_TOKEN_FILE to one that an admin created with `latchkey \
             operators create`, or run this command where the server's own {} can be read",
            self.config.data_dir.join(ADMIN_TOKEN).display()
        ))
    }
}

fn bearer(token: &Token) -> Result<Bearer, Error> {
    let mut value: MetadataValue<Ascii> = format!("Bearer {}", token.reveal())
        .parse()
        .map_err(|_| Error::Credentials("the operator token has characters that cannot be sent".to_owned()))?;
    // Keeps it out of HTTP/2 logs.
    value.set_sensitive(true);
    Ok(Bearer(Some(value)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Sources;

    fn context(flags: &[(&str, &str)], environment: &[(&str, &str)]) -> CommandContext {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        let config = Config::load(&Sources { flags: map(flags), environment: map(environment) }).unwrap();
        CommandContext::new(config, OutputFormat::Table, None)
    }

    #[test]
    fn a_token_is_looked_for_where_it_was_said_then_in_the_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_str().unwrap();
        assert!(context(&[("data_dir", data)], &[]).token().unwrap().is_none());

        let [ours, theirs] = [1, 2].map(|seed| Token::issue_operator([seed; 32]));
        let file = folder.path().join(ADMIN_TOKEN);
        std::fs::write(&file, format!("{}\n", ours.reveal())).unwrap();
        let found = context(&[("data_dir", data)], &[]).token().unwrap().unwrap();
        assert!(found.0 == ours && found.1 == file.display().to_string());

        let found = context(&[("data_dir", data)], &[("LATCHKEY_TOKEN", theirs.reveal())]).token().unwrap().unwrap();
        assert!(found.0 == theirs && found.1 == "LATCHKEY_TOKEN");

        let file = file.to_str().unwrap();
        let flag = context(&[("token_file", file)], &[("LATCHKEY_TOKEN", theirs.reveal())]).token().unwrap().unwrap();
        assert!(flag.0 == ours);
        let both = [("LATCHKEY_TOKEN_FILE", file), ("LATCHKEY_TOKEN", theirs.reveal())];
        assert!(matches!(context(&[], &both).token(), Err(Error::Usage(_))));
    }

    #[test]
    fn a_bad_token_is_refused_without_being_repeated() {
        let error = context(&[], &[("LATCHKEY_TOKEN", "hunter2")]).token().unwrap_err();
        assert!(matches!(&error, Error::Credentials(text) if !text.contains("hunter2")), "{error}");
    }

    #[test]
    fn a_server_that_was_started_here_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let data = ("data_dir", folder.path().to_str().unwrap());
        assert_eq!(context(&[data], &[]).url(Port::Admin), "http://127.0.0.1:8080");
        let addresses = r#"{"decision":"0.0.0.0:7001","admin":"127.0.0.1:7002","ops":"127.0.0.1:7003"}"#;
        std::fs::write(folder.path().join("addresses.json"), addresses).unwrap();
        assert_eq!(context(&[data], &[]).url(Port::Admin), "http://127.0.0.1:7002");
        assert_eq!(context(&[data], &[]).url(Port::Decision), "http://127.0.0.1:7001");
        assert_eq!(context(&[data, ("admin_addr", "127.0.0.1:0")], &[]).url(Port::Admin), "http://127.0.0.1:7002");
        assert_eq!(context(&[data, ("admin_addr", "127.0.0.1:9")], &[]).url(Port::Admin), "http://127.0.0.1:9");
        assert_eq!(context(&[data, ("admin_url", "https://h")], &[]).url(Port::Admin), "https://h");
    }
}
