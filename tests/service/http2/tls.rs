//! Certificates: of the server, of its callers, and replaced ones at runtime.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use helpers::support::eventually_async;
use helpers::support::process::LatchkeyProcess;
use helpers::support::workspace::Workspace;

const BUSY_BOUND: Duration = Duration::from_secs(20);

/// A certificate authority.
struct Signer {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Signer {
    fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
        Self { issuer }
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Issues a certificate for `localhost` and its key.
    fn issue(&self, name: &str) -> (String, String) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

struct Files {
    folder: Workspace,
}

impl Files {
    fn new() -> Self {
        Self { folder: Workspace::new("certificates") }
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        // Moved into place, as tools that renew certificates do.
        let aside = path.with_extension("new");
        std::fs::write(&aside, text).expect("a file");
        std::fs::rename(&aside, &path).expect("it is put in place");
        path
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

async fn channel(port: u16, tls: ClientTlsConfig) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(format!("https://localhost:{port}")).expect("a URL");
    endpoint.tls_config(tls.domain_name("localhost"))?.connect_timeout(BUSY_BOUND).timeout(BUSY_BOUND).connect().await
}

/// Returns whether the health service responds over a new connection.
async fn answers(port: u16, tls: ClientTlsConfig) -> bool {
    match channel(port, tls).await {
        Ok(channel) => health(&channel).await.is_ok(),
        Err(_) => false,
    }
}

async fn health(channel: &Channel) -> Result<(), tonic::Status> {
    HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.map(drop)
}

fn server(files: &Files) -> LatchkeyProcess {
    let at = |name: &str| files.path().join(name);
    let mut builder = LatchkeyProcess::builder()
        .env("LATCHKEY_DECISION_TLS_CERT", at("server.crt"))
        .env("LATCHKEY_DECISION_TLS_KEY", at("server.key"));
    if at("clients.crt").exists() {
        builder = builder.env("LATCHKEY_DECISION_CLIENT_CA", at("clients.crt"));
    }
    builder.start()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_renewed_while_the_server_runs() {
    let files = Files::new();
    let (old, new) = (Signer::named("old"), Signer::named("new"));
    let (certificate, key) = old.issue("first");
    files.put("server.crt", &certificate);
    files.put("server.key", &key);
    let server = server(&files);
    let port = server.addresses().decision.port();
    let trusting = |signer: &Signer| ClientTlsConfig::new().ca_certificate(Certificate::from_pem(signer.pem()));
    let lasting = channel(port, trusting(&old)).await.expect("TLS is spoken");
    health(&lasting).await.expect("health is told");
    assert!(!answers(port, trusting(&new)).await, "nobody has signed it but the old");

    // A key without its certificate: the current pair stays in use, and the log contains the reason.
    files.put("server.key", &new.issue("other").1);
    eventually_async("the log tells of it", BUSY_BOUND, async || {
        server.stderr().contains("new certificates cannot be used").then_some(())
    })
    .await;
    assert!(answers(port, trusting(&old)).await);
    std::fs::remove_file(files.path().join("server.crt")).expect("a file is removed");
    assert!(answers(port, trusting(&old)).await);

    let (certificate, key) = new.issue("second");
    files.put("server.key", &key);
    files.put("server.crt", &certificate);
    eventually_async("the new certificate is in use", BUSY_BOUND, async || {
        answers(port, trusting(&new)).await.then_some(())
    })
    .await;
    assert!(!answers(port, trusting(&old)).await, "the old one is not");
    health(&lasting).await.expect("connections go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_need_a_certificate_of_the_right_signer() {
    let files = Files::new();
    let (ours, clients, strangers) = (Signer::named("ours"), Signer::named("clients"), Signer::named("strangers"));
    let (certificate, key) = ours.issue("server");
    files.put("server.crt", &certificate);
    files.put("server.key", &key);
    files.put("clients.crt", &clients.pem());
    let server = server(&files);
    let port = server.addresses().decision.port();
    let trusting = || ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ours.pem()));
    let with = |signer: &Signer| {
        let (certificate, key) = signer.issue("client");
        trusting().identity(Identity::from_pem(certificate, key))
    };
    assert!(answers(port, with(&clients)).await);
    assert!(!answers(port, trusting()).await, "no certificate");
    assert!(!answers(port, with(&strangers)).await, "somebody else's");
    // The certificate identifies the calling program; the operator's token is required as well.
    let channel = channel(port, with(&clients)).await.expect("TLS is spoken");
    let mut client = latchkey::proto::v1::authorization_service_client::AuthorizationServiceClient::new(channel);
    let refused = client.authorize(latchkey::proto::v1::AuthorizeRequest::default()).await.expect_err("no token");
    assert_eq!(refused.code(), Code::Unauthenticated);
}

/// A peer that connects without a TLS handshake occupies a connection only briefly, and blocks no other peers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let files = Files::new();
    let ours = Signer::named("ours");
    let (certificate, key) = ours.issue("server");
    files.put("server.crt", &certificate);
    files.put("server.key", &key);
    let server = server(&files);
    let address = server.addresses().decision;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(address).await.expect("connections are accepted"));
    }
    let trusting = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ours.pem()));
    assert!(answers(address.port(), trusting).await, "others are served");
    for stream in silent {
        let mut byte = [0; 1];
        let read = async {
            stream.readable().await.expect("it is closed");
            stream.try_read(&mut byte)
        };
        let read = tokio::time::timeout(BUSY_BOUND, read).await.expect("the server closes it");
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
}
