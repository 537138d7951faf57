//! One call to the database: its span, and what is measured of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use journey_trace::SpanGuard;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt};
use sqlx_core::{Either, Error};

use crate::acquiring::Waiter;
use crate::failure::Failure;
use crate::metrics::{self, OperationSeries};
use crate::outcome::Outcome;
use crate::route::Step;
use crate::seen::Seen;
use crate::server::Server;
use crate::sql::Statement;
use crate::wait::Wait;
use crate::watch::Watch;
use crate::within::Active;

/// A call from its first poll to the last row, error or drop. It lives inside the future or stream of the call; if
/// that is dropped first, so is this, and writes down why.
pub(crate) struct Call {
    server: Arc<Server>,
    /// `None` if nobody will hear of the call.
    statement: Option<Arc<Statement>>,
    has_bound_values: bool,
    watch: Watch,
    /// What it means if this is dropped now; `None` once the call has ended by itself.
    if_dropped: Option<Outcome>,
    /// When it ended, if somebody else had to look at the clock then.
    ended: Option<Instant>,
    seen: Seen,
}

/// What is called.
#[derive(Clone, Copy)]
pub(crate) enum Text<'a> {
    /// A statement that is prepared only.
    Prepare(&'a str),
    /// A statement to run.
    Run { sql: &'a str, has_bound_values: bool },
}

impl Text<'_> {
    /// A statement to which nothing is bound.
    pub(crate) fn unbound(sql: &str) -> Text<'_> {
        Text::Run { sql, has_bound_values: false }
    }

    pub(crate) fn read(self, server: &Server) -> Arc<Statement> {
        match self {
            Text::Prepare(sql) => Arc::new(server.statement(sql).to_prepare()),
            Text::Run { sql, .. } => server.statement(sql),
        }
    }

    pub(crate) fn has_bound_values(self) -> bool {
        matches!(self, Text::Run { has_bound_values: true, .. })
    }
}

impl Call {
    /// Starts the span. Under an unsampled parent the text is not even looked up, unless something is measured.
    pub(crate) fn start(server: &Arc<Server>, parent: Context, text: Text<'_>) -> Self {
        let mut statement = None;
        let watch = Watch::start(server, parent, text, &mut statement);
        Self {
            server: Arc::clone(server),
            statement,
            has_bound_values: text.has_bound_values(),
            watch,
            if_dropped: Some(Outcome::Cancelled),
            ended: None,
            seen: Seen::default(),
        }
    }

    /// What holds while sqlx is polled: the context of the call, unless it has no span and what is current is dropped
    /// anyway.
    pub(crate) fn active(&self) -> Active {
        if self.watch.is_recorded() || !Context::map_current(is_surely_dropped) {
            Active::Context(self.watch.context().clone())
        } else if self.is_observed() {
            Active::Measured
        } else {
            Active::Nothing
        }
    }

    /// The span, for a link from whoever has to wait for this call; invalid if it has none yet.
    pub(crate) fn span_context(&self) -> SpanContext {
        if self.watch.is_recorded() {
            self.watch.context().span().span_context().clone()
        } else {
            SpanContext::NONE
        }
    }

    /// Whether anybody will hear of the call: what costs something need not be found out if not.
    pub(crate) fn is_observed(&self) -> bool {
        self.statement.is_some()
    }

    /// When it started.
    pub(crate) fn started(&self) -> Instant {
        self.watch.started()
    }

