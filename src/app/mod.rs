//! The composition root: creates every part in the order of its dependencies, and does nothing else.
//!
//! ```text
//! data folder → storage → authority ─┬─▶ decision port (gRPC)
//!                           registry ─┼─▶ administration port (gRPC, and the console over HTTP)
//!                           health ───┴─▶ operations port (HTTP)
//! ```

mod convergence;
mod deployment_file;
mod error;
mod listen;
mod lock;
mod open;
mod threads;
mod token_file;

use std::sync::Arc;
use std::time::Duration;

use tonic::service::Routes;
use tonic_health::pb::health_server::{Health, HealthServer};

use self::convergence::LiveReplicas;
pub use self::error::Error;
use self::listen::{Ports, move_to_threads, start_listening};
use self::lock::Locks;
pub use self::open::{check_storage, migrate, storage_warnings};
use self::open::{data_folder, wait_for_storage};
use self::threads::PortThreads;
use self::token_file::TokenFile;
pub use self::token_file::{ADMIN_TOKEN, read as read_token};
use crate::authority::{Authority, Settings};
use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::console::Console;
use crate::gateway::forward_auth::TrustedPeers;
use crate::gateway::{Gateway, ext_authz, forward_auth};
use crate::grpc;
use crate::grpc::LongCalls;
use crate::grpc::auth::{CallerAuth, CallerAuthService};
use crate::lifecycle::{self, ShutdownOutcome, Tasks};
use crate::model::change::Cursor;
use crate::model::id::ReplicaId;
use crate::model::page::PageRequest;
use crate::ops;
use crate::random::{OsRandom, Random};
use crate::registry::{Bootstrap, Convergence, Pending, Registry};
use crate::serve::tls::Certificates;
use crate::serve::{self, ConnectionConfig, Limits, Timeouts, Watchdog, WorkerPool};
use crate::storage::{self, OperatorFilter, Storage};
use crate::telemetry::logs;
use crate::telemetry::metrics::Metrics;

/// Time for the last usage counts and for removing the report: from the first to the second.
const FINISH_TIMEOUT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));
/// Longest message of the decision port, for any service.
const LONGEST_DECISION: usize = if ext_authz::MAX_MESSAGE > grpc::MAX_DECISION_MESSAGE {
    ext_authz::MAX_MESSAGE
} else {
    grpc::MAX_DECISION_MESSAGE
};

