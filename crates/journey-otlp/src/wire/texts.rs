//! The texts of a body, each checked to be UTF-8 before it is handed out.
//!
//! Most texts are a few bytes of ASCII, and a check has a cost of its own whatever the length. So it looks on from a
//! text through all that follows in the span, keys, values and the bytes between them, up to the first that is no
//! ASCII: a number, mostly. The texts that follow are then cut out of that stretch.

use std::ops::Range;

use crate::Reject;
use crate::protobuf::Message;

/// The texts of a body, and the stretch of it that was looked at.
pub(super) struct Texts<'a> {
    body: &'a [u8],
    /// Where the part ends that is looked at in one go.
    until: usize,
    /// A stretch that was found to be UTF-8.
    stretch: &'a str,
    /// Offset of the stretch in the body.
    from: usize,
}

impl<'a> Texts<'a> {
    pub(super) fn of_body(body: &'a [u8]) -> Self {
        Self { body, until: body.len(), stretch: "", from: 0 }
    }

    /// From now on, texts of this part are asked for.
    #[inline]
    pub(super) fn enter(&mut self, part: &Message<'_>) {
        self.until = part.end();
    }

    /// The text that stands there.
    ///
    /// # Errors
    /// It is no UTF-8.
    #[inline]
    pub(super) fn get(&mut self, range: Range<usize>) -> Result<&'a str, Reject> {
        // What stands before the stretch wraps around, and so lies behind it.
        let start = range.start.wrapping_sub(self.from);
        match self.stretch.get(start..start.wrapping_add(range.len())) {
            Some(text) => Ok(text),
            None => self.look_on(range),
        }
    }

    /// A text that is not all ASCII is looked at alone.
    #[inline(never)]
    fn look_on(&mut self, range: Range<usize>) -> Result<&'a str, Reject> {
        let ahead = &self.body[range.start..self.until.max(range.end)];
        let len = ascii_prefix(ahead).max(range.len());
        self.stretch = std::str::from_utf8(&ahead[..len]).map_err(|_| Reject::BadUtf8)?;
        self.from = range.start;
        Ok(&self.stretch[..range.len()])
    }
}

/// Bytes before the first that is no ASCII.
#[inline]
fn ascii_prefix(bytes: &[u8]) -> usize {
    let high_bits = |word: &[u8; WORD]| u64::from_le_bytes(*word) & HIGH_BITS;
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let is_ascii =
        |block: &&[u8; BLOCK]| block.as_chunks().0.iter().fold(0, |all, word| all | high_bits(word)) == 0;
    let mut len = blocks.iter().take_while(is_ascii).count() * BLOCK;
    let (words, rest) = bytes[len..].as_chunks();
    for word in words {
        match high_bits(word) {
            0 => len += WORD,
            found => return len + found.trailing_zeros() as usize / 8,
        }
    }
    len + rest.iter().take_while(|byte| byte.is_ascii()).count()
}

const WORD: usize = size_of::<u64>();
/// Bytes that are looked at together.
const BLOCK: usize = 8 * WORD;
/// What no ASCII byte has.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
