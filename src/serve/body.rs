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

use crate::budget::{BudgetError, CallBudget};
use crate::status;

/// Bytes that are not counted while the body is not waiting for more: nearly all calls are smaller and come at once.
const FREE: usize = 16 * 1024;

/// Returns the status for a caller whose body is refused.
pub(super) fn refusal(refused: BudgetError) -> Status {
    let message = refused.to_string();
    let code = match refused {
        BudgetError::Full => Code::Unavailable,
        BudgetError::TooLarge => Code::ResourceExhausted,
        BudgetError::TooSlow => Code::DeadlineExceeded,
    };
    status::new(code, message)
}

/// A request body that is counted as it is received.
pub(super) struct MeteredBody {
    inner: Incoming,
    call: Arc<CallBudget>,
    /// Bytes received and not yet counted.
    free: usize,
    timeout: Duration,
    /// Set while waiting for more.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl MeteredBody {
    /// Wraps `inner`, the body of `call`, which must be complete within `timeout`.
    pub(super) const fn new(inner: Incoming, call: Arc<CallBudget>, timeout: Duration) -> Self {
        Self { inner, call, free: 0, timeout, deadline: None }
    }

    fn count(&mut self) -> Result<(), BudgetError> {
        let bytes = std::mem::take(&mut self.free);
        if bytes > 0 { self.call.read(bytes) } else { Ok(()) }
    }
}

impl http_body::Body for MeteredBody {
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
                let timeout = this.timeout;
                let deadline = this.deadline.get_or_insert_with(|| Box::pin(sleep(timeout)));
                match deadline.poll_unpin(context) {
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
pub(super) struct EvictableBody {
    inner: Body,
    ended: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    _call: Arc<CallBudget>,
}

impl EvictableBody {
    pub(super) fn new(inner: Body, call: Arc<CallBudget>) -> Self {
        Self { inner, ended: call.ended().map(Box::pin), _call: call }
    }
}

impl http_body::Body for EvictableBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if polled.is_pending()
            && let Some(ended) = &mut self.ended
            && ended.poll_unpin(context).is_ready()
        {
            self.ended = None;
            return Poll::Ready(Some(Err(refusal(BudgetError::Full))));
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
