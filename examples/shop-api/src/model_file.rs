//! Is this an STL file? Looks at the head and the length only; MES reads the rest.

use thiserror::Error;

/// Bytes of the head that [`check`] wants to see, if the file has that many.
pub(crate) const HEAD_BYTES: usize = 512;

/// Most triangles that MES takes.
const TRIANGLES_MAX: u32 = 2_000_000;

/// A binary STL file: a free text, the number of triangles, then so many triangles of fixed length.
const TEXT_BYTES: usize = 80;
const HEADER_BYTES: usize = TEXT_BYTES + 4;
const TRIANGLE_BYTES: u64 = 50;

/// A file that is no STL model, with the reason told to the customer.
#[derive(Debug, Error, PartialEq)]
pub(crate) enum Unreadable {
    #[error("the file is empty")]
    Empty,
    #[error("the model has no triangles")]
    NoTriangles,
    #[error("the file is neither a binary nor an ASCII STL model")]
    NotStl,
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the model has more than {TRIANGLES_MAX} triangles")]
    TooManyTriangles,
    #[error("the file has {found} bytes where its header promises {promised}")]
    Truncated { promised: u64, found: u64 },
}

/// Checks the first [`HEAD_BYTES`] of a file of `length` bytes.
///
/// # Errors
/// Why it is no STL model.
pub(crate) fn check(head: &[u8], length: u64) -> Result<(), Unreadable> {
    if length == 0 {
        return Err(Unreadable::Empty);
    }
    // Many programs begin their binary files with the word `solid` too, so the lines behind it decide.
    if head.starts_with(b"solid") && is_text(head) {
        return if contains(head, b"facet") { Ok(()) } else { Err(Unreadable::NoTriangles) };
    }
    let Some(count) = head.get(TEXT_BYTES..HEADER_BYTES).and_then(|bytes| bytes.try_into().ok()) else {
        return Err(Unreadable::NotStl);
    };
    let triangles = u32::from_le_bytes(count);
    let promised = HEADER_BYTES as u64 + u64::from(triangles) * TRIANGLE_BYTES;
    match triangles {
        0 => Err(Unreadable::NoTriangles),
        // Other files have anything in these four bytes.
        _ if promised > length && triangles > TRIANGLES_MAX => Err(Unreadable::NotStl),
        _ if promised > length => Err(Unreadable::Truncated { promised, found: length }),
        _ if triangles > TRIANGLES_MAX => Err(Unreadable::TooManyTriangles),
        _ => Ok(()),
    }
}

/// The class of a model's size by which durations are compared: `small` is below 1 MB, `medium` below 10 MB.
pub(crate) fn size_class(bytes: u64) -> &'static str {
    match bytes {
        0..1_000_000 => "small",
        1_000_000..10_000_000 => "medium",
        _ => "large",
    }
}

fn is_text(head: &[u8]) -> bool {
    head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(text: &[u8], triangles: u32) -> Vec<u8> {
        let mut head = vec![0; TEXT_BYTES];
        head[..text.len()].copy_from_slice(text);
        head.extend(triangles.to_le_bytes());
        head
    }

    /// Scenario: heads of good and bad files of both kinds.
    /// Guarantees: good ones pass, each bad one is refused for its own reason.
    #[test]
    fn each_file_gets_its_reason() {
        let ascii = b"solid ring\n facet normal 0 0 1\n";
        assert_eq!(check(ascii, 9000), Ok(()));
        assert_eq!(check(&binary(b"", 2), 184), Ok(()));
        assert_eq!(check(&binary(b"solid but binary", 2), 184), Ok(()));
        assert_eq!(check(b"", 0), Err(Unreadable::Empty));
        assert_eq!(check(b"solid ring\nendsolid ring\n", 25), Err(Unreadable::NoTriangles));
        assert_eq!(check(&binary(b"", 0), 84), Err(Unreadable::NoTriangles));
        assert_eq!(check(&binary(b"", 3), 184), Err(Unreadable::Truncated { promised: 234, found: 184 }));
        assert_eq!(check(&binary(b"", 2_000_001), 100_000_134), Err(Unreadable::TooManyTriangles));
        assert_eq!(check(&[b'x'; HEAD_BYTES], 9000), Err(Unreadable::NotStl));
        assert_eq!(check(b"<html>", 6), Err(Unreadable::NotStl));
    }
}
