//! `journey-analyzer replay`, the program itself: forms of files, exit codes, and the report against its schema.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod schema;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use expect_test::expect;
use journey_model::Value as Attribute;
use journey_testkit::scenario::{self, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Order A goes well; B is accepted before its price; C waits for its price; the price of D dies; E and F claim one cart.
const SIGNALS: &str = "
    10s   crm-api/1  end    order   order.id=A
    20s   crm-api/1  end    order   order.id=B
    30s   crm-api/1  end    order   order.id=C
    31s   mes-api/1  end    price   order.id=A
    32s   crm-api/1  end    accept  order.id=A
    33s   crm-api/1  end    accept  order.id=B
    34s   mes-api/1  end    price   order.id=B
    40s   crm-api/1  end    order   order.id=D
    50s   mes-api/1  start  price   order.id=D  interval=15s
    65s   mes-api/1  beat   price   order.id=D  interval=15s
    70s   crm-api/1  end    order   order.id=E  cart.id=9
    80s   crm-api/1  end    order   order.id=F  cart.id=9
    90s   shop-api/1 end    lookup  cart.id=8
    5m    crm-api/1  end    other   order.id=A
";

const DEFINITION: &str = "
version: 1
keys: { order.id: anchor, cart.id: alias }
order_by: start
stages:
  order: { service: crm-api }
  price: { service: mes-api, start_within: 2m }
  accept: { service: crm-api }
  lookup: { service: shop-api }
flow: { sequence: [order, price, accept] }
rules: [ { name: no_lookup, absence: lookup } ]
";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        fs::write(folder.path("journeys.yaml"), DEFINITION).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn replay(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_journey-analyzer"))
            .current_dir(self.0.path())
            .args(["replay", "--journeys", "journeys.yaml"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    fn report(&self, arguments: &[&str], input: &[u8]) -> Value {
        let output = self.replay(&[&["--report", "json"], arguments].concat(), input);
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn lines(signals: &[Signal]) -> Vec<u8> {
    signals.iter().flat_map(|signal| format!("{}\n", request(signal)).into_bytes()).collect()
}

fn prefixed(signals: &[Signal]) -> Vec<u8> {
    let body = |signal: &Signal| {
        let body = signal.to_otlp();
        [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat()
    };
    signals.iter().flat_map(body).collect()
}

fn request(signal: &Signal) -> Value {
    let attributes = |list: &[journey_model::Attribute<'_>]| -> Vec<Value> {
        list.iter().map(|one| json!({ "key": one.key, "value": value(&one.value) })).collect()
    };
    let span = &signal.span;
    let parent = span.parent_span_id.map_or(String::new(), |id| id.to_string());
    json!({ "resourceSpans": [{
        "resource": { "attributes": attributes(&signal.resource.attributes) },
        "scopeSpans": [{ "spans": [{
            "traceId": span.trace_id.to_string(),
            "spanId": span.span_id.to_string(),
            "parentSpanId": parent,
            "name": span.name,
            "startTimeUnixNano": span.start_ns.to_string(),
            "endTimeUnixNano": span.end_ns.to_string(),
            "attributes": attributes(&span.attributes),
        }] }],
    }] })
}

fn value(value: &Attribute<'_>) -> Value {
    match value {
        Attribute::Bool(truth) => json!({ "boolValue": truth }),
        Attribute::Double(number) => json!({ "doubleValue": number }),
        Attribute::Int(number) => json!({ "intValue": number.to_string() }),
        Attribute::Str(text) => json!({ "stringValue": text }),
        Attribute::StrArray(_) => unreachable!("scenarios have no arrays"),
    }
}

/// Scenario: orders of every kind, among lines that cannot be read and a span that comes twice.
/// Guarantees: the report says of each what is true, and is as the schema says.
#[test]
fn the_report_says_it_all() {
    let folder = Folder::new();
    let mut signals = scenario::signals(SIGNALS);
    signals.push(signals[0].clone());
    let input = [&lines(&signals)[..], b"{\"resourceSpans\": [\n"].concat();
    let report = folder.report(&["-", "--memberships", "memberships.jsonl"], &input);
    schema::check(&report);
    expect_test::expect_file!["replay/report.json"].assert_eq(&format!("{report:#}\n"));
    let memberships = fs::read_to_string(folder.path("memberships.jsonl")).unwrap();
    let mut of: Vec<String> = memberships
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["journeys"].to_string())
        .collect();
    of.sort();
    expect![[r#"["A"] ["A"] ["A"] ["A"] ["B"] ["B"] ["B"] ["C"] ["D"] ["D"] ["E","F"] ["E"] []"#]]
        .assert_eq(&of.join(" "));
}

/// Scenario: the same spans as lines, behind lengths, by gzip, by zstd, from files and from standard input, in the order
/// of time, backwards and sorted.
/// Guarantees: the same report; backwards only what the clock tells differs.
#[test]
fn every_form_gives_the_same_report() {
    let folder = Folder::new();
    let signals = scenario::signals(SIGNALS);
    let plain = folder.report(&["-"], &lines(&signals));
    assert_eq!(folder.report(&["-"], &prefixed(&signals)), plain);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&lines(&signals)).unwrap();
    fs::write(folder.path("spans"), gzip.finish().unwrap()).unwrap();
    assert_eq!(folder.report(&["spans"], b""), plain);
    fs::write(folder.path("first.gz"), zstd::bulk::compress(&prefixed(&signals[..5]), 1).unwrap()).unwrap();
    fs::write(folder.path("second"), lines(&signals[5..])).unwrap();
    assert_eq!(folder.report(&["first.gz", "second"], b""), plain);
    let backwards: Vec<Signal> = signals.iter().rev().cloned().collect();
    assert_eq!(folder.report(&["--sort", "-"], &lines(&backwards)), plain);
    let report = folder.report(&["-"], &lines(&backwards));
    for list in ["verdicts", "violations", "journeys", "identity_conflicts", "now"] {
        assert_eq!(report[list], plain[list], "{list}");
    }
}

/// Scenario: an order that goes well; it waits; the clock runs on; no such file; a definition with a mistake; no file.
/// Guarantees: 0 without findings, 1 with, 2 for what cannot be done, and the summary tells people.
#[test]
fn exit_codes() {
    let folder = Folder::new();
    let input = lines(&scenario::signals("10s crm-api/1 end order order.id=A"));
    let code = |output: &Output| output.status.code().unwrap();
    let fine = folder.replay(&["-"], &input);
    assert_eq!(code(&fine), 0);
    expect![[r#"
        1 spans, 0 repeats, 0 rejected; without journey.seq nobody knows how many were lost
        1 orders up to 2026-01-05T00:00:10.000000000Z
          0 ok, 1 open, 0 violated, 0 with steps that were not seen
    "#]]
    .assert_eq(&String::from_utf8(fine.stdout).unwrap());
    let stuck = folder.replay(&["-", "--until", "2026-01-05T01:02:11+01:00"], &input);
    assert_eq!(code(&stuck), 1);
    expect![[r#"
        1 spans, 0 repeats, 0 rejected; without journey.seq nobody knows how many were lost
        1 orders up to 2026-01-05T00:02:11.000000000Z
          0 ok, 1 open, 0 violated, 0 with steps that were not seen

        stuck: 1
          A: price since 2026-01-05T00:00:10.000000000Z (not_started), found at 2026-01-05T00:02:10.000000000Z

        1 notifications to people
    "#]]
    .assert_eq(&String::from_utf8(stuck.stdout).unwrap());
    assert_eq!(code(&folder.replay(&["nowhere.jsonl"], b"")), 2);
    assert_eq!(code(&folder.replay(&[], b"")), 2);
    assert_eq!(code(&folder.replay(&["-", "--until", "tomorrow"], b"")), 2);
    fs::write(folder.path("journeys.yaml"), "version: 2").unwrap();
    let mistake = folder.replay(&["-"], &input);
    assert_eq!(code(&mistake), 2);
    assert!(String::from_utf8(mistake.stderr).unwrap().contains("journeys.yaml:1:10"));
}

/// Scenario: orders of which one material in ten takes three times as long to be priced from one order on.
/// Guarantees: the report has the trend with its facet and figures, is as the schema says, and the summary tells people.
#[test]
fn trends_are_reported() {
    let folder = Folder::new();
    fs::write(folder.path("journeys.yaml"), format!("{DEFINITION}facets: [material]\n")).unwrap();
    let mut text = String::new();
    for order in 0..2_000_u64 {
        let (at, is_rare) = (order * 60, order % 10 == 3);
        let material = if is_rare { "gold" } else { "steel" };
        let chance = order.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let took = (10 + chance % 20) * if is_rare && order > 1_200 { 3 } else { 1 };
        text += &format!("{at}s crm-api/1 end order order.id=o{order} material={material}\n");
        text += &format!("{}s mes-api/1 end price order.id=o{order} took={took}s\n", at + 1 + took);
    }
    let mut signals = scenario::signals(&text);
    signals.sort_by_key(|signal| signal.at_ns);
    let report = folder.report(&["-"], &lines(&signals));
    schema::check(&report);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let found = &findings[0];
    assert_eq!((&found["alert"], &found["stage"]), (&json!("StagePartlySlow"), &json!("price")));
    assert_eq!(found["service"], "mes-api");
    assert_eq!(found["facet"], json!({ "key": "material", "value": "gold" }));
    assert!((2.0..4.0).contains(&found["ratio"].as_f64().unwrap()), "{found}");
    let spans = |name: &str| found[name].as_u64().unwrap();
    assert!(spans("spans_until_warning") <= spans("spans_until_page") && spans("spans_until_page") < 40);
    assert!(found["warned_at"].as_str().unwrap() <= found["paged_at"].as_str().unwrap());
    let summary = String::from_utf8(folder.replay(&["-"], &lines(&signals)).stdout).unwrap();
    assert!(summary.contains("StagePartlySlow price where material is gold, "), "{summary}");
}
