//! The ended spans of all tests of this binary. The tracer provider is global, so there is one for all of
//! them; each test looks at its own trace.

use std::sync::OnceLock;

use journey_testkit::conformance::{Level, check_span};
use opentelemetry::global;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

/// The exporter, behind the global provider from the first call on.
pub(crate) fn exporter() -> &'static InMemorySpanExporter {
    static EXPORTER: OnceLock<InMemorySpanExporter> = OnceLock::new();
    EXPORTER.get_or_init(|| {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        global::set_tracer_provider(provider);
        exporter
    })
}

/// None of these spans violates the conventions.
pub(crate) fn assert_conforming(spans: &[SpanData]) {
    let groups = group_spans_by_resource_and_scope(spans.to_vec(), &ResourceAttributesWithSchema::default());
    let spans = groups.iter().flat_map(|group| &group.scope_spans).flat_map(|scope| &scope.spans);
    let violations: Vec<String> = spans
        .flat_map(check_span)
        .filter(|finding| finding.level == Level::Violation)
        .map(|finding| finding.to_string())
        .collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}
