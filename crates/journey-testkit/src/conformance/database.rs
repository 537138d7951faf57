//! Spans of database clients, sections "Database" and "PostgreSQL" of the conventions.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::finding::Findings;
use super::official::{DB_SYSTEM_NAME, SERVER_ADDRESS, SERVER_PORT};
use super::span::Subject;
use super::sql;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    subject.kind_is(SpanKind::Client, findings);
    subject.name_is(&name(subject), findings);
    subject.recommend(&["db.namespace", "db.query.summary", "db.query.text", SERVER_ADDRESS], findings);
    subject.only_with(SERVER_PORT, SERVER_ADDRESS, findings);
    if subject.str(DB_SYSTEM_NAME) == Some("postgresql") {
        subject.refuse(&["network.peer.address", "network.peer.port"], findings);
    }
    status(subject, findings);
    query(subject, findings);
    if subject.int("db.operation.batch.size") == Some(1) {
        findings.violation("span_attribute_not_applicable", "db.operation.batch.size of 1");
    }
}

/// The summary, else operation and target, else the target, else the system.
fn name(subject: &Subject<'_>) -> String {
    if let Some(summary) = subject.str("db.query.summary") {
        return summary.to_owned();
    }
    let target = ["db.collection.name", "db.stored_procedure.name", "db.namespace"];
    let target =
        target.iter().find_map(|key| subject.str(key)).map(str::to_owned).or_else(|| subject.server());
    match (subject.str("db.operation.name"), target) {
        (Some(operation), Some(target)) => format!("{operation} {target}"),
        (Some(only), None) => only.to_owned(),
        (None, Some(only)) => only,
        (None, None) => subject.str(DB_SYSTEM_NAME).unwrap_or_default().to_owned(),
    }
}

/// SQLSTATE classes 00 and 01 are success and warning.
fn status(subject: &Subject<'_>, findings: &mut Findings) {
    let Some(code) = subject.str("db.response.status_code") else { return };
    let is_error = !code.starts_with("00") && !code.starts_with("01");
    if is_error && !subject.is_error() {
        findings.violation("db_status_not_error", code);
    }
    if code.len() != 5 && subject.str(DB_SYSTEM_NAME) == Some("postgresql") {
        findings.violation("db_status_unknown", code);
    }
    if is_error && subject.error_type().is_some_and(|error_type| error_type != code) {
        findings.violation("db_error_type", format_args!("differs from db.response.status_code {code}"));
    }
}

fn query(subject: &Subject<'_>, findings: &mut Findings) {
    if let Some(literal) = subject.str("db.query.text").and_then(sql::literal) {
        findings.violation("db_query_text_literal", literal);
    }
    if let Some(summary) = subject.str("db.query.summary") {
        if summary.chars().count() > SUMMARY_CHARACTERS_MAX {
            findings.violation("db_query_summary_too_long", summary.chars().count());
        }
        if let Some(literal) = sql::literal(summary) {
            findings.violation("db_query_summary_literal", literal);
        }
    }
    let has_parameters =
        subject.span.attributes.iter().any(|attribute| attribute.key.starts_with("db.query.parameter."));
    if has_parameters {
        findings.improvement("span_attribute_opt_in", "db.query.parameter");
    }
    subject.opt_in(&["db.response.returned_rows"], findings);
}

/// Longest `db.query.summary`.
const SUMMARY_CHARACTERS_MAX: usize = 255;
