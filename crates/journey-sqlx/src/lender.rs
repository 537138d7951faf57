//! The pool as those see it who wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry::trace::SpanContext;
use sqlx_core::pool::PoolConnection as RawPoolConnection;
use sqlx_core::rt;
use sqlx_postgres::{PgPool as RawPool, Postgres};

use crate::draining::Draining;
use crate::hashed::Hashed;
use crate::open_transactions::OpenTransactions;
use crate::owed::Owed;
use crate::wait::Reason;

/// What is known of one pool besides what sqlx tells.
pub(crate) struct Lender {
    raw: RawPool,
    /// Name of the pool in metrics.
    pub(crate) name: Hashed,
    pending: AtomicI64,
    draining: Arc<Draining>,
    pub(crate) open_transactions: Arc<OpenTransactions>,
}

impl Lender {
    pub(crate) fn new(raw: RawPool, name: Hashed) -> Self {
        Self {
            raw,
            name,
            pending: AtomicI64::new(0),
            draining: Arc::default(),
            open_transactions: Arc::default(),
        }
    }

    /// Why one who asks now would have to wait, and for which left query.
    pub(crate) fn reason(&self) -> (Reason, Option<SpanContext>) {
        if self.raw.num_idle() > 0 {
            return (Reason::Idle, None);
        }
        // A connection that somebody opens just now counts as used.
        if self.raw.size() < self.raw.options().get_max_connections() {
            return (Reason::NewConnection, None);
        }
        match self.draining.oldest() {
            Some(query) => (Reason::DrainingCancelled, Some(query)),
            None => (Reason::Saturated, None),
        }
    }

    /// Counts one more who waits, until the result drops.
    pub(crate) fn one_pending(&self) -> Pending<'_> {
        self.pending.fetch_add(1, Relaxed);
        Pending(&self.pending)
    }

    /// The pool in numbers.
    pub(crate) fn numbers(&self) -> Numbers {
        let size = i64::from(self.raw.size());
        // Two numbers that change one after the other: more may be idle than there are.
        let idle = i64::try_from(self.raw.num_idle()).unwrap_or(i64::MAX).min(size);
        Numbers {
            idle,
            used: size - idle,
            idle_min: i64::from(self.raw.options().get_min_connections()),
            max: i64::from(self.raw.options().get_max_connections()),
            pending: self.pending.load(Relaxed),
            oldest_transaction_age: self.open_transactions.oldest_age(),
        }
    }

    /// Closes a connection that a `COPY` has left out of step, and lets those who wait know for what.
    pub(crate) fn close_busy(&self, raw: RawPoolConnection<Postgres>, copy: SpanContext) {
        let is_draining = self.draining.begin(copy);
        rt::spawn(async move {
            // The server may be gone, or still send data. Either way the connection is closed then.
            let _ = raw.close().await;
            drop(is_draining);
        });
    }

    /// Gives a connection back on which the server still works on a query that its caller has left, or which holds locks
    /// that are to be released first. sqlx would do the former when the connection drops, but not say when the server is
    /// done.
    pub(crate) fn take_back_busy(
        &self,
        mut raw: RawPoolConnection<Postgres>,
        query: Option<SpanContext>,
        owed: Option<Box<Owed>>,
    ) {
        let is_draining = query.map(|query| self.draining.begin(query));
        rt::spawn(async move {
            let is_paid = match owed {
                Some(mut owed) => {
                    // A refusal that nobody waited for any more is nobody's now; after it nothing is left to be read.
                    if owed.pay(&mut raw).await.is_err() {
                        drop(owed.pay(&mut raw).await);
                    }
                    owed.is_paid()
                }
                None => true,
            };
            if is_paid {
                raw.return_to_pool().await;
            } else {
                // A connection that is closed holds no lock either.
                let _ = raw.close().await;
            }
            drop(is_draining);
        });
    }
}

/// A pool at one moment.
pub(crate) struct Numbers {
    pub(crate) idle: i64,
    pub(crate) used: i64,
    pub(crate) idle_min: i64,
    pub(crate) max: i64,
    pub(crate) pending: i64,
    pub(crate) oldest_transaction_age: Duration,
}

impl Numbers {
    /// Adds another pool of the same name.
    pub(crate) fn add(&mut self, other: &Self) {
        self.idle += other.idle;
        self.used += other.used;
        self.idle_min += other.idle_min;
        self.max += other.max;
        self.pending += other.pending;
        self.oldest_transaction_age = self.oldest_transaction_age.max(other.oldest_transaction_age);
    }
}

/// Somebody waits for a connection.
pub(crate) struct Pending<'a>(&'a AtomicI64);

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