/// Serves until a signal stops the process.
///
/// # Errors
/// The server could not start, or ended unexpectedly.
pub async fn serve(config: Config) -> Result<(), Error> {
    start_logs(&config)?;
    let tasks = Tasks::new();
    lifecycle::handle_signals(&tasks)
        .map_err(|error| Error::Failed(format!("signal handlers could not be installed: {error}")))?;
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let clock: SharedClock = Arc::new(SystemClock);
    let metrics = Arc::new(Metrics::new());

    data_folder(&config)?;
    if let Some(files) = serve::raise_open_files().filter(|files| *files < 2 * config.max_connections as u64) {
        tracing::warn!(files, "the limit on open files of this process is lower than max_connections may need");
    }
    // Before the ports, and before any write: a second server that is started by mistake must change nothing.
    let url = open::url(&config)?;
    let mut locks = Locks::acquire(&config, &url, clock.now()).await?;
    let ports = Ports::bind(&config).await?;
    let addresses = ports.addresses()?;
    locks.announce(addresses.admin);
    locks.lock_database(config.migrate).await?;
    let Some(storage) = wait_for_storage(&config, &clock, &tasks, &metrics).await? else {
        tracing::info!("stopped before the database could be reached");
        return Ok(());
    };
    locks.watch(&tasks)?;
    let deployment = storage.deployment().await?;
    deployment_file::check(&config, &url, &deployment)?;
    bootstrap(&config, &storage, &tasks, &random).await?;
    deployment_file::write(&config, &url, &deployment);

    let settings = Settings {
        replica: ReplicaId::new(clock.now(), random.bytes()),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        cache_capacity: config.cache_capacity,
        poll_interval: config.poll_interval,
        max_staleness: config.max_staleness,
        read_wait: config.read_wait,
        usage: config.usage,
        hash_key: random.bytes(),
    };
    let authority = Authority::start(Arc::clone(&storage), settings, &clock, &tasks, Arc::clone(&metrics));
    let convergence = LiveReplicas { authority: authority.clone(), storage: Arc::clone(&storage) };
    let registry =
        Registry::new(storage, tasks.clone(), Arc::clone(&random), Arc::new(convergence), config.replica_wait);

    let (health, health_service) = grpc::health::service(&tasks).await;
    tasks.supervise("health", grpc::health::run(health, authority.clone(), tasks.clone()));
    let decision_auth = if config.decision_auth { CallerAuth::Required } else { CallerAuth::OffForDecisions };
    let connection_config = |tls: Option<Arc<Certificates>>, limits: Limits, timeouts: Timeouts, port: &'static str| {
        if let Some(tls) = &tls {
            tasks.supervise("certificates", Arc::clone(tls).watch_files(tasks.clone()));
        }
        let (age, random) = (config.connection_age, Arc::clone(&random));
        Arc::new(ConnectionConfig::new(tls, age, limits, random, timeouts, metrics.shed(port)))
    };
    let no_threads = |error: std::io::Error| Error::Failed(format!("could not start threads: {error}"));
    let threads = PortThreads::start(config.decision_threads, &tasks, &metrics).map_err(no_threads)?;
    let taken = |error: std::io::Error| Error::Failed(format!("listener failed: {error}"));
    let limits = Limits::decisions(config.max_connections, config.max_connections_per_peer, grpc::checks_caller);
    let decision_config = connection_config(ports.decision_tls, limits, Timeouts::decisions(), "decision");
    let decision_routes =
        |authority: &Authority| decision_routes(&config, authority, &metrics, &tasks, health_service.clone());
    // Long calls are decided outside the decision threads.
    let long_routes = decision_routes(&authority);
    let workers = WorkerPool::start(config.decision_threads, &decision_config, Watchdog::default(), &tasks, || {
        let worker = authority.for_worker();
        let routes = decision_routes(&worker);
        let calls = LongCalls::new(routes, long_routes.clone(), threads.long_decide.clone(), LONGEST_DECISION);
        grpc::decision_service(worker, decision_auth, calls)
    });
    let workers = workers.map_err(no_threads)?;
    let console = Console::new(registry.clone(), authority.clone(), Arc::clone(&clock), ports.admin_tls.is_some());
    let admin_routes = grpc::admin_routes(&registry, &authority, health_service.clone())
        .map_err(|error| Error::Failed(format!("the API descriptor could not be read: {error}")))?;
    let admin = grpc::with_pages(admin_routes, console.router());
    let admin = LongCalls::new(admin.clone(), admin, threads.long_administer.clone(), grpc::MAX_ADMIN_MESSAGE);
    let admin = CallerAuthService::new(admin, authority.clone(), CallerAuth::Required);
    let listener = move_to_threads(ports.admin, &threads.administer).map_err(taken)?;
    let admin_peer = config.max_connections_per_peer.min(config.admin_connections / 2);
    let limits = Limits::administration(config.admin_connections, admin_peer, grpc::checks_caller);
    let admin_config = connection_config(ports.admin_tls, limits, Timeouts::default(), "administration");
    let serving = serve::serve(listener, admin, admin_config, tasks.clone());
    tasks.supervise_on("administration port", serving, threads.administer.handle());
    let listener = move_to_threads(ports.ops, &threads.operate).map_err(taken)?;
    let serving = ops::serve(listener, authority.clone(), Arc::clone(&metrics), tasks.clone());
    tasks.supervise_on("operations port", serving, threads.operate.handle());
    addresses.publish(&config, locks.owns_folder)?;

    // The decision port opens last: clients that connect get decisions, and until then use another server.
    let loaded = tokio::select! {
        () = tasks.draining() => false,
        () = authority.wait_loaded() => true,
    };
    if loaded {
        let listener = start_listening(ports.decision, &threads.accept)?;
        tasks.supervise_on("decision port", workers.accept(listener, tasks.clone()), threads.accept.handle());
        tasks.open();
    } else {
        // No calls are running yet that need time. The port's threads end once nothing can pass them connections.
        tasks.stop();
        drop(workers);
    }
    let left = drain(&config, &tasks).await;
    addresses.withdraw(&config, locks.owns_folder);
    shut_down(&tasks, &authority, left).await
}

fn start_logs(config: &Config) -> Result<(), Error> {
    logs::init(&config.log, config.log_format).map_err(Error::Failed)?;
    if !config.ignored_variables.is_empty() {
        let variables = config.ignored_variables.join(", ");
        tracing::info!(variables, "ignoring environment variables that kubelet or Docker set for a service");
    }
    Ok(())
}

/// Ends all tasks within the time `left`.
async fn shut_down(tasks: &Tasks, authority: &Authority, left: Duration) -> Result<(), Error> {
    // After the listeners, to count their last uses too. Limited to a part of the time, so that all ends within it.
    let last = (left / 10).clamp(FINISH_TIMEOUT.0, FINISH_TIMEOUT.1);
    let ending = tasks.finish(left.saturating_sub(last)).await;
    if tokio::time::timeout(last, authority.finish()).await.is_err() {
        tracing::warn!("the last usage counts could not be stored in time");
    }
    match ending {
        ShutdownOutcome::Orderly => {
            tracing::info!("shut down cleanly");
            Ok(())
        }
        ShutdownOutcome::TimedOut => Err(Error::OutOfTime),
        ShutdownOutcome::Failed(what) => Err(Error::Failed(what)),
    }
}

