//! The log that init sets up.

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::{LogSettings, layer_of};

/// Logs to the console by `RUST_LOG`, default `info`, and bridges spans of `tracing` if that is built in, unless a
/// subscriber is set already. Says whether it did.
pub(crate) fn install(settings: LogSettings) -> bool {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Filters of their own: what the log does not show must not be missing in the traces.
    let subscriber = tracing_subscriber::registry().with(layer_of(settings.format).with_filter(filter));
    #[cfg(feature = "bridge")]
    let subscriber = subscriber.with(crate::bridge::layer(settings.bridge));
    // Fails if the service has its own subscriber; that one stays.
    tracing::subscriber::set_global_default(subscriber).is_ok()
}
