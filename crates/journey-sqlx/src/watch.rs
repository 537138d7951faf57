//! Where the length of a call is measured, and whether it has a span.

use std::sync::Arc;
use std::time::Instant;

use journey_trace::SpanGuard;
use journey_trace::sampling::Hint;
use opentelemetry::Context;
use opentelemetry::trace::SpanKind;

use crate::call::Text;
use crate::server::Server;
use crate::sql::Statement;

pub(crate) enum Watch {
    /// Nowhere, because nobody will see a span; `started` is there if somebody measures.
    Dropped { context: Context, started: Option<Instant> },
    /// Here. If the call turns out to be long enough, it gets its span when it ends.
    Late { parent: Context, started: Instant, is_wanted: bool },
    /// In a span that is there from the start.
    Span(SpanGuard),
}

impl Watch {
    /// Starts the span, unless it is dropped or told late. `statement` is what the text says, if somebody will hear of it.
    pub(crate) fn start(
        server: &Server,
        parent: Context,
        text: Text<'_>,
        statement: &mut Option<Arc<Statement>>,
    ) -> Self {
        let is_measured = journey_trace::metrics::is_installed();
        if is_measured {
            *statement = Some(text.read(server));
        }
        if journey_trace::span::is_dropped(&parent) {
            return Watch::Dropped { context: parent, started: is_measured.then(Instant::now) };
        }
        let has_bound_values = text.has_bound_values();
        let is_always_long = server.settings.min_duration.is_zero();
        if server.settings.filter.is_some() || !is_always_long {
            let known = statement.get_or_insert_with(|| text.read(server));
            let is_wanted = server.is_wanted(known, has_bound_values);
            if !is_wanted || !is_always_long {
                return Watch::Late { parent, started: Instant::now(), is_wanted };
            }
        }
        Watch::Span(SpanGuard::start_described(SpanKind::Client, &Hint::default(), &parent, || {
            let known = statement.get_or_insert_with(|| text.read(server));
            server.describe(known, has_bound_values)
        }))
    }

    /// The context of the call.
    pub(crate) fn context(&self) -> &Context {
        match self {
            Watch::Dropped { context, .. } | Watch::Late { parent: context, .. } => context,
            Watch::Span(span) => span.context(),
        }
    }

    /// Whether it has a span that somebody will see.
    pub(crate) fn is_recorded(&self) -> bool {
        matches!(self, Watch::Span(span) if span.is_recording())
    }

    /// When the call started; now, if nobody measures it.
    pub(crate) fn started(&self) -> Instant {
        match self {
            Watch::Dropped { started, .. } => started.unwrap_or_else(Instant::now),
            Watch::Late { started, .. } => *started,
            Watch::Span(span) => span.started(),
        }
    }
}
