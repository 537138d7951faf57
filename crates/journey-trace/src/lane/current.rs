//! The lane that stages report to.

use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::Context;

use super::{Lane, LaneConfig};

impl Lane {
    /// Makes a lane and lets all stages of the process report to it. An earlier one keeps its open stages.
    pub fn install(config: LaneConfig) -> Arc<Lane> {
        let lane = Lane::new(config);
        lane.install_this();
        lane
    }

    /// Lets all stages of the process report to this lane.
    pub fn install_this(self: &Arc<Self>) {
        *INSTALLED.write().unwrap_or_else(PoisonError::into_inner) = Some(self.clone());
    }

    /// Lets later stages report nowhere, if this is the installed lane. Open ones still report here.
    pub fn uninstall(self: &Arc<Self>) {
        let mut installed = INSTALLED.write().unwrap_or_else(PoisonError::into_inner);
        if installed.as_ref().is_some_and(|lane| Arc::ptr_eq(lane, self)) {
            *installed = None;
        }
    }

    /// The lane that a stage in this `Context` reports to: its own, else the installed one.
    pub fn of(cx: &Context) -> Option<Arc<Lane>> {
        let own = cx.get::<Arc<Lane>>().cloned();
        own.or_else(|| INSTALLED.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

static INSTALLED: RwLock<Option<Arc<Lane>>> = RwLock::new(None);
