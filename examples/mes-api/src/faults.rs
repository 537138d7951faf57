//! Breaks calculations on purpose, for demonstrations: served only with `MES_FAULTS=on`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use journey::StageHandle;
use serde::Deserialize;

use crate::Mes;

/// Faults that wait for their order; more are refused.
const FAULTS_MAX: usize = 1000;

/// Parts of the stretched time, about as many as the calculation makes reports.
const SLICES: u32 = 100;

/// A lock that somebody took and never gave back.
static LOST_LOCK: Mutex<()> = Mutex::new(());

/// What goes wrong in `price.simplify_model`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// It blocks for ever on a lock, once.
    Hang,
    /// It takes at least so many seconds, and reports progress.
    Slow,
}

#[derive(Deserialize)]
pub(crate) struct Fault {
    pub(crate) order: String,
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) seconds: u64,
}

/// `POST /faults` `{"order": "ORD-…", "kind": "hang" | "slow", "seconds": n}`
pub(crate) async fn inject(State(mes): State<Mes>, Json(fault): Json<Fault>) -> StatusCode {
    if fault.kind == Kind::Hang {
        // Taken and forgotten here, so that whoever locks it afterwards waits for ever.
        std::mem::forget(LOST_LOCK.try_lock());
    }
    if mes.faults.add(fault) { StatusCode::ACCEPTED } else { StatusCode::TOO_MANY_REQUESTS }
}

/// The faults of all orders; a handle is cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<HashMap<String, (Kind, Duration)>>>);

/// The faults of one order.
pub(crate) struct FaultsOf {
    all: Faults,
    order_id: String,
}

impl Faults {
    /// The faults of an order, those injected from now on included.
    pub(crate) fn of(&self, order_id: &str) -> FaultsOf {
        FaultsOf { all: self.clone(), order_id: order_id.to_owned() }
    }

    /// Keeps a fault for its order; `false` if there are too many.
    pub(crate) fn add(&self, fault: Fault) -> bool {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.len() >= FAULTS_MAX {
            return false;
        }
        faults.insert(fault.order, (fault.kind, Duration::from_secs(fault.seconds)));
        true
    }
}

impl FaultsOf {
    /// Runs a calculation that reports its progress, and lets the faults of its order happen meanwhile.
    pub(crate) fn suffer<T>(
        &self,
        handle: &StageHandle,
        calculate: impl FnOnce(&mut dyn FnMut(f64)) -> T,
    ) -> T {
        let began = Instant::now();
        self.hang();
        let result = calculate(&mut |part| {
            handle.progress(part);
            self.hang();
            sleep(self.slowness() / SLICES);
        });
        self.hang();
        while began.elapsed() < self.slowness() {
            sleep(self.slowness() / SLICES);
            handle.tick();
        }
        result
    }

    fn hang(&self) {
        let mut faults = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.get(&self.order_id).is_some_and(|(kind, _)| *kind == Kind::Hang) {
            faults.remove(&self.order_id);
            drop(faults);
            drop(LOST_LOCK.lock());
        }
    }

    /// Zero for an order without this fault.
    fn slowness(&self) -> Duration {
        let faults = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        match faults.get(&self.order_id) {
            Some((Kind::Slow, time)) => *time,
            _ => Duration::ZERO,
        }
    }
}
