//! Spans in the order of their ends, however many: runs that fit into memory, merged from disk.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::ops::Range;

use anyhow::Context;
use journey_detect::Nanos;
use journey_model::{Resource, SpanRecord};
use journey_otlp::encode;

/// Spans in memory, each as the bytes of one request.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    places: Vec<(Key, Range<usize>)>,
}

/// When it ended, when it started, and its ids, so that any order of arrival gives the same order.
type Key = (Nanos, Nanos, [u8; 16], [u8; 8]);

impl Batch {
    /// Takes one span.
    pub(super) fn push(&mut self, resource: &Resource<'_>, span: &SpanRecord<'_>) {
        let mut request = encode::Request::new(resource, "", "");
        request.push(span);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&request.finish());
        let key = (span.end_ns, span.start_ns, span.trace_id.to_bytes(), span.span_id.to_bytes());
        self.places.push((key, start..self.bytes.len()));
    }

    /// The spans in order.
    pub(super) fn sorted(&mut self) -> impl Iterator<Item = (Key, &[u8])> {
        self.places.sort_by_key(|(key, _)| *key);
        self.places.iter().map(|(key, place)| (*key, &self.bytes[place.clone()]))
    }

    /// Empties it and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }
}

/// More spans than fit into memory.
#[derive(Debug)]
pub(super) struct Sorter {
    /// Size at which a run goes to disk.
    run_bytes: usize,
    /// What has come since the last run.
    pub(super) batch: Batch,
    runs: Vec<File>,
}

impl Sorter {
    /// A sorter that keeps about so many bytes in memory.
    pub(super) fn new(run_bytes: usize) -> Self {
        Self { run_bytes, batch: Batch::default(), runs: Vec::new() }
    }

    /// Writes a run to disk once enough have come together.
    pub(super) fn spill_if_full(&mut self) -> anyhow::Result<()> {
        if self.batch.bytes.len() < self.run_bytes {
            return Ok(());
        }
        let mut file = BufWriter::new(tempfile::tempfile().context("cannot make a file to sort in")?);
        for (key, request) in self.batch.sorted() {
            write_record(&mut file, &key, request).context("cannot write the file to sort in")?;
        }
        self.batch.clear();
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.runs.push(file);
        Ok(())
    }

    /// All spans in order, each as the bytes of one request.
    pub(super) fn sorted(mut self) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Vec<u8>>>> {
        self.batch.places.sort_by_key(|(key, _)| *key);
        let Batch { bytes, places } = self.batch;
        let rest = places.into_iter().map(move |(key, place)| Ok((key, bytes[place].to_vec())));
        let mut runs: Vec<Box<dyn Iterator<Item = io::Result<Record>>>> = vec![Box::new(rest)];
        for file in self.runs {
            let mut file = BufReader::new(file);
            runs.push(Box::new(std::iter::from_fn(move || read_record(&mut file).transpose())));
        }
        Merge::new(runs).context("cannot read the file to sort in")
    }
}

type Record = (Key, Vec<u8>);

/// The runs, merged.
struct Merge {
    runs: Vec<Box<dyn Iterator<Item = io::Result<Record>>>>,
    /// The next record of each run, the least on top.
    heads: BinaryHeap<Reverse<(Record, usize)>>,
}

impl Merge {
    fn new(runs: Vec<Box<dyn Iterator<Item = io::Result<Record>>>>) -> io::Result<Self> {
        let mut merge = Self { heads: BinaryHeap::new(), runs };
        for run in 0..merge.runs.len() {
            merge.refill(run)?;
        }
        Ok(merge)
    }

    fn refill(&mut self, run: usize) -> io::Result<()> {
        if let Some(record) = self.runs[run].next() {
            self.heads.push(Reverse((record?, run)));
        }
        Ok(())
    }
}

impl Iterator for Merge {
    type Item = anyhow::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse(((_, request), run)) = self.heads.pop()?;
        Some(self.refill(run).context("cannot read the file to sort in").map(|()| request))
    }
}

fn write_record(file: &mut impl Write, key: &Key, request: &[u8]) -> io::Result<()> {
    let (end_ns, start_ns, trace_id, span_id) = key;
    file.write_all(&end_ns.to_be_bytes())?;
    file.write_all(&start_ns.to_be_bytes())?;
    file.write_all(trace_id)?;
    file.write_all(span_id)?;
    file.write_all(&(request.len() as u64).to_be_bytes())?;
    file.write_all(request)
}

/// `None` at the end.
fn read_record(file: &mut BufReader<File>) -> io::Result<Option<Record>> {
    if file.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let (end_ns, start_ns) = (Nanos::from_be_bytes(array(file)?), Nanos::from_be_bytes(array(file)?));
    let key = (end_ns, start_ns, array(file)?, array(file)?);
    let length = u64::from_be_bytes(array(file)?);
    let mut request = vec![0; length as usize];
    file.read_exact(&mut request)?;
    Ok(Some((key, request)))
}

fn array<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
