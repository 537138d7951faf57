//! A file or standard input as plain bytes. What compressed it is known by its first bytes, never by its name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use anyhow::Context;
use flate2::read::MultiGzDecoder;

use super::progress::Progress;

/// Opens a file, `-` for standard input, and decompresses it on the way. Files glued together are read to the end.
pub(super) fn open(path: &Path, progress: &Progress) -> anyhow::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = if is_standard_input(path) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?)
    };
    decompressed(progress.watch(raw)).with_context(|| format!("cannot read {}", name(path)))
}

/// The file as people know it.
pub(super) fn name(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Whether this path stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

pub(super) fn decompressed(mut raw: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let mut head = Vec::with_capacity(ZSTD_MAGIC.len());
    raw.by_ref().take(ZSTD_MAGIC.len() as u64).read_to_end(&mut head)?;
    let is_gzip = head.starts_with(GZIP_MAGIC);
    let is_zstd = head.starts_with(ZSTD_MAGIC);
    let raw = BufReader::with_capacity(READ_BYTES, Cursor::new(head).chain(raw));
    Ok(match () {
        () if is_gzip => Box::new(BufReader::with_capacity(READ_BYTES, MultiGzDecoder::new(raw))),
        () if is_zstd => {
            Box::new(BufReader::with_capacity(READ_BYTES, zstd::stream::read::Decoder::with_buffer(raw)?))
        }
        () => Box::new(raw),
    })
}

/// RFC 1952, section 2.3.1.
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
/// RFC 8878, section 3.1.1.
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const READ_BYTES: usize = 128 * 1024;
