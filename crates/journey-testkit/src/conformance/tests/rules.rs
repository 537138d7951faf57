//! Rules that the audit's table has no row for.

use journey_model::{Attribute, Resource};
use journey_otlp::encode::Request;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind::{
    Client, Consumer, Internal, Producer, Server, Unspecified,
};

use super::audit::BASE;
use super::row::{Row, check_rows, verdict};
use crate::conformance::{Level, check, check_resource, violations};

/// Scenario: one fault per row, of the kinds that are often made.
/// Guarantees: each is found, and nothing else.
#[test]
fn each_rule_finds_its_fault() {
    check_rows(BASE, FAULTS);
}

/// Scenario: a summary of 256 characters.
/// Guarantees: it is too long.
#[test]
fn a_long_summary_is_found() {
    let summary = "SELECT ".to_owned() + &"t".repeat(249);
    let attributes = format!("db; db.query.summary={summary}");
    let span = super::row::span(BASE, Client, &summary, &attributes, "");
    assert_eq!(verdict(&span), "db_query_summary_too_long");
}

/// Scenario: resources without a name, with the SDK's default name, and a good one.
/// Guarantees: only the last is without violations, and what it lacks is said.
#[test]
fn a_resource_needs_a_name() {
    let rules = |level: Level| {
        let findings = check_resource(None);
        findings.into_iter().filter(move |one| one.level == level).map(|one| one.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(Level::Violation), ["resource_service_name"]);
    assert_eq!(rules(Level::Improvement), ["resource_attribute_not_present"; 4]);

    let request = |name: &str| {
        let attributes = vec![Attribute::new("service.name", name.to_owned())];
        Request::new(&Resource { attributes }, "journey", journey_model::attribute::SEMCONV_SCHEMA_URL)
            .finish()
    };
    let unknown = violations([&request("unknown_service:crm-api")]).expect("a request");
    assert_eq!(unknown.iter().map(|one| one.rule).collect::<Vec<_>>(), ["resource_service_name"]);
    assert!(violations([&request("crm-api")]).expect("a request").is_empty());
    assert!(check(b"no request").is_err());
}

const FAULTS: &[(u32, Row)] = &[
    // Attributes by themselves.
    (1, (Internal, "work", "busy_ns=int 1", "", "missing_attribute, missing_namespace (improvement)")),
    (2, (Internal, "work", "http.route.extra=x", "", "extends_namespace, missing_attribute")),
    (3, (Internal, "work", "order.Total=x", "", "invalid_format, missing_attribute")),
    (4, (Internal, "work", "db.statement=SELECT", "", "deprecated")),
    (5, (Internal, "work", "server.port=80", "", "type_mismatch")),
    (6, (Internal, "work", "order.id=int 17", "", "type_mismatch")),
    (7, (Internal, "work", "order.id=ORD-1; order.id=ORD-2", "", "duplicate_attribute")),
    (8, (Internal, "work", "journey.facet.material=gold", "", "ok")),
    (9, (Internal, "work", "journey.http.outcome=lost", "", "undefined_enum_variant")),
    (10, (Internal, "work", "user.id=", "", "empty_value")),
    (11, (Unspecified, "work", "", "", "span_kind_mismatch")),
    (12, (Internal, "", "", "", "span_name_mismatch")),
    (13, (Internal, "work", "", "described", "span_description_without_error_status")),
    (14, (Internal, "work", "journey.signal=end", "", "span_type_unknown")),
    // HTTP.
    (20, (Internal, "GET", "srv; 200", "", "span_kind_mismatch")),
    (21, (Server, "GET /x/1", "srv; 200", "", "span_name_mismatch")),
    (22, (Server, "GET", "srv; -url.scheme; url.scheme=; 200", "", "empty_value")),
    (23, (Server, "GET", "srv; -url.scheme; 200", "", "span_required_attribute_not_present")),
    (24, (Server, "GET", "srv; url.query=sig=S&q=1; 200", "", "http_url_secret")),
    (25, (Server, "GET", "srv; url.query=sig=REDACTED&q=1; 200", "", "ok")),
    (26, (Server, "GET", "srv; network.protocol.version=2.0; 200", "", "http_protocol_version")),
    (27, (Server, "GET", "srv; server.port=int 80; 200", "", "span_attribute_not_applicable")),
    (28, (Server, "GET", "srv; http.request.header.cookie=list x; 200", "", "http_header_credentials")),
    (29, (Server, "GET", "srv; http.request.header.x-tenant=list x; 200", "", "ok")),
    (30, (Server, "GET", "srv; http.request.header.x-tenant=x; 200", "", "type_mismatch")),
    (
        31,
        (
            Server,
            "FOO",
            "srv; -http.request.method; http.request.method=FOO; 200",
            "",
            "undefined_enum_variant",
        ),
    ),
    (
        32,
        (
            Server,
            "HTTP",
            "srv; -http.request.method; http.request.method=_OTHER; 200",
            "",
            "span_required_attribute_not_present",
        ),
    ),
    (33, (Server, "GET", "srv; 404; error.type=body_error", "error", "ok")),
    (
        34,
        (
            Server,
            "GET",
            "srv; 500; error.type=500",
            "error described",
            "http_status_description (improvement)",
        ),
    ),
    (35, (Server, "GET", "srv; http.response.status_code=200", "", "type_mismatch")),
    (36, (Client, "GET", "cli; http.route=/x/{id}; 200", "", "span_attribute_not_applicable")),
    (37, (Client, "GET", "cli; http.request.resend_count=int 0; 200", "", "span_attribute_not_applicable")),
    (38, (Client, "GET", "cli; http.request.resend_count=int 1; 404; error.type=404", "error", "ok")),
    (39, (Client, "GET", "cli; -url.full; url.full=http://a:1/x?Signature=S; 200", "", "http_url_secret")),
    (40, (Client, "GET", "cli; -url.full; url.full=http://REDACTED:REDACTED@a:1/; 200", "", "ok")),
    (41, (Client, "GET", "cli; -url.full; url.full=/x; 200", "", "http_url_not_absolute")),
    // Databases.
    (50, (Client, "postgres", "db; -db.system.name; db.system.name=postgres", "", "undefined_enum_variant")),
    (51, (Client, "SELECT", "db", "", "span_name_mismatch")),
    (52, (Client, "postgresql", "db; network.peer.address=::1", "", "span_attribute_not_applicable")),
    (53, (Client, "postgresql", "db; 23505; error.type=unique", "error", "db_error_type")),
    (54, (Client, "postgresql", "db; db.operation.batch.size=int 1", "", "span_attribute_not_applicable")),
    (
        55,
        (
            Client,
            "SELECT 'x'",
            "db; db.query.summary=SELECT 'x'; db.query.text=SELECT ?",
            "",
            "db_query_summary_literal",
        ),
    ),
    // Messages.
    (60, (Producer, "publish ex:rk", "mq", "", "messaging_operation_type_missing")),
    (61, (Consumer, "publish ex:rk", "mq; send", "", "span_kind_mismatch")),
    (62, (Producer, "publish", "mq; send; messaging.destination.anonymous=bool true", "", "ok")),
    (63, (Producer, "publish t", "mq; send; messaging.destination.template=t", "", "ok")),
    (
        64,
        (
            Producer,
            "publish ex:rk",
            "mq; send; messaging.destination.anonymous=bool false",
            "",
            "span_attribute_not_applicable",
        ),
    ),
    (
        65,
        (
            Consumer,
            "consume ex:rk:q",
            "process; network.peer.address=::1",
            "link",
            "span_attribute_not_applicable",
        ),
    ),
    // The journey.
    (70, (Producer, "stage production_take", "end", "", "span_kind_mismatch")),
    (71, (Internal, "production_take", "end", "", "span_name_mismatch")),
    (72, (Internal, "stage production_take", "end; -journey.seq", "", "span_required_attribute_not_present")),
    (
        73,
        (
            Internal,
            "stage production_take",
            "end; -journey.stage.outcome; journey.stage.outcome=failed",
            "",
            "span_required_attribute_not_present",
        ),
    ),
    (74, (Internal, "stage production_take", "start", "orphan", "journey_marker_without_parent")),
    (75, (Internal, "stage production_take", "beat; journey.seq=int 3", "", "span_attribute_not_applicable")),
    (
        76,
        (
            Internal,
            "stage production_take",
            "end; -journey.signal; journey.signal=process",
            "",
            "journey_signal_mismatch",
        ),
    ),
    (
        77,
        (
            Internal,
            "process",
            "signal; -journey.signal; journey.signal=end; journey.seq=int 7",
            "orphan",
            "journey_signal_mismatch",
        ),
    ),
];
