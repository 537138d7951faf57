//! What holds for any span.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::finding::Findings;
use super::span::Subject;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    identity(subject, findings);
    status(subject, findings);
    events(subject, findings);
}

fn identity(subject: &Subject<'_>, findings: &mut Findings) {
    let span = subject.span;
    let is_id = |id: &[u8], len: usize| id.len() == len && id.iter().any(|byte| *byte != 0);
    if !is_id(&span.trace_id, 16) || !is_id(&span.span_id, 8) {
        findings.violation("span_id_invalid", "trace or span id");
    }
    if !span.parent_span_id.is_empty() && !is_id(&span.parent_span_id, 8) {
        findings.violation("span_id_invalid", "id of the parent");
    }
    if span.start_time_unix_nano == 0 || span.end_time_unix_nano < span.start_time_unix_nano {
        findings.violation("span_time_invalid", "ends before it starts");
    }
    if subject.kind() == SpanKind::Unspecified {
        findings.violation("span_kind_mismatch", "unspecified");
    }
    if subject.name().is_empty() {
        findings.violation("span_name_mismatch", "empty");
    }
}

fn status(subject: &Subject<'_>, findings: &mut Findings) {
    match (subject.is_error(), subject.error_type()) {
        (true, None) => findings.violation("span_error_without_error_type", subject.description()),
        (false, Some(error_type)) => findings.violation("span_error_type_without_error_status", error_type),
        _ => {}
    }
    if !subject.is_error() && !subject.description().is_empty() {
        findings.violation("span_description_without_error_status", subject.description());
    }
    if subject.status() == StatusCode::Ok {
        findings.improvement("span_status_ok_by_instrumentation", "only the application may say so");
    }
}

/// Events are log records nowadays.
fn events(subject: &Subject<'_>, findings: &mut Findings) {
    for event in &subject.span.events {
        let rule = if event.name == "exception" { "span_exception_event" } else { "span_event" };
        findings.information(rule, &event.name);
    }
}
