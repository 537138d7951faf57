//! A trend finding as an alert: its labels, and what people read.

use crate::Nanos;
use crate::allowance::{duration, moment};
use crate::finding::{Finding, Reason};
use crate::trend::{Basis, GapFrom, TrendAlert, TrendFinding};

/// The alert of trends of one cause: about the first of them. The list is not empty.
pub(super) fn alert(trends: &[&TrendFinding]) -> Option<Finding> {
    let (first, beside) = trends.split_first()?;
    let reason = match first.key.alert {
        TrendAlert::StageErrors => Reason::MoreFailures,
        TrendAlert::GapSlow | TrendAlert::StagePartlySlow | TrendAlert::StageSlow => Reason::Slower,
    };
    Some(Finding {
        key: first.label_key(),
        // A label set stands for one trend at a time, and a restart finds it again under this name.
        cause: "trend".into(),
        reason,
        summary: format!("{}{}", summary(first), also(beside)).into(),
        waiting_for: None,
        evidence: evidence(first).into(),
        trace_id: None,
        since_ns: first.since_ns,
        offence: None,
        orders: None,
    })
}

/// The places that the alert names: with others it has another text.
pub(super) fn places(trends: &[&TrendFinding]) -> Vec<String> {
    trends.iter().take(PLACES_MAX + 1).map(|trend| place(trend)).collect()
}

fn place(trend: &TrendFinding) -> String {
    let stage = &trend.key.stage;
    let from = match &trend.key.from {
        Some(GapFrom::Call(service)) => format!("{stage} around its calls of {service}"),
        Some(GapFrom::Queue(queue)) => format!("{stage} behind the queue {queue}"),
        Some(GapFrom::Stage(from)) => format!("{stage} after {from}"),
        None => stage.to_string(),
    };
    match &trend.key.facet {
        Some(label) => format!("{from} where {} is {}", label.key, label.text()),
        None => from,
    }
}

fn summary(trend: &TrendFinding) -> String {
    let (place, ratio) = (place(trend), trend.ratio);
    let since = moment(trend.since_ns, trend.warned_at_ns);
    let usual = duration(trend.usual as Nanos);
    match (trend.key.alert, trend.basis) {
        (TrendAlert::StageErrors, _) => format!(
            "{place} has failed {ratio:.1} times as often as usual since {since}, usually {:.1} %",
            trend.usual * 100.0
        ),
        (_, Basis::Peers) => format!("{place} takes {ratio:.1} times as long as elsewhere"),
        (TrendAlert::GapSlow, _) => {
            format!("waiting for {place} has taken {ratio:.1} times as long since {since}, usually {usual}")
        }
        _ => format!("{place} has taken {ratio:.1} times as long since {since}, usually {usual}"),
    }
}

/// Where else it is so, for the same cause.
fn also(beside: &[&TrendFinding]) -> String {
    let names: Vec<String> = beside.iter().take(PLACES_MAX).map(|trend| place(trend)).collect();
    match beside.len().saturating_sub(PLACES_MAX) {
        _ if beside.is_empty() => String::new(),
        0 => format!("; at the same time {}", names.join(", ")),
        more => format!("; at the same time {} and {more} more", names.join(", ")),
    }
}

fn evidence(trend: &TrendFinding) -> String {
    let basis = match trend.basis {
        Basis::Past => "its own past",
        Basis::Peers => "the other values of the facet",
    };
    let change = moment(trend.since_ns, trend.warned_at_ns);
    let mut text = match trend.basis {
        Basis::Past => format!("compared with {basis}; change at about {change}, warned"),
        Basis::Peers => format!("compared with {basis}; warned"),
    };
    text += &format!(" after {} spans", trend.spans_until_warning);
    if let Some(spans) = trend.spans_until_page {
        text += &format!(", confirmed after {spans}");
    }
    text += &format!("; {} orders", trend.journeys_count);
    if let Some(label) = &trend.within {
        text += &format!("; nearly all of it where {} is {}", label.key, label.text());
    }
    text
}

/// Most places of one cause that a text names.
const PLACES_MAX: usize = 9;
