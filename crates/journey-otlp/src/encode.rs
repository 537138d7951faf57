//! Records to the bytes of one OTLP `ExportTraceServiceRequest`.
//!
//! One pass over the records, no message structs. The length of a span, and of the lists around it, is known only
//! after it is written, so it gets a varint of fixed width that is filled in afterwards: protobuf allows leading
//! zero groups, and three bytes a span cost less than a second pass.

mod attribute;
mod fields;
mod gap;
mod span;
#[cfg(test)]
mod tests;

use journey_model::{Resource, SpanRecord};

use crate::details::{Details, Scope};
use crate::protobuf::field;

use self::attribute::put_attribute;
use self::span::{put_details, put_span};

pub(crate) use self::fields::{put_str, put_varint_field};
pub(crate) use self::gap::Gap;

/// One export request: a resource, one scope, and spans as they are pushed.
#[derive(Debug)]
pub struct Request {
    bytes: Vec<u8>,
    resource_spans: Gap,
    scope_spans: Gap,
    spans: usize,
}

impl Request {
    /// An empty request of this resource and instrumentation scope. An empty `schema_url` is left out.
    pub fn new(resource: &Resource<'_>, scope_name: &str, schema_url: &str) -> Self {
        Self::of_scope(resource, Scope { name: scope_name, version: "", schema_url })
    }

    /// The same for a scope that may have a version.
    pub fn of_scope(resource: &Resource<'_>, scope: Scope<'_>) -> Self {
        let mut bytes = Vec::with_capacity(1024);
        let resource_spans = Gap::open(&mut bytes, field::REQUEST_RESOURCE_SPANS);
        let resource_gap = Gap::open(&mut bytes, field::RESOURCE_SPANS_RESOURCE);
        for attribute in &resource.attributes {
            put_attribute(&mut bytes, field::RESOURCE_ATTRIBUTES, attribute);
        }
        resource_gap.close(&mut bytes);
        let scope_spans = Gap::open(&mut bytes, field::RESOURCE_SPANS_SCOPE_SPANS);
        let scope_gap = Gap::open(&mut bytes, field::SCOPE_SPANS_SCOPE);
        put_str(&mut bytes, field::SCOPE_NAME, scope.name);
        put_str(&mut bytes, field::SCOPE_VERSION, scope.version);
        scope_gap.close(&mut bytes);
        put_str(&mut bytes, field::SCOPE_SPANS_SCHEMA_URL, scope.schema_url);
        Self { bytes, resource_spans, scope_spans, spans: 0 }
    }

    /// Appends one span.
    pub fn push(&mut self, span: &SpanRecord<'_>) {
        self.push_with(span, &Details::default());
    }

    /// Appends one span and what else there is to say of it.
    pub fn push_with(&mut self, span: &SpanRecord<'_>, details: &Details<'_>) {
        let gap = Gap::open(&mut self.bytes, field::SCOPE_SPANS_SPANS);
        put_span(&mut self.bytes, span);
        put_details(&mut self.bytes, details);
        gap.close(&mut self.bytes);
        self.spans += 1;
    }

    /// Number of spans so far.
    pub fn spans(&self) -> usize {
        self.spans
    }

    /// Size so far, in bytes.
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The finished body.
    pub fn finish(mut self) -> Vec<u8> {
        self.scope_spans.close(&mut self.bytes);
        self.resource_spans.close(&mut self.bytes);
        self.bytes
    }
}
