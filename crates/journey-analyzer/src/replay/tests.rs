//! What a replay reads: framings, compressed files, spans in order of time, and repeats.

use std::io::{Cursor, Read, Write};

use journey_testkit::scenario::{self, Signal};

use super::bodies::{Bodies, Body};
use super::input::decompressed;
use super::seen::Seen;
use super::sorter::Sorter;

fn bodies(input: &[u8]) -> Result<Vec<String>, String> {
    let mut bodies = Bodies::new(Cursor::new(input.to_vec()));
    let mut read = Vec::new();
    while let Some(body) = bodies.next().map_err(|error| error.to_string())? {
        read.push(match body {
            Body::Broken(reason) => reason.to_owned(),
            Body::Json(text) => format!("json {}", String::from_utf8_lossy(text)),
            Body::Protobuf(bytes) => format!("protobuf {bytes:?}"),
        });
    }
    Ok(read)
}

/// Scenario: lines with and without a mark of order, spaces and an end; lengths, also of nothing; files that break off;
/// a length that cannot be.
/// Guarantees: the form is known by the first byte, each body is given once, and what breaks off is told.
#[test]
fn forms_are_known_by_content() {
    assert_eq!(bodies(b""), Ok(vec![]));
    assert_eq!(
        bodies(b"\xef\xbb\xbf{}\r\n\n  {\"a\":1}"),
        Ok(vec!["json {}".into(), "json {\"a\":1}".into()])
    );
    assert_eq!(
        bodies(b"\0\0\0\x02\x0a\x0b\0\0\0\0\0\0\0\x01\x0c"),
        Ok(vec!["protobuf [10, 11]".into(), "protobuf []".into(), "protobuf [12]".into()])
    );
    assert_eq!(
        bodies(b"\0\0\0\x01\x0a\0\0\0\x02\x0b"),
        Ok(vec!["protobuf [10]".into(), "broken_body".into()])
    );
    assert_eq!(bodies(b"\0\0\0\x01\x0a\0\0"), Ok(vec!["protobuf [10]".into(), "broken_body".into()]));
    assert!(bodies(b"\0\0\0\x01\x0a\xff\xff\xff\xff").unwrap_err().contains("at byte 5"));
}

/// Scenario: the same text plain, by gzip and zstd, and two compressed files glued together.
/// Guarantees: the text comes out, whatever the file is called.
#[test]
fn compression_is_known_by_content() {
    let plain = |bytes: Vec<u8>| {
        let mut text = String::new();
        decompressed(Cursor::new(bytes)).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let gzip = |text: &str| {
        let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        file.write_all(text.as_bytes()).unwrap();
        file.finish().unwrap()
    };
    let zstd = |text: &str| zstd::bulk::compress(text.as_bytes(), 1).unwrap();
    assert_eq!(plain(b"{}".to_vec()), "{}");
    assert_eq!(plain(Vec::new()), "");
    assert_eq!(plain([gzip("{}\n"), gzip("{}")].concat()), "{}\n{}");
    assert_eq!(plain([zstd("{}\n"), zstd("{}")].concat()), "{}\n{}");
}

fn signals() -> Vec<Signal> {
    scenario::signals(
        "40s  mes-api/1  end  price  order.id=A
         10s  mes-api/1  end  price  order.id=B
         30s  mes-api/1  end  price  order.id=C
         20s  mes-api/1  end  price  order.id=D",
    )
}

/// Scenario: more spans than a run holds, out of order.
/// Guarantees: they come back whole, in the order of their ends, from memory and disk together.
#[test]
fn sorting_spills_to_disk() {
    let mut expected = signals();
    expected.sort_by_key(|signal| signal.at_ns);
    for run_bytes in [1, 600, usize::MAX] {
        let mut sorter = Sorter::new(run_bytes);
        for signal in signals() {
            sorter.batch.push(&signal.resource, &signal.span);
            sorter.spill_if_full().unwrap();
        }
        let mut at = 0;
        for request in sorter.sorted().unwrap() {
            journey_otlp::wire::walk(&request.unwrap(), |resource, span| {
                assert_eq!(span, Ok(&expected[at].span));
                assert_eq!(*resource, expected[at].resource);
                at += 1;
            })
            .unwrap();
        }
        assert_eq!(at, expected.len(), "{run_bytes}");
    }
}

/// Scenario: a span is read twice.
/// Guarantees: the second is told to be a repeat.
#[test]
fn repeats_are_known() {
    let mut seen = Seen::default();
    for signal in signals() {
        assert!(seen.note(signal.span.trace_id, signal.span.span_id));
        assert!(!seen.note(signal.span.trace_id, signal.span.span_id));
    }
}
