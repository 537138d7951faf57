//! The part of the protobuf wire format that OTLP uses. Source: protobuf.dev, "Encoding".

use std::ops::Range;

use crate::wire::WireError;

/// Field numbers of `opentelemetry/proto/{trace,resource,common}/v1`.
pub(crate) mod field {
    pub(crate) const REQUEST_RESOURCE_SPANS: u32 = 1;
    pub(crate) const RESOURCE_SPANS_RESOURCE: u32 = 1;
    pub(crate) const RESOURCE_SPANS_SCOPE_SPANS: u32 = 2;
    pub(crate) const RESOURCE_ATTRIBUTES: u32 = 1;
    pub(crate) const SCOPE_SPANS_SCOPE: u32 = 1;
    pub(crate) const SCOPE_SPANS_SPANS: u32 = 2;
    pub(crate) const SCOPE_SPANS_SCHEMA_URL: u32 = 3;
    pub(crate) const SCOPE_NAME: u32 = 1;
    pub(crate) const SCOPE_VERSION: u32 = 2;
    pub(crate) const SPAN_TRACE_ID: u32 = 1;
    pub(crate) const SPAN_SPAN_ID: u32 = 2;
    pub(crate) const SPAN_TRACE_STATE: u32 = 3;
    pub(crate) const SPAN_PARENT_SPAN_ID: u32 = 4;
    pub(crate) const SPAN_NAME: u32 = 5;
    pub(crate) const SPAN_KIND: u32 = 6;
    pub(crate) const SPAN_START: u32 = 7;
    pub(crate) const SPAN_END: u32 = 8;
    pub(crate) const SPAN_ATTRIBUTES: u32 = 9;
    pub(crate) const SPAN_DROPPED_ATTRIBUTES: u32 = 10;
    pub(crate) const SPAN_EVENTS: u32 = 11;
    pub(crate) const SPAN_DROPPED_EVENTS: u32 = 12;
    pub(crate) const SPAN_LINKS: u32 = 13;
    pub(crate) const SPAN_DROPPED_LINKS: u32 = 14;
    pub(crate) const SPAN_STATUS: u32 = 15;
    pub(crate) const SPAN_FLAGS: u32 = 16;
    pub(crate) const EVENT_TIME: u32 = 1;
    pub(crate) const EVENT_NAME: u32 = 2;
    pub(crate) const EVENT_ATTRIBUTES: u32 = 3;
    pub(crate) const EVENT_DROPPED_ATTRIBUTES: u32 = 4;
    pub(crate) const LINK_TRACE_ID: u32 = 1;
    pub(crate) const LINK_SPAN_ID: u32 = 2;
    pub(crate) const LINK_ATTRIBUTES: u32 = 4;
    pub(crate) const STATUS_MESSAGE: u32 = 2;
    pub(crate) const STATUS_CODE: u32 = 3;
    pub(crate) const KEY_VALUE_KEY: u32 = 1;
    pub(crate) const KEY_VALUE_VALUE: u32 = 2;
    pub(crate) const ANY_STRING: u32 = 1;
    pub(crate) const ANY_BOOL: u32 = 2;
    pub(crate) const ANY_INT: u32 = 3;
    pub(crate) const ANY_DOUBLE: u32 = 4;
    pub(crate) const ANY_ARRAY: u32 = 5;
    pub(crate) const ARRAY_VALUES: u32 = 1;
}

/// The tags of the fields that a reader takes.
pub(crate) mod tags {
    use super::wire_type::{BYTES, FIXED32, FIXED64, VARINT};
    use super::{field, tag};

