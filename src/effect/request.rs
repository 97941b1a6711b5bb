//! A request to a server that is sent, and waited for later: several are on their way at the same time,
//! in the order in which they began. It knows nothing of what is asked.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_util::future::{MaybeDone, maybe_done};

/// A request that is on its way.
pub(super) struct Request<F: Future>(Pin<Box<MaybeDone<F>>>);

impl<F: Future> Request<F> {
    /// Sends it: the client library does so before it first waits.
    pub(super) async fn begin(request: F) -> Self {
        let mut request = Box::pin(maybe_done(request));
        poll_fn(|context| Poll::Ready(request.as_mut().poll(context).is_ready())).await;
        Self(request)
    }

    /// Waits for its answer.
    pub(super) async fn answer(mut self) -> F::Output {
        self.0.as_mut().await;
        let answer = self.0.as_mut().take_output();
        answer.expect("it is waited for once")
    }
}