    /// The call as one who waits for a connection of the pool, if anybody will hear of it.
    pub(crate) fn waiter(&mut self) -> Option<Waiter<'_>> {
        let since = self.started();
        let told = &mut self.seen.wait;
        self.statement.is_some().then(|| Waiter { context: self.watch.context(), since, told })
    }

    /// Until when it waited for a connection of the pool.
    pub(crate) fn waited_until(&self) -> Option<Instant> {
        self.seen.wait.as_ref().map(|wait| wait.until)
    }

    /// The first call on a connection that was waited for tells the wait.
    pub(crate) fn tells(&mut self, wait: Wait) {
        self.seen.wait = Some(wait);
    }

    /// Notes that the connection was still busy with a query that its caller had left.
    pub(crate) fn follows_left(&mut self, query: SpanContext) {
        self.seen.left = Some(Box::new(query));
    }

    /// The server has nothing more to do for it, since the time that is given if it is known.
    pub(crate) fn ends_at(&mut self, ended: Option<Instant>) {
        self.ended = ended;
    }

    /// A row, or what a statement did, has come.
    pub(crate) fn comes(&mut self, step: &Step) {
        match step {
            Either::Left(done) => self.changes(done.rows_affected()),
            Either::Right(_) => {
                self.seen.rows += 1;
                if self.seen.rows == 1 && self.is_observed() {
                    self.seen.first_row = Some(self.elapsed());
                }
            }
        }
    }

    /// So many rows were changed.
    pub(crate) fn changes(&mut self, rows: u64) {
        self.seen.affected = Some(self.seen.affected.unwrap_or(0) + rows);
    }

    /// The only row that was asked for has come.
    pub(crate) fn first_row_has_come(&mut self) {
        self.seen.rows = 1;
    }

    /// It goes to the caller, who may want no more of them.
    pub(crate) fn row_is_out(&mut self) {
        self.if_dropped = Some(Outcome::DroppedEarly);
    }

    /// The caller asks for the next one.
    pub(crate) fn row_is_wanted(&mut self) {
        self.if_dropped = Some(Outcome::Cancelled);
    }

    /// The server was waited for.
    pub(crate) fn waited_for_server(&mut self, more: Duration) {
        self.seen.server_wait = Some(self.seen.server_wait.unwrap_or_default() + more);
    }

    /// The call has ended by itself.
    pub(crate) fn finish(mut self, error: Option<&Error>) {
        self.if_dropped = None;
        if self.is_observed() {
            self.seen.failure = error.and_then(Failure::of).map(Box::new);
        }
    }

    fn elapsed(&self) -> Duration {
        let now = self.ended.unwrap_or_else(Instant::now);
        now.saturating_duration_since(self.started())
    }

    fn measure(&self, statement: &Statement, duration: Duration) {
        if !journey_trace::metrics::is_installed() {
            return;
        }
        let failure = self.seen.failure.as_ref();
        let series = OperationSeries {
            target: &self.server.target,
            summary: &statement.summary,
            error_type: failure
                .map(|failure| &*failure.error_type)
                .or_else(|| self.if_dropped.and_then(Outcome::error_type)),
            is_sqlstate: failure.is_some_and(|failure| failure.sqlstate().is_some()),
        };
        metrics::operation(&series, duration, self.server.settings.has_rows.then_some(self.seen.rows));
    }

    fn has_failed(&self) -> bool {
        self.seen.failure.is_some() || self.if_dropped.and_then(Outcome::error_type).is_some()
    }

    /// The span of a call that is wanted after all.
    fn late_span(&self, statement: &Statement, duration: Duration) -> Option<SpanGuard> {
        let Watch::Late { parent, is_wanted: true, .. } = &self.watch else { return None };
        let is_long = duration >= self.server.settings.min_duration;
        (is_long || self.has_failed()).then(|| {
            SpanGuard::start_past(duration, SpanKind::Client, parent, || {
                self.server.describe(statement, self.has_bound_values)
            })
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Some(statement) = self.statement.take() else { return };
        let duration = self.elapsed();
        self.measure(&statement, duration);
        let mut late = self.late_span(&statement, duration);
        let span = match &mut self.watch {
            Watch::Span(span) => Some(span),
            Watch::Dropped { .. } | Watch::Late { .. } => late.as_mut(),
        };
        let Some(span) = span.filter(|span| span.is_recording()) else { return };
        std::mem::take(&mut self.seen).record(span, self.server.settings.has_rows);
        if let Some(outcome) = self.if_dropped {
            outcome.record(span);
        }
        span.set_duration(duration);
    }
}

/// Whether no span under this parent can be recorded, as far as one can tell without the sampler.
fn is_surely_dropped(parent: &Context) -> bool {
    let span = parent.span();
    span.span_context().is_valid() && !span.span_context().is_sampled()
}
