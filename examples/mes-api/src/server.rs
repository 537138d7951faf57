//! Serving HTTP until the process is told to end.

use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// How long requests under way may hold up the end of the process: one stalled caller must not.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// Serves at `address` until SIGTERM or Ctrl-C, and then while requests are under way, at most [`FINISH_WITHIN`].
///
/// # Errors
/// The address cannot be had.
pub(crate) async fn serve(address: &str, routes: Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot serve at {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    let server = axum::serve(listener, routes).with_graceful_shutdown(journey::shutdown_signal());
    tokio::select! {
        served = server.into_future() => served?,
        () = overdue() => tracing::warn!("requests that do not end are cut off"),
    }
    Ok(())
}

async fn overdue() {
    journey::shutdown_signal().await;
    sleep(FINISH_WITHIN).await;
}
