//! The part of the protobuf wire format that OTLP uses. Source: protobuf.dev, "Encoding".

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

// === impl Message ===

/// The fields of one message, not yet read.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    rest: &'a [u8],
    /// Offset of `rest` in the body.
    offset: usize,
}

impl<'a> Message<'a> {
    pub(crate) fn of_body(body: &'a [u8]) -> Self {
        Self { rest: body, offset: 0 }
    }

    /// The next field, `None` at the end of the message.
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let offset = self.offset;
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| (1..=FIELD_NUMBER_MAX).contains(number));
        let Some(number) = number else { return Err(WireError { what: "bad field number", offset }) };
        let content = match (tag & 7) as u32 {
            wire_type::VARINT => Content::Varint(self.varint()?),
            wire_type::FIXED64 => Content::Fixed64(u64::from_le_bytes(self.array()?)),
            wire_type::BYTES => {
                let len = self.varint()?;
                let at = self.offset;
                Content::Bytes(self.take(len)?, at)
            }
            wire_type::FIXED32 => Content::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(WireError { what: "bad wire type", offset }),
        };
        Ok(Some((number, Field { content, offset })))
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for (at, byte) in self.rest.iter().take(VARINT_BYTES_MAX).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                self.advance(at + 1);
                return Ok(value);
            }
        }
        let what = if self.rest.len() < VARINT_BYTES_MAX { "truncated number" } else { "number too long" };
        Err(WireError { what, offset: self.offset })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let truncated = WireError { what: "truncated number", offset: self.offset };
        let array = *self.rest.first_chunk().ok_or(truncated)?;
        self.advance(N);
        Ok(array)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], WireError> {
        let truncated = WireError { what: "length past the end", offset: self.offset };
        let len = usize::try_from(len).map_err(|_| truncated)?;
        let taken = self.rest.get(..len).ok_or(truncated)?;
        self.advance(len);
        Ok(taken)
    }

    fn advance(&mut self, len: usize) {
        self.rest = &self.rest[len..];
        self.offset += len;
    }
}

// === impl Field ===

/// One field's value and where its tag stood.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    content: Content<'a>,
    offset: usize,
}

#[derive(Clone, Copy)]
enum Content<'a> {
    /// The bytes and their offset in the body.
    Bytes(&'a [u8], usize),
    Fixed32(u32),
    Fixed64(u64),
    Varint(u64),
}

impl<'a> Field<'a> {
    pub(crate) fn bytes(self) -> Result<&'a [u8], WireError> {
        match self.content {
            Content::Bytes(bytes, _) => Ok(bytes),
            _ => Err(self.mistyped()),
        }
    }

    pub(crate) fn message(self) -> Result<Message<'a>, WireError> {
        match self.content {
            Content::Bytes(rest, offset) => Ok(Message { rest, offset }),
            _ => Err(self.mistyped()),
        }
    }

    pub(crate) fn varint(self) -> Result<u64, WireError> {
        match self.content {
            Content::Varint(value) => Ok(value),
            _ => Err(self.mistyped()),
        }
    }

    pub(crate) fn fixed32(self) -> Result<u32, WireError> {
        match self.content {
            Content::Fixed32(value) => Ok(value),
            _ => Err(self.mistyped()),
        }
    }

    pub(crate) fn fixed64(self) -> Result<u64, WireError> {
        match self.content {
            Content::Fixed64(value) => Ok(value),
            _ => Err(self.mistyped()),
        }
    }

    fn mistyped(self) -> WireError {
        WireError { what: "field of the wrong type", offset: self.offset }
    }
}

/// Highest field number that protobuf allows.
const FIELD_NUMBER_MAX: u32 = (1 << 29) - 1;

/// A 64-bit varint has at most this many bytes.
const VARINT_BYTES_MAX: usize = 10;
