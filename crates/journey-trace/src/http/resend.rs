//! Attempts of one request that a caller repeats itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use opentelemetry::Context;
use opentelemetry::context::FutureExt;

/// Attempts so far, in the `Context` of everything that repeats one request.
struct Attempts(AtomicU32);

/// Runs a future that repeats one request until it succeeds: the attempts inside are numbered by
/// `http.request.resend_count`, whichever client sends them.
///
/// The `Context` is that of the place where this is called, as with [`crate::scope`].
///
/// A retry middleware needs no such scope if the client layer is inside of it. Use one scope per logical request; a
/// scope around several different requests would number them as one.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # async fn send() -> Result<(), ()> { Ok(()) }
/// let result = journey_trace::resends(async {
///     for _ in 0..3 {
///         if send().await.is_ok() {
///             return true;
///         }
///     }
///     false
/// })
/// .await;
/// assert!(result);
/// # });
/// ```
pub fn resends<F: Future>(fut: F) -> impl Future<Output = F::Output> {
    fut.with_context(with_resends(&Context::current()))
}

/// A copy of this `Context` in which attempts are numbered from 0, for a layer around a retry layer.
pub fn with_resends(cx: &Context) -> Context {
    cx.with_value(Some(Arc::new(Attempts(AtomicU32::new(0)))))
}

/// A copy of this `Context` in which nothing is counted, for what one attempt does itself: asking for a token is no
/// repeat.
pub fn without_resends(cx: &Context) -> Context {
    cx.with_value(None::<Arc<Attempts>>)
}

/// The number of the next attempt, 0 for the first, which is counted by that; `None` outside of [`resends`].
pub fn next_resend(cx: &Context) -> Option<u32> {
    let attempts = cx.get::<Option<Arc<Attempts>>>()?.as_ref()?;
    Some(attempts.0.fetch_update(Relaxed, Relaxed, |sent| Some(sent.saturating_add(1))).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: attempts inside of a scope, in a scope inside of it, inside of an attempt, and outside.
    /// Guarantees: each scope counts by itself; inside of an attempt and outside nothing is counted.
    #[tokio::test]
    async fn a_scope_counts_its_attempts() {
        let next_here = || Context::map_current(next_resend);
        assert_eq!(next_here(), None);
        resends(async {
            assert_eq!((next_here(), next_here()), (Some(0), Some(1)));
            resends(async { assert_eq!(next_here(), Some(0)) }).await;
            async { assert_eq!(next_here(), None) }.with_context(without_resends(&Context::current())).await;
            assert_eq!(next_here(), Some(2));
        })
        .await;
    }
}
