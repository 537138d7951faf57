//! The section `trends`: numbers of the trend detectors that differ from the defaults.

use std::str::FromStr;

use super::read::elapsed;
use crate::limits::BASELINE_DAYS_MAX;
use crate::trend::{Calm, ChangeRules, ErrorRules, PeerRules, TrendConfig};
use crate::yaml::{Fields, Mistakes, Node};

pub(super) fn read(node: Node<'_>, mistakes: &mut Mistakes) -> TrendConfig {
    let mut config = TrendConfig::default();
    let Some(fields) = Fields::of(node, TRENDS, mistakes) else { return config };
    set(fields.get("lateness").and_then(|node| elapsed(node, mistakes)), &mut config.lateness_ns);
    set(fields.get("patience").and_then(|node| elapsed(node, mistakes)), &mut config.patience_ns);
    let days = 1.0..=BASELINE_DAYS_MAX as f64;
    set(number(&fields, "baseline_days", days, mistakes), &mut config.baseline_days);
    if let Some(node) = fields.get("change") {
        change(node, &mut config.change, mistakes);
    }
    if let Some(node) = fields.get("peers") {
        peers(node, &mut config.peers, mistakes);
    }
    if let Some(node) = fields.get("errors") {
        errors(node, &mut config.errors, mistakes);
    }
    config
}

fn change(node: Node<'_>, rules: &mut ChangeRules, mistakes: &mut Mistakes) {
    let Some(fields) = Fields::of(node, CHANGE, mistakes) else { return };
    set(number(&fields, "slack", SUM, mistakes), &mut rules.slack);
    set(number(&fields, "warn_at", SUM, mistakes), &mut rules.warn_at);
    set(number(&fields, "uncertainty", ERRORS_OF_CENTRE, mistakes), &mut rules.uncertainty);
    set(number(&fields, "page_at", SUM, mistakes), &mut rules.page_at);
    set(number(&fields, "again_after", SUM, mistakes), &mut rules.again_after);
    set(number(&fields, "page_below", SHARE, mistakes), &mut rules.page_below);
    set(number(&fields, "ratio", RATIO, mistakes), &mut rules.ratio);
    set(number(&fields, "own_baseline_min", COUNT, mistakes), &mut rules.own_baseline_min);
    calm(&fields, &mut rules.calm, mistakes);
}

fn peers(node: Node<'_>, rules: &mut PeerRules, mistakes: &mut Mistakes) {
    let Some(fields) = Fields::of(node, PEERS, mistakes) else { return };
    set(number(&fields, "superiority", SHARE, mistakes), &mut rules.superiority);
    set(number(&fields, "ratio", RATIO, mistakes), &mut rules.ratio);
    set(number(&fields, "spans_min", COUNT, mistakes), &mut rules.spans_min);
}

fn errors(node: Node<'_>, rules: &mut ErrorRules, mistakes: &mut Mistakes) {
    let Some(fields) = Fields::of(node, ERRORS, mistakes) else { return };
    set(number(&fields, "odds_ratio", RATIO, mistakes), &mut rules.odds_ratio);
    set(number(&fields, "warn_at", SUM, mistakes), &mut rules.warn_at);
    set(number(&fields, "orders_known_min", COUNT, mistakes), &mut rules.orders_known_min);
    set(number(&fields, "orders_min", COUNT, mistakes), &mut rules.orders_min);
    set(number(&fields, "page_below", SHARE, mistakes), &mut rules.page_below);
    set(number(&fields, "page_ratio", RATIO, mistakes), &mut rules.page_ratio);
    calm(&fields, &mut rules.calm, mistakes);
}

fn calm(fields: &Fields<'_>, calm: &mut Calm, mistakes: &mut Mistakes) {
    let Some(fields) = fields.get("calm").and_then(|node| Fields::of(node, CALM, mistakes)) else { return };
    set(number(&fields, "spans", COUNT, mistakes), &mut calm.spans);
    set(fields.get("time").and_then(|node| elapsed(node, mistakes)), &mut calm.time_ns);
    set(fields.get("silence").and_then(|node| elapsed(node, mistakes)), &mut calm.silence_ns);
}

