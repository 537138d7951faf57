//! From alarms to findings: what stands in a series now, and what changed since it was last told.

use super::config::TrendConfig;
use super::facets::{OTHER, Slot};
use super::finding::{Basis, FacetLabel, GapFrom, TrendAlert, TrendChange, TrendFinding, TrendKey};
use super::places::Place;
use super::sample::HeldSince;
use super::series::{Measure, Series};
use super::words::Words;
use crate::Nanos;

/// Brings what is told of a series up to date, and says what changed.
pub(super) fn tell(series: &mut Series, config: &TrendConfig, words: &Words, now: Nanos) -> Vec<TrendChange> {
    let mut places = series.explained(config);
    places.retain(|(place, _)| {
        let is_young = |since_ns: Nanos| since_ns.saturating_add(series.patience_ns) > now;
        series.patience_ns == 0 || !series.alarm(*place).is_some_and(|alarm| is_young(alarm.since_ns))
    });
    let mut changes = Vec::new();
    let gone: Vec<Place> =
        series.told.keys().filter(|place| places.iter().all(|(known, _)| known != *place)).copied().collect();
    for place in gone {
        changes.extend(series.told.remove(&place).map(|mut finding| {
            finding.cleared_at_ns = Some(now);
            TrendChange::Cleared(finding)
        }));
    }
    for (place, within) in places {
        let Some(mut finding) = finding(series, place, config, words, now) else { continue };
        finding.within = within.map(|(facet, slot)| label(series, facet, slot, config, words));
        let before = series.told.get(&place);
        if let Some(before) = before {
            finding.cause_ns = before.cause_ns;
            finding.warned_at_ns = before.warned_at_ns;
            finding.paged_at_ns = before.paged_at_ns.or(finding.paged_at_ns);
        }
        match before {
            None => changes.push(TrendChange::Raised(finding.clone())),
            Some(before) if before.paged_at_ns.is_none() && finding.paged_at_ns.is_some() => {
                changes.push(TrendChange::Paged(finding.clone()));
            }
            Some(_) => {}
        }
        series.told.insert(place, finding);
    }
    changes
}

/// What a series is measured from.
pub(super) fn from(words: &Words, measure: Measure) -> Option<GapFrom> {
    let text = |word| Box::from(words.text(word));
    match measure {
        Measure::Gap(HeldSince::Call(word)) => Some(GapFrom::Call(text(word))),
        Measure::Gap(HeldSince::Queue(word)) => Some(GapFrom::Queue(text(word))),
        Measure::Gap(HeldSince::Stage(word)) => Some(GapFrom::Stage(text(word))),
        Measure::Span => None,
    }
}

fn finding(
    series: &Series,
    place: Place,
    config: &TrendConfig,
    words: &Words,
    now: Nanos,
) -> Option<TrendFinding> {
    let key = key(series, place, config, words);
    if let Some(alarm) = series.alarm(place).filter(|_| !series.is_slow_anyway(place)) {
        return Some(TrendFinding {
            key,
            basis: Basis::Past,
            since_ns: alarm.since_ns,
            // When it is told, which is later than the alarm if another finding explained it until now.
            warned_at_ns: now,
            paged_at_ns: alarm.paged_at_ns.map(|paged_ns| paged_ns.max(now)),
            cleared_at_ns: None,
            spans_until_warning: alarm.spans_until_warning,
            spans_until_page: alarm.spans_until_page,
            ratio: alarm.ratio,
            usual: usual(series, place, config),
            journeys_count: alarm.orders,
            within: None,
            cause_ns: now,
        });
    }
    let slow = series.slow_peer(place)?;
    Some(TrendFinding {
        key,
        basis: Basis::Peers,
        since_ns: slow.warned_at_ns,
        warned_at_ns: now,
        paged_at_ns: None,
        cleared_at_ns: None,
        spans_until_warning: slow.spans,
        spans_until_page: None,
        ratio: slow.ratio,
        usual: series.whole.baseline().median().map_or(0.0, |median| median.value_ns()),
        journeys_count: series.orders(place),
        within: None,
        cause_ns: now,
    })
}

fn usual(series: &Series, place: Place, config: &TrendConfig) -> f64 {
    match place {
        Place::Failures => series.failures.rate(),
        place => {
            let median =
                series.cell(place).and_then(|cell| cell.usual(Some(series.whole.baseline()), &config.change));
            median.map_or(0.0, |median| median.value_ns())
        }
    }
}

fn key(series: &Series, place: Place, config: &TrendConfig, words: &Words) -> TrendKey {
    let from = from(words, series.key.measure);
    let alert = match (place, &from) {
        (Place::Failures, _) => TrendAlert::StageErrors,
        (_, Some(_)) => TrendAlert::GapSlow,
        (Place::Slot(..), None) => TrendAlert::StagePartlySlow,
        (Place::Whole, None) => TrendAlert::StageSlow,
    };
    let facet = match place {
        Place::Slot(facet, slot) => Some(label(series, facet, slot, config, words)),
        Place::Failures | Place::Whole => None,
    };
    let text = |word| Box::from(words.text(word));
    TrendKey { alert, stage: text(series.key.stage), from, service: text(series.key.service), facet }
}

fn label(series: &Series, facet: u8, slot: Slot, config: &TrendConfig, words: &Words) -> FacetLabel {
    let at = usize::from(facet);
    let value = series.facets[at].word(slot).filter(|_| slot != OTHER);
    FacetLabel { key: config.facets[at].as_str().into(), value: value.map(|value| words.text(value).into()) }
}
