//! One call to the database: its span, and what is measured of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use journey_trace::SpanGuard;
use journey_trace::sampling::Hint;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt};
use sqlx_core::{Either, Error};

use crate::failure::Failure;
use crate::metrics::{self, OperationSeries};
use crate::outcome::Outcome;
use crate::route::Step;
use crate::seen::Seen;
use crate::server::Server;
use crate::sql::Statement;
use crate::wait::Wait;

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
    seen: Seen,
}

/// Where the length of the call is measured.
enum Watch {
    /// In a span that is there from the start.
    Span(SpanGuard),
    /// Here. If the call turns out to be long enough, it gets its span when it ends.
    Late { parent: Context, started: Instant, is_wanted: bool },
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

    fn read(self, server: &Server) -> Arc<Statement> {
        match self {
            Text::Prepare(sql) => Arc::new(server.statement(sql).to_prepare()),
            Text::Run { sql, .. } => server.statement(sql),
        }
    }

    fn has_bound_values(self) -> bool {
        matches!(self, Text::Run { has_bound_values: true, .. })
    }
}

impl Call {
    /// Starts the span. Under an unsampled parent the text is not even looked up, unless something is measured.
    pub(crate) fn start(server: &Arc<Server>, parent: &Context, text: Text<'_>) -> Self {
        let has_bound_values = text.has_bound_values();
        let settings = &server.settings;
        let is_late = settings.filter.is_some() || !settings.min_duration.is_zero();
        let is_looked_up = journey_trace::metrics::is_installed() || (is_late && !is_surely_dropped(parent));
        let mut statement = is_looked_up.then(|| text.read(server));
        let is_wanted = statement.as_ref().is_none_or(|known| server.is_wanted(known, has_bound_values));
        let watch = if is_wanted && settings.min_duration.is_zero() {
            Watch::Span(SpanGuard::start_described(SpanKind::Client, &Hint::default(), parent, || {
                let statement = statement.get_or_insert_with(|| text.read(server));
                server.describe(statement, has_bound_values)
            }))
        } else {
            Watch::Late { parent: parent.clone(), started: Instant::now(), is_wanted }
        };
        Self {
            server: Arc::clone(server),
            statement,
            has_bound_values,
            watch,
            if_dropped: Some(Outcome::Cancelled),
            seen: Seen::default(),
        }
    }

    /// The context to be active while sqlx is polled.
    pub(crate) fn context(&self) -> &Context {
        match &self.watch {
            Watch::Span(span) => span.context(),
            Watch::Late { parent, .. } => parent,
        }
    }

    /// The context to be active while sqlx is polled; `None` if that would change nothing, as nobody hears of the call
    /// and what is current is dropped anyway.
    pub(crate) fn active(&self) -> Option<Context> {
        let is_silent = !self.is_observed() && Context::map_current(is_surely_dropped);
        (!is_silent).then(|| self.context().clone())
    }

    /// The span, for a link from whoever has to wait for this call; invalid if it has none yet.
    pub(crate) fn span_context(&self) -> SpanContext {
        match &self.watch {
            Watch::Span(span) if span.is_recording() => span.context().span().span_context().clone(),
            _ => SpanContext::NONE,
        }
    }

    /// Whether anybody will hear of the call: what costs something need not be found out if not.
    pub(crate) fn is_observed(&self) -> bool {
        self.statement.is_some()
    }

    /// Where the wait for a connection of the pool is noted down.
    pub(crate) fn wait(&mut self) -> &mut Option<Wait> {
        &mut self.seen.wait
    }

    /// Notes that the connection was still busy with a query that its caller had left.
    pub(crate) fn follows_left(&mut self, query: SpanContext) {
        self.seen.left = Some(query);
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
            self.seen.failure = error.and_then(Failure::of);
        }
    }

    fn elapsed(&self) -> Duration {
        match &self.watch {
            Watch::Span(span) => span.elapsed(),
            Watch::Late { started, .. } => started.elapsed(),
        }
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
            Watch::Late { .. } => late.as_mut(),
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
