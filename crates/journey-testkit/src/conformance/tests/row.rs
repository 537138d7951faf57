//! A span and its verdict, on one line of a table.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use crate::conformance::{Level, check_span};

/// Kind, name, attributes and what else there is, and the findings in the words of [`verdict`].
pub(super) type Row = (SpanKind, &'static str, &'static str, &'static str, &'static str);

/// Judges each row; the number is for the reader.
pub(super) fn check_rows(base: &[(&str, &str)], rows: &[(u32, Row)]) {
    let mut wrong = Vec::new();
    for (number, (kind, name, attributes, state, expected)) in rows {
        let found = verdict(&span(base, *kind, name, attributes, state));
        if found != *expected {
            wrong.push(format!("row {number}: {found} instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rules that were broken, in order; `ok` if none was. Of what is no violation the level is said, and hints to
/// attributes that could be there, or are on their way to be stable, are left out.
pub(super) fn verdict(span: &Span) -> String {
    let hints = ["not_stable", "span_attribute_opt_in", "span_recommended_attribute_not_present"];
    let mut rules: Vec<String> = check_span(span)
        .iter()
        .filter(|finding| !hints.contains(&finding.rule))
        .map(|finding| match finding.level {
            Level::Violation => finding.rule.to_owned(),
            level => format!("{} ({level})", finding.rule),
        })
        .collect();
    rules.sort();
    if rules.is_empty() { "ok".to_owned() } else { rules.join(", ") }
}

/// Attributes are `key=value`, separated by `; `: a word of `base` stands for its attributes, `-key` takes one away,
/// and `int`, `double`, `bool` and `list` name the type of a value that is no text. State is any of `error`,
/// `described`, `ok`, `link`, `exception`, `orphan`.
pub(super) fn span(base: &[(&str, &str)], kind: SpanKind, name: &str, attributes: &str, state: &str) -> Span {
    let has = |word: &str| state.split(' ').any(|given| given == word);
    let code = match (has("error"), has("ok")) {
        (true, _) => StatusCode::Error,
        (_, true) => StatusCode::Ok,
        _ => StatusCode::Unset,
    };
    let message = if has("described") { "a description" } else { "" };
    let link = Link { trace_id: vec![2; 16], span_id: vec![2; 8], ..Link::default() };
    let exception = Event { name: "exception".into(), ..Event::default() };
    Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        parent_span_id: if has("orphan") { vec![] } else { vec![3; 8] },
        name: name.into(),
        kind: kind.into(),
        start_time_unix_nano: 1,
        end_time_unix_nano: 1,
        attributes: read_all(base, attributes),
        links: if has("link") { vec![link] } else { vec![] },
        events: if has("exception") { vec![exception] } else { vec![] },
        status: Some(Status { code: code.into(), message: message.into() }),
        ..Span::default()
    }
}

pub(super) fn read_all(base: &[(&str, &str)], text: &str) -> Vec<KeyValue> {
    let mut attributes: Vec<KeyValue> = Vec::new();
    for part in text.split("; ").filter(|part| !part.is_empty()) {
        if let Some((_, of_base)) = base.iter().find(|(word, _)| *word == part) {
            attributes.extend(read_all(base, of_base));
        } else if let Some(key) = part.strip_prefix('-') {
            attributes.retain(|attribute| attribute.key != key);
        } else {
            let (key, value) = part.split_once('=').expect("an attribute has a value");
            let value = AnyValue { value: Some(read(value)) };
            attributes.push(KeyValue { key: key.into(), value: Some(value), ..KeyValue::default() });
        }
    }
    attributes
}

fn read(text: &str) -> Value {
    match text.split_once(' ') {
        Some(("int", number)) => Value::IntValue(number.parse().expect("an int")),
        Some(("double", number)) => Value::DoubleValue(number.parse().expect("a double")),
        Some(("bool", truth)) => Value::BoolValue(truth.parse().expect("a bool")),
        Some(("list", item)) => {
            Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(read(item)) }] })
        }
        _ => Value::StringValue(text.into()),
    }
}
