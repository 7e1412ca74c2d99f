//! The operations port: /livez, /readyz and /metrics over HTTP/1.1, without credentials.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::authority::Authority;
use crate::lifecycle::Tasks;
use crate::telemetry::metrics::Metrics;

/// Most connections at once. One more ends the oldest, so a client with many connections cannot lock others out.
const MAX_CONNECTIONS: usize = 64;
/// Longest duration of a connection.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Largest request head, in bytes.
const MAX_HEAD: usize = 8 * 1024;

/// Serves until the process stops.
///
/// # Errors
/// The listener failed permanently.
pub async fn serve(
    listener: TcpListener,
    authority: Authority,
    metrics: Arc<Metrics>,
    tasks: Tasks,
) -> Result<(), std::io::Error> {
    // Ordered by age.
    let mut connections: VecDeque<JoinHandle<()>> = VecDeque::with_capacity(MAX_CONNECTIONS);
    loop {
        let accepted = tokio::select! {
            () = tasks.stopping() => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            // One connection broke before it was accepted, or there were too many open files for a moment.
            Err(error) => {
                tracing::warn!(error = %error, "a connection to the operations port could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        connections.retain(|connection| !connection.is_finished());
        if connections.len() >= MAX_CONNECTIONS
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
        }
        let (authority, metrics, state) = (authority.clone(), Arc::clone(&metrics), tasks.clone());
        connections.push_back(tasks.spawn(async move {
            let service = service_fn(|request| {
                let response = handle(&request, &authority, &metrics, &state);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .header_read_timeout(TIMEOUT)
                .max_buf_size(MAX_HEAD)
                .serve_connection(TokioIo::new(stream), service);
            // A peer that disconnected needs no response.
            let _ = tokio::time::timeout(TIMEOUT, connection).await;
        }));
    }
}

fn handle(request: &Request<Incoming>, authority: &Authority, metrics: &Metrics, tasks: &Tasks) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, "only GET is supported\n").into_response();
    }
    let unavailable = |text: String| (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    match request.uri().path() {
        "/livez" => "alive\n".into_response(),
        "/readyz" if tasks.is_draining() => unavailable("not ready: shutting down\n".to_owned()),
        "/readyz" if !tasks.is_open() => unavailable("not ready: the state is not loaded yet\n".to_owned()),
        "/readyz" => match authority.readiness() {
            Ok(()) => format!("ready at revision {}\n", authority.revision()).into_response(),
            Err(undecided) => unavailable(format!("not ready: {undecided}\n")),
        },
        "/metrics" => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], metrics.encode()).into_response()
        }
        _ => (StatusCode::NOT_FOUND, "not found; use /livez, /readyz or /metrics\n").into_response(),
    }
}
