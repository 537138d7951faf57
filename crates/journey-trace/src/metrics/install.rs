//! The meter that is measured with, if any, and the instruments made of it.

use std::any::Any;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use opentelemetry::metrics::Meter;

use crate::limits::METRIC_FAMILIES_MAX;
use crate::slot::{Seen, Slot};

/// A meter, and what each family made of it.
pub(super) struct Installed {
    pub(super) meter: Meter,
    pub(super) families: [OnceLock<Box<dyn Any + Send + Sync>>; METRIC_FAMILIES_MAX],
}

/// Measures with instruments of this meter from now on. Called by init, and by services that set up metrics
/// themselves; the scope's name should be [`crate::span::SCOPE_NAME`].
pub fn install(meter: &Meter) {
    INSTALLED.store(Some(Installed { meter: meter.clone(), families: [const { OnceLock::new() }; _] }));
    IS_INSTALLED.store(true, Relaxed);
}

/// Measures nothing any more. Called at shutdown.
pub fn uninstall() {
    IS_INSTALLED.store(false, Relaxed);
    INSTALLED.store(None);
}

/// Whether anything is measured.
pub fn is_installed() -> bool {
    IS_INSTALLED.load(Relaxed)
}

/// Runs `measure` with what is installed, if anything is.
pub(super) fn with<R>(measure: impl FnOnce(&Installed) -> Option<R>) -> Option<R> {
    if !is_installed() {
        return None;
    }
    INSTALLED.with(&SEEN, |installed| installed.and_then(measure))
}

thread_local! {
    static SEEN: Seen<Installed> = const { Seen::nothing() };
}

static INSTALLED: Slot<Installed> = Slot::new();
/// Spares the common case, in which nothing is measured, the look into the slot.
static IS_INSTALLED: AtomicBool = AtomicBool::new(false);
