//! Bodies of calls, counted as they are received and limited in time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::FutureExt as _;
use http_body::{Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::budget::{Call, Refused};
use crate::status;

/// Bytes that are not counted while the body is not waiting for more: nearly all calls are smaller and come at once.
const FREE: usize = 16 * 1024;

/// Returns the status for a caller whose body is refused.
pub(super) fn refusal(refused: Refused) -> Status {
    let message = refused.to_string();
    let code = match refused {
        Refused::Full => Code::Unavailable,
        Refused::TooLarge => Code::ResourceExhausted,
        Refused::TooSlow => Code::DeadlineExceeded,
    };
    status::new(code, message)
}

/// A request body that is counted as it is received.
pub(super) struct Metered {
    inner: Incoming,
    call: Arc<Call>,
    /// Bytes received and not yet counted.
    free: usize,
    patience: Duration,
    /// Set while waiting for more.
    late: Option<Pin<Box<Sleep>>>,
}

impl Metered {
    /// Wraps `inner`, the body of `call`, which must be complete within `patience`.
    pub(super) const fn new(inner: Incoming, call: Arc<Call>, patience: Duration) -> Self {
        Self { inner, call, free: 0, patience, late: None }
    }

    fn count(&mut self) -> Result<(), Refused> {
        let bytes = std::mem::take(&mut self.free);
        if bytes > 0 { self.call.read(bytes) } else { Ok(()) }
    }
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.free += frame.data_ref().map_or(0, Bytes::len);
                let counted = if this.free > FREE { this.count() } else { Ok(()) };
                Poll::Ready(Some(counted.map(|()| frame).map_err(refusal)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(status::of_transport(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                if let Err(refused) = this.count() {
                    return Poll::Ready(Some(Err(refusal(refused))));
                }
                let patience = this.patience;
                let late = this.late.get_or_insert_with(|| Box::pin(sleep(patience)));
                match late.poll_unpin(context) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(refusal(this.call.too_slow())))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The response to an open call, which keeps counting until its client has read it.
pub(super) struct Guarded {
    inner: Body,
    ended: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    _call: Arc<Call>,
}

impl Guarded {
    pub(super) fn new(inner: Body, call: Arc<Call>) -> Self {
        Self { inner, ended: call.ended().map(Box::pin), _call: call }
    }
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if polled.is_pending()
            && let Some(ended) = &mut self.ended
            && ended.poll_unpin(context).is_ready()
        {
            self.ended = None;
            return Poll::Ready(Some(Err(refusal(Refused::Full))));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
