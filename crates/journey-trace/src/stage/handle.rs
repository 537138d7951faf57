//! Progress from elsewhere.

use std::fmt;
use std::sync::Arc;

use crate::lane::{Attempt, Lane};
use crate::metrics::Active;

/// An open attempt and the lane it was started on.
pub(super) struct Reporting {
    pub(super) lane: Arc<Lane>,
    pub(super) attempt: Arc<Attempt>,
    /// Counts the stage as running; `None` while nothing is measured.
    pub(super) _active: Option<Active>,
}

/// Reports progress of a stage from another thread. It does not keep the stage open.
#[derive(Clone)]
pub struct StageHandle {
    attempt: Option<Arc<Attempt>>,
}

impl StageHandle {
    pub(super) fn of(reporting: Option<&Reporting>) -> Self {
        Self { attempt: reporting.map(|reporting| reporting.attempt.clone()) }
    }

    /// Says that the work lives, and which part of it is done, 0 to 1.
    pub fn progress(&self, part: f64) {
        if let Some(attempt) = &self.attempt {
            attempt.progress(part);
        }
    }

    /// Says that the work lives.
    pub fn tick(&self) {
        if let Some(attempt) = &self.attempt {
            attempt.tick();
        }
    }
}

impl fmt::Debug for StageHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StageHandle").field("reports", &self.attempt.is_some()).finish()
    }
}

impl fmt::Debug for Reporting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporting").field("span_id", &self.attempt.span_id()).finish()
    }
}