/// A number of a field, if it is there; one that does not fit is a mistake.
fn number<T: FromStr>(
    fields: &Fields<'_>,
    name: &str,
    allowed: std::ops::RangeInclusive<f64>,
    mistakes: &mut Mistakes,
) -> Option<T> {
    let node = fields.get(name)?;
    let text = node.text();
    let fits =
        text.as_deref().and_then(|text| text.parse().ok()).is_some_and(|number| allowed.contains(&number));
    let read = text.filter(|_| fits).and_then(|text| text.parse().ok());
    if read.is_none() {
        let (from, to) = (allowed.start(), allowed.end());
        mistakes.note(node, format!("`{name}` is a number from {from} to {to}"));
    }
    read
}

fn set<T>(value: Option<T>, to: &mut T) {
    if let Some(value) = value {
        *to = value;
    }
}

const TRENDS: &[&str] = &["lateness", "baseline_days", "patience", "change", "peers", "errors"];
const CHANGE: &[&str] = &[
    "slack",
    "warn_at",
    "uncertainty",
    "page_at",
    "again_after",
    "page_below",
    "ratio",
    "own_baseline_min",
    "calm",
];
const PEERS: &[&str] = &["superiority", "ratio", "spans_min"];
const ERRORS: &[&str] =
    &["odds_ratio", "warn_at", "orders_known_min", "orders_min", "page_below", "page_ratio", "calm"];
const CALM: &[&str] = &["spans", "time", "silence"];

const COUNT: std::ops::RangeInclusive<f64> = 1.0..=1e6;
const RATIO: std::ops::RangeInclusive<f64> = 1.0..=1e6;
const SHARE: std::ops::RangeInclusive<f64> = 0.0..=1.0;
const SUM: std::ops::RangeInclusive<f64> = 0.0..=1e6;
/// More standard errors than these would hide everything.
const ERRORS_OF_CENTRE: std::ops::RangeInclusive<f64> = 0.0..=5.0;

#[cfg(test)]
mod tests {
    use crate::Definition;

    fn read(trends: &str) -> Result<Definition, String> {
        let text = format!(
            "version: 1\nkeys: {{ o: anchor }}\nstages: {{ a: {{ service: x }} }}\nflow: a\ntrends: {trends}\n"
        );
        Definition::parse(&text).map_err(|mistakes| mistakes.to_string())
    }

    /// Scenario: some numbers differ from the defaults; some are none, or out of range.
    /// Guarantees: those that are given count, the others are the defaults, and mistakes have a place.
    #[test]
    fn numbers_differ_from_the_defaults() {
        let default = read("{}").unwrap().trends;
        let text = "{ lateness: 10m, baseline_days: 7, patience: 2d, change: { page_below: 1e-6, ratio: 1.5, calm: { time: 2h } },
                    peers: { spans_min: 50 }, errors: { odds_ratio: 4, calm: { spans: 10, silence: 2d } } }";
        let trends = read(text).unwrap().trends;
        assert_eq!((trends.lateness_ns, trends.baseline_days), (600_000_000_000, 7));
        assert_eq!((trends.change.page_below, trends.change.ratio), (1e-6, 1.5));
        assert_eq!((trends.patience_ns, default.patience_ns), (172_800_000_000_000, 604_800_000_000_000));
        assert_eq!(trends.change.calm.time_ns, 7_200_000_000_000);
        assert_eq!(trends.change.calm.spans, default.change.calm.spans);
        assert_eq!((trends.change.slack, trends.peers.spans_min), (default.change.slack, 50));
        assert_eq!((trends.errors.odds_ratio, trends.errors.calm.spans), (4.0, 10));
        assert_eq!(trends.errors.calm.silence_ns, 172_800_000_000_000);
        let mistakes =
            read("{ baseline_days: 0, change: { ratio: fast, slak: 1 }, peers: { superiority: 75 } }");
        expect_test::expect![[r#"
            5:26: `baseline_days` is a number from 1 to 128
            5:46: `ratio` is a number from 1 to 1000000
            5:52: unknown field `slak`; known are slack, warn_at, uncertainty, page_at, again_after, page_below, ratio, own_baseline_min, calm
            5:85: `superiority` is a number from 0 to 1"#]].assert_eq(&mistakes.unwrap_err());
    }
}
