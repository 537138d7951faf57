//! Recorded logs of real processes with reference verdicts, in the folder `JOURNEY_LOGS`; they are no part of this tree.
//! The models in `models/` are ours. Without the folder nothing is tested here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use journey_analyzer::replay::{Options, Report, replay};
use journey_detect::Definition;
use serde_json::Value;

struct Logs(PathBuf);

impl Logs {
    /// `None` if they are not here.
    fn find() -> Option<Self> {
        let folder = std::env::var_os("JOURNEY_LOGS");
        if folder.is_none() {
            eprintln!("skipped: JOURNEY_LOGS is not set");
        }
        folder.map(|folder| Self(folder.into()))
    }

    fn reference(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.0.join(name)).unwrap()).unwrap()
    }

    /// The spans of a log, one by one.
    fn spans(&self, log: &str) -> Vec<Value> {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(fs::File::open(self.0.join(log)).unwrap())
            .read_to_string(&mut text)
            .unwrap();
        let requests = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let list = |value: &Value, name: &str| value[name].as_array().unwrap().clone();
        let resources = requests.flat_map(|request| list(&request, "resourceSpans"));
        let scopes = resources.flat_map(|resource| list(&resource, "scopeSpans"));
        scopes.flat_map(|scope| list(&scope, "spans")).collect()
    }

    fn replay(&self, log: &str, model: &str) -> Report {
        self.play(log, model, false)
    }

    fn play(&self, log: &str, model: &str, sort: bool) -> Report {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(model);
        let definition = Definition::parse(&fs::read_to_string(model).unwrap()).unwrap();
        let options = Options { files: vec![self.0.join(log)], sort, ..Options::default() };
        replay(definition, &options).unwrap()
    }
}

/// Compares the orders of each verdict, and where each went wrong first.
fn compare(report: &Report, reference: &Value) {
    let first: Vec<(&str, &Value)> =
        reference["first_violation"].as_object().unwrap().iter().map(|(id, at)| (&**id, at)).collect();
    let violated: BTreeSet<&str> = first.iter().map(|(id, _)| *id).collect();
    assert_eq!(report.verdicts.violated.iter().map(|id| &**id).collect::<BTreeSet<_>>(), violated);
    let open = reference["viable_but_not_complete"].as_array().unwrap();
    let open: BTreeSet<&str> = open.iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(report.verdicts.open.iter().map(|id| &**id).collect::<BTreeSet<_>>(), open);
    assert!(report.verdicts.evidence_gap.is_empty(), "nothing says that anything was lost");
    assert_eq!(report.violations.len(), first.len());
    for (id, at) in first {
        let found = report.violations.iter().find(|violation| violation.journey == id).unwrap();
        assert_eq!((found.index as u64, &*found.rule), (at["index"].as_u64().unwrap(), "flow"), "{id}");
        assert_eq!(found.stage, at["activity"].as_str().unwrap(), "{id}");
    }
}

/// Scenario: an order process, its steps by when they ended and by when they began; the second calls one order fine that
/// the first does not.
/// Guarantees: exactly the orders of the reference, each with its first offence.
#[test]
fn orders_by_end_and_by_start() {
    let Some(logs) = Logs::find() else { return };
    let reference = logs.reference("orders_interval.json");
    let by_end = logs.replay("orders_interval.jsonl.gz", "orders_end.yaml");
    compare(&by_end, &reference["by_end"]["streaming"]);
    assert_eq!((by_end.spans, by_end.repeats, by_end.journeys.count), (8_109, 0, 1_266));
    let by_start = logs.replay("orders_interval.jsonl.gz", "orders_start.yaml");
    compare(&by_start, &reference["by_start"]["streaming"]);
}

/// Scenario: the same with orders that break off, swapped steps, retries, repeats and late spans, as recorded and sorted.
/// Guarantees: exactly the orders of the reference; a repeat counts once, and a failed attempt is no step.
#[test]
fn orders_with_injected_faults() {
    let Some(logs) = Logs::find() else { return };
    let reference = logs.reference("orders_interval_hard.json");
    for sort in [false, true] {
        let report = logs.play("orders_interval_hard.jsonl.gz", "orders_end.yaml", sort);
        compare(&report, &reference["streaming"]);
        assert_eq!((report.spans, report.repeats), (8_736, 400));
        assert_eq!(report.journeys.memberships, 8_336);
    }
}

/// Scenario: the same; one stage of 26 orders fails twelve times.
/// Guarantees: these storms and no other.
#[test]
fn retry_storms() {
    let Some(logs) = Logs::find() else { return };
    let report = logs.replay("orders_interval_hard.jsonl.gz", "orders_end.yaml");
    let found: BTreeSet<(&str, &str)> =
        report.retry_storms.iter().map(|storm| (&*storm.journey, &*storm.stage)).collect();
    let reference = logs.reference("orders_interval_hard.json");
    let storms = reference["retry_storms"].as_object().unwrap();
    let expected: BTreeSet<(&str, &str)> =
        storms.iter().map(|(id, storm)| (&**id, storm["activity"].as_str().unwrap())).collect();
    assert_eq!(found, expected);
}

/// Scenario: the orders again, but 30 % of the spans come up to a day late, and 5 % come twice.
/// Guarantees: the same orders at the end; what was told too early is withdrawn, and marked.
#[test]
fn late_spans() {
    let Some(logs) = Logs::find() else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("late.jsonl");
    let mut arrivals: Vec<(u64, usize, Value)> = Vec::new();
    for (at, span) in logs.spans("orders_interval.jsonl.gz").into_iter().enumerate() {
        let mut hasher = DefaultHasher::new();
        at.hash(&mut hasher);
        let chance = hasher.finish();
        let end_ns: u64 = span["endTimeUnixNano"].as_str().unwrap().parse().unwrap();
        let late_ns = if chance % 100 < 30 { (chance >> 8) % DAY_NS } else { 0 };
        arrivals.extend(chance.is_multiple_of(20).then(|| (end_ns + DAY_NS / 2, at, span.clone())));
        arrivals.push((end_ns + late_ns, at, span));
    }
    arrivals.sort_by_key(|(at_ns, at, _)| (*at_ns, *at));
    let request = |span: Value| {
        let service = serde_json::json!([{ "key": "service.name", "value": { "stringValue": "log2otlp" } }]);
        let scopes = serde_json::json!([{ "spans": [span] }]);
        serde_json::json!({ "resourceSpans": [{ "resource": { "attributes": service }, "scopeSpans": scopes }] })
    };
    let lines: Vec<String> = arrivals.into_iter().map(|(_, _, span)| request(span).to_string()).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let report = logs.replay(file.to_str().unwrap(), "orders_end.yaml");
    compare(&report, &logs.reference("orders_interval.json")["by_end"]["streaming"]);
    assert!(!report.withdrawn.is_empty(), "a day is longer than the grace");
    assert!(report.repeats > 300, "{}", report.repeats);
}

/// Scenario: phones under repair, with times to the minute, so that many steps are of one moment.
/// Guarantees: no order is violated, and exactly those of the reference are open.
#[test]
fn repairs() {
    let Some(logs) = Logs::find() else { return };
    let report = logs.replay("repair.jsonl.gz", "repair.yaml");
    compare(&report, &logs.reference("repair.json")["streaming"]);
    assert_eq!(report.journeys.count, 1_104);
}

const DAY_NS: u64 = 86_400_000_000_000;
