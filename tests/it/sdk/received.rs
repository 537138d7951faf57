//! What a collector got, read with the official types.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// One span with its attributes as text.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) span: Span,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) resource: BTreeMap<String, String>,
    pub(crate) scope: String,
    /// Empty if the scope does not say.
    pub(crate) scope_version: String,
}

impl Received {
    pub(crate) fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    /// `journey.signal`, empty for a span of the SDK.
    pub(crate) fn signal(&self) -> &str {
        self.get("journey.signal")
    }
}

/// All spans of these bodies, in the order they came.
pub(crate) fn spans(bodies: &[Vec<u8>]) -> Vec<Received> {
    let mut received = Vec::new();
    for body in bodies {
        let request = ExportTraceServiceRequest::decode(&**body).expect("a body is OTLP");
        for group in request.resource_spans {
            let resource = text(&group.resource.unwrap_or_default().attributes);
            for scope in group.scope_spans {
                let InstrumentationScope { name, version, .. } = scope.scope.unwrap_or_default();
                received.extend(scope.spans.into_iter().map(|span| Received {
                    attributes: text(&span.attributes),
                    span,
                    resource: resource.clone(),
                    scope: name.clone(),
                    scope_version: version.clone(),
                }));
            }
        }
    }
    received
}

/// The one span of this name that is no lane signal.
pub(crate) fn span_named<'a>(received: &'a [Received], name: &str) -> &'a Received {
    let mut named = received.iter().filter(|one| one.span.name == name && one.signal().is_empty());
    let one = named.next().unwrap_or_else(|| panic!("no span {name}"));
    assert!(named.next().is_none(), "more than one span {name}");
    one
}

/// Lane signals of this kind.
pub(crate) fn signals<'a>(received: &'a [Received], kind: &str) -> Vec<&'a Received> {
    received.iter().filter(|one| one.signal() == kind).collect()
}

/// Attributes as text, each key once.
pub(crate) fn text(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text: BTreeMap<_, _> =
        attributes.iter().map(|kv| (kv.key.clone(), value(kv.value.as_ref()))).collect();
    assert_eq!(text.len(), attributes.len(), "a key is there twice: {attributes:?}");
    text
}

fn value(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::ArrayValue(list)) => {
            list.values.iter().map(|item| self::value(Some(item))).collect::<Vec<_>>().join(",")
        }
        other => format!("{other:?}"),
    }
}