/// Waits until shutdown begins, and gives clients time to notice. Returns the time left for calls in progress.
async fn drain(config: &Config, tasks: &Tasks) -> Duration {
    tasks.draining().await;
    // At least half of the time belongs to the calls.
    let grace = config.accept_grace.min(config.drain / 2);
    tokio::select! {
        () = tasks.stopping() => config.drain,
        () = tokio::time::sleep(grace) => {
            tasks.stop();
            config.drain.saturating_sub(grace)
        }
    }
}

/// Returns the routes of the decision port: for services over gRPC, and for proxies over Envoy's gRPC or HTTP.
fn decision_routes(
    config: &Config,
    authority: &Authority,
    metrics: &Arc<Metrics>,
    tasks: &Tasks,
    health: HealthServer<impl Health>,
) -> Routes {
    let gateway = Gateway::new(authority.clone(), &config.profiles, Arc::clone(metrics));
    let mut routes = grpc::decision_routes(authority, tasks, health).add_service(ext_authz::service(gateway.clone()));
    if !config.trusted_proxies.is_empty() {
        let trust = TrustedPeers { proxies: &config.trusted_proxies, balancers: &config.trusted_balancers };
        let proxies = forward_auth::routes(gateway, authority.clone(), trust, config.decision_auth);
        let all = routes.axum_router_mut();
        *all = std::mem::take(all).merge(proxies);
    }
    routes
}

/// Creates a new admin, which requires only access to storage and is audited. Returns where its token was written.
///
/// # Errors
/// Storage cannot be used, or the token could not be written.
pub async fn recover(config: Config, into: std::path::PathBuf) -> Result<String, Error> {
    let tasks = Tasks::new();
    let options = storage::Options { migrate: false, tasks: tasks.clone(), ..open::options(&config)? };
    lock::check_same_name(&options.url)?;
    let storage = storage::open(options).await?;
    let registry = registry_alone(&storage, &tasks, &(Arc::new(OsRandom) as Arc<dyn Random>));
    let file = TokenFile { existing: None, generated: into };
    let made = registry.recover(&file).await.map_err(Error::Bootstrap)?;
    tasks.stop();
    let _ = tasks.finish(Duration::from_secs(5)).await;
    Ok(made.name)
}

/// Creates the first operator on empty storage.
async fn bootstrap(
    config: &Config,
    storage: &Arc<Storage>,
    tasks: &Tasks,
    random: &Arc<dyn Random>,
) -> Result<(), Error> {
    let file =
        TokenFile { existing: config.bootstrap_token_file.clone(), generated: config.data_dir.join(ADMIN_TOKEN) };
    let every = OperatorFilter { role: None, include_revoked: true };
    let one = PageRequest { size: 1, after: None };
    // A restore may bring the operators after the revision; another admin would conflict with them.
    if storage.head().await?.revision.0 > 0 && storage.operators(&every, &one).await?.items.is_empty() {
        return Err(Error::Storage(storage::Error::Unusable {
            sentence: "the database has changes but no operators: a restore is not finished, or the operators were \
                 removed; start the server once they exist, or run `latchkey operators recover`"
                .to_owned(),
        }));
    }
    let registry = registry_alone(storage, tasks, random);
    match registry.bootstrap(&file).await.map_err(Error::Bootstrap)? {
        Bootstrap::Created { .. } if file.existing.is_some() => {
            tracing::info!("created the operator `admin` with the token from the bootstrap file");
        }
        Bootstrap::Created { .. } => {
            tracing::info!(file = %file.generated.display(), "created the operator `admin`; its token is in the file");
        }
        Bootstrap::Existing => {}
    }
    Ok(())
}

/// Returns a registry whose writes wait for no replica.
fn registry_alone(storage: &Arc<Storage>, tasks: &Tasks, random: &Arc<dyn Random>) -> Registry {
    Registry::new(Arc::clone(storage), tasks.clone(), Arc::clone(random), Arc::new(NoReplicas), Duration::ZERO)
}

/// Replicas to wait for while there are none yet.
#[derive(Debug)]
struct NoReplicas;

#[async_trait::async_trait]
impl Convergence for NoReplicas {
    async fn wait(&self, _: Cursor, _: Duration) -> Pending {
        Pending::Known(Vec::new())
    }
}
