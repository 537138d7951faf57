//! One alarm: raised by a sum, confirmed or not, ended by calm.

use super::config::Calm;
use crate::Nanos;

/// An alarm that is up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alarm {
    /// Event time of the change, as estimated: the last moment the sum was 0.
    pub(crate) since_ns: Nanos,
    pub(crate) warned_at_ns: Nanos,
    pub(crate) paged_at_ns: Option<Nanos>,
    /// Spans from the change to the warning and to the page.
    pub(crate) spans_until_warning: u32,
    pub(crate) spans_until_page: Option<u32>,
    /// Spans from the change on.
    pub(crate) spans: u32,
    /// What the last comparison said.
    pub(crate) p: f64,
    pub(crate) ratio: f64,
    /// Orders among the spans from the change on, as far as those are kept.
    pub(crate) orders: usize,
    last_ns: Nanos,
    /// Spans and first moment of the present calm.
    calm: Option<(u32, Nanos)>,
}

impl Alarm {
    /// An alarm over `spans` spans from `since_ns` to `now`.
    pub(crate) fn new(since_ns: Nanos, now: Nanos, spans: u32) -> Self {
        Self {
            since_ns,
            warned_at_ns: now,
            paged_at_ns: None,
            spans_until_warning: spans,
            spans_until_page: None,
            spans,
            p: 1.0,
            ratio: 1.0,
            orders: 0,
            last_ns: now,
            calm: None,
        }
    }

    /// One more span, while the sum is low or not. Returns whether it has been calm for long enough.
    pub(crate) fn went_on(&mut self, is_low: bool, now: Nanos, rules: &Calm) -> bool {
        self.spans = self.spans.saturating_add(1);
        self.last_ns = self.last_ns.max(now);
        if !is_low {
            self.calm = None;
            return false;
        }
        let (spans, since_ns) = self.calm.get_or_insert((0, now));
        *spans = spans.saturating_add(1);
        *spans >= rules.spans && now.saturating_sub(*since_ns) >= rules.time_ns
    }

    /// Confirms it.
    pub(crate) fn page(&mut self, now: Nanos) {
        self.paged_at_ns = Some(now);
        self.spans_until_page = Some(self.spans);
    }

    /// Whether there has been no span for so long that it says nothing any more.
    pub(crate) fn is_over(&self, now: Nanos, rules: &Calm) -> bool {
        let usual_ns = self.last_ns.saturating_sub(self.since_ns) / Nanos::from(self.spans.max(1));
        now.saturating_sub(self.last_ns) > rules.silence_ns.max(usual_ns.saturating_mul(20))
    }
}
