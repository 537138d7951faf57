//! What a replay reports of a stage, a service or many orders at once.

use journey_detect::trend::TrendFinding;
use journey_detect::{Finding, Severity};
use serde::Serialize;

use super::ledger::Told;
use super::moment::Moment;

/// A finding that is not about one order that stands still: a slowdown or error burst of a stage, a cause that many
/// orders share, evidence that is lost, an order that is slow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageFinding {
    /// Name of the alert.
    pub alert: &'static str,
    /// The stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The stage that a gap begins after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_stage: Option<String>,
    /// The service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The service instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_instance: Option<String>,
    /// Where it is so; absent: everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facet: Option<Facet>,
    /// The order, if it is about one only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journey: Option<String>,
    /// When it was first suspected.
    pub warned_at: Moment,
    /// When it was confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paged_at: Option<Moment>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Moment>,
    /// Spans from the change to the warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spans_until_warning: Option<u32>,
    /// Spans from the change to the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spans_until_page: Option<u32>,
    /// How many times as long as usual, or as often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Orders that it rests on.
    pub journeys_count: usize,
}

/// One value of one facet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Facet {
    /// The attribute.
    pub key: String,
    /// Its value.
    pub value: String,
}

pub(super) fn stage_finding(told: &Told) -> StageFinding {
    let Told { finding: Finding { key, orders, .. }, raised_ns, cleared_ns } = told;
    let text = |label: &Option<Box<str>>| label.as_ref().map(ToString::to_string);
    let named = |label: &str| (!label.is_empty()).then(|| label.to_owned());
    StageFinding {
        alert: key.alert.as_str(),
        stage: named(&key.stage),
        from_stage: text(&key.from_stage),
        service: text(&key.service),
        service_instance: text(&key.instance),
        facet: text(&key.facet)
            .map(|facet| Facet { key: facet, value: text(&key.value).unwrap_or_default() }),
        journey: named(&key.order),
        warned_at: Moment(*raised_ns),
        paged_at: (key.severity == Severity::Page).then_some(Moment(*raised_ns)),
        cleared_at: cleared_ns.map(Moment),
        spans_until_warning: None,
        spans_until_page: None,
        ratio: None,
        journeys_count: orders.as_ref().map_or(usize::from(!key.order.is_empty()), |orders| orders.count),
    }
}

pub(super) fn trend_finding(trend: &TrendFinding) -> StageFinding {
    let key = trend.label_key();
    let text = |label: Option<Box<str>>| label.map(String::from);
    StageFinding {
        alert: key.alert.as_str(),
        stage: Some(String::from(key.stage)),
        from_stage: text(key.from_stage),
        service: text(key.service),
        service_instance: None,
        facet: key.facet.zip(key.value).map(|(key, value)| Facet { key: key.into(), value: value.into() }),
        journey: None,
        warned_at: Moment(trend.warned_at_ns),
        paged_at: trend.paged_at_ns.map(Moment),
        cleared_at: trend.cleared_at_ns.map(Moment),
        spans_until_warning: Some(trend.spans_until_warning),
        spans_until_page: trend.spans_until_page,
        ratio: Some(trend.ratio),
        journeys_count: trend.journeys_count,
    }
}
