//! The spans that the audit of this project judges, and its verdict on each.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind::{Client, Consumer, Internal, Producer, Server};

use super::row::{Row, check_rows};

/// Scenario: server, client, database, message and journey spans as they should be, and with one fault each.
/// Guarantees: the verdict on each is the audit's.
#[test]
fn verdicts_are_the_audits() {
    check_rows(BASE, AUDIT);
}

/// What most rows of one kind have.
pub(super) const BASE: &[(&str, &str)] = &[
    ("srv", "http.request.method=GET; url.path=/x/1; url.scheme=http"),
    ("cli", "http.request.method=GET; server.address=a; server.port=int 1; url.full=http://a:1/x"),
    ("200", "http.response.status_code=int 200"),
    ("404", "http.response.status_code=int 404"),
    ("500", "http.response.status_code=int 500"),
    ("db", "db.system.name=postgresql"),
    ("23505", "db.response.status_code=23505"),
    (
        "mq",
        "messaging.system=rabbitmq; messaging.destination.name=ex:rk; messaging.operation.name=publish; rk",
    ),
    ("rk", "messaging.rabbitmq.destination.routing_key=rk"),
    ("send", "messaging.operation.type=send"),
    (
        "process",
        "mq; -messaging.destination.name; -messaging.operation.name; messaging.destination.name=ex:rk:q; \
         messaging.operation.name=consume; messaging.operation.type=process",
    ),
    (
        "settle",
        "messaging.system=rabbitmq; messaging.destination.name=q; messaging.operation.name=ack; \
         messaging.operation.type=settle",
    ),
    (
        "stage",
        "journey.stage.name=production_take; journey.stage.attempt=int 1; journey.head_sampled=bool true; \
         order.id=ORD-1",
    ),
    ("end", "stage; journey.signal=end; journey.seq=int 2; journey.stage.outcome=ok"),
    ("marker", "stage; journey.stage.heartbeat.sequence=int 0; journey.stage.heartbeat.interval=double 15.0"),
    ("start", "marker; journey.signal=start; journey.seq=int 1"),
    (
        "beat",
        "marker; journey.signal=beat; journey.stage.idle=double 0.4; journey.stage.progress=double 0.25",
    ),
    ("signal", "journey.signal=process; journey.process.state=running"),
];

const AUDIT: &[(u32, Row)] = &[
    (1, (Server, "GET", "srv; 200", "", "ok")),
    (2, (Server, "GET /x/{id}", "srv; http.route=/x/{id}; 200", "", "ok")),
    (
        3,
        (
            Server,
            "GET",
            "srv; 500; error.type=500",
            "",
            "http_status_not_error, span_error_type_without_error_status",
        ),
    ),
    (4, (Server, "GET", "srv; 500; error.type=500", "error", "ok")),
    (5, (Server, "GET", "srv; 404", "", "ok")),
    (6, (Server, "GET", "srv; 404; error.type=404", "error", "http_status_must_be_unset")),
    (
        7,
        (
            Server,
            "HTTP",
            "srv; -http.request.method; http.request.method=_OTHER; http.request.method_original=FOO; 200",
            "",
            "ok",
        ),
    ),
    (8, (Client, "GET", "cli; 200", "", "ok")),
    (9, (Client, "GET /x/{id}", "cli; url.template=/x/{id}; 200", "", "ok")),
    (10, (Client, "GET", "cli; 404", "", "http_status_not_error")),
    (11, (Client, "GET", "cli; -url.full; url.full=http://u:p@a:1/x; 200", "", "http_url_credentials")),
    (12, (Client, "GET", "cli; -server.port; 200", "", "span_required_attribute_not_present")),
    (13, (Client, "GET", "cli; error.type=connect", "error", "ok")),
    (
        14,
        (
            Client,
            "SELECT orders",
            "db; db.query.summary=SELECT orders; db.query.text=SELECT * FROM orders WHERE id = $1",
            "",
            "ok",
        ),
    ),
    (15, (Client, "SELECT shop", "db; db.operation.name=SELECT; db.namespace=shop", "", "ok")),
    (16, (Client, "postgresql", "db", "", "ok")),
    (17, (Client, "pg:5433", "db; server.address=pg; server.port=int 5433", "", "ok")),
    (18, (Internal, "postgresql", "db", "", "span_kind_mismatch")),
    (19, (Client, "postgresql", "db; 23505", "", "db_status_not_error")),
    (20, (Client, "postgresql", "db; 23505; error.type=23505", "error", "ok")),
    (21, (Client, "postgresql", "db; db.response.status_code=00000", "", "ok")),
    (22, (Client, "postgresql", "db; db.query.text=SELECT 'x'", "", "db_query_text_literal")),
    (23, (Producer, "publish ex:rk", "mq; send", "", "ok")),
    (24, (Client, "publish ex:rk", "mq; send", "link", "ok")),
    (25, (Client, "publish ex:rk", "mq; send", "", "span_kind_mismatch")),
    (26, (Consumer, "consume ex:rk:q", "process", "link", "ok")),
    (27, (Consumer, "consume ex:rk:q", "process", "", "messaging_link_missing (improvement)")),
    (28, (Client, "ack q", "settle", "", "ok")),
    (29, (Producer, "ex:rk publish", "mq; send", "", "span_name_mismatch")),
    (
        30,
        (
            Producer,
            "publish ex:rk",
            "mq; send; -messaging.destination.name",
            "",
            "span_required_attribute_not_present",
        ),
    ),
    (
        31,
        (
            Producer,
            "publish ex",
            "mq; send; -messaging.destination.name; messaging.destination.name=ex",
            "",
            "messaging_rabbitmq_destination",
        ),
    ),
    (32, (Internal, "stage production_take", "end", "", "ok")),
    (
        33,
        (
            Internal,
            "stage production_take",
            "end; -journey.stage.attempt",
            "",
            "span_required_attribute_not_present",
        ),
    ),
    (34, (Internal, "stage production_take", "end", "error", "span_error_without_error_type")),
    (35, (Internal, "work", "", "", "ok")),
    (36, (Internal, "work", "", "ok", "span_status_ok_by_instrumentation (improvement)")),
    (37, (Internal, "work", "", "exception", "span_exception_event (information)")),
    (38, (Internal, "stage production_take", "start", "", "ok")),
    (
        39,
        (
            Internal,
            "stage production_take",
            "beat; -journey.stage.heartbeat.sequence; journey.stage.heartbeat.sequence=int 3",
            "",
            "ok",
        ),
    ),
    (
        40,
        (
            Internal,
            "stage production_take",
            "end; -journey.signal",
            "",
            "span_required_attribute_not_present",
        ),
    ),
    (
        41,
        (
            Internal,
            "stage production_take",
            "end; -journey.signal; journey.signal=alive",
            "",
            "undefined_enum_variant",
        ),
    ),
    (
        42,
        (
            Internal,
            "stage production_take",
            "end; -journey.head_sampled",
            "",
            "span_required_attribute_not_present",
        ),
    ),
    (43, (Internal, "process", "signal; journey.seq=int 7", "orphan", "ok")),
    (44, (Internal, "process", "signal", "orphan", "span_required_attribute_not_present")),
];
