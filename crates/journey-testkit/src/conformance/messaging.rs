//! Spans of message clients, sections "Messaging" and "RabbitMQ" of the conventions.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::finding::Findings;
use super::official::{MESSAGING_SYSTEM, SERVER_ADDRESS, SERVER_PORT};
use super::span::Subject;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    subject.require(&[MESSAGING_SYSTEM, OPERATION_NAME, DESTINATION], findings);
    subject.recommend(&["messaging.message.id", SERVER_ADDRESS, SERVER_PORT], findings);
    subject.only_with(SERVER_PORT, SERVER_ADDRESS, findings);
    subject.opt_in(&["messaging.message.body.size", "messaging.message.envelope.size"], findings);
    for key in NAMELESS {
        if subject.bool(key) == Some(false) {
            findings.violation("span_attribute_not_applicable", format_args!("{key}=false"));
        }
    }
    name(subject, findings);
    match subject.str("messaging.operation.type") {
        Some(operation) => kind(operation, subject, findings),
        None => findings.violation("messaging_operation_type_missing", "messaging.operation.type"),
    }
    destination(subject, findings);
}

fn name(subject: &Subject<'_>, findings: &mut Findings) {
    let (Some(operation), true) = (subject.str(OPERATION_NAME), subject.has(DESTINATION)) else { return };
    let is_known = !NAMELESS.iter().any(|key| subject.bool(key) == Some(true));
    let destination = subject.str("messaging.destination.template");
    match destination.or_else(|| subject.str(DESTINATION).filter(|_| is_known)) {
        Some(destination) => subject.name_is(&format!("{operation} {destination}"), findings),
        None => subject.name_is(operation, findings),
    }
}

fn kind(operation: &str, subject: &Subject<'_>, findings: &mut Findings) {
    match operation {
        // The message may have had its context before; then it is linked, and this is a call like any other.
        "send" if subject.kind() == SpanKind::Client && subject.has_links() => {}
        "send" | "create" => subject.kind_is(SpanKind::Producer, findings),
        "receive" | "settle" => subject.kind_is(SpanKind::Client, findings),
        "process" => {
            subject.kind_is(SpanKind::Consumer, findings);
            subject.refuse(&["network.peer.address", "network.peer.port"], findings);
        }
        _ => {}
    }
    if matches!(operation, "receive" | "process") && !subject.has_links() {
        findings.improvement("messaging_link_missing", "to what created the message");
    }
    if matches!(operation, "send" | "create") {
        subject.refuse(&["messaging.rabbitmq.message.delivery_tag"], findings);
    }
    if operation == "settle" {
        subject.refuse(&[ROUTING_KEY], findings);
    }
}

/// A producer names exchange and routing key, a consumer also the queue; what is empty is left out.
fn destination(subject: &Subject<'_>, findings: &mut Findings) {
    let (Some(destination), Some(routing_key)) = (subject.str(DESTINATION), subject.str(ROUTING_KEY)) else {
        return;
    };
    let is_sent = matches!(subject.str("messaging.operation.type"), Some("send" | "create"));
    let ends_with_it = destination == routing_key || destination.ends_with(&format!(":{routing_key}"));
    let is_part = format!(":{destination}:").contains(&format!(":{routing_key}:"));
    if !(ends_with_it || !is_sent && is_part) {
        findings
            .violation("messaging_rabbitmq_destination", format_args!("{destination} without {routing_key}"));
    }
}

const DESTINATION: &str = "messaging.destination.name";
const OPERATION_NAME: &str = "messaging.operation.name";
const ROUTING_KEY: &str = "messaging.rabbitmq.destination.routing_key";

/// A destination whose name says nothing to a reader. Written only if true.
const NAMELESS: [&str; 2] = ["messaging.destination.anonymous", "messaging.destination.temporary"];
