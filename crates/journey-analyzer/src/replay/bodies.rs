//! Plain bytes cut into OTLP bodies: a line of JSON each, or protobuf behind its length.
//!
//! Which of the two it is, the first byte says: a length of four bytes, most significant first, begins with a byte of
//! at most [`LENGTH_HEAD_MAX`], and no text does.

use std::io::{BufRead, Read};

use anyhow::bail;

use crate::limits::REPLAY_BODY_BYTES_MAX;

/// One body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body<'a> {
    /// It cannot be read, for this reason; the next one can.
    Broken(&'static str),
    /// OTLP/JSON.
    Json(&'a [u8]),
    /// OTLP protobuf.
    Protobuf(&'a [u8]),
}

/// The bodies of one file.
pub(super) struct Bodies<R> {
    input: R,
    buffer: Vec<u8>,
    /// `None` until the first byte was seen.
    framing: Option<Framing>,
    /// Bytes read so far, to name the place of a mistake.
    offset: u64,
}

#[derive(Debug, Clone, Copy)]
enum Framing {
    Lengths,
    Lines,
}

impl<R: BufRead> Bodies<R> {
    /// The bodies of this input.
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), framing: None, offset: 0 }
    }

    /// The next body; `None` at the end.
    ///
    /// # Errors
    /// The input fails, or a length tells that this is no such file.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Body<'_>>> {
        let framing = match self.framing {
            Some(framing) => framing,
            None => match self.input.fill_buf()?.first() {
                None => return Ok(None),
                Some(first) if *first <= LENGTH_HEAD_MAX => Framing::Lengths,
                Some(_) => Framing::Lines,
            },
        };
        self.framing = Some(framing);
        match framing {
            Framing::Lengths => self.behind_length(),
            Framing::Lines => self.line(),
        }
    }

    fn behind_length(&mut self) -> anyhow::Result<Option<Body<'_>>> {
        let at = self.offset;
        match self.read(4)? {
            0 => return Ok(None),
            4 => {}
            _ => return Ok(Some(Body::Broken(BROKEN))),
        }
        let length = u32::from_be_bytes(self.buffer[..4].try_into().expect("four bytes were read"));
        if length as usize > REPLAY_BODY_BYTES_MAX {
            bail!(
                "the length at byte {at} is {length}: this is neither OTLP/JSON lines nor protobuf behind lengths"
            );
        }
        let read = self.read(length as usize)?;
        // The recorder died while it wrote the last one.
        let is_whole = read == length as usize;
        Ok(Some(if is_whole { Body::Protobuf(&self.buffer) } else { Body::Broken(BROKEN) }))
    }

    fn read(&mut self, bytes: usize) -> anyhow::Result<usize> {
        self.buffer.clear();
        let read = self.input.by_ref().take(bytes as u64).read_to_end(&mut self.buffer)?;
        self.offset += read as u64;
        Ok(read)
    }

    fn line(&mut self) -> anyhow::Result<Option<Body<'_>>> {
        loop {
            self.buffer.clear();
            let most = REPLAY_BODY_BYTES_MAX as u64 + 1;
            let read = self.input.by_ref().take(most).read_until(b'\n', &mut self.buffer)?;
            if read == 0 {
                return Ok(None);
            }
            if self.buffer.len() > REPLAY_BODY_BYTES_MAX && !self.buffer.ends_with(b"\n") {
                self.input.skip_until(b'\n')?;
                return Ok(Some(Body::Broken(TOO_LARGE)));
            }
            if !text(&self.buffer).is_empty() {
                return Ok(Some(Body::Json(text(&self.buffer))));
            }
        }
    }
}

/// The line without spaces around it, and without the mark that some editors put before the first.
fn text(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii()
}

/// First byte of the largest length that is taken.
const LENGTH_HEAD_MAX: u8 = (REPLAY_BODY_BYTES_MAX >> 24) as u8;

/// Reason of a body that breaks off or is no OTLP.
pub(super) const BROKEN: &str = "broken_body";
/// Reason of a line above [`REPLAY_BODY_BYTES_MAX`].
const TOO_LARGE: &str = "body_too_large";
