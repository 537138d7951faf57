//! One span as the rules look at it.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::finding::Findings;
use super::official::ERROR_TYPE;

/// A span and short questions to it.
pub(super) struct Subject<'a> {
    pub(super) span: &'a Span,
}

impl<'a> Subject<'a> {
    pub(super) fn of(span: &'a Span) -> Self {
        Self { span }
    }

    pub(super) fn name(&self) -> &str {
        &self.span.name
    }

    pub(super) fn kind(&self) -> SpanKind {
        self.span.kind()
    }

    pub(super) fn is_error(&self) -> bool {
        self.status() == StatusCode::Error
    }

    pub(super) fn status(&self) -> StatusCode {
        self.span.status.as_ref().map_or(StatusCode::Unset, |status| status.code())
    }

    /// Description of the status, empty if none.
    pub(super) fn description(&self) -> &str {
        self.span.status.as_ref().map_or("", |status| &status.message)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn has_links(&self) -> bool {
        !self.span.links.is_empty()
    }

    pub(super) fn str(&self, key: &str) -> Option<&'a str> {
        text(self.get(key)?)
    }

    pub(super) fn int(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Value::IntValue(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn bool(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::BoolValue(truth) => Some(*truth),
            _ => None,
        }
    }

    pub(super) fn error_type(&self) -> Option<&'a str> {
        self.str(ERROR_TYPE)
    }

    /// `server.address:server.port`, if both are there.
    pub(super) fn server(&self) -> Option<String> {
        Some(format!("{}:{}", self.str("server.address")?, self.int("server.port")?))
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        value(self.span.attributes.iter().find(|kv| kv.key == key)?)
    }

    // === what rules have in common ===

    /// Each of these attributes has to be there.
    pub(super) fn require(&self, keys: &[&str], findings: &mut Findings) {
        for key in keys.iter().filter(|key| !self.has(key)) {
            findings.violation("span_required_attribute_not_present", key);
        }
    }

    /// Each of these attributes should be there if it is known.
    pub(super) fn recommend(&self, keys: &[&str], findings: &mut Findings) {
        for key in keys.iter().filter(|key| !self.has(key)) {
            findings.information("span_recommended_attribute_not_present", key);
        }
    }

    /// None of these attributes has a meaning here.
    pub(super) fn refuse(&self, keys: &[&str], findings: &mut Findings) {
        for key in keys.iter().filter(|key| self.has(key)) {
            findings.violation("span_attribute_not_applicable", key);
        }
    }

    /// Each of these attributes is there only if the user asked for it.
    pub(super) fn opt_in(&self, keys: &[&str], findings: &mut Findings) {
        for key in keys.iter().filter(|key| self.has(key)) {
            findings.information("span_attribute_opt_in", key);
        }
    }

    /// A part makes no sense without the whole.
    pub(super) fn only_with(&self, part: &str, whole: &str, findings: &mut Findings) {
        if self.has(part) && !self.has(whole) {
            findings.violation("span_attribute_not_applicable", format_args!("{part} without {whole}"));
        }
    }

    pub(super) fn kind_is(&self, expected: SpanKind, findings: &mut Findings) {
        if self.kind() != expected {
            findings.violation(
                "span_kind_mismatch",
                format_args!("{} instead of {}", self.kind().as_str_name(), expected.as_str_name()),
            );
        }
    }

    pub(super) fn name_is(&self, expected: &str, findings: &mut Findings) {
        if self.name() != expected {
            findings.violation("span_name_mismatch", format_args!("expected `{expected}`"));
        }
    }
}

/// The value of an attribute, `None` if it has none.
pub(super) fn value(attribute: &KeyValue) -> Option<&Value> {
    attribute.value.as_ref().and_then(|value| value.value.as_ref())
}

pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// Name of the type of a value, in the words of the registry.
pub(super) fn type_of(value: &Value) -> String {
    let inner = |values: &[AnyValue]| match values.first().and_then(|first| first.value.as_ref()) {
        Some(first) => format!("{}[]", type_of(first)),
        None => "[]".to_owned(),
    };
    match value {
        Value::StringValue(_) => "string".to_owned(),
        Value::BoolValue(_) => "boolean".to_owned(),
        Value::IntValue(_) => "int".to_owned(),
        Value::DoubleValue(_) => "double".to_owned(),
        Value::ArrayValue(array) => inner(&array.values),
        Value::KvlistValue(_) => "map".to_owned(),
        Value::BytesValue(_) => "bytes".to_owned(),
        _ => "unknown".to_owned(),
    }
}
