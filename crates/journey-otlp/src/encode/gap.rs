//! The place of a length that is written after what it counts.

use crate::protobuf::wire_type;

use super::fields::put_tag;

/// Place of a length that is not known yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap {
    /// Offset of the first byte after the length.
    start: usize,
}

impl Gap {
    pub(crate) fn open(bytes: &mut Vec<u8>, number: u32) -> Self {
        put_tag(bytes, number, wire_type::BYTES);
        bytes.extend_from_slice(&[0; LENGTH_WIDTH]);
        Self { start: bytes.len() }
    }

    pub(crate) fn close(self, bytes: &mut [u8]) {
        let mut length = bytes.len() - self.start;
        let place = &mut bytes[self.start - LENGTH_WIDTH..self.start];
        for (at, byte) in place.iter_mut().enumerate() {
            let more = if at + 1 < LENGTH_WIDTH { 0x80 } else { 0 };
            *byte = (length & 0x7f) as u8 | more;
            length >>= 7;
        }
    }
}

/// Bytes kept free for a length: four groups of seven bits, 256 MiB.
const LENGTH_WIDTH: usize = 4;
