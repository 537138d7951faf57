//! OTLP/JSON to records. Source: OTLP specification 1.9, "JSON Protobuf Encoding".
//!
//! Ids are hex, 64-bit integers are decimal texts (numbers are taken too), enums are integers, keys are lowerCamelCase,
//! unknown keys are passed over.

use std::borrow::Cow;

use journey_model::{Attribute, Link, Resource, SpanKind, SpanRecord, SpanStatus, Value};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, de};
use thiserror::Error;

use crate::Reject;
use crate::wire::ATTRIBUTES_MAX;

/// The text is no OTLP/JSON: what is wrong, with line and column.
#[derive(Debug, Error)]
#[error("no OTLP/JSON: {0}")]
pub struct JsonError(#[from] serde_json::Error);

/// Calls `visit` for each span, in the order of the text.
///
/// # Errors
/// A text that is no JSON or not of the shape of OTLP; then no span has been visited.
pub fn walk(
    text: &[u8],
    mut visit: impl FnMut(&Resource<'_>, Result<&SpanRecord<'_>, Reject>),
) -> Result<(), JsonError> {
    let request: Request<'_> = serde_json::from_slice(text)?;
    for group in request.resource_spans {
        let resource = Resource { attributes: attributes(group.resource.attributes) };
        for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            match record(span) {
                Ok(record) => visit(&resource, Ok(&record)),
                Err(reject) => visit(&resource, Err(reject)),
            }
        }
    }
    Ok(())
}

fn record(span: Span<'_>) -> Result<SpanRecord<'_>, Reject> {
    if span.attributes.len() > ATTRIBUTES_MAX {
        return Err(Reject::TooManyAttributes);
    }
    let parent_span_id = match span.parent_span_id.as_ref().map_or("", |id| &*id.0) {
        "" | "0000000000000000" => None,
        hex => Some(hex.parse().map_err(|_| Reject::InvalidParentId)?),
    };
    let (start_ns, end_ns) = (span.start_time_unix_nano.0, span.end_time_unix_nano.0);
    if start_ns == 0 || end_ns < start_ns {
        return Err(Reject::BadTime);
    }
    Ok(SpanRecord {
        trace_id: span.trace_id.parse().map_err(|_| Reject::InvalidTraceId)?,
        span_id: span.span_id.parse().map_err(|_| Reject::InvalidSpanId)?,
        parent_span_id,
        name: span.name,
        kind: SpanKind::from_number(span.kind),
        start_ns,
        end_ns,
        // The lowest eight bits are the W3C trace flags.
        flags: (span.flags & 0xff) as u8,
        trace_state: span.trace_state,
        attributes: attributes(span.attributes),
        links: span.links.into_iter().filter_map(link).collect(),
        status: match span.status.code {
            1 => SpanStatus::Ok,
            2 => SpanStatus::Error { description: span.status.message },
            _ => SpanStatus::Unset,
        },
    })
}

/// A link with a broken id says nothing; it is left out, the span stays.
fn link(link: SpanLink<'_>) -> Option<Link<'_>> {
    Some(Link {
        trace_id: link.trace_id.parse().ok()?,
        span_id: link.span_id.parse().ok()?,
        attributes: attributes(link.attributes),
    })
}

fn attributes(list: Vec<KeyValue<'_>>) -> Vec<Attribute<'_>> {
    list.into_iter().filter_map(|pair| Some(Attribute { key: pair.key, value: value(pair.value)? })).collect()
}

/// `None` is a type that a journey has no use for.
fn value(any: AnyValue<'_>) -> Option<Value<'_>> {
    match any {
        AnyValue { string_value: Some(text), .. } => Some(Value::Str(text.0)),
        AnyValue { bool_value: Some(truth), .. } => Some(Value::Bool(truth)),
        AnyValue { int_value: Some(number), .. } => Some(Value::Int(number.0)),
        AnyValue { double_value: Some(number), .. } => Some(Value::Double(number.0)),
        AnyValue { array_value: Some(array), .. } => {
            let texts = array.values.into_iter().map(|element| {
                // A list of ids may be one of numbers.
                let number = element.int_value.map(|number| Cow::Owned(number.0.to_string()));
                element.string_value.map(|text| text.0).or(number)
            });
            texts.collect::<Option<Vec<_>>>().map(Value::StrArray)
        }
        _ => None,
    }
}

// === The shape of the text ===

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow, default)]
    resource_spans: Vec<ResourceSpans<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    #[serde(borrow, default)]
    resource: OtlpResource<'a>,
    #[serde(borrow, default)]
    scope_spans: Vec<ScopeSpans<'a>>,
}

#[derive(Deserialize, Default)]
struct OtlpResource<'a> {
    #[serde(borrow, default)]
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Deserialize)]
struct ScopeSpans<'a> {
    #[serde(borrow, default)]
    spans: Vec<Span<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span<'a> {
    #[serde(borrow, default)]
    trace_id: Cow<'a, str>,
    #[serde(borrow, default)]
    span_id: Cow<'a, str>,
    #[serde(borrow, default)]
    trace_state: Cow<'a, str>,
    /// Some exporters write the absent parent as `null`.
    #[serde(borrow, default)]
    parent_span_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(default)]
    kind: u64,
    #[serde(default)]
    start_time_unix_nano: Integer<u64>,
    #[serde(default)]
    end_time_unix_nano: Integer<u64>,
    #[serde(borrow, default)]
    attributes: Vec<KeyValue<'a>>,
    #[serde(borrow, default)]
    links: Vec<SpanLink<'a>>,
    #[serde(borrow, default)]
    status: Status<'a>,
    #[serde(default)]
    flags: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpanLink<'a> {
    #[serde(borrow, default)]
    trace_id: Cow<'a, str>,
    #[serde(borrow, default)]
    span_id: Cow<'a, str>,
    #[serde(borrow, default)]
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Deserialize, Default)]
struct Status<'a> {
    #[serde(default)]
    code: u32,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct KeyValue<'a> {
    #[serde(borrow, default)]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    value: AnyValue<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct AnyValue<'a> {
    #[serde(borrow)]
    string_value: Option<Text<'a>>,
    bool_value: Option<bool>,
    int_value: Option<Integer<i64>>,
    double_value: Option<Double>,
    #[serde(borrow)]
    array_value: Option<ArrayValue<'a>>,
}

