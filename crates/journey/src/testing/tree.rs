//! A capture as a snapshot.

use std::fmt;

use journey_model::attribute;
use opentelemetry::Value;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};

use super::captured::{Captured, CapturedSpan};

impl fmt::Display for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = Numbers::of(self);
        for (index, trace) in numbers.traces.iter().enumerate() {
            writeln!(f, "trace {}", index + 1)?;
            for (number, depth, span) in
                trace.spans.iter().zip(1..).map(|(&(depth, span), n)| (n, depth, span))
            {
                numbers.write_span(f, span, number, depth)?;
            }
        }
        if self.left_out > 0 {
            writeln!(f, "and {} more", self.left_out)?;
        }
        if self.open > 0 {
            writeln!(f, "{} still open", self.open)?;
        }
        Ok(())
    }
}

/// Traces and spans in the order they are shown, which gives them their numbers.
struct Numbers<'a> {
    traces: Vec<Trace<'a>>,
}

struct Trace<'a> {
    id: TraceId,
    /// Depth in the tree from 1, and the span.
    spans: Vec<(usize, &'a CapturedSpan)>,
}

impl<'a> Numbers<'a> {
    fn of(captured: &'a Captured) -> Self {
        let mut traces: Vec<Trace<'a>> = Vec::new();
        for span in &captured.spans {
            if !traces.iter().any(|trace| trace.id == span.trace_id) {
                let all: Vec<_> =
                    captured.spans.iter().filter(|other| other.trace_id == span.trace_id).collect();
                traces.push(Trace { id: span.trace_id, spans: in_tree_order(&all) });
            }
        }
        Self { traces }
    }

    /// `trace 1 / span 2`, if it was captured.
    fn name(&self, trace_id: TraceId, span_id: SpanId) -> Option<String> {
        let (index, trace) = self.traces.iter().enumerate().find(|(_, trace)| trace.id == trace_id)?;
        let number = trace.spans.iter().position(|(_, span)| span.span_id() == span_id)?;
        Some(format!("trace {} / span {}", index + 1, number + 1))
    }

    fn write_span(
        &self,
        f: &mut fmt::Formatter<'_>,
        span: &CapturedSpan,
        number: usize,
        depth: usize,
    ) -> fmt::Result {
        let indent = 2 * depth;
        let kind = if span.is_stage() { String::new() } else { format!(" ({})", kind(span.kind())) };
        writeln!(f, "{:indent$}span {number}: {}{kind}", "", span.name())?;
        let indent = indent + 4;
        if let Some(parent) = span.parent.filter(|&parent| self.name(span.trace_id, parent).is_none()) {
            debug_assert!(parent != SpanId::INVALID);
            writeln!(f, "{:indent$}parent: outside", "")?;
        }
        for (trace_id, span_id) in &span.links {
            let to = self.name(*trace_id, *span_id).unwrap_or_else(|| "outside".into());
            writeln!(f, "{:indent$}link: {to}", "")?;
        }
        match span.status() {
            Status::Unset => {}
            Status::Ok => writeln!(f, "{:indent$}status: ok", "")?,
            Status::Error { description } => writeln!(f, "{:indent$}status: error {description:?}", "")?,
        }
        let ports = ephemeral_ports(span);
        let shown = span.attributes.iter().filter(|(key, _)| !UNSTEADY.contains(&key.as_str()));
        for (key, value) in shown {
            writeln!(f, "{:indent$}{key}: {}", "", steady(value, &ports))?;
        }
        Ok(())
    }
}

/// Parents before children, each by start.
fn in_tree_order<'a>(spans: &[&'a CapturedSpan]) -> Vec<(usize, &'a CapturedSpan)> {
    let mut order = Vec::new();
    let is_here = |id: SpanId| spans.iter().any(|span| span.span_id() == id);
    for top in spans.iter().filter(|span| span.parent.is_none_or(|parent| !is_here(parent))) {
        push_branch(spans, top, 1, &mut order);
    }
    order
}

fn push_branch<'a>(
    spans: &[&'a CapturedSpan],
    span: &'a CapturedSpan,
    depth: usize,
    order: &mut Vec<(usize, &'a CapturedSpan)>,
) {
    order.push((depth, span));
    for child in spans.iter().filter(|child| child.parent == Some(span.span_id())) {
        push_branch(spans, child, depth + 1, order);
    }
}

fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "client",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
        SpanKind::Producer => "producer",
        SpanKind::Server => "server",
    }
}

/// Ports that the system chose, other ones each time.
fn ephemeral_ports(span: &CapturedSpan) -> Vec<i64> {
    let ports = span.attributes.iter().filter(|(key, _)| key.ends_with(".port"));
    let ports = ports.filter_map(|(_, value)| match value {
        Value::I64(port) if *port >= EPHEMERAL_PORT_MIN => Some(*port),
        _ => None,
    });
    ports.collect()
}

fn steady(value: &Value, ports: &[i64]) -> String {
    match value {
        Value::I64(number) if ports.contains(number) => "(port)".into(),
        Value::String(text) => {
            let hide = |text: String, port: &i64| text.replace(&format!(":{port}"), ":(port)");
            format!("{:?}", ports.iter().fold(text.to_string(), hide))
        }
        other => other.to_string(),
    }
}

/// Measured, or counted over the whole process: other values each time.
const UNSTEADY: &[&str] = &[
    attribute::JOURNEY_DB_POOL_WAIT,
    attribute::JOURNEY_HTTP_TIME_TO_HEAD,
    attribute::JOURNEY_SEQ,
    attribute::JOURNEY_STAGE_IDLE,
];

/// Where Linux begins to choose, by its default.
const EPHEMERAL_PORT_MIN: i64 = 32_768;
