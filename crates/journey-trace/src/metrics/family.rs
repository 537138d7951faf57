//! The instruments of one kind of hop, made when they are first needed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use opentelemetry::metrics::Meter;

use super::install;

/// Instruments that are made of the installed meter when something is measured for the first time, and anew after
/// another meter was installed. One `static` per crate or per kind of hop.
///
/// ```
/// use std::time::Duration;
///
/// use journey_trace::metrics::{Durations, Family, Labels, LabelsKey};
///
/// struct Printer {
///     printed: Durations<LabelsKey>,
/// }
///
/// static PRINTER: Family<Printer> = Family::new(|meter| Printer {
///     printed: Durations::new(meter, "printer.job.duration", "Duration of printing.", &[0.1, 1.0]),
/// });
///
/// let ring = Labels(&[("printer.format", "ring")]);
/// let done = PRINTER.with(|printer| printer.printed.record(&ring, Duration::from_secs(1)));
/// assert!(done.is_none(), "no meter is installed here");
/// ```
pub struct Family<I> {
    make: fn(&Meter) -> I,
    /// Its place among the families of this process.
    place: OnceLock<usize>,
}

impl<I: Send + Sync + 'static> Family<I> {
    /// A family of which nothing is made yet. A process has at most
    /// [`METRIC_FAMILIES_MAX`](crate::limits::METRIC_FAMILIES_MAX); a further one measures nothing.
    pub const fn new(make: fn(&Meter) -> I) -> Self {
        Self { make, place: OnceLock::new() }
    }

    /// Runs `measure` with the instruments; `None` while nothing is measured, which costs an atomic load.
    pub fn with<R>(&self, measure: impl FnOnce(&I) -> R) -> Option<R> {
        install::with(|installed| {
            let place = *self.place.get_or_init(|| PLACES.fetch_add(1, Relaxed));
            let made = installed.families.get(place)?;
            let made = made.get_or_init(|| Box::new((self.make)(&installed.meter)));
            made.downcast_ref().map(measure)
        })
    }
}

static PLACES: AtomicUsize = AtomicUsize::new(0);
