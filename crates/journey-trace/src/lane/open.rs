//! The stages that are open now.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use journey_model::SpanId;

use crate::limits::OPEN_STAGES_MAX;

use super::Attempt;

/// The stages that get beats, by span id.
#[derive(Default)]
pub(super) struct OpenStages {
    attempts: Mutex<HashMap<SpanId, Arc<Attempt>>>,
    refused: AtomicU64,
}

impl OpenStages {
    pub(super) fn insert(&self, attempt: &Arc<Attempt>) {
        let mut attempts = self.lock();
        if attempts.len() < OPEN_STAGES_MAX {
            attempts.insert(attempt.span_id(), attempt.clone());
        } else {
            self.refused.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn remove(&self, attempt: &Attempt) {
        self.lock().remove(&attempt.span_id());
    }

    /// All of them; the lock is not held while their beats are made, so no stage waits for those of the others.
    pub(super) fn all(&self) -> Vec<Arc<Attempt>> {
        self.lock().values().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Stages that were refused so far.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SpanId, Arc<Attempt>>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
