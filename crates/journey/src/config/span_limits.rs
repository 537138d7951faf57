//! How much one span may hold.

use opentelemetry_sdk::trace::SpanLimits;

use crate::init::InitError;

use super::{Environment, number};

/// The `OTEL_SPAN_*_LIMIT` variables and the general ones behind them. The lane has its own limits: an order whose id
/// was cut off would be another order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpanSize {
    /// What the SDK keeps.
    pub(crate) counts: SpanLimits,
    /// Characters of a text value that are exported. `None`: all.
    pub(crate) value_chars: Option<usize>,
}

impl SpanSize {
    pub(super) fn read(environment: &Environment) -> Result<Self, InitError> {
        let default = SpanLimits::default();
        let count = |names: &[&str], default| {
            Ok::<_, InitError>(first(environment, names)?.map_or(default, saturated))
        };
        let counts = SpanLimits {
            max_attributes_per_span: count(
                &["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"],
                default.max_attributes_per_span,
            )?,
            max_events_per_span: count(&["OTEL_SPAN_EVENT_COUNT_LIMIT"], default.max_events_per_span)?,
            max_links_per_span: count(&["OTEL_SPAN_LINK_COUNT_LIMIT"], default.max_links_per_span)?,
            max_attributes_per_event: count(
                &["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"],
                default.max_attributes_per_event,
            )?,
            max_attributes_per_link: count(
                &["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"],
                default.max_attributes_per_link,
            )?,
        };
        let value_chars = first(
            environment,
            &["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"],
        )?;
        Ok(Self { counts, value_chars })
    }
}

/// The first of these variables that is set.
fn first(environment: &Environment, variables: &[&str]) -> Result<Option<usize>, InitError> {
    for variable in variables {
        let number = number::whole(environment, variable, 0..=usize::MAX, "a number, 0 or more")?;
        if number.is_some() {
            return Ok(number);
        }
    }
    Ok(None)
}

fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
