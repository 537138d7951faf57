//! What is said of a collector that does not take everything: a line at the beginning, one now and then, one at the end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::OUTAGE_REMINDER;

use super::Tally;

/// What is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// Signals of the journey lane.
    Lane,
    /// Data points.
    Metrics,
    /// Spans.
    Spans,
}

/// Whether one collector answers. All that goes to the same place shares it.
#[derive(Debug)]
pub(super) struct Outage {
    /// The collector's address, without secrets.
    collector: String,
    tally: Arc<Tally>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    /// Those whose last request failed.
    failing: BTreeSet<Way>,
    reminded: Option<Instant>,
    /// Records that were refused since the last line on it.
    refused: u64,
    refusal_told: Option<Instant>,
}

impl Outage {
    pub(super) fn new(collector: String, tally: Arc<Tally>) -> Arc<Self> {
        Arc::new(Self { collector, tally, state: Mutex::default() })
    }

    /// A request failed. Logged if the ones before did not, and then once per [`OUTAGE_REMINDER`].
    pub(super) fn goes_on(&self, way: Way, reason: &str) {
        if let Some(line) = self.line_of_outage(way, reason, Instant::now()) {
            tracing::warn!("{line}");
        }
    }

    /// A request was taken. Logged if that ends an outage.
    pub(super) fn is_over(&self, way: Way) {
        if let Some(line) = self.line_of_end(way, Instant::now()) {
            tracing::info!("{line}");
        }
    }

    /// Records were refused for good, or the collector has something to say of those it took. Logged at once, and then
    /// once per [`OUTAGE_REMINDER`].
    pub(super) fn refused(&self, way: Way, records: u64, reason: &str) {
        if let Some(line) = self.line_of_refusal(way, records, reason, Instant::now()) {
            tracing::warn!("{line}");
        }
    }

    /// A body was given up after so long. Logged always: it is rare.
    pub(super) fn gave_up(&self, way: Way, records: u64, after: Duration, reason: &str) {
        tracing::warn!("{}", self.line_of_giving_up(way, records, after, reason));
    }

    fn line_of_outage(&self, way: Way, reason: &str, now: Instant) -> Option<String> {
        let mut state = self.state();
        state.failing.insert(way);
        let collector = &self.collector;
        let Some(since) = state.since else {
            (state.since, state.reminded) = (Some(now), Some(now));
            return Some(format!(
                "journey: no collector takes our telemetry at {collector}: {reason}; it waits in memory"
            ));
        };
        if !is_due(state.reminded, now) {
            return None;
        }
        state.reminded = Some(now);
        Some(format!(
            "journey: still no collector takes our telemetry at {collector} after {} s: {reason}; {}",
            now.duration_since(since).as_secs(),
            self.losses()
        ))
    }

    fn line_of_end(&self, way: Way, now: Instant) -> Option<String> {
        let since = self.state().settled(way)?;
        Some(format!(
            "journey: the collector at {} takes our telemetry again after {} s; {}",
            self.collector,
            now.duration_since(since).as_secs(),
            self.losses()
        ))
    }

    fn line_of_refusal(&self, way: Way, records: u64, reason: &str, now: Instant) -> Option<String> {
        let mut state = self.state();
        // A refusal is an answer. It ends an outage, and is said then in any case.
        let ends_outage = state.settled(way).is_some();
        state.refused += records;
        if !ends_outage && !is_due(state.refusal_told, now) {
            return None;
        }
        state.refusal_told = Some(now);
        let refused = std::mem::take(&mut state.refused);
        let collector = &self.collector;
        if refused == 0 {
            return Some(format!("journey: the collector at {collector} says of our telemetry: {reason}"));
        }
        Some(format!(
            "journey: the collector at {collector} refuses telemetry for good ({refused} records since the last such \
             line, {} just now): {reason}; {}",
            way.records(),
            self.losses()
        ))
    }

    /// This way has nothing more to try for now. If others fail, the outage is still theirs; else the next failure, however
    /// much later, is a new one.
    fn line_of_giving_up(&self, way: Way, records: u64, after: Duration, reason: &str) -> String {
        self.state().settled(way);
        format!(
            "journey: gave up {records} {} after {} s without a collector at {}: {reason}; {}",
            way.records(),
            after.as_secs(),
            self.collector,
            self.losses()
        )
    }