    pub(crate) const REQUEST_RESOURCE_SPANS: u64 = tag(field::REQUEST_RESOURCE_SPANS, BYTES);
    pub(crate) const RESOURCE_SPANS_RESOURCE: u64 = tag(field::RESOURCE_SPANS_RESOURCE, BYTES);
    pub(crate) const RESOURCE_SPANS_SCOPE_SPANS: u64 = tag(field::RESOURCE_SPANS_SCOPE_SPANS, BYTES);
    pub(crate) const RESOURCE_ATTRIBUTES: u64 = tag(field::RESOURCE_ATTRIBUTES, BYTES);
    pub(crate) const SCOPE_SPANS_SPANS: u64 = tag(field::SCOPE_SPANS_SPANS, BYTES);
    pub(crate) const SPAN_TRACE_ID: u64 = tag(field::SPAN_TRACE_ID, BYTES);
    pub(crate) const SPAN_SPAN_ID: u64 = tag(field::SPAN_SPAN_ID, BYTES);
    pub(crate) const SPAN_TRACE_STATE: u64 = tag(field::SPAN_TRACE_STATE, BYTES);
    pub(crate) const SPAN_PARENT_SPAN_ID: u64 = tag(field::SPAN_PARENT_SPAN_ID, BYTES);
    pub(crate) const SPAN_NAME: u64 = tag(field::SPAN_NAME, BYTES);
    pub(crate) const SPAN_KIND: u64 = tag(field::SPAN_KIND, VARINT);
    pub(crate) const SPAN_START: u64 = tag(field::SPAN_START, FIXED64);
    pub(crate) const SPAN_END: u64 = tag(field::SPAN_END, FIXED64);
    pub(crate) const SPAN_ATTRIBUTES: u64 = tag(field::SPAN_ATTRIBUTES, BYTES);
    pub(crate) const SPAN_LINKS: u64 = tag(field::SPAN_LINKS, BYTES);
    pub(crate) const SPAN_STATUS: u64 = tag(field::SPAN_STATUS, BYTES);
    pub(crate) const SPAN_FLAGS: u64 = tag(field::SPAN_FLAGS, FIXED32);
    pub(crate) const LINK_TRACE_ID: u64 = tag(field::LINK_TRACE_ID, BYTES);
    pub(crate) const LINK_SPAN_ID: u64 = tag(field::LINK_SPAN_ID, BYTES);
    pub(crate) const LINK_ATTRIBUTES: u64 = tag(field::LINK_ATTRIBUTES, BYTES);
    pub(crate) const STATUS_MESSAGE: u64 = tag(field::STATUS_MESSAGE, BYTES);
    pub(crate) const STATUS_CODE: u64 = tag(field::STATUS_CODE, VARINT);
    pub(crate) const KEY_VALUE_KEY: u64 = tag(field::KEY_VALUE_KEY, BYTES);
    pub(crate) const KEY_VALUE_VALUE: u64 = tag(field::KEY_VALUE_VALUE, BYTES);
    pub(crate) const ANY_STRING: u64 = tag(field::ANY_STRING, BYTES);
    pub(crate) const ANY_BOOL: u64 = tag(field::ANY_BOOL, VARINT);
    pub(crate) const ANY_INT: u64 = tag(field::ANY_INT, VARINT);
    pub(crate) const ANY_DOUBLE: u64 = tag(field::ANY_DOUBLE, FIXED64);
    pub(crate) const ANY_ARRAY: u64 = tag(field::ANY_ARRAY, BYTES);
    pub(crate) const ARRAY_VALUES: u64 = tag(field::ARRAY_VALUES, BYTES);
}

/// How a field's value is laid out.
pub(crate) mod wire_type {
    pub(crate) const VARINT: u32 = 0;
    pub(crate) const FIXED64: u32 = 1;
    pub(crate) const BYTES: u32 = 2;
    pub(crate) const FIXED32: u32 = 5;
}

/// `STATUS_CODE_OK`.
pub(crate) const STATUS_OK: u64 = 1;
/// `STATUS_CODE_ERROR`.
pub(crate) const STATUS_ERROR: u64 = 2;

/// A field's number and layout as one number, as they stand before its value.
pub(crate) const fn tag(number: u32, wire_type: u32) -> u64 {
    ((number << 3) | wire_type) as u64
}

// === impl Message ===

/// The fields of one message, not yet read.
///
/// [`Message::tag`] says which field comes; the caller then takes its value by the method of its layout, or passes over
/// it. A field of a known number in another layout is an unknown field, as protobuf has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    /// The body up to the end of this message.
    body: &'a [u8],
    /// Offset of what comes next in the body.
    at: usize,
}

