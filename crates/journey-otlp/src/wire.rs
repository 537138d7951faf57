//! A walk over the bytes of an OTLP `ExportTraceServiceRequest`, record by record, borrowing all text.
//!
//! In: the assembled body. Out: each span once, as a [`SpanRecord`] in a buffer that is used again for the next,
//! or as a [`Reject`]. No allocation per span beyond that buffer, no recursion: depth is what the schema has.
//! Fields that a journey does not need (events, dropped counts, maps, bytes) are passed over.
//! `TracesData` has the same layout and is read too.

use std::borrow::Cow;

use journey_model::{Attribute, Link, Resource, SpanId, SpanKind, SpanRecord, SpanStatus, TraceId, Value};
use thiserror::Error;

use crate::Reject;
use crate::protobuf::{Field, Message, STATUS_ERROR, STATUS_OK, field};

/// Most attributes of one span; one with more is rejected.
pub const ATTRIBUTES_MAX: usize = 1024;

/// The body is no OTLP protobuf: what is wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no OTLP protobuf: {what} at byte {offset}")]
pub struct WireError {
    /// What is wrong.
    pub what: &'static str,
    /// Offset of the place from the start of the body, in bytes.
    pub offset: usize,
}

/// What reading a part of a span gives: the outer result is about the body, the inner about this span.
type Read<T> = Result<Result<T, Reject>, WireError>;

/// Calls `visit` for each span, in the order of the body.
///
/// # Errors
/// Framing that cannot be followed. Spans visited before the broken place have been visited; a caller that wants
/// all or nothing checks with an empty visitor first, which costs a few per cent of decoding.
pub fn walk<'a>(
    body: &'a [u8],
    mut visit: impl FnMut(&Resource<'a>, Result<&SpanRecord<'a>, Reject>),
) -> Result<(), WireError> {
    let mut buffer = blank_span();
    let mut resource = Resource::default();
    let mut request = Message::of_body(body);
    while let Some((number, value)) = request.next()? {
        if number == field::REQUEST_RESOURCE_SPANS {
            let group = value.message()?;
            resource.attributes.clear();
            read_resource(group, &mut resource)?;
            read_scopes(group, &resource, &mut buffer, &mut visit)?;
        }
    }
    Ok(())
}

/// Checks the framing of a whole body and counts its spans, rejected ones included.
///
/// # Errors
/// Framing that cannot be followed.
pub fn check(body: &[u8]) -> Result<usize, WireError> {
    let mut spans = 0;
    walk(body, |_, _| spans += 1)?;
    Ok(spans)
}

/// The resource may stand behind the spans it belongs to, so it is looked up first.
fn read_resource<'a>(mut group: Message<'a>, resource: &mut Resource<'a>) -> Result<(), WireError> {
    while let Some((number, value)) = group.next()? {
        if number != field::RESOURCE_SPANS_RESOURCE {
            continue;
        }
        let mut fields = value.message()?;
        while let Some((number, value)) = fields.next()? {
            // A resource attribute that is no UTF-8 is left out: the spans are worth more than it.
            if number == field::RESOURCE_ATTRIBUTES
                && let Ok(Some(attribute)) = read_attribute(value.message()?)?
            {
                resource.attributes.push(attribute);
            }
        }
    }
    Ok(())
}

fn read_scopes<'a>(
    mut group: Message<'a>,
    resource: &Resource<'a>,
    buffer: &mut SpanRecord<'a>,
    visit: &mut impl FnMut(&Resource<'a>, Result<&SpanRecord<'a>, Reject>),
) -> Result<(), WireError> {
    while let Some((number, value)) = group.next()? {
        if number != field::RESOURCE_SPANS_SCOPE_SPANS {
            continue;
        }
        let mut scope = value.message()?;
        while let Some((number, value)) = scope.next()? {
            if number == field::SCOPE_SPANS_SPANS {
                match read_span(value.message()?, buffer)? {
                    Ok(()) => visit(resource, Ok(buffer)),
                    Err(reject) => visit(resource, Err(reject)),
                }
            }
        }
    }
    Ok(())
}

