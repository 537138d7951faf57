//! What the trend detectors go by; every number is a default that a definition may override.

use crate::Nanos;
use crate::limits::{BASELINE_DAYS_MAX, FACET_KEYS_MAX};

/// Settings of [`super::Trends`].
#[derive(Debug, Clone, PartialEq)]
pub struct TrendConfig {
    /// Attributes that are facets, the most general first: of two that cover the same spans the first is named.
    /// At most [`FACET_KEYS_MAX`]; further ones are left out. Default: none.
    pub facets: Vec<String>,
    /// How long a sample waits for earlier ones, in nanoseconds of event time. Default: 60 s.
    pub lateness_ns: Nanos,
    /// How many days a baseline reaches back, 1 to [`BASELINE_DAYS_MAX`]; thin ones reach further. Default: 28.
    pub baseline_days: u32,
    /// Stages that people are waited for before they begin. Such waits have a rhythm of days and weeks, so a longer one
    /// is told only once it has lasted for [`TrendConfig::patience_ns`]. Default: none.
    pub people: Vec<String>,
    /// How long a wait for people must have been longer, in nanoseconds of event time. Default: 7 days.
    pub patience_ns: Nanos,
    /// When durations have changed.
    pub change: ChangeRules,
    /// When one value of a facet is slower than the others.
    pub peers: PeerRules,
    /// When failures have become more frequent.
    pub errors: ErrorRules,
}

impl Default for TrendConfig {
    fn default() -> Self {
        Self {
            facets: Vec::new(),
            lateness_ns: 60 * SECOND_NS,
            baseline_days: 28,
            people: Vec::new(),
            patience_ns: 7 * 24 * 3_600 * SECOND_NS,
            change: ChangeRules::default(),
            peers: PeerRules::default(),
            errors: ErrorRules::default(),
        }
    }
}

impl TrendConfig {
    /// With these facets.
    #[must_use]
    pub fn with_facets<S: Into<String>>(mut self, facets: impl IntoIterator<Item = S>) -> Self {
        self.facets = facets.into_iter().map(Into::into).take(FACET_KEYS_MAX).collect();
        self
    }

    pub(crate) fn days(&self) -> u32 {
        self.baseline_days.clamp(1, BASELINE_DAYS_MAX as u32)
    }
}

/// When durations count as changed against their own past: a one-sided CUSUM on normal scores warns, a comparison of
/// the values since the change pages.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRules {
    /// What each score is lowered by: half the shift to find, in standard deviations. Default: 0.25.
    pub slack: f64,
    /// The sum that warns, where there is one facet; a span of several asks for more, because chance has more to try.
    /// Default: 15.
    pub warn_at: f64,
    /// How many standard errors of a baseline's centre each score is lowered by beyond the slack: a small baseline may
    /// be off, and then every later value counts against it. Default: 1.
    pub uncertainty: f64,
    /// The sum from which on the values since the change are compared, with the same addition. Default: 16.5.
    pub page_at: f64,
    /// How much more is asked after a comparison that did not confirm. Default: 3.
    pub again_after: f64,
    /// A page needs a false-discovery value below this. Default: 1e-5.
    pub page_below: f64,
    /// Warning and page need the median to be this many times the usual one: less does not matter. Default: 1.3.
    pub ratio: f64,
    /// A value with fewer spans than this borrows the rest from its stage's baseline; a whole stage with fewer is
    /// not judged. Default: 50.
    pub own_baseline_min: u64,
    /// When an alarm ends.
    pub calm: Calm,
}

impl Default for ChangeRules {
    fn default() -> Self {
        Self {
            slack: 0.25,
            warn_at: 15.0,
            uncertainty: 1.0,
            page_at: 16.5,
            again_after: 3.0,
            page_below: 1e-5,
            ratio: 1.3,
            own_baseline_min: 50,
            calm: Calm::default(),
        }
    }
}

impl ChangeRules {
    /// The same for spans of so many facets: each looks at every span once more, and chance has more to try. The false
    /// alarms of a sum fall by `exp(-2 slack)` with each unit that is asked, which makes up for that.
    pub(crate) fn asking_for(mut self, facets: usize) -> Self {
        let more = (facets.max(1) as f64).ln() / (2.0 * self.slack.max(SLACK_MIN));
        self.warn_at += more;
        self.page_at += more;
        self
    }
}

/// When an alarm ends: its sum stayed below half of what warns for so many spans and so long, or nothing came at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Calm {
    /// Spans. Default: 30.
    pub spans: u32,
    /// Nanoseconds of event time. Default: 30 min.
    pub time_ns: Nanos,
    /// An alarm without any span for this long ends too, in nanoseconds; where spans are rare, after twenty times the
    /// usual distance. Default: 1 day.
    pub silence_ns: Nanos,
}

impl Default for Calm {
    fn default() -> Self {
        Self { spans: 30, time_ns: 30 * 60 * SECOND_NS, silence_ns: 24 * 3_600 * SECOND_NS }
    }
}

/// When one value of a facet counts as slower than the other values of the same facet; needs no past.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerRules {
    /// The chance that one of its spans is slower than one of the others. Default: 0.75.
    pub superiority: f64,
    /// Its median as a multiple of the others'. Default: 1.5.
    pub ratio: f64,
    /// Spans needed on both sides. Default: 30.
    pub spans_min: u64,
}

impl Default for PeerRules {
    fn default() -> Self {
        Self { superiority: 0.75, ratio: 1.5, spans_min: 30 }
    }
}

/// When failures count as more frequent than usual: a CUSUM of log likelihood ratios, by order.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorRules {
    /// How many times the usual odds of a failure are looked for. Default: 3.
    pub odds_ratio: f64,
    /// The sum that warns. Default: 8.
    pub warn_at: f64,
    /// How many orders must be known before any failure counts as unusual. Default: 100.
    pub orders_known_min: u64,
    /// How many orders must have failed. Default: 5.
    pub orders_min: usize,
    /// A page needs the failures to be less likely than this. Default: 1e-5.
    pub page_below: f64,
    /// A page needs this many times the usual odds of a failure. Default: 2.
    pub page_ratio: f64,
    /// When an alarm ends.
    pub calm: Calm,
}

impl Default for ErrorRules {
    fn default() -> Self {
        Self {
            odds_ratio: 3.0,
            warn_at: 8.0,
            orders_known_min: 100,
            orders_min: 5,
            page_below: 1e-5,
            page_ratio: 2.0,
            calm: Calm::default(),
        }
    }
}

/// Below it a slack says nothing about chance.
const SLACK_MIN: f64 = 0.1;
const SECOND_NS: Nanos = 1_000_000_000;
