//! grpc.health.v1: health checks of meshes and load balancers, without credentials.
//!
//! NOT_SERVING until everything is loaded and every port accepts connections, whenever freshness cannot be proven, and
//! once shutdown begins. The status is the same for every service and for the server as a whole (the empty name).

use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::health_check_response::ServingStatus as ProtoStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::{HealthReporter, HealthService};

use crate::authority::Authority;
use crate::lifecycle::Tasks;
use crate::status::Reply;

/// Names with a health status: every service, and the server as a whole.
pub const SERVICES: [&str; 10] = [
    "",
    "envoy.service.auth.v3.Authorization",
    "latchkey.v1.AuthorizationService",
    "latchkey.v1.KeyService",
    "latchkey.v1.StoreService",
    "latchkey.v1.MethodService",
    "latchkey.v1.OperatorService",
    "latchkey.v1.AuditService",
    "latchkey.v1.UsageService",
    "latchkey.v1.ReplicaService",
];

/// Time between checks of the authority.
const INTERVAL: Duration = Duration::from_millis(50);

/// tonic-health's service, whose streams would otherwise last until their clients close them and block shutdown.
#[derive(Debug)]
struct StoppableHealth {
    health: HealthService,
    tasks: Tasks,
}

/// Creates the health service, whose streams end when `tasks` stop, and the reporter that updates it.
pub async fn service(tasks: &Tasks) -> (HealthReporter, HealthServer<impl Health>) {
    let reporter = HealthReporter::new();
    // tonic-health begins with SERVING for the server as a whole, but nothing is loaded yet.
    set_all(&reporter, ServingStatus::NotServing).await;
    let health = HealthService::from_health_reporter(reporter.clone());
    (reporter, HealthServer::new(StoppableHealth { health, tasks: tasks.clone() }))
}

async fn set_all(reporter: &HealthReporter, status: ServingStatus) {
    for name in SERVICES {
        reporter.set_service_status(name, status).await;
    }
}

#[tonic::async_trait]
impl Health for StoppableHealth {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Reply<HealthCheckResponse> {
        self.health.check(request).await
    }

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Reply<Self::WatchStream> {
        let updates = self.health.watch(request).await?.into_inner();
        let tasks = self.tasks.clone();
        let stopping = async move { tasks.stopping().await };
        // Sent even if it was sent before: a watcher must receive it, and may receive it twice.
        let last = Ok(HealthCheckResponse { status: ProtoStatus::NotServing.into() });
        Ok(Response::new(Box::pin(updates.take_until(Box::pin(stopping)).chain(stream::iter([last])))))
    }
}

/// Updates the health status until shutdown begins, then sets NOT_SERVING.
///
/// # Errors
/// Never: the result is the type of supervised tasks.
pub async fn run(reporter: HealthReporter, authority: Authority, tasks: Tasks) -> Result<(), String> {
    let mut serving = false;
    loop {
        let readiness = authority.readiness();
        let ready = readiness.is_ok() && tasks.is_open() && !tasks.is_draining();
        if ready != serving {
            serving = ready;
            let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            set_all(&reporter, status).await;
            if let Err(undecided) = readiness {
                tracing::warn!(serving = ready, because = %undecided, "health changed");
            } else {
                tracing::info!(serving = ready, "health changed");
            }
        }
        tokio::select! {
            () = tasks.draining() => {
                set_all(&reporter, ServingStatus::NotServing).await;
                tasks.stopping().await;
                return Ok(());
            }
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}
