//! Trace context, ids and facets as one string, for work that outlives the process.

mod error;
mod text;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use crate::propagation::RemoteLink;
use crate::{ContextExt, JourneyCell};

pub use error::InvalidCarrier;

/// A `Context` that fits into a database column: an outbox row or a job keeps it, and whoever takes the row goes on
/// with the same order.
///
/// Its text is versioned, ASCII and at most [`crate::limits::CARRIER_BYTES_MAX`] bytes.
///
/// ```
/// use journey_trace::{Attach, Carrier, JourneyCell, Key, scope};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let column = scope("ORD-1", async { Carrier::current().to_string() }).await;
/// assert_eq!(column, "1;-;order.id=ORD-1");
///
/// let context = column.parse::<Carrier>()?.attach(Attach::Link);
/// let cell = JourneyCell::of(&context).unwrap();
/// assert_eq!(cell.get(Key::Order).as_deref(), Some("ORD-1"));
/// # Ok::<(), journey_trace::InvalidCarrier>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Carrier {
    /// The active span, if there was one.
    span: Option<SpanContext>,
    /// What the journey knew; a copy that nobody writes to any more.
    cell: JourneyCell,
}

impl Clone for Carrier {
    fn clone(&self) -> Self {
        Self { span: self.span.clone(), cell: self.cell.snapshot() }
    }
}

/// How the spans of the later work belong to the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attach {
    /// As children, in the same trace: for work that follows at once.
    Child,
    /// In a new trace with a link: for work that waits in a table or queue.
    Link,
}

impl Carrier {
    /// The current `Context` as it is now. What is learned later is not in it.
    pub fn current() -> Self {
        Context::map_current(Self::from_context)
    }

    /// This `Context` as it is now.
    pub fn from_context(cx: &Context) -> Self {
        let span = cx.span().span_context().clone();
        // Before the first span, a link that still waits for one is worth keeping.
        let waiting = || cx.get::<RemoteLink>().map(|link| link.0.clone());
        let span = if span.is_valid() { Some(span) } else { waiting() };
        let cell = JourneyCell::of(cx).map(JourneyCell::snapshot).unwrap_or_default();
        Self { span, cell }
    }

    /// A `Context` that goes on from here, with a cell of its own. Activate it with `attach` or `with_context`.
    #[must_use]
    pub fn attach(&self, how: Attach) -> Context {
        let cx = Context::new().with_cell(self.cell.snapshot());
        match (&self.span, how) {
            (None, _) => cx,
            (Some(span), Attach::Child) => cx.with_remote_span_context(span.clone()),
            (Some(span), Attach::Link) => cx.with_value(RemoteLink(span.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceContextExt;

    use crate::propagation::remote_link;
    use crate::{Key, Trust, extract};

    use super::*;

    /// Scenario: a carrier goes on as a child, and as a link.
    /// Guarantees: the child has the remote parent, the link has none; both know the order, each in its own cell.
    #[test]
    fn it_goes_on_as_child_or_link() {
        let headers = std::collections::HashMap::from([
            ("traceparent".into(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".into()),
            ("baggage".into(), "order.id=ORD-1".into()),
        ]);
        let carrier = Carrier::from_context(&extract(&headers, Trust::Trusted));
        let child = carrier.attach(Attach::Child);
        assert!(child.span().span_context().is_remote() && !child.span().span_context().is_sampled());
        let linked = carrier.attach(Attach::Link);
        assert!(!linked.span().span_context().is_valid());
        assert_eq!(remote_link(&linked).map(|link| link.span_context), carrier.span);
        let (one, other) = (JourneyCell::of(&child).unwrap(), JourneyCell::of(&linked).unwrap());
        one.set(Key::Cart, "c-1");
        assert_eq!(other.get(Key::Order).as_deref(), Some("ORD-1"));
        assert_eq!(other.get(Key::Cart), None);
    }
}
