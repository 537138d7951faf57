//! The wait for a connection of a pool.

use journey_trace::SpanGuard;
use journey_trace::span::Described;
use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use sqlx_core::Error;
use sqlx_core::pool::PoolConnection as RawPoolConnection;
use sqlx_postgres::{PgPool as RawPool, Postgres};

use crate::failure;
use crate::lender::Lender;
use crate::metrics;
use crate::outcome::Outcome;
use crate::seen::link;
use crate::server::Server;
use crate::wait::{Asked, Wait};

/// Takes a connection, and notes down in `told` how long that took and why, also if nobody awaits it any more.
///
/// `context` is what the wait belongs to: a call, or whoever asked. Without it, nothing is measured.
pub(crate) async fn acquire(
    raw: &RawPool,
    server: &Server,
    context: Option<&Context>,
    told: &mut Option<Wait>,
) -> Result<RawPoolConnection<Postgres>, Error> {
    let lender = server.lender.as_ref();
    let observed = context.zip(lender);
    let _pending = observed.map(|(_, lender)| lender.one_pending());
    let acquiring = observed.map(|(context, lender)| {
        let asked = Some(Asked::now(lender));
        Acquiring { server, lender, context, asked, told }
    });
    // Never `try_acquire` first: it skips `before_acquire` and the ping. And awaited in one place, because sqlx's
    // future is large and each place has room for one.
    let result = raw.acquire().await;
    if let Some(mut acquiring) = acquiring {
        acquiring.ends(match &result {
            Ok(_) => Ending::Got,
            Err(error) => Ending::Failed(error),
        });
    }
    result
}

/// A wait that is not over.
struct Acquiring<'a> {
    server: &'a Server,
    lender: &'a Lender,
    context: &'a Context,
    asked: Option<Asked>,
    told: &'a mut Option<Wait>,
}

/// How a wait ends.
enum Ending<'a> {
    Failed(&'a Error),
    Got,
    /// Nobody waits any more.
    Left,
}

impl Acquiring<'_> {
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
        *self.told = Some(wait);
    }

    /// An INTERNAL span without `db.system.name`: a wait is no call to the database.
    fn record(&self, wait: &Wait, ending: &Ending<'_>) {
        let mut span = SpanGuard::start_past(wait.duration, SpanKind::Internal, self.context, || Described {
            attributes: wait.attributes().into(),
            ..Described::named("db.pool.acquire")
        });
        if let Some(cause) = &wait.cause {
            link(&span, cause.clone());
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
