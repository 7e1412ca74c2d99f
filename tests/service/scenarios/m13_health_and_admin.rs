//! M13: health checks for service meshes (grpc.health.v1), and admin tooling over gRPC.

use std::net::SocketAddr;
use std::time::Duration;

use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use helpers::calls::Client;
use helpers::support::{eventually_async, http};
use helpers::test_server::Selection::All;
use helpers::test_server::{DecisionAssertions as _, Engine, TestServer, key};

/// Every service with a separate health status.
const SERVICES: [&str; 8] = [
    "latchkey.v1.AuditService",
    "latchkey.v1.AuthorizationService",
    "latchkey.v1.KeyService",
    "latchkey.v1.MethodService",
    "latchkey.v1.OperatorService",
    "latchkey.v1.ReplicaService",
    "latchkey.v1.StoreService",
    "latchkey.v1.UsageService",
];

on_both_engines!(
    health_is_told_to_whoever_asks,
    the_operations_port_speaks_http,
    admin_tools_find_the_contract_by_reflection,
    metrics_count_what_was_decided,
);

fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URL").connect_lazy()
}

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

/// Waits until health follows readiness, some milliseconds later.
async fn until_serving(server: &TestServer) {
    eventually_async("the server tells that it serves", Duration::from_secs(10), async || {
        (server.admin.health().await == ServingStatus::Serving).then_some(())
    })
    .await;
}

async fn health_is_told_to_whoever_asks(server: &TestServer) {
    until_serving(server).await;
    let addresses = server.process.addresses();
    for address in [addresses.decision, addresses.admin] {
        let mut client = HealthClient::new(channel(address));
        for service in SERVICES.iter().chain(&[""]) {
            let answer = client.check(of(service)).await.expect("without credentials").into_inner();
            assert_eq!(answer.status(), ServingStatus::Serving, "{service:?} on {address}");
        }
        let unknown = client.check(of("latchkey.v1.Nothing")).await.expect_err("there is no such service");
        assert_eq!(unknown.code(), Code::NotFound);
        let mut watched = client.watch(of("")).await.expect("without credentials").into_inner();
        let first = watched.message().await.expect("the stream goes on").expect("it tells at once");
        assert_eq!(first.status(), ServingStatus::Serving);
    }
}

async fn the_operations_port_speaks_http(server: &TestServer) {
    let ops = server.process.addresses().ops;
    let get = |path: &str| http::get(ops, path).expect("it answers");
    assert_eq!((get("/livez").status, get("/readyz").status), (200, 200));
    server.create_stores(&["berlin"]).await;
    let head = server.latest_revision().await;
    assert!(get("/readyz").body.contains(&head.to_string()), "{}", get("/readyz").body);
    assert_eq!(get("/").status, 404);
    assert_eq!(get("/metrics?x").status, 200);
}

async fn metrics_count_what_was_decided(server: &TestServer) {
    let issued = server.create_key(key("partner", All, All)).await;
    for _ in 0..7 {
        server.authorize(&issued.token, "GET /anything", "").await.must_allow();
    }
    for _ in 0..3 {
        server.authorize("short", "GET /anything", "").await.must_refuse(latchkey::proto::v1::Reason::KeyMalformed);
    }
    let answer = http::get(server.process.addresses().ops, "/metrics").expect("it answers");
    assert_eq!(answer.status, 200);
    let count = |reason: &str| -> Option<u64> {
        let labelled = format!("\"{reason}\"");
        let line = answer
            .body
            .lines()
            .find(|line| line.starts_with("latchkey_decisions_total{") && line.to_uppercase().contains(&labelled))?;
        line.rsplit(' ').next()?.parse().ok()
    };
    assert_eq!((count("ALLOWED"), count("KEY_MALFORMED")), (Some(7), Some(3)), "{}", answer.body);
    assert!(answer.body.ends_with("# EOF\n"), "the text is whole");
}

async fn reflect(client: &mut ServerReflectionClient<Channel>, ask: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
    let mut answers =
        client.server_reflection_info(tokio_stream::once(request)).await.expect("without credentials").into_inner();
    let answer: ServerReflectionResponse = answers.message().await.expect("it goes on").expect("it answers");
    answer.message_response.expect("it says something")
}

async fn admin_tools_find_the_contract_by_reflection(server: &TestServer) {
    let mut client = ServerReflectionClient::new(channel(server.process.addresses().admin));
    let MessageResponse::ListServicesResponse(listed) =
        reflect(&mut client, MessageRequest::ListServices(String::new())).await
    else {
        panic!("services are listed")
    };
    let names: Vec<String> = listed.service.into_iter().map(|service| service.name).collect();
    for service in SERVICES.iter().chain(&["grpc.health.v1.Health"]) {
        assert!(names.iter().any(|name| name == service), "{service} is not among {names:?}");
    }
    for symbol in ["latchkey.v1.KeyService", "latchkey.v1.Key", "latchkey.v1.AuthorizationService.Authorize"] {
        let answer = reflect(&mut client, MessageRequest::FileContainingSymbol(symbol.to_owned())).await;
        assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{symbol}: {answer:?}");
    }
}

/// A server announces its shutdown in advance: a mesh sends no more calls there.
async fn ends_in_order(engine: Engine) {
    let mut server = TestServer::start(engine).await;
    until_serving(&server).await;
    let mut client = HealthClient::new(channel(server.process.addresses().decision));
    let mut watched = client.watch(of("latchkey.v1.AuthorizationService")).await.expect("watched").into_inner();
    let next = async |watched: &mut tonic::Streaming<HealthCheckResponse>| {
        let message = tokio::time::timeout(Duration::from_secs(10), watched.message()).await;
        message.expect("it is told soon").expect("the stream goes on").expect("the stream does not end")
    };
    assert_eq!(next(&mut watched).await.status(), ServingStatus::Serving);
    let issued = server.create_key(key("partner", All, All)).await;
    server.authorize(&issued.token, "GET /anything", "").await.must_allow();
    server.process.terminate();
    assert_eq!(next(&mut watched).await.status(), ServingStatus::NotServing);
    drop(watched);
    drop(client);
    // Awaited without blocking: the connections of this test must be able to close.
    let status = eventually_async("the server ends", Duration::from_secs(30), async || server.process.try_wait()).await;
    assert!(status.success(), "{status}: {}", server.process.stderr());

    server.process.restart();
    let again = Client::for_admin(&server.process);
    let decision = again.authorize(&issued.token, "GET /anything", "").await.expect("it decides again");
    decision.must_allow();
}

#[tokio::test]
async fn a_server_that_ends_says_so_first_on_sqlite() {
    ends_in_order(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_server_that_ends_says_so_first_on_postgres() {
    ends_in_order(Engine::Postgres).await;
}
