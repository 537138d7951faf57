//! The first look at an STL file: pieces of it stream by, its format or the reason why it is none comes out.
//!
//! The shop and MES have the same copy of this file, so that MES reads what the shop takes. Two habits of modelling
//! programs need care: binary files whose text begins with `solid`, and ASCII files with upper-case keywords or names of
//! any language.

use thiserror::Error;

/// Most triangles a model may have; a typical ring has fewer than 300 000.
pub(crate) const TRIANGLES_MAX: u64 = 2_000_000;

/// The text or zeros before the count of a binary file.
pub(crate) const HEADER_BYTES: usize = 80;

/// A triangle of a binary file: a normal and three corners of three 32-bit numbers each, and two bytes for attributes.
pub(crate) const RECORD_BYTES: usize = 50;

/// Bytes looked at from the start of a file, and from its end.
const HEAD_BYTES: usize = 512;
const TAIL_BYTES: usize = 512;

/// Why a file is no STL model. The text is meant for the person who uploaded it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(crate) enum NotStl {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The file has no triangle, or none with an area.
    #[error("the file contains no triangles")]
    NoTriangles,
    /// More triangles than [`TRIANGLES_MAX`].
    #[error("the model has more than {TRIANGLES_MAX} triangles")]
    TooManyTriangles,
    /// A binary file is shorter than its header says.
    #[error("the file is truncated: its header announces {announced} triangles, and it holds {held}")]
    Truncated {
        /// Number of triangles in the header.
        announced: u64,
        /// Number of whole triangles in the file.
        held: u64,
    },
    /// An ASCII file ends without `endsolid`.
    #[error("the file is truncated: it ends without `endsolid`")]
    TruncatedText,
    /// The bytes are too few for a binary STL and do not begin like an ASCII one.
    #[error("this is neither a binary nor an ASCII STL file")]
    Unknown,
}

/// The two ways to write an STL file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Format {
    Ascii,
    Binary,
}

/// What there is to see of a file that streams by.
#[derive(Default)]
pub(crate) struct Glimpse {
    head: Vec<u8>,
    tail: Vec<u8>,
    length_bytes: u64,
}

impl Glimpse {
    /// Looks at the next piece of the file.
    pub(crate) fn see(&mut self, piece: &[u8]) {
        self.length_bytes += piece.len() as u64;
        self.head.extend(piece.iter().take(HEAD_BYTES - self.head.len()));
        self.tail.extend(&piece[piece.len().saturating_sub(TAIL_BYTES)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL_BYTES));
    }

    /// Bytes seen so far.
    pub(crate) fn length_bytes(&self) -> u64 {
        self.length_bytes
    }

    /// Judges the file after its last piece. One that passes may still be no solid: only reading it all shows that.
    ///
    /// # Errors
    /// Any [`NotStl`].
    pub(crate) fn check(&self) -> Result<Format, NotStl> {
        let format = Format::detect(&self.head, self.length_bytes)?;
        if format == Format::Ascii
            && !self.tail.to_ascii_lowercase().windows(END.len()).any(|word| word == END)
        {
            return Err(NotStl::TruncatedText);
        }
        Ok(format)
    }
}

impl Format {
    /// The format of a file of this length by its first bytes.
    ///
    /// The word `solid` alone says nothing, as binary headers use it too. But a text holds no zero byte, while the count
    /// behind a binary header, up to [`TRIANGLES_MAX`], has one as its highest byte.
    ///
    /// # Errors
    /// Any [`NotStl`] but that of a text's end.
    pub(crate) fn detect(head: &[u8], length_bytes: u64) -> Result<Self, NotStl> {
        let head = &head[..head.len().min(HEAD_BYTES)];
        let held = length_bytes.saturating_sub(HEADER_BYTES as u64 + 4) / RECORD_BYTES as u64;
        let is_text =
            head.trim_ascii_start().get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"solid"))
                && !head.contains(&0);
        match announced(head) {
            _ if length_bytes == 0 => Err(NotStl::Empty),
            _ if is_text => Ok(Self::Ascii),
            None => Err(NotStl::Unknown),
            Some(0) => Err(NotStl::NoTriangles),
            // Four bytes of anything else than an STL file are a huge count, too.
            Some(announced) if announced > TRIANGLES_MAX && announced > held => Err(NotStl::Unknown),
            Some(announced) if announced > TRIANGLES_MAX => Err(NotStl::TooManyTriangles),
            Some(announced) if announced > held => Err(NotStl::Truncated { announced, held }),
            Some(_) => Ok(Self::Binary),
        }
    }
}

/// The number of triangles by the header of a binary file.
pub(crate) fn announced(head: &[u8]) -> Option<u64> {
    let count = head.get(HEADER_BYTES..HEADER_BYTES + 4)?.try_into().ok()?;
    Some(u64::from(u32::from_le_bytes(count)))
}

/// The keyword of the last line of an ASCII file.
const END: &[u8] = b"endsolid";

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(text: &[u8], triangles: u32, records: usize) -> Vec<u8> {
        let mut file = vec![0; HEADER_BYTES];
        file[..text.len()].copy_from_slice(text);
        file.extend(triangles.to_le_bytes());
        file.resize(file.len() + records * RECORD_BYTES, 1);
        file
    }

    fn check(file: &[u8], piece: usize) -> Result<Format, NotStl> {
        let mut glimpse = Glimpse::default();
        file.chunks(piece).for_each(|piece| glimpse.see(piece));
        assert_eq!(glimpse.length_bytes(), file.len() as u64);
        glimpse.check()
    }

    /// Scenario: good and bad files of both formats, in small pieces and at once.
    /// Guarantees: good ones pass in each spelling, each bad one is refused for its own reason.
    #[test]
    fn each_file_gets_its_verdict() {
        let facets = "facet normal 0 0 1\n".repeat(100);
        let text = |first: &str, last: &str| format!("{first}\n{facets}{last}").into_bytes();
        let truncated = NotStl::Truncated { announced: 3, held: 2 };
        let cases = [
            (text("solid ring", "endsolid ring\n"), Ok(Format::Ascii)),
            (text("\r\n SOLID", "ENDSOLID"), Ok(Format::Ascii)),
            (text("solid Кольцо", "endsolid Кольцо"), Ok(Format::Ascii)),
            (binary(b"", 2, 2), Ok(Format::Binary)),
            (binary(b"solid but binary", 2, 2), Ok(Format::Binary)),
            (Vec::new(), Err(NotStl::Empty)),
            (b"PNG".to_vec(), Err(NotStl::Unknown)),
            (b"<html>".repeat(200), Err(NotStl::Unknown)),
            (binary(b"", 0, 1), Err(NotStl::NoTriangles)),
            (binary(b"", 3, 2), Err(truncated)),
            (text("solid ring", ""), Err(NotStl::TruncatedText)),
        ];
        for (file, verdict) in cases {
            assert_eq!(check(&file, 7), verdict);
            assert_eq!(check(&file, file.len().max(1)), verdict);
        }
        let count = TRIANGLES_MAX + 1;
        let length = (HEADER_BYTES + 4) as u64 + count * RECORD_BYTES as u64;
        let detected = Format::detect(&binary(b"", count as u32, 0), length);
        assert_eq!(detected, Err(NotStl::TooManyTriangles));
    }
}
