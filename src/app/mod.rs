//! The composition root: every part is made here, in the order that it is needed, and nothing else happens here.
//!
//! ```text
//! data folder → storage → authority ─┬─▶ decision port (gRPC)
//!                           registry ─┼─▶ administration port (gRPC)
//!                           health ───┴─▶ operations port (HTTP)
//! ```

mod convergence;
mod error;
mod token_file;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tonic::service::Routes;

use self::convergence::Replicas;
pub use self::error::Error;
pub use self::token_file::{ADMIN_TOKEN, read as read_token};
use self::token_file::TokenFile;
use crate::authority::{Authority, Settings};
use crate::clock::{Clock as _, SharedClock, SystemClock};
use crate::config::Config;
use crate::grpc;
use crate::grpc::auth::CallerAuth;
use crate::grpc::server::{self, Tls};
use crate::lifecycle::{self, Ending, Tasks};
use crate::model::id::ReplicaId;
use crate::ops;
use crate::random::{OsRandom, Random};
use crate::registry::{Bootstrap, Registry};
use crate::storage::{self, Storage};
use crate::telemetry::logs;
use crate::telemetry::metrics::Metrics;

/// Largest message that an administration call may send: an import of 100 000 keys.
const ADMIN_MESSAGE: usize = 64 * 1024 * 1024;
/// Largest message that a question may be. A batch of 1 000 is larger than one.
const DECISION_MESSAGE: usize = 1024 * 1024;
