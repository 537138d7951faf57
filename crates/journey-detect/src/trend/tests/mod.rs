//! The detectors against slow references, simulations and public logs.

mod changes;
mod compared;
mod counted;
mod explained;
mod failing;
mod limits;
mod logs;
mod ordered;
mod targets;

use super::*;

pub(super) const SECOND_NS: Nanos = 1_000_000_000;
pub(super) const MINUTE_NS: Nanos = 60 * SECOND_NS;
pub(super) const DAY_NS: Nanos = 1_440 * MINUTE_NS;
/// Where the simulations begin: a midnight.
pub(super) const BEGIN_NS: Nanos = 20_000 * DAY_NS;

/// Random numbers from a seed (SplitMix64): a failing seed fails again, whatever crate makes the numbers elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `bound`, without it.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Above 0.0 and below 1.0.
    pub(super) fn unit(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A duration around a minute whose logarithm has this standard deviation.
    pub(super) fn duration(&mut self, sigma: f64, factor: f64) -> Nanos {
        (6e10 * factor * (sigma * self.normal()).exp()) as Nanos
    }
}

/// The detectors, and a stage that does one piece of work after the other.
#[derive(Debug, Clone)]
pub(super) struct Plant {
    pub(super) trends: Trends,
    pub(super) at_ns: Nanos,
    /// Time between two spans.
    pub(super) pace_ns: Nanos,
    count: u64,
}

impl Plant {
    /// Without lateness: each span is judged as it comes.
    pub(super) fn new(facets: &[&str]) -> Self {
        Self::with(TrendConfig { lateness_ns: 0, ..TrendConfig::default() }.with_facets(facets.to_vec()))
    }

    pub(super) fn with(config: TrendConfig) -> Self {
        Self { trends: Trends::new(config), at_ns: BEGIN_NS, pace_ns: MINUTE_NS, count: 0 }
    }

    /// A span of the one stage that ends now.
    pub(super) fn span(&mut self, duration_ns: Nanos, facets: &[(&str, &str)]) -> Vec<TrendChange> {
        self.give(duration_ns, |sample| sample.facets = facets)
    }

    /// A span that differs from the plain one.
    pub(super) fn give<'a>(
        &mut self,
        duration_ns: Nanos,
        change: impl FnOnce(&mut Sample<'a>),
    ) -> Vec<TrendChange> {
        self.at_ns += self.pace_ns;
        self.count += 1;
        let journey = format!("order {}", self.count);
        let mut sample = Sample {
            id: id(self.count),
            at_ns: self.at_ns,
            stage: "price.final",
            service: "mes-api",
            journey: "",
            duration_ns,
            failed: false,
            size: None,
            waits: &[],
            facets: &[],
        };
        change(&mut sample);
        let sample = if sample.journey.is_empty() { Sample { journey: &journey, ..sample } } else { sample };
        self.trends.observe(&sample);
        self.trends.advance(self.at_ns + 1)
    }
}

pub(super) fn id(number: u64) -> AttemptId {
    let mut trace = [1; 16];
    trace[8..].copy_from_slice(&number.to_be_bytes());
    let span = number.wrapping_add(1).to_be_bytes();
    AttemptId {
        trace_id: journey_model::TraceId::from_bytes(trace).unwrap(),
        span_id: journey_model::SpanId::from_bytes(span).unwrap(),
    }
}

/// What changed, in words: `raised StagePartlySlow price.final material=PLA`.
pub(super) fn words(changes: &[TrendChange]) -> Vec<String> {
    let word = |change: &TrendChange| {
        let verb = match change {
            TrendChange::Cleared(_) => "cleared",
            TrendChange::Paged(_) => "paged",
            TrendChange::Raised(_) => "raised",
        };
        let TrendKey { alert, stage, facet, .. } = &change.finding().key;
        let facet = facet.as_ref().map_or(String::new(), |label| {
            format!(" {}={}", label.key, label.value.as_deref().unwrap_or("(others)"))
        });
        format!("{verb} {alert} {stage}{facet}")
    };
    changes.iter().map(word).collect()
}
