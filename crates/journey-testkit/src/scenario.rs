//! Scenarios as text: one line a signal.
//!
//! ```text
//! 10s  mes-api/1  start    price.final  order.id=A
//! 25s  mes-api/1  beat     price.final  order.id=A  idle=2s  progress=0.5  interval=15s
//! 40s  mes-api/1  end      price.final  order.id=A  took=30s  outcome=failed
//! 45s  mes-api/1  process  running
//! ```
//!
//! A line names the time since [`EPOCH_NS`], service and instance, the signal, and the stage. `span=` and `trace=`
//! name ids by any word; without them the span is named by stage, `attempt=` and keys, and each stage has a trace
//! of its own. `end` began `took=` before its time (default 1 s); `seq=` is its number. All other pairs are attributes;
//! a value with commas is a list.

use std::hash::{DefaultHasher, Hash, Hasher};

use journey_model::{
    Attribute, Resource, SpanId, SpanKind, SpanRecord, SpanStatus, TraceId, Value, attribute,
};
use journey_otlp::encode::Request;

/// When a scenario begins: Monday, 5 January 2026, 00:00 UTC, in nanoseconds since the Unix epoch.
pub const EPOCH_NS: u64 = 1_767_571_200_000_000_000;

/// One signal of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// When it leaves the service, in nanoseconds since the Unix epoch.
    pub at_ns: u64,
    /// Who sends it.
    pub resource: Resource<'static>,
    /// The span.
    pub span: SpanRecord<'static>,
}

impl Signal {
    /// The signal as the body of one export request.
    pub fn to_otlp(&self) -> Vec<u8> {
        let mut request = Request::new(&self.resource, "journey", attribute::JOURNEY_SCHEMA_URL);
        request.push(&self.span);
        request.finish()
    }
}

/// Reads a scenario. Empty lines and lines that begin with `#` are passed over.
///
/// # Panics
/// On a line that cannot be read: scenarios are written in tests.
pub fn signals(text: &str) -> Vec<Signal> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| signal(line).unwrap_or_else(|| panic!("cannot read the scenario line `{line}`")))
        .collect()
}

/// Nanoseconds in a text such as `250ms`, `10s`, `2m`, `1h`.
pub fn nanos(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let count: u64 = text[..unit_at].parse().ok()?;
    let unit_ns = match &text[unit_at..] {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    Some(count * unit_ns)
}

fn signal(line: &str) -> Option<Signal> {
    let mut words = line.split_whitespace();
    let at_ns = EPOCH_NS + nanos(words.next()?)?;
    let (service, instance) = words.next()?.split_once('/')?;
    let (kind, stage) = (words.next()?, words.next()?);
    let pairs: Vec<(&str, &str)> = words.map(|word| word.split_once('=')).collect::<Option<_>>()?;
    let resource = Resource {
        attributes: vec![
            Attribute::new(attribute::SERVICE_NAME, service.to_owned()),
            Attribute::new(attribute::SERVICE_INSTANCE_ID, format!("{service}-{instance}")),
        ],
    };
    let span = if kind == "process" {
        process(at_ns, stage, &pairs)?
    } else {
        stage_span(at_ns, kind, stage, &pairs)?
    };
    Some(Signal { at_ns, resource, span })
}

fn process(at_ns: u64, state: &str, pairs: &[(&str, &str)]) -> Option<SpanRecord<'static>> {
    let seq = pairs.iter().find(|(key, _)| *key == "seq").map_or(Some(0), |(_, value)| value.parse().ok())?;
    let mut span = blank(at_ns, &format!("process {at_ns}"), &format!("process {at_ns}"));
    span.name = "process".into();
    span.attributes = vec![
        Attribute::new(attribute::JOURNEY_SIGNAL, "process"),
        Attribute::new(attribute::JOURNEY_PROCESS_STATE, state.to_owned()),
        Attribute::new(attribute::JOURNEY_SEQ, Value::Int(seq)),
    ];
    Some(span)
}

fn stage_span(at_ns: u64, kind: &str, stage: &str, pairs: &[(&str, &str)]) -> Option<SpanRecord<'static>> {
    let find = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let attempt = find("attempt").unwrap_or("1");
    let ids: Vec<&str> = pairs.iter().filter(|(key, _)| key.contains('.')).map(|(_, value)| *value).collect();
    let default_name = format!("{stage} {attempt} {}", ids.first().unwrap_or(&""));
    let name = find("span").map_or(default_name, str::to_owned);
    let mut span = blank(at_ns, find("trace").unwrap_or(&name), &name);
    span.name = format!("stage {stage}").into();
    span.attributes = vec![
        Attribute::new(attribute::JOURNEY_SIGNAL, kind.to_owned()),
        Attribute::new(attribute::JOURNEY_STAGE_NAME, stage.to_owned()),
        Attribute::new(attribute::JOURNEY_STAGE_ATTEMPT, attempt.parse::<i64>().ok()?),
    ];
    if kind == "end" {
        span.start_ns = at_ns - find("took").map_or(Some(1_000_000_000), nanos)?;
    } else {
        span.parent_span_id = Some(span.span_id);
        span.span_id = span_id(&format!("{name} {kind} {at_ns}"));
    }
    for (key, value) in pairs {
        span.attributes.extend(attribute_of(key, value));
    }
    Some(span)
}

/// `None` for the words that shape the span itself.
fn attribute_of(key: &str, value: &str) -> Option<Attribute<'static>> {
    let seconds = || Some(Value::Double(nanos(value)? as f64 / 1e9));
    let (key, value) = match key {
        "span" | "trace" | "took" | "attempt" => return None,
        "idle" => (attribute::JOURNEY_STAGE_IDLE, seconds()?),
        "interval" => (attribute::JOURNEY_STAGE_HEARTBEAT_INTERVAL, seconds()?),
        "progress" => (attribute::JOURNEY_STAGE_PROGRESS, Value::Double(value.parse().ok()?)),
        "seq" => (attribute::JOURNEY_SEQ, Value::Int(value.parse().ok()?)),
        "outcome" => (attribute::JOURNEY_STAGE_OUTCOME, Value::from(value.to_owned())),
        other if value.contains(',') => {
            let list = value.split(',').map(|text| text.to_owned().into()).collect();
            return Some(Attribute::new(other.to_owned(), Value::StrArray(list)));
        }
        other => return Some(Attribute::new(other.to_owned(), value.to_owned())),
    };
    Some(Attribute::new(key, value))
}

fn blank(at_ns: u64, trace: &str, span: &str) -> SpanRecord<'static> {
    let (high, low) = (hash(&format!("{trace} high")), hash(trace));
    let trace_id = TraceId::from_bytes((u128::from(high) << 64 | u128::from(low) | 1).to_be_bytes());
    SpanRecord {
        trace_id: trace_id.expect("the lowest bit is set"),
        span_id: span_id(span),
        parent_span_id: None,
        name: "".into(),
        kind: SpanKind::Internal,
        start_ns: at_ns,
        end_ns: at_ns,
        flags: 1,
        trace_state: "".into(),
        attributes: Vec::new(),
        links: Vec::new(),
        status: SpanStatus::Unset,
    }
}

fn span_id(name: &str) -> SpanId {
    SpanId::from_bytes((hash(name) | 1).to_be_bytes()).expect("the lowest bit is set")
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
