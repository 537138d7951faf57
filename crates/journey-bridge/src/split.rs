//! A body that is too large for one message, cut into several that are valid OTLP each.
//!
//! The cut goes between `ResourceSpans`; one that is too large alone is cut between its `ScopeSpans`, and one of
//! these between its spans, each part with the resource and scope repeated. Bytes are copied, never decoded.
//! Source: `opentelemetry/proto/trace/v1/trace.proto`: the repeated part is field 1 of the request and field 2 of
//! both inner messages.

use thiserror::Error;

use crate::limits::MESSAGES_BYTES_MAX;

/// Why a body could not be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The protobuf framing is broken.
    #[error("the protobuf framing is broken")]
    Framing,
    /// The parts are larger together than they may be, because of what each of them repeats.
    #[error(
        "cut into messages, the body has more than {bytes_max} bytes, because each repeats its resource and scope: \
         make these smaller, or send fewer spans at a time"
    )]
    PartsTooLarge {
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// One span with its resource is larger than the limit.
    #[error("one span with its resource has more than {bytes_max} bytes")]
    SpanTooLarge {
        /// The limit, in bytes.
        bytes_max: usize,
    },
}

/// Cuts a request into requests of at most `bytes_max` bytes, in order, and of [`MESSAGES_BYTES_MAX`] together. An
/// empty request gives none.
///
/// # Errors
/// Broken framing, a single span above the limit, or parts that repeat too much.
pub fn split(body: &[u8], bytes_max: usize) -> Result<Vec<Vec<u8>>, SplitError> {
    pieces(Level::Request, body, bytes_max).map_err(|error| match error {
        // The inner levels know only what is left of the limit.
        SplitError::SpanTooLarge { .. } => SplitError::SpanTooLarge { bytes_max },
        other => other,
    })
}

/// How deep a message is nested; the repeated field of each level holds messages of the next.
#[derive(Clone, Copy)]
enum Level {
    Request,
    ResourceSpans,
    ScopeSpans,
}

impl Level {
    const fn repeated_field(self) -> u64 {
        match self {
            Level::Request => 1,
            Level::ResourceSpans | Level::ScopeSpans => 2,
        }
    }

    const fn inner(self) -> Option<Level> {
        match self {
            Level::Request => Some(Level::ResourceSpans),
            Level::ResourceSpans => Some(Level::ScopeSpans),
            Level::ScopeSpans => None,
        }
    }
}

fn pieces(level: Level, message: &[u8], bytes_max: usize) -> Result<Vec<Vec<u8>>, SplitError> {
    let (head, entries) = read(message, level.repeated_field())?;
    let mut packer = Packer {
        head,
        field: level.repeated_field(),
        bytes_max,
        bytes_full: 0,
        open: Vec::new(),
        full: Vec::new(),
    };
    for entry in entries {
        if packer.fits_alone(entry.len()) {
            packer.push(entry)?;
            continue;
        }
        let inner = level.inner().ok_or(SplitError::SpanTooLarge { bytes_max })?;
        let left = bytes_max.saturating_sub(packer.head.len() + FRAME_BYTES_MAX);
        for part in pieces(inner, entry, left)? {
            packer.push(&part)?;
        }
    }
    Ok(packer.finish())
}

/// Fills messages one after another; each begins with the fields that all parts repeat.
struct Packer {
    head: Vec<u8>,
    field: u64,
    bytes_max: usize,
    bytes_full: usize,
    open: Vec<u8>,
    full: Vec<Vec<u8>>,
}

impl Packer {
    fn fits_alone(&self, entry_bytes: usize) -> bool {
        self.head.len() + FRAME_BYTES_MAX + entry_bytes <= self.bytes_max
    }

    fn push(&mut self, entry: &[u8]) -> Result<(), SplitError> {
        if !self.open.is_empty() && self.open.len() + FRAME_BYTES_MAX + entry.len() > self.bytes_max {
            self.bytes_full += self.open.len();
            self.full.push(std::mem::take(&mut self.open));
        }
        if self.open.is_empty() {
            self.open.extend_from_slice(&self.head);
        }
        put_varint(&mut self.open, self.field << 3 | WIRE_BYTES);
        put_varint(&mut self.open, entry.len() as u64);
        self.open.extend_from_slice(entry);
        if self.bytes_full + self.open.len() > MESSAGES_BYTES_MAX {
            return Err(SplitError::PartsTooLarge { bytes_max: MESSAGES_BYTES_MAX });
        }
        Ok(())
    }

    fn finish(mut self) -> Vec<Vec<u8>> {
        if !self.open.is_empty() {
            self.full.push(self.open);
        }
        self.full
    }
}

/// One message as its repeated entries, and everything else as it stands.
fn read(message: &[u8], repeated_field: u64) -> Result<(Vec<u8>, Vec<&[u8]>), SplitError> {
    let (mut head, mut entries) = (Vec::new(), Vec::new());
    let mut rest = message;
    while !rest.is_empty() {
        let field = take_field(rest).ok_or(SplitError::Framing)?;
        match field.payload {
            Some(payload) if field.number == repeated_field => entries.push(payload),
            _ => head.extend_from_slice(&rest[..field.bytes]),
        }
        rest = &rest[field.bytes..];
    }
    Ok((head, entries))
}

struct RawField<'a> {
    number: u64,
    /// Length with tag, in bytes; never more than there is.
    bytes: usize,
    /// Content of a length-delimited field.
    payload: Option<&'a [u8]>,
}

fn take_field(bytes: &[u8]) -> Option<RawField<'_>> {
    let (tag, tag_bytes) = take_varint(bytes)?;
    let rest = &bytes[tag_bytes..];
    let (content_bytes, payload) = match tag & 7 {
        WIRE_VARINT => (take_varint(rest)?.1, None),
        WIRE_FIXED64 => (8, None),
        WIRE_FIXED32 => (4, None),
        WIRE_BYTES => {
            let (length, length_bytes) = take_varint(rest)?;
            let end = length_bytes.checked_add(usize::try_from(length).ok()?)?;
            (end, Some(rest.get(length_bytes..end)?))
        }
        _ => return None,
    };
    (content_bytes <= rest.len()).then_some(RawField {
        number: tag >> 3,
        bytes: tag_bytes + content_bytes,
        payload,
    })
}

fn take_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(VARINT_BYTES_MAX).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

const WIRE_VARINT: u64 = 0;
const WIRE_FIXED64: u64 = 1;
pub(crate) const WIRE_BYTES: u64 = 2;
const WIRE_FIXED32: u64 = 5;

const VARINT_BYTES_MAX: usize = 10;

/// Most bytes that a tag and a length take here: lengths stay below 4 GiB.
const FRAME_BYTES_MAX: usize = 6;

#[cfg(test)]
mod tests;
