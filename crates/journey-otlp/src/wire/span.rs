//! One span.

use std::borrow::Cow;

use journey_model::{Link, SpanId, SpanKind, SpanRecord, SpanStatus, TraceId};

use super::Trouble;
use super::attribute::{self, Attributes};
use super::texts::Texts;
use crate::Reject;
use crate::protobuf::{Message, STATUS_ERROR, STATUS_OK, tags};

/// Reads a span into the buffer, which holds anything if that fails.
///
/// # Errors
/// Its framing cannot be followed, or something in it is wrong; what stands behind that is not looked at.
#[inline]
pub(super) fn read<'a>(
    message: Message<'a>,
    texts: &mut Texts<'a>,
    span: &mut SpanRecord<'a>,
) -> Result<(), Trouble> {
    // A copy of its own can live in registers; what is passed cannot.
    let mut fields = message;
    texts.enter(&fields);
    clear(span);
    let mut attributes = Attributes::over(&mut span.attributes);
    let (mut trace_id, mut span_id) = (None, None);
    while let Some(tag) = fields.tag()? {
        match tag {
            tags::SPAN_TRACE_ID => trace_id = TraceId::from_slice(fields.bytes()?),
            tags::SPAN_SPAN_ID => span_id = SpanId::from_slice(fields.bytes()?),
            tags::SPAN_TRACE_STATE => span.trace_state = Cow::Borrowed(text(fields.bytes()?)?),
            tags::SPAN_PARENT_SPAN_ID => span.parent_span_id = parent(fields.bytes()?)?,
            tags::SPAN_NAME => span.name = Cow::Borrowed(text(fields.bytes()?)?),
            tags::SPAN_KIND => span.kind = SpanKind::from_number(fields.varint()?),
            tags::SPAN_START => span.start_ns = fields.fixed64()?,
            tags::SPAN_END => span.end_ns = fields.fixed64()?,
            tags::SPAN_ATTRIBUTES => loop {
                attribute::read(fields.message()?, texts, &mut attributes)?;
                // They stand together.
                if !fields.goes_on_with(tags::SPAN_ATTRIBUTES) {
                    break;
                }
            },
            tags::SPAN_LINKS => span.links.extend(link(fields.message()?, texts)?),
            tags::SPAN_STATUS => span.status = status(fields.message()?)?,
            // The lowest eight bits are the W3C trace flags.
            tags::SPAN_FLAGS => span.flags = (fields.fixed32()? & 0xff) as u8,
            other => fields.skip(other)?,
        }
    }
    attributes.end();
    span.trace_id = trace_id.ok_or(Reject::InvalidTraceId)?;
    span.span_id = span_id.ok_or(Reject::InvalidSpanId)?;
    if span.start_ns == 0 || span.end_ns < span.start_ns { Err(Reject::BadTime.into()) } else { Ok(()) }
}

/// A span with placeholder ids; [`read`] never hands one out.
pub(super) fn blank<'a>() -> SpanRecord<'a> {
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

/// What [`blank`] gives, except what [`read`] sets in any case; links keep their memory.
#[inline]
fn clear(span: &mut SpanRecord<'_>) {
    span.links.clear();
    span.parent_span_id = None;
    span.name = Cow::Borrowed("");
    span.kind = SpanKind::Unspecified;
    (span.start_ns, span.end_ns) = (0, 0);
    span.flags = 0;
    span.trace_state = Cow::Borrowed("");
    span.status = SpanStatus::Unset;
}

/// A text around which there are numbers.
#[inline]
fn text(bytes: &[u8]) -> Result<&str, Reject> {
    std::str::from_utf8(bytes).map_err(|_| Reject::BadUtf8)
}

/// Some exporters write the absent parent as eight zeros.
#[inline]
fn parent(bytes: &[u8]) -> Result<Option<SpanId>, Reject> {
    let parent = SpanId::from_slice(bytes);
    if parent.is_none() && bytes.iter().any(|byte| *byte != 0) {
        return Err(Reject::InvalidParentId);
    }
    Ok(parent)
}

/// A link with a broken id says nothing; it is left out, the span stays.
#[inline(never)]
fn link<'a>(mut fields: Message<'a>, texts: &mut Texts<'a>) -> Result<Option<Link<'a>>, Trouble> {
    let (mut trace_id, mut span_id) = (None, None);
    let mut list = Vec::new();
    let mut attributes = Attributes::over(&mut list);
    while let Some(tag) = fields.tag()? {
        match tag {
            tags::LINK_TRACE_ID => trace_id = TraceId::from_slice(fields.bytes()?),
            tags::LINK_SPAN_ID => span_id = SpanId::from_slice(fields.bytes()?),
            tags::LINK_ATTRIBUTES => attribute::read(fields.message()?, texts, &mut attributes)?,
            other => fields.skip(other)?,
        }
    }
    Ok(trace_id.zip(span_id).map(|(trace_id, span_id)| Link { trace_id, span_id, attributes: list }))
}

#[inline(never)]
fn status<'a>(mut fields: Message<'a>) -> Result<SpanStatus<'a>, Trouble> {
    let (mut code, mut description) = (0, "");
    while let Some(tag) = fields.tag()? {
        match tag {
            tags::STATUS_CODE => code = fields.varint()?,
            tags::STATUS_MESSAGE => description = text(fields.bytes()?)?,
            other => fields.skip(other)?,
        }
    }
    Ok(match code {
        STATUS_OK => SpanStatus::Ok,
        STATUS_ERROR => SpanStatus::Error { description: Cow::Borrowed(description) },
        _ => SpanStatus::Unset,
    })
}