    fn losses(&self) -> String {
        let report = self.tally.report();
        format!(
            "lost so far: {} signals, {} spans, {} data points",
            report.signals_lost, report.spans_lost, report.metrics_lost
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Way {
    /// What its records are called.
    fn records(self) -> &'static str {
        match self {
            Way::Lane => "signals",
            Way::Metrics => "data points",
            Way::Spans => "spans",
        }
    }
}

impl State {
    /// This way does not fail any more. Gives the begin of the outage if that was the last one: one of several that is
    /// taken does not end the outage of the others.
    fn settled(&mut self, way: Way) -> Option<Instant> {
        self.failing.remove(&way);
        if self.failing.is_empty() { self.since.take() } else { None }
    }
}

fn is_due(last: Option<Instant>, now: Instant) -> bool {
    last.is_none_or(|last| now.duration_since(last) >= OUTAGE_REMINDER)
}

#[cfg(test)]
mod tests {
    use journey_trace::lane::{Lane, LaneConfig};

    use crate::export::SpanQueue;

    use super::*;

    fn outage() -> Arc<Outage> {
        let lane = Lane::new(LaneConfig { beat_interval: None, root_sampler: Arc::new(|_| true) });
        Outage::new("http://agent:4318".into(), Tally::new(lane, Arc::new(SpanQueue::default())))
    }

    /// Scenario: an outage of twelve minutes with a try per second, ended by one signal, and then by the other.
    /// Guarantees: a line at once, one per interval, and one when both are taken again.
    #[test]
    fn a_line_now_and_then() {
        let (outage, begin) = (outage(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        let lines: Vec<(u64, String)> = (0..720)
            .flat_map(|second| [(second, Way::Lane), (second, Way::Spans)])
            .filter_map(|(second, way)| Some((second, outage.line_of_outage(way, "refused", at(second))?)))
            .collect();
        let seconds: Vec<u64> = lines.iter().map(|(second, _)| *second).collect();
        assert_eq!(seconds, [0, 300, 600]);
        assert_eq!(
            lines[1].1,
            "journey: still no collector takes our telemetry at http://agent:4318 after 300 s: refused; lost so far: \
             0 signals, 0 spans, 0 data points"
        );
        assert_eq!(outage.line_of_end(Way::Lane, at(720)), None);
        assert!(outage.line_of_end(Way::Spans, at(721)).unwrap().contains("again after 721 s"));
        assert_eq!(outage.line_of_end(Way::Spans, at(722)), None);
    }

    /// Scenario: no collector, and then one that refuses what was waiting; or the body is given up, and there is no traffic
    /// for ten hours; then another outage.
    /// Guarantees: the new outage has its first line. Once the first one never ended, and the line said "after 36000 s".
    #[test]
    fn an_outage_ends_without_a_delivery() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let refusal = |outage: &Outage| outage.line_of_refusal(Way::Spans, 7, "status 401", at(10)).unwrap();
        let giving_up =
            |outage: &Outage| outage.line_of_giving_up(Way::Spans, 7, Duration::from_secs(300), "refused");
        for (end, text) in [
            (&refusal as &dyn Fn(&Outage) -> String, "refuses telemetry for good (7 records"),
            (&giving_up, "gave up 7 spans after 300 s without a collector at http://agent:4318: refused"),
        ] {
            let outage = outage();
            outage.line_of_refusal(Way::Spans, 0, "a warning", at(0)).unwrap();
            outage.line_of_outage(Way::Spans, "refused", at(1)).unwrap();
            assert!(end(&outage).contains(text), "{}", end(&outage));
            let line = outage.line_of_outage(Way::Spans, "refused", at(36_000)).unwrap();
            assert!(line.contains("no collector takes our telemetry"), "{line}");
            assert!(!line.contains("still"), "{line}");
        }
    }

    /// Scenario: a collector refuses one span each second, for ten minutes.
    /// Guarantees: a line at once, one per interval with the number since, none lost in between.
    #[test]
    fn refusals_are_summed_up() {
        let (outage, begin) = (outage(), Instant::now());
        let lines: Vec<String> = (0..=600)
            .filter_map(|second| {
                outage.line_of_refusal(Way::Spans, 1, "bad", begin + Duration::from_secs(second))
            })
            .collect();
        let counts: Vec<bool> = lines
            .iter()
            .zip([1, 300, 300])
            .map(|(line, count)| line.contains(&format!("({count} records")))
            .collect();
        assert_eq!(counts, [true; 3], "{lines:?}");
    }
}
