//! One step of work on the journey.
//!
//! A stage is not a span of the SDK: it has ids of its own, leaves by the lane, and is seen by no sampler and no
//! span processor. SDK spans started inside become its children and follow its sampled flag.

mod builder;
mod handle;
mod outcome;

use opentelemetry::Context;

use crate::lane::Ending;

pub use builder::{StageBuilder, stage};
use handle::Reporting;
pub use handle::StageHandle;

/// An open stage. It ends when told how, or when dropped: as `panicked` while panicking, else as `cancelled`.
///
/// ```
/// let stage = journey_trace::stage("price.simplify_model").size(250_000.0).start();
/// let result = stage.in_scope(|| {
///     stage.progress(0.5);
///     "1".parse::<u32>()
/// });
/// match result {
///     Ok(_) => stage.end(),
///     Err(_) => stage.fail("not_a_number"),
/// }
/// ```
#[derive(Debug)]
#[must_use = "the stage ends when the guard drops"]
pub struct Stage {
    context: Context,
    /// Gone once the end was reported; never there without a lane.
    reporting: Option<Reporting>,
}

impl Stage {
    /// The `Context` of the work inside: this stage as the parent of spans, and its cell.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Says that the work lives, and which part of it is done, 0 to 1. Costs some ten nanoseconds.
    pub fn progress(&self, part: f64) {
        if let Some(reporting) = &self.reporting {
            reporting.attempt.progress(part);
        }
    }

    /// Says that the work lives. Costs some ten nanoseconds.
    pub fn tick(&self) {
        if let Some(reporting) = &self.reporting {
            reporting.attempt.tick();
        }
    }

    /// Says how much work it is, such as triangles or bytes, once that is known.
    pub fn set_size(&self, size: f64) {
        if let Some(reporting) = &self.reporting {
            reporting.attempt.set_size(size);
        }
    }

    /// Something to report progress with from other threads.
    pub fn handle(&self) -> StageHandle {
        StageHandle::of(self.reporting.as_ref())
    }

    /// Runs `f` with the stage's `Context` active.
    pub fn in_scope<R>(&self, f: impl FnOnce() -> R) -> R {
        let _attached = self.context.clone().attach();
        f()
    }

    /// The work is done.
    pub fn end(mut self) {
        self.report(Ending::ok());
    }

    /// The work failed; `error_type` is its class, of low cardinality.
    pub fn fail(mut self, error_type: &str) {
        self.report(Ending::failed(error_type.to_owned(), String::new()));
    }

    /// A deadline passed.
    pub fn time_out(mut self) {
        self.report(Ending::timed_out());
    }

    fn report(&mut self, ending: Ending) {
        if let Some(Reporting { lane, attempt, .. }) = self.reporting.take() {
            attempt.measure(&ending);
            lane.end(&attempt, ending);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.reporting.is_some() {
            self.report(if std::thread::panicking() { Ending::panicked() } else { Ending::cancelled() });
        }
    }
}

#[cfg(test)]
mod tests;
