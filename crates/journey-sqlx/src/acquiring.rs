//! The wait for a connection of a pool.

use std::time::Instant;

use journey_trace::SpanGuard;
use journey_trace::span::Described;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanKind};
use sqlx_core::Error;
use sqlx_core::pool::PoolConnection as RawPoolConnection;
use sqlx_postgres::{PgPool as RawPool, Postgres};

use crate::failure;
use crate::lender::{Lender, Pending};
use crate::metrics;
use crate::outcome::Outcome;
use crate::seen::link;
use crate::server::Server;
use crate::wait::{Asked, Wait};

/// Who waits for a connection.
pub(crate) struct Waiter<'a> {
    /// What the wait belongs to: a call, or whoever asked.
    pub(crate) context: &'a Context,
    pub(crate) since: Instant,
    /// Where the wait is noted down, also if it was in vain.
    pub(crate) told: &'a mut Option<Wait>,
}

/// Takes a connection, and notes down how long that took and why, also if nobody awaits it any more. Without a waiter,
/// nothing is measured.
pub(crate) async fn acquire(
    raw: &RawPool,
    server: &Server,
    waiter: Option<Waiter<'_>>,
) -> Result<RawPoolConnection<Postgres>, Error> {
    let acquiring = waiter.and_then(|waiter| Acquiring::start(server, waiter));
    // Never `try_acquire` first: it skips `before_acquire` and the ping. And awaited in one place, because sqlx's
    // future is large and each place has room for one.
    let result = raw.acquire().await;
    if let Some(acquiring) = acquiring {
        acquiring.over(&result);
    }
    result
}

/// The same for a wait within a work of sqlx's.
pub(crate) async fn measured<T>(
    server: &Server,
    waiter: Waiter<'_>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let acquiring = Acquiring::start(server, waiter);
    let result = work.await;
    if let Some(acquiring) = acquiring {
        acquiring.over(&result);
    }
    result
}

/// A wait that is not over.
struct Acquiring<'a> {
    server: &'a Server,
    lender: &'a Lender,
    waiter: Waiter<'a>,
    asked: Option<Asked>,
    _pending: Pending<'a>,
}

/// How a wait ends.
enum Ending<'a> {
    Failed(&'a Error),
    Got,
    /// Nobody waits any more.
    Left,
}

impl<'a> Acquiring<'a> {
    /// `None` if the server is no pool.
    fn start(server: &'a Server, waiter: Waiter<'a>) -> Option<Self> {
        let lender = server.lender.as_ref()?;
        let asked = Some(Asked::at(waiter.since, lender));
        Some(Self { server, lender, waiter, asked, _pending: lender.one_pending() })
    }

    /// This has come of it.
    fn over<T>(mut self, result: &Result<T, Error>) {
        self.ends(match result {
            Ok(_) => Ending::Got,
            Err(error) => Ending::Failed(error),
        });
    }

    fn ends(&mut self, ending: Ending<'_>) {
        let Some(wait) = self.asked.take().map(Asked::over) else { return };
        match ending {
            Ending::Got => metrics::waited(self.lender, &wait),
            Ending::Failed(Error::PoolTimedOut) => metrics::timed_out(self.lender),
            Ending::Failed(_) | Ending::Left => {}
        }
        let is_long = wait.duration >= self.server.settings.acquire_span_threshold;
        if is_long || matches!(ending, Ending::Failed(_)) {
            self.record(&wait, &ending);
        }
        *self.waiter.told = Some(wait);
    }

    /// An INTERNAL span without `db.system.name`: a wait is no call to the database.
    fn record(&self, wait: &Wait, ending: &Ending<'_>) {
        let mut span = SpanGuard::start_past(wait.duration, SpanKind::Internal, self.waiter.context, || {
            Described { attributes: wait.attributes().into(), ..Described::named("db.pool.acquire") }
        });
        if let Some(cause) = &wait.cause {
            link(&span, SpanContext::clone(cause));
        }
        match ending {
            Ending::Failed(error) => failure::record(error, &span),
            Ending::Got => {}
            Ending::Left => Outcome::Cancelled.record(&span),
        }
        span.set_duration(wait.duration);
    }
}

impl Drop for Acquiring<'_> {
    fn drop(&mut self) {
        self.ends(Ending::Left);
    }
}
