//! A connection of the pool that a listener has.

use std::sync::Arc;
use std::time::Instant;

use journey_trace::metrics;

use crate::metrics::used;
use crate::server::Server;

/// It is out of its pool until this drops.
pub(super) struct Loan {
    server: Arc<Server>,
    since: Instant,
}

impl Loan {
    /// `None` if nobody measures it.
    pub(super) fn begin(server: &Arc<Server>) -> Option<Self> {
        let is_measured = metrics::is_installed() && server.lender.is_some();
        is_measured.then(|| Self { server: Arc::clone(server), since: Instant::now() })
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(lender) = &self.server.lender {
            used(lender, self.since.elapsed());
        }
    }
}