fn read_span<'a>(mut fields: Message<'a>, span: &mut SpanRecord<'a>) -> Read<()> {
    *span = SpanRecord {
        attributes: cleared(std::mem::take(&mut span.attributes)),
        links: cleared(std::mem::take(&mut span.links)),
        ..blank_span()
    };
    let (mut trace_id, mut span_id) = (None, None);
    let mut rejected = None;
    while let Some((number, value)) = fields.next()? {
        let outcome = match number {
            field::SPAN_TRACE_ID => {
                trace_id = TraceId::from_slice(value.bytes()?);
                Ok(())
            }
            field::SPAN_SPAN_ID => {
                span_id = SpanId::from_slice(value.bytes()?);
                Ok(())
            }
            _ => read_span_field(number, value, span)?,
        };
        if let Err(reject) = outcome {
            rejected.get_or_insert(reject);
        }
    }
    if let Some(reject) = rejected {
        return Ok(Err(reject));
    }
    let Some(trace_id) = trace_id else { return Ok(Err(Reject::InvalidTraceId)) };
    let Some(span_id) = span_id else { return Ok(Err(Reject::InvalidSpanId)) };
    (span.trace_id, span.span_id) = (trace_id, span_id);
    Ok(if span.start_ns == 0 || span.end_ns < span.start_ns { Err(Reject::BadTime) } else { Ok(()) })
}

fn read_span_field<'a>(number: u32, value: Field<'a>, span: &mut SpanRecord<'a>) -> Read<()> {
    match number {
        field::SPAN_TRACE_STATE => return Ok(text(value.bytes()?).map(|state| span.trace_state = state)),
        field::SPAN_PARENT_SPAN_ID => {
            let bytes = value.bytes()?;
            span.parent_span_id = SpanId::from_slice(bytes);
            // Some exporters write the absent parent as eight zeros.
            if span.parent_span_id.is_none() && bytes.iter().any(|byte| *byte != 0) {
                return Ok(Err(Reject::InvalidParentId));
            }
        }
        field::SPAN_NAME => return Ok(text(value.bytes()?).map(|name| span.name = name)),
        field::SPAN_KIND => span.kind = SpanKind::from_number(value.varint()?),
        field::SPAN_START => span.start_ns = value.fixed64()?,
        field::SPAN_END => span.end_ns = value.fixed64()?,
        field::SPAN_ATTRIBUTES if span.attributes.len() == ATTRIBUTES_MAX => {
            return Ok(Err(Reject::TooManyAttributes));
        }
        field::SPAN_ATTRIBUTES => {
            return Ok(read_attribute(value.message()?)?.map(|read| span.attributes.extend(read)));
        }
        field::SPAN_LINKS => return Ok(read_link(value.message()?)?.map(|read| span.links.extend(read))),
        field::SPAN_STATUS => return Ok(read_status(value.message()?)?.map(|status| span.status = status)),
        // The lowest eight bits are the W3C trace flags.
        field::SPAN_FLAGS => span.flags = (value.fixed32()? & 0xff) as u8,
        _ => {}
    }
    Ok(Ok(()))
}

/// A link with a broken id says nothing; it is left out, the span stays.
fn read_link<'a>(mut fields: Message<'a>) -> Read<Option<Link<'a>>> {
    let (mut trace_id, mut span_id) = (None, None);
    let mut attributes = Vec::new();
    while let Some((number, value)) = fields.next()? {
        match number {
            field::LINK_TRACE_ID => trace_id = TraceId::from_slice(value.bytes()?),
            field::LINK_SPAN_ID => span_id = SpanId::from_slice(value.bytes()?),
            field::LINK_ATTRIBUTES if attributes.len() < ATTRIBUTES_MAX => {
                match read_attribute(value.message()?)? {
                    Ok(attribute) => attributes.extend(attribute),
                    Err(reject) => return Ok(Err(reject)),
                }
            }
            _ => {}
        }
    }
    Ok(Ok(trace_id.zip(span_id).map(|(trace_id, span_id)| Link { trace_id, span_id, attributes })))
}

