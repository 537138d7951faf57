//! Compression of requests.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The fast level: OTLP repeats itself so much that the others gain little.
pub(super) fn compress(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}
