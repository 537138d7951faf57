//! What does a span cost the exporter's thread, from its end to the bytes that are sent?
//!
//! A batch of 512 server spans with eight attributes each. Both encoders must write the same: what ours wrote is read by
//! the official types and compared with what the official transformation builds, before anything is measured.

use std::hint::black_box;
use std::sync::{Arc, Mutex};

use journey_model::{Attribute, Resource};
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use prost::Message;

use crate::case::{Case, Cases};

/// By the name `export/{encoder}`, an operation is one span. `clone` is what `official` spends on nothing but its copy
/// of the batch, which it takes by value.
pub fn cases() -> Cases {
    let case = |name: &str, set_up: fn() -> Case| {
        (format!("export/{name}"), Box::new(set_up) as Box<dyn FnOnce() -> Case>)
    };
    vec![case("clone", clone), case("journey", ours), case("official", official)]
}

fn clone() -> Case {
    let spans = spans();
    batches(move || drop(black_box(spans.clone())))
}

fn ours() -> Case {
    let spans = spans();
    let encode = journey::batch_encoder(spans.clone(), resource());
    let bodies = encode();
    assert_eq!(bodies.len(), 1, "the batch is small enough for one body");
    let read = ExportTraceServiceRequest::decode(&*bodies[0]).expect("the official types read it");
    // Without the two in the message, which fill screens.
    assert!(comparable(read) == comparable(official_request(spans)), "they do not say the same");
    batches(move || drop(black_box(encode())))
}

fn official() -> Case {
    let spans = spans();
    batches(move || drop(black_box(official_request(spans.clone()).encode_to_vec())))
}

fn batches(operation: impl FnMut() + 'static) -> Case {
    Case { per_call: SPANS, ..Case::bare(operation) }
}

fn official_request(spans: Vec<SpanData>) -> ExportTraceServiceRequest {
    let resource = opentelemetry_sdk::Resource::builder_empty()
        .with_attribute(KeyValue::new("service.name", "shop-api"))
        .build();
    let resource = ResourceAttributesWithSchema::from(&resource);
    ExportTraceServiceRequest { resource_spans: group_spans_by_resource_and_scope(spans, &resource) }
}

fn resource() -> Resource<'static> {
    Resource { attributes: vec![Attribute::new("service.name", "shop-api")] }
}

/// Without what only looks different, and what ours leaves out.
fn comparable(mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    for span in request.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans) {
        for span in &mut span.spans {
            // Only the flags of the trace; whether the parent is remote is not told.
            span.flags &= 0xff;
            // To leave out a status and to write one that is unset is the same.
            span.status.get_or_insert_default();
        }
    }
    request
}

/// Spans as the SDK ends them.
fn spans() -> Vec<SpanData> {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
    let tracer = provider.tracer("shop");
    for number in 0..SPANS {
        let remote = SpanContext::new(
            TraceId::from(u128::from(number) + 1),
            SpanId::from(number + 1),
            TraceFlags::SAMPLED,
            true,
            TraceState::default(),
        );
        let parent = Context::new().with_remote_span_context(remote);
        let attributes = [
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.route", "/orders/{id}"),
            KeyValue::new("http.response.status_code", 200),
            KeyValue::new("url.scheme", "https"),
            KeyValue::new("url.path", format!("/orders/{number}")),
            KeyValue::new("user_agent.original", "curl/8.5.0"),
            KeyValue::new("server.address", "shop-api"),
            KeyValue::new("order.id", format!("ORD-{number:06}")),
        ];
        let span = tracer.span_builder("GET /orders/{id}").with_kind(SpanKind::Server);
        drop(span.with_attributes(attributes).start_with_context(&tracer, &parent));
    }
    kept.0.lock().expect("no exporter panics").clone()
}

#[derive(Debug, Default, Clone)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().expect("no exporter panics").extend(batch);
        Ok(())
    }
}

/// One batch of the exporter.
const SPANS: u64 = 512;
