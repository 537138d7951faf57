//! Recorded logs of real processes with reference verdicts, in the folder `JOURNEY_LOGS`; they are no part of this tree.
//! The models in `models/` are ours. Without the folder nothing is tested here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use journey_analyzer::replay::{Moment, Options, Report, StageFinding, replay};
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
        self.play_with(log, model, "", sort)
    }

    /// Plays with a section more in the model.
    fn play_with(&self, log: &str, model: &str, section: &str, sort: bool) -> Report {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(model);
        let text = format!("{}\n{section}", fs::read_to_string(model).unwrap());
        let definition = Definition::parse(&text).unwrap();
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

/// Scenario: the same; two of the workers are slower than all others in one kind of repair each.
/// Guarantees: these two, each in its kind, as much slower as the reference says; no other trend.
#[test]
fn slow_workers() {
    let Some(logs) = Logs::find() else { return };
    for sort in [false, true] {
        let report = logs.play("repair.jsonl.gz", "repair.yaml", sort);
        let found: BTreeSet<String> = trends(&report).iter().map(|trend| trend.words()).collect();
        let expected = [
            "StagePartlySlow Repair (Complex) log2otlp org:resource=SolverC3",
            "StagePartlySlow Repair (Simple) log2otlp org:resource=SolverS3",
        ];
        assert_eq!(found, expected.map(String::from).into(), "sorted: {sort}");
        for trend in trends(&report) {
            assert!((1.5..4.0).contains(&trend.ratio.unwrap()), "{trend:?}");
        }
    }
}

/// Scenario: the orders; in July and August 2015 waits double while no stage takes longer.
/// Guarantees: at least three waits between stages are told in these months, and no stage ever; one cause is one alert,
/// so people hear of it five times at most.
#[test]
fn long_waits_in_summer() {
    let Some(logs) = Logs::find() else { return };
    for model in ["orders_end.yaml", "orders_start.yaml"] {
        let report = logs.play("orders_interval.jsonl.gz", model, true);
        let found = trends(&report);
        assert!(found.iter().all(|trend| trend.alert == "GapSlow"), "{found:#?}");
        let is_summer = |at: Moment| (16_617..16_679).contains(&(at.0 / DAY_NS));
        let summer = found.iter().filter(|trend| is_summer(trend.warned_at) && trend.paged_at.is_some());
        let pairs: BTreeSet<_> = summer.map(|trend| (&trend.from_stage, &trend.stage)).collect();
        assert!(pairs.len() >= 3, "{found:#?}");
        assert!(told_until(&logs, model, 16_679 * DAY_NS) <= 5);
    }
}

/// How often people hear of trends in the orders up to a moment: with the detectors, less what they hear without.
fn told_until(logs: &Logs, model: &str, until_ns: u64) -> u64 {
    let end_ns = |span: &Value| span["endTimeUnixNano"].as_str().unwrap().parse::<u64>().unwrap();
    let mut spans = logs.spans("orders_interval.jsonl.gz");
    spans.retain(|span| end_ns(span) < until_ns);
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("until.jsonl");
    let lines: Vec<String> = spans.into_iter().map(|span| request(span).to_string()).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let file = file.to_str().unwrap();
    let deaf = "trends: { change: { warn_at: 1000000 } }";
    let [with, without] = ["", deaf].map(|section| logs.play_with(file, model, section, true));
    assert_eq!(trends(&without), [] as [&StageFinding; 0]);
    with.notifications - without.notifications
}

/// A request of one span.
fn request(span: Value) -> Value {
    let service = serde_json::json!([{ "key": "service.name", "value": { "stringValue": "log2otlp" } }]);
    let scopes = serde_json::json!([{ "spans": [span] }]);
    serde_json::json!({ "resourceSpans": [{ "resource": { "attributes": service }, "scopeSpans": scopes }] })
}

/// Scenario: the orders with injected faults, none of which makes a stage slow: some are stuck, swapped, retried.
/// Guarantees: no stage is paged as slow or failing, and of 17 000 durations and waits at most one is warned of by
/// chance; the waits of summer are the only trend.
#[test]
fn other_faults_are_no_trend() {
    let Some(logs) = Logs::find() else { return };
    let report = logs.play("orders_interval_hard.jsonl.gz", "orders_end.yaml", true);
    let others: Vec<&StageFinding> =
        trends(&report).into_iter().filter(|trend| trend.alert != "GapSlow").collect();
    assert!(others.len() <= 1 && others.iter().all(|trend| trend.paged_at.is_none()), "{others:#?}");
}

/// What a report says of trends.
fn trends(report: &Report) -> Vec<&StageFinding> {
    report.findings.iter().filter(|found| found.ratio.is_some()).collect()
}

trait Words {
    fn words(&self) -> String;
}

impl Words for StageFinding {
    /// Alert and labels.
    fn words(&self) -> String {
        let facet = self.facet.as_ref().map(|facet| format!("{}={}", facet.key, facet.value));
        let labels = [&self.from_stage, &self.stage, &self.service, &facet];
        let labels: Vec<&str> = labels.into_iter().flatten().map(String::as_str).collect();
        format!("{} {}", self.alert, labels.join(" "))
    }
}

const DAY_NS: u64 = 86_400_000_000_000;
