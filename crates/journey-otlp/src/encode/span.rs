//! One span: the record, and what else there is to say of it.

use journey_model::{Link, SpanKind, SpanRecord, SpanStatus};

use crate::details::{Details, Event};
use crate::protobuf::{STATUS_ERROR, STATUS_OK, field, wire_type};

use super::attribute::put_attribute;
use super::fields::{put_bytes, put_fixed64, put_str, put_tag, put_varint_field};
use super::gap::Gap;

pub(super) fn put_span(bytes: &mut Vec<u8>, span: &SpanRecord<'_>) {
    put_bytes(bytes, field::SPAN_TRACE_ID, &span.trace_id.to_bytes());
    put_bytes(bytes, field::SPAN_SPAN_ID, &span.span_id.to_bytes());
    put_str(bytes, field::SPAN_TRACE_STATE, &span.trace_state);
    if let Some(parent) = span.parent_span_id {
        put_bytes(bytes, field::SPAN_PARENT_SPAN_ID, &parent.to_bytes());
    }
    put_str(bytes, field::SPAN_NAME, &span.name);
    if span.kind != SpanKind::Unspecified {
        put_varint_field(bytes, field::SPAN_KIND, span.kind as u64);
    }
    put_fixed64(bytes, field::SPAN_START, span.start_ns);
    put_fixed64(bytes, field::SPAN_END, span.end_ns);
    for attribute in &span.attributes {
        put_attribute(bytes, field::SPAN_ATTRIBUTES, attribute);
    }
    for link in &span.links {
        put_link(bytes, link);
    }
    put_status(bytes, &span.status);
    if span.flags != 0 {
        put_tag(bytes, field::SPAN_FLAGS, wire_type::FIXED32);
        bytes.extend_from_slice(&u32::from(span.flags).to_le_bytes());
    }
}

fn put_link(bytes: &mut Vec<u8>, link: &Link<'_>) {
    let gap = Gap::open(bytes, field::SPAN_LINKS);
    put_bytes(bytes, field::LINK_TRACE_ID, &link.trace_id.to_bytes());
    put_bytes(bytes, field::LINK_SPAN_ID, &link.span_id.to_bytes());
    for attribute in &link.attributes {
        put_attribute(bytes, field::LINK_ATTRIBUTES, attribute);
    }
    gap.close(bytes);
}

pub(super) fn put_details(bytes: &mut Vec<u8>, details: &Details<'_>) {
    details.events.iter().for_each(|event| put_event(bytes, event));
    put_count(bytes, field::SPAN_DROPPED_ATTRIBUTES, details.dropped_attributes);
    put_count(bytes, field::SPAN_DROPPED_EVENTS, details.dropped_events);
    put_count(bytes, field::SPAN_DROPPED_LINKS, details.dropped_links);
}

fn put_event(bytes: &mut Vec<u8>, event: &Event<'_>) {
    let gap = Gap::open(bytes, field::SPAN_EVENTS);
    put_fixed64(bytes, field::EVENT_TIME, event.time_ns);
    put_str(bytes, field::EVENT_NAME, &event.name);
    for attribute in &event.attributes {
        put_attribute(bytes, field::EVENT_ATTRIBUTES, attribute);
    }
    put_count(bytes, field::EVENT_DROPPED_ATTRIBUTES, event.dropped_attributes);
    gap.close(bytes);
}

fn put_count(bytes: &mut Vec<u8>, number: u32, count: u32) {
    if count != 0 {
        put_varint_field(bytes, number, count.into());
    }
}

fn put_status(bytes: &mut Vec<u8>, status: &SpanStatus<'_>) {
    let (code, description) = match status {
        SpanStatus::Unset => return,
        SpanStatus::Ok => (STATUS_OK, ""),
        SpanStatus::Error { description } => (STATUS_ERROR, &**description),
    };
    let gap = Gap::open(bytes, field::SPAN_STATUS);
    put_str(bytes, field::STATUS_MESSAGE, description);
    put_varint_field(bytes, field::STATUS_CODE, code);
    gap.close(bytes);
}
