//! Judges spans by OpenTelemetry semantic conventions 1.44.0 and by the registry of our own names.
//!
//! Goes in: OTLP bytes as a collector gets them, messages, or records. Comes out: [`Finding`]s, none for a span that is as it
//! should be. Attributes are judged as OpenTelemetry's live-check does it (unknown, of the wrong type, deprecated, in
//! somebody else's namespace); kinds, names, status and required attributes of spans, which it never looks at, by
//! rules of our own. It is stricter than either where one of our crates could go wrong.
//!
//! | file | what it judges |
//! |---|---|
//! | `attributes` | each attribute by itself |
//! | `general` | any span: ids, times, status, events |
//! | `http`, `database`, `messaging` | the spans of these conventions |
//! | `journey` | stages and process signals |
//! | `metrics` | names, units, instruments, buckets and labels |
//! | `resource` | who sends |
//!
//! ```
//! use journey_testkit::conformance::{Level, check};
//!
//! // An empty request has nothing to object to.
//! assert!(check(&[])?.iter().all(|finding| finding.level != Level::Violation));
//! # Ok::<(), anyhow::Error>(())
//! ```

mod attributes;
mod database;
mod finding;
mod general;
mod http;
mod journey;
mod messaging;
mod metrics;
mod official;
mod registry;
mod resource;
mod span;
mod sql;
#[cfg(test)]
mod tests;
mod url;

use anyhow::Context as _;
use journey_model::SpanRecord;
use journey_otlp::encode::Request;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

pub use finding::{Finding, Level};
pub use metrics::check_metrics;

use finding::Findings;
use registry::Registry;
use span::Subject;

/// Judges one OTLP request: the bytes of an `ExportTraceServiceRequest`.
///
/// # Errors
/// The bytes are no such request.
pub fn check(body: &[u8]) -> anyhow::Result<Vec<Finding>> {
    let request = ExportTraceServiceRequest::decode(body).context("no OTLP trace request")?;
    let mut findings = Findings::default();
    for group in &request.resource_spans {
        findings.of("resource");
        resource::check(group.resource.as_ref(), &mut findings);
        for scope in &group.scope_spans {
            for span in &scope.spans {
                check_into(span, &mut findings);
            }
            scope_schema(&scope.schema_url, &mut findings);
        }
    }
    Ok(findings.into_vec())
}

/// Judges one span.
pub fn check_span(span: &Span) -> Vec<Finding> {
    let mut findings = Findings::default();
    check_into(span, &mut findings);
    findings.into_vec()
}

/// Judges records, such as those of a journey lane, and who sends them.
pub fn check_records<'r, 'a: 'r>(
    resource: &journey_model::Resource<'_>,
    records: impl IntoIterator<Item = &'r SpanRecord<'a>>,
) -> Vec<Finding> {
    let schema_url = journey_model::attribute::JOURNEY_SCHEMA_URL;
    let mut request = Request::new(resource, "journey", schema_url);
    records.into_iter().for_each(|record| request.push(record));
    check(&request.finish()).expect("the encoder writes requests")
}

/// Judges one resource; `None` has no attributes.
pub fn check_resource(resource: Option<&Resource>) -> Vec<Finding> {
    let mut findings = Findings::default();
    findings.of("resource");
    resource::check(resource, &mut findings);
    findings.into_vec()
}

/// The violations of several requests, each one once.
///
/// # Errors
/// One of the bodies is no OTLP trace request.
pub fn violations<'a>(bodies: impl IntoIterator<Item = &'a Vec<u8>>) -> anyhow::Result<Vec<Finding>> {
    let mut violations = Vec::new();
    for body in bodies {
        violations.extend(check(body)?.into_iter().filter(|finding| finding.level == Level::Violation));
    }
    violations.sort();
    violations.dedup();
    Ok(violations)
}

fn check_into(span: &Span, findings: &mut Findings) {
    findings.of(&span.name);
    let subject = Subject::of(span);
    attributes::check(&span.attributes, findings);
    general::check(&subject, findings);
    if subject.has(official::HTTP_REQUEST_METHOD) {
        http::check(&subject, findings);
    }
    if subject.has(official::DB_SYSTEM_NAME) {
        database::check(&subject, findings);
    }
    if subject.has(official::MESSAGING_SYSTEM) {
        messaging::check(&subject, findings);
    }
    journey::check(&subject, findings);
}

/// A scope without a schema cannot be translated to a later one.
fn scope_schema(url: &str, findings: &mut Findings) {
    findings.of("scope");
    if url.is_empty() {
        findings.information("scope_schema_url", "none is given");
    } else if url != journey_model::attribute::SEMCONV_SCHEMA_URL && url != Registry::own().schema_url {
        findings.improvement("scope_schema_url", url);
    }
}
