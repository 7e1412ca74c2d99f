//! Opens the data folder and storage.

use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::time::Duration;

use super::Error;
use super::deployment_file;
use super::lock;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::lifecycle::Tasks;
use crate::storage::{self, Options, Storage, StorageUrl};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::outage::{Outage, causes};

/// Time between attempts to reach the database at startup.
const START_RETRY: Duration = Duration::from_secs(1);

/// Creates the data folder, for its owner only, if it does not exist.
pub(super) fn data_folder(config: &Config) -> Result<(), Error> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)
        .map_err(|source| Error::data_folder(&config.data_dir, &source))
}

/// Opens storage for a server, and waits for an unreachable database for the configured time. Without that, a
/// supervisor would restart the server again and again during an outage, after longer and longer pauses, and bring it
/// back some time after the database. Returns `None` if the process is shut down meanwhile.
pub(super) async fn wait_for_storage(
    config: &Config,
    clock: &SharedClock,
    tasks: &Tasks,
    metrics: &Arc<Metrics>,
) -> Result<Option<Arc<Storage>>, Error> {
    let began = clock.monotonic();
    let at_most = config.start_wait;
    let metrics = Arc::clone(metrics);
    let options = Options {
        migrate: config.migrate,
        clock: Arc::clone(clock),
        tasks: tasks.clone(),
        observer: Arc::new(move |call, took, outcome| metrics.storage_call(call, took, outcome.err().unwrap_or("ok"))),
        ..options(config)?
    };
    let is_shared = options.url.is_shared();
    let outage = Outage::new(format!("opening the database (waiting up to {at_most:?})"), clock);
    loop {
        let opened = tokio::select! {
            opened = storage::open(options.clone()) => opened,
            () = tasks.draining() => return Ok(None),
        };
        let left = config.start_wait.saturating_sub(clock.monotonic().saturating_sub(began));
        match opened {
            Err(error @ storage::Error::Unavailable { .. }) if is_shared && !left.is_zero() => outage.failed(&error),
            opened => {
                let storage = opened?;
                outage.succeeded();
                return Ok(Some(storage));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(START_RETRY.min(left)) => {}
            () = tasks.draining() => return Ok(None),
        }
    }
}

/// Migrates the tables of storage to the current schema.
///
/// # Errors
/// Storage cannot be used.
pub async fn migrate(config: Config, start_over: bool) -> Result<(), Error> {
    data_folder(&config)?;
    let options = Options { start_over, ..options(&config)? };
    lock::check_same_name(&options.url)?;
    Ok(storage::migrate(&options).await?)
}

/// Returns the state of storage as a sentence.
///
/// # Errors
/// What is wrong, and how to fix it.
pub async fn check_storage(config: &Config) -> Result<String, String> {
    let options = options(config).map_err(|error| causes(&error))?;
    if let StorageUrl::Sqlite(path) = &options.url
        && path.parent() == Some(config.data_dir.as_path())
        && !config.data_dir.exists()
    {
        // The server creates the folder before it opens storage in it.
        return Ok(storage::SchemaState::Empty.to_string());
    }
    storage::schema(&options).await.map(|state| state.to_string()).map_err(|error| causes(&error))
}

pub(super) fn url(config: &Config) -> Result<StorageUrl, Error> {
    let url = config.database_url.parse();
    url.map_err(|error: storage::StorageUrlError| Error::Failed(format!("database_url is invalid: {error}")))
}

/// Returns warnings about the setup of storage.
pub async fn storage_warnings(config: &Config) -> Vec<String> {
    match options(config) {
        // The check itself reports unreachable storage.
        Ok(options) => storage::warnings(&options).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

/// Returns the options of a tool; a server adds its own parts.
pub(super) fn options(config: &Config) -> Result<Options, Error> {
    let mut options = Options::new(url(config)?);
    options.served = deployment_file::read(config, &options.url);
    options.write_connections = config.pool_size;
    Ok(options)
}
