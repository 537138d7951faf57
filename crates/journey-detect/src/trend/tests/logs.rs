//! Public logs, if the folder `JOURNEY_LOGS` has them: one OTLP/JSON request per line, gzip.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde_json::Value;

use super::*;

/// A span of a log.
struct Event {
    start_ns: Nanos,
    end_ns: Nanos,
    span_id: u64,
    stage: String,
    failed: bool,
    facets: Vec<(String, String)>,
}

/// The spans of a log by order, each order by end; `None` if there is no such log.
fn read(name: &str, facets: &[&str]) -> Option<BTreeMap<String, Vec<Event>>> {
    let folder = std::env::var_os("JOURNEY_LOGS")?;
    let file = std::fs::File::open(std::path::Path::new(&folder).join(name)).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut orders: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for line in text.lines() {
        let request: Value = serde_json::from_str(line).unwrap();
        let lists = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
        for span in lists(&request, "resourceSpans")
            .iter()
            .flat_map(|resource| lists(resource, "scopeSpans"))
            .flat_map(|scope| lists(&scope, "spans"))
        {
            let text = |key: &str| span[key].as_str().unwrap_or_default().to_owned();
            if !known.insert((text("traceId"), text("spanId"))) {
                continue;
            }
            let attributes: BTreeMap<String, String> = lists(&span, "attributes")
                .iter()
                .filter_map(|pair| {
                    let value = pair["value"].as_object()?.values().next()?;
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    Some((pair["key"].as_str()?.to_owned(), value))
                })
                .collect();
            let own = |facet: &&str| Some(((*facet).to_owned(), attributes.get(*facet)?.clone()));
            orders.entry(attributes["order.id"].clone()).or_default().push(Event {
                start_ns: text("startTimeUnixNano").parse().unwrap(),
                end_ns: text("endTimeUnixNano").parse().unwrap(),
                span_id: u64::from_str_radix(&text("spanId"), 16).unwrap(),
                stage: attributes["order.stage"].clone(),
                failed: span["status"]["code"] == 2,
                facets: facets.iter().filter_map(own).collect(),
            });
        }
    }
    orders.values_mut().for_each(|events| events.sort_by_key(|event| (event.end_ns, event.span_id)));
    Some(orders)
}

/// Everything that is told of a log. A stage waits for the one that ended before it; facets are inherited.
fn tell(name: &str, facets: &[&str]) -> Option<Vec<TrendChange>> {
    let mut trends = Trends::new(TrendConfig::default().with_facets(facets.to_vec()));
    for (order, events) in read(name, facets)? {
        let mut inherited: BTreeMap<String, String> = BTreeMap::new();
        for (key, value) in events.iter().flat_map(|event| event.facets.iter().cloned()) {
            inherited.entry(key).or_insert(value);
        }
        let mut before: Option<&Event> = None;
        for event in &events {
            let mut facets = inherited.clone();
            facets.extend(event.facets.iter().cloned());
            let facets: Vec<(&str, &str)> =
                facets.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            let waits: Vec<Wait<'_>> = before
                .map(|before| Wait {
                    since: Since::Stage(&before.stage),
                    wait_ns: event.start_ns.saturating_sub(before.end_ns),
                })
                .into_iter()
                .collect();
            trends.observe(&Sample {
                id: id(event.span_id),
                at_ns: event.end_ns,
                stage: &event.stage,
                service: "",
                journey: &order,
                duration_ns: event.end_ns - event.start_ns,
                failed: event.failed,
                size: None,
                waits: &waits,
                facets: &facets,
            });
            if !event.failed {
                before = Some(event);
            }
        }
    }
    Some(trends.advance(Nanos::MAX))
}

/// Scenario: the repair log, in which two workers are slower than their peers.
/// Guarantees: exactly those two are told of all facet values.
#[test]
fn repair_has_two_slow_workers() {
    let Some(told) = tell("repair.jsonl.gz", &["phoneType", "defectType", "org:resource"]) else { return };
    let found: BTreeSet<(String, String)> = told
        .iter()
        .filter_map(|change| {
            let key = &change.finding().key;
            let value = key.facet.as_ref()?.value.clone().unwrap_or_default();
            Some((key.stage.to_string(), value.into_string()))
        })
        .collect();
    let expected = [("Repair (Complex)", "SolverC3"), ("Repair (Simple)", "SolverS3")];
    assert_eq!(found, expected.map(|(stage, value)| (stage.into(), value.into())).into());
}

/// Scenario: the order log, whose waits double in July and August 2015 while its spans take as long as ever.
/// Guarantees: at least three pairs of stages are paged in these months, all of one cause; no span ever is told.
#[test]
fn orders_wait_in_summer() {
    let Some(told) = tell("orders_interval.jsonl.gz", &[]) else { return };
    assert!(
        told.iter().all(|change| change.finding().key.alert == TrendAlert::GapSlow),
        "{:?}",
        words(&told)
    );
    let months = |at_ns: Nanos| (16_617..16_679).contains(&(at_ns / DAY_NS));
    let paged: Vec<&TrendFinding> = told
        .iter()
        .filter(|change| matches!(change, TrendChange::Paged(_)))
        .map(TrendChange::finding)
        .filter(|finding| finding.paged_at_ns.is_some_and(months))
        .collect();
    let causes: BTreeSet<Nanos> = paged.iter().map(|finding| finding.cause_ns).collect();
    assert!(paged.len() >= 3 && causes.len() <= 2, "{paged:?}");
    let all: BTreeSet<Nanos> = told.iter().map(|change| change.finding().cause_ns).collect();
    assert!(all.len() <= 5, "{all:?}");
}
