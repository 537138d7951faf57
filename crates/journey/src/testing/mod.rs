//! What a piece of code tells of itself, for tests: its spans and stages, as values and as a snapshot.
//!
//! [`capture`] runs a future and gives what it made, [`capture_blocking`] does so for work without `await`. Neither
//! needs [`init!`](crate::init) or a collector, and tests may run side by side: each capture sees its own work only.
//! What the work does over a hop inside of the same process is seen too, because its trace goes on there.
//!
//! ```
//! use journey::Key;
//! use journey::testing::capture_blocking;
//!
//! let spans = capture_blocking(|| {
//!     journey::stage("order_create").key(Key::Order, "ORD-1").run_blocking(|_| Ok::<_, String>(()))
//! });
//! assert_eq!(spans.one("stage order_create").text("journey.stage.outcome").as_deref(), Some("ok"));
//! assert_eq!(
//!     spans.to_string(),
//!     r#"trace 1
//!   span 1: stage order_create
//!       journey.head_sampled: true
//!       journey.signal: "end"
//!       journey.stage.attempt: 1
//!       journey.stage.name: "order_create"
//!       journey.stage.outcome: "ok"
//!       order.id: "ORD-1"
//! "#
//! );
//! ```
//!
//! How it works, where that matters: while init does not run, a capture makes a tracer provider of its own the global
//! one, which keeps every trace that comes without a sampling decision; one that the test had set before is replaced.
//! If init runs, its sampler decides. Two captures at the same time with one and the same trace id, such as a
//! `traceparent` copied from one test to the other, are told apart by their `Context` only: what happens beyond a hop
//! counts for neither.

mod captured;
mod provider;
mod recording;
mod router;
mod tree;

use opentelemetry::Context;
use opentelemetry::context::FutureExt;

use crate::limits::CAPTURE_SETTLE_MAX;

pub use captured::{Captured, CapturedSpan};
use recording::Recording;
pub(crate) use router::{signal, span_ended, span_started};

/// Runs a future and gives the spans and stages that it made and that have ended.
///
/// The future starts as a request does under a layer: with a `Context` that has nothing but an empty
/// [`JourneyCell`](crate::JourneyCell). Tasks take part if they go on in it ([`crate::spawn`]). When the future
/// is done, spans and stages that are still open are waited for, at most
/// [`CAPTURE_SETTLE_MAX`], if this runs in tokio.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let spans = journey::testing::capture(async {
///     let result = journey::stage("price.final").run(async |_| "7".parse::<u32>()).await;
///     assert_eq!(result, Ok(7));
/// })
/// .await;
/// assert_eq!(spans.stages().count(), 1);
/// # });
/// ```
pub async fn capture<F: Future>(work: F) -> Captured {
    capture_with_output(work).await.1
}

/// The same as [`capture`], with what the future gave.
pub async fn capture_with_output<F: Future>(work: F) -> (F::Output, Captured) {
    let (registered, cx) = router::register();
    let output = work.with_context(cx).await;
    let recording = registered.recording().clone();
    if !recording.is_quiet() && tokio::runtime::Handle::try_current().is_ok() {
        // Not by tokio's clock, which a test may have stopped. It cannot fail: the closure does not panic.
        let _ = tokio::task::spawn_blocking(move || recording.wait_until_quiet(CAPTURE_SETTLE_MAX)).await;
    }
    (output, registered.finish())
}

/// Runs work that does not await, and gives the spans and stages that it made and that have ended.
///
/// See [`capture`]; open ones are waited for on this thread.
pub fn capture_blocking<T>(work: impl FnOnce() -> T) -> Captured {
    capture_blocking_with_output(work).1
}

/// The same as [`capture_blocking`], with what the work gave.
pub fn capture_blocking_with_output<T>(work: impl FnOnce() -> T) -> (T, Captured) {
    let (registered, cx) = router::register();
    let output = {
        let _attached = cx.attach();
        work()
    };
    registered.recording().wait_until_quiet(CAPTURE_SETTLE_MAX);
    (output, registered.finish())
}

/// The capture that a `Context` belongs to.
fn recording_of(cx: &Context) -> Option<&std::sync::Arc<Recording>> {
    cx.get()
}

#[cfg(test)]
mod tests;
