//! One thing to measure.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// One operation with all that it needs, set up as a service would set it up.
pub struct Case {
    /// Does the operation, to its end, on the calling thread.
    pub(crate) operation: Box<dyn FnMut()>,
    /// Operations that a call of it does; more than one if they come in batches.
    pub(crate) per_call: u64,
    /// Waits until everything that the operations left behind is exported, and says how many spans that are so far.
    pub(crate) settle: Box<dyn FnMut() -> u64>,
    /// Spans that one operation must export; `None`: a share of it.
    pub(crate) spans: Option<u64>,
}

impl Case {
    /// A case that exports nothing.
    pub(crate) fn bare(operation: impl FnMut() + 'static) -> Self {
        Self { operation: Box::new(operation), per_call: 1, settle: Box::new(|| 0), spans: Some(0) }
    }
}

/// A case by name, set up when it is called.
pub type Cases = Vec<(String, Box<dyn FnOnce() -> Case>)>;

/// Polls without a runtime until the future is ready: no case waits for anything outside its own thread.
pub(crate) fn poll_to_end<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