impl<'a> Message<'a> {
    pub(crate) fn of_body(body: &'a [u8]) -> Self {
        Self { body, at: 0 }
    }

    /// What is not read yet.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.body[self.at..]
    }

    /// Where that begins, as an offset in the body.
    #[inline]
    pub(crate) fn start(&self) -> usize {
        self.at
    }

    /// Where it ends, as an offset in the body.
    #[inline]
    pub(crate) fn end(&self) -> usize {
        self.body.len()
    }

    /// The [`tag`] of the next field, `None` at the end of the message.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<Option<u64>, WireError> {
        match self.body.get(self.at) {
            None => Ok(None),
            Some(byte) if *byte < 0x80 => {
                self.at += 1;
                Ok(Some(u64::from(*byte)))
            }
            Some(_) => self.varint().map(Some),
        }
    }

    /// Whether the next field has this tag of one byte, which is then passed over.
    #[inline]
    pub(crate) fn goes_on_with(&mut self, tag: u64) -> bool {
        let goes_on = self.body.get(self.at).is_some_and(|byte| u64::from(*byte) == tag);
        self.at += usize::from(goes_on);
        goes_on
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, WireError> {
        match self.body.get(self.at) {
            // Nearly all: tags, and lengths of short texts.
            Some(byte) if *byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(*byte))
            }
            _ => {
                let (value, at) = long_varint(self.body, self.at)?;
                self.at = at;
                Ok(value)
            }
        }
    }

    #[inline]
    pub(crate) fn fixed64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_le_bytes)
    }

    #[inline]
    pub(crate) fn fixed32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    /// The content of a text or of bytes.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let range = self.range()?;
        Ok(&self.body[range])
    }

    /// The message in a field.
    #[inline]
    pub(crate) fn message(&mut self) -> Result<Message<'a>, WireError> {
        let Range { start, end } = self.range()?;
        Ok(Message { body: &self.body[..end], at: start })
    }

    /// Where the content of a text or of bytes stands in the body.
    #[inline]
    pub(crate) fn range(&mut self) -> Result<Range<usize>, WireError> {
        let len = self.varint()?;
        let start = self.at;
        match usize::try_from(len).ok().and_then(|len| start.checked_add(len)) {
            Some(end) if end <= self.body.len() => {
                self.at = end;
                Ok(start..end)
            }
            _ => Err(broken("length past the end", start)),
        }
    }

    /// Passes over the value of a field with this tag.
    #[inline]
    pub(crate) fn skip(&mut self, tag: u64) -> Result<(), WireError> {
        if !(1..=FIELD_NUMBER_MAX).contains(&(tag >> 3)) {
            return Err(broken("bad field number", self.at));
        }
        match (tag & 7) as u32 {
            wire_type::VARINT => self.varint().map(drop),
            wire_type::FIXED64 => self.fixed64().map(drop),
            wire_type::BYTES => self.range().map(drop),
            wire_type::FIXED32 => self.fixed32().map(drop),
            _ => Err(broken("bad wire type", self.at)),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        match self.rest().first_chunk() {
            Some(array) => {
                self.at += N;
                Ok(*array)
            }
            None => Err(broken("truncated number", self.at)),
        }
    }
}

/// A varint of more than one byte, and where it ends. Not a method, so that a message can live in registers.
#[inline(never)]
fn long_varint(body: &[u8], at: usize) -> Result<(u64, usize), WireError> {
    let rest = body.get(at..).unwrap_or_default();
    let mut value = 0;
    for (index, byte) in rest.iter().take(VARINT_BYTES_MAX).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, at + index + 1));
        }
    }
    let is_cut = rest.len() < VARINT_BYTES_MAX;
    Err(broken(if is_cut { "truncated number" } else { "number too long" }, at))
}

#[cold]
fn broken(what: &'static str, offset: usize) -> WireError {
    WireError { what, offset }
}

/// Highest field number that protobuf allows.
const FIELD_NUMBER_MAX: u64 = (1 << 29) - 1;

/// A 64-bit varint has at most this many bytes.
const VARINT_BYTES_MAX: usize = 10;
