//! Panics, in the log with the order they happened to.

use std::panic;
use std::sync::Once;

/// Logs a panic inside the current context, then goes on to the hook that was there before. Once per process.
pub(super) fn chain() {
    static CHAINED: Once = Once::new();
    CHAINED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!("panic at {place}: {}", panic.payload_as_str().unwrap_or("no text"));
            previous(panic);
        }));
    });
}
