//! Which headers of W3C are read and written.

use super::Environment;

/// `OTEL_PROPAGATORS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Propagators {
    /// `tracecontext`: `traceparent` and `tracestate`.
    pub(crate) trace_context: bool,
    /// `baggage`: the ids.
    pub(crate) baggage: bool,
}

impl Propagators {
    /// Default: both. Unknown names are warned about; if there is no other, the default stays.
    pub(super) fn read(environment: &Environment) -> Self {
        let both = Self { trace_context: true, baggage: true };
        let Some(text) = environment.get("OTEL_PROPAGATORS") else { return both };
        let text = text.to_ascii_lowercase();
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        if names.contains(&"none") {
            return Self { trace_context: false, baggage: false };
        }
        let named =
            Self { trace_context: names.contains(&"tracecontext"), baggage: names.contains(&"baggage") };
        if named.trace_context || named.baggage { named } else { both }
    }
}