#[derive(Deserialize)]
struct ArrayValue<'a> {
    #[serde(borrow, default)]
    values: Vec<AnyValue<'a>>,
}

/// A text that is borrowed inside an `Option` too, where serde would copy a bare `Cow`.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A double, as a number or as one of the texts `NaN`, `Infinity`, `-Infinity`.
struct Double(f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(f64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(Double(number)),
            Either::Text(text) => text.parse().map(Double).map_err(de::Error::custom),
        }
    }
}

/// A 64-bit integer, as a decimal text or a number.
#[derive(Default)]
struct Integer<T>(T);

macro_rules! integer {
    ($type:ty) => {
        impl<'de> Deserialize<'de> for Integer<$type> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Digits;
                impl Visitor<'_> for Digits {
                    type Value = $type;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a 64-bit integer as text or number")
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
                    }
                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$type, E> {
                        number
                            .try_into()
                            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
                    }
                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$type, E> {
                        number.try_into().map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
                    }
                }
                deserializer.deserialize_any(Digits).map(Integer)
            }
        }
    };
}

integer!(u64);
integer!(i64);

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a request as an OTLP/JSON exporter of another language writes it.
    /// Guarantees: it becomes the same record as its protobuf form would.
    #[test]
    fn reads_otlp_json() {
        let text = br#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"label-printer"}}]},
            "scopeSpans":[{"scope":{"name":"x"},"spans":[{
              "traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","parentSpanId":"",
              "name":"POST \"labels\"","kind":2,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661000000000,
              "attributes":[{"key":"order.id","value":{"stringValue":"ORD-1"}},{"key":"n","value":{"intValue":"-7"}},
                {"key":"ids","value":{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"7"}]}}},{"key":"map","value":{"kvlistValue":{"values":[]}}}],
              "status":{"code":2,"message":"no paper"}}]}]}]}"#;
        let mut seen = 0;
        walk(text, |resource, read| {
            let span = read.unwrap();
            assert_eq!(resource.str("service.name"), Some("label-printer"));
            assert_eq!(span.name, "POST \"labels\"");
            assert_eq!(span.trace_id.to_string(), "5b8efff798038103d269b633813fc60c");
            assert_eq!(span.end_ns - span.start_ns, 1_000_000_000);
            assert_eq!((span.str("order.id"), span.i64("n")), (Some("ORD-1"), Some(-7)));
            assert_eq!(span.get("ids"), Some(&Value::StrArray(vec!["a".into(), "7".into()])));
            assert_eq!(span.get("map"), None);
            assert_eq!(span.status, SpanStatus::Error { description: "no paper".into() });
            seen += 1;
        })
        .unwrap();
        assert_eq!(seen, 1);
    }

    /// Scenario: the forms that protobuf's JSON mapping allows beside the usual ones.
    /// Guarantees: they are read.
    #[test]
    fn lenient_forms() {
        walk(b"{}", |_, _| panic!("no span")).unwrap();
        let text =
            br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c",
            "spanId":"eee19b7ec3c1b174","parentSpanId":null,"startTimeUnixNano":1,"endTimeUnixNano":2,
            "attributes":[{"key":"x","value":{"doubleValue":"NaN"}}]}]}]}]}"#;
        walk(text, |_, read| assert!(read.unwrap().f64("x").unwrap().is_nan())).unwrap();
    }

    /// Scenario: one span has a broken id; another text is no OTLP at all.
    /// Guarantees: a reject with its reason; an error with line and column.
    #[test]
    fn broken_input_is_named() {
        let text =
            br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"12","spanId":"eee19b7ec3c1b174",
            "startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}"#;
        walk(text, |_, read| assert_eq!(read, Err(Reject::InvalidTraceId))).unwrap();
        let error = walk(b"{\"resourceSpans\": 7}", |_, _| ()).unwrap_err().to_string();
        assert_eq!(error, "no OTLP/JSON: invalid type: integer `7`, expected a sequence at line 1 column 19");
    }
}
