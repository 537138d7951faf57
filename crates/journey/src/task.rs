//! Tasks that stay on the journey, and the end of the service.

use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use tokio::task::JoinHandle;

/// [`tokio::spawn`] with the current `Context`: the task has the same cell and parent. A bare `tokio::spawn` starts
/// with an empty one.
///
/// The task does not keep the request's span open.
///
/// # Panics
/// Outside of a tokio runtime, as [`tokio::spawn`] does.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future.with_current_context())
}

/// [`tokio::task::spawn_blocking`] with the current `Context`.
///
/// # Panics
/// Outside of a tokio runtime, as [`tokio::task::spawn_blocking`] does.
pub fn spawn_blocking<F, R>(work: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let context = Context::current();
    tokio::task::spawn_blocking(move || {
        let _attached = context.attach();
        work()
    })
}

/// Waits for SIGTERM or Ctrl-C, for `axum::serve(..).with_graceful_shutdown(journey::shutdown_signal())`.
///
/// Nothing is caught before it is polled first. If the system refuses a handler, that signal keeps its usual
/// effect.
pub async fn shutdown_signal() {
    tokio::select! {
        () = interrupt() => {}
        () = terminate() => {}
    }
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

#[cfg(unix)]
async fn terminate() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminate() {
    std::future::pending().await
}