fn read_status<'a>(mut fields: Message<'a>) -> Read<SpanStatus<'a>> {
    let (mut code, mut description) = (0, Cow::Borrowed(""));
    while let Some((number, value)) = fields.next()? {
        match number {
            field::STATUS_CODE => code = value.varint()?,
            field::STATUS_MESSAGE => match text(value.bytes()?) {
                Ok(message) => description = message,
                Err(reject) => return Ok(Err(reject)),
            },
            _ => {}
        }
    }
    Ok(Ok(match code {
        STATUS_OK => SpanStatus::Ok,
        STATUS_ERROR => SpanStatus::Error { description },
        _ => SpanStatus::Unset,
    }))
}

/// `None` is an attribute of a type that a journey has no use for.
fn read_attribute<'a>(mut fields: Message<'a>) -> Read<Option<Attribute<'a>>> {
    let mut key = Cow::Borrowed("");
    let mut read = None;
    while let Some((number, value)) = fields.next()? {
        match number {
            field::KEY_VALUE_KEY => match text(value.bytes()?) {
                Ok(text) => key = text,
                Err(reject) => return Ok(Err(reject)),
            },
            field::KEY_VALUE_VALUE => match read_value(value.message()?)? {
                Ok(value) => read = value,
                Err(reject) => return Ok(Err(reject)),
            },
            _ => {}
        }
    }
    Ok(Ok(read.map(|value| Attribute { key, value })))
}

fn read_value<'a>(mut fields: Message<'a>) -> Read<Option<Value<'a>>> {
    let mut read = None;
    while let Some((number, value)) = fields.next()? {
        match number {
            field::ANY_STRING => match text(value.bytes()?) {
                Ok(text) => read = Some(Value::Str(text)),
                Err(reject) => return Ok(Err(reject)),
            },
            field::ANY_BOOL => read = Some(Value::Bool(value.varint()? != 0)),
            field::ANY_INT => read = Some(Value::Int(value.varint()?.cast_signed())),
            field::ANY_DOUBLE => read = Some(Value::Double(f64::from_bits(value.fixed64()?))),
            field::ANY_ARRAY => match read_str_array(value.message()?)? {
                Ok(texts) => read = texts.map(Value::StrArray),
                Err(reject) => return Ok(Err(reject)),
            },
            _ => {}
        }
    }
    Ok(Ok(read))
}

/// `None` if an element is no text.
fn read_str_array<'a>(mut array: Message<'a>) -> Read<Option<Vec<Cow<'a, str>>>> {
    let mut texts = Vec::new();
    while let Some((number, value)) = array.next()? {
        if number != field::ARRAY_VALUES {
            continue;
        }
        let mut element = value.message()?;
        while let Some((number, value)) = element.next()? {
            if number != field::ANY_STRING {
                return Ok(Ok(None));
            }
            match text(value.bytes()?) {
                Ok(text) => texts.push(text),
                Err(reject) => return Ok(Err(reject)),
            }
        }
    }
    Ok(Ok(Some(texts)))
}

fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Reject> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Reject::BadUtf8)
}

/// Empties a buffer and keeps its memory.
fn cleared<T>(mut buffer: Vec<T>) -> Vec<T> {
    buffer.clear();
    buffer
}

/// A span with placeholder ids; [`read_span`] never hands one out.
fn blank_span<'a>() -> SpanRecord<'a> {
    const TRACE_ID: TraceId = TraceId::from_bytes([1; 16]).expect("the bytes are not zero");
    const SPAN_ID: SpanId = SpanId::from_bytes([1; 8]).expect("the bytes are not zero");
    SpanRecord {
        trace_id: TRACE_ID,
        span_id: SPAN_ID,
        parent_span_id: None,
        name: Cow::Borrowed(""),
        kind: SpanKind::Unspecified,
        start_ns: 0,
        end_ns: 0,
        flags: 0,
        trace_state: Cow::Borrowed(""),
        attributes: Vec::new(),
        links: Vec::new(),
        status: SpanStatus::Unset,
    }
}

#[cfg(test)]
mod tests;
