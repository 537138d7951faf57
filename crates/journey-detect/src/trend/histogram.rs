//! Counts of durations by bucket, with rank and quantile: what a baseline is made of.
//!
//! Counts are whole numbers, so the same values in any order make the same histogram, and days can be added to and
//! taken from each other. Thin ones are lists, others are windows of the scale with a sum per block beside it.

use super::bucket::Bucket;
use crate::limits::{BUCKETS_MAX, THIN_BUCKETS_MAX};

/// How many values fell into each bucket.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    total: u64,
    counts: Counts,
}

/// The two forms of one thing.
#[derive(Debug, Clone)]
enum Counts {
    /// Every bucket from `first` on; `sums` holds one sum per [`BLOCK`] buckets. `first` is a whole number of blocks.
    Dense { first: usize, counts: Vec<u32>, sums: Vec<u64> },
    /// The buckets that hold something, sorted.
    Thin(Vec<(Bucket, u32)>),
}

impl Histogram {
    /// Counts one value.
    pub fn add(&mut self, bucket: Bucket) {
        self.add_many(bucket, 1);
    }

    /// Counts `count` values of one bucket. A bucket holds at most 2³² − 1; what is beyond is not counted.
    pub fn add_many(&mut self, bucket: Bucket, count: u32) {
        self.total += u64::from(self.counts.add(bucket, count));
        if let Counts::Thin(list) = &self.counts
            && list.len() > THIN_BUCKETS_MAX
        {
            self.counts = Counts::dense(list);
        }
    }

    /// Takes one value out again. Returns whether it was there.
    pub fn remove(&mut self, bucket: Bucket) -> bool {
        self.remove_many(bucket, 1) == 1
    }

    /// Counts everything that the other one counts.
    pub fn merge(&mut self, other: &Histogram) {
        other.iter().for_each(|(bucket, count)| self.add_many(bucket, count));
    }

    /// Takes out everything that the other one counts, as far as it is there.
    pub fn subtract(&mut self, other: &Histogram) {
        for (bucket, count) in other.iter() {
            self.remove_many(bucket, count);
        }
    }

    /// How many values it counts.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many values lie in lower buckets.
    pub fn below(&self, bucket: Bucket) -> u64 {
        match &self.counts {
            Counts::Dense { first, counts, sums } => {
                let end = bucket.index().saturating_sub(*first).min(counts.len());
                let blocks: u64 = sums[..end / BLOCK].iter().sum();
                blocks + counts[end / BLOCK * BLOCK..end].iter().map(|count| u64::from(*count)).sum::<u64>()
            }
            Counts::Thin(list) => {
                let before = list.iter().take_while(|(at, _)| *at < bucket);
                before.map(|(_, count)| u64::from(*count)).sum()
            }
        }
    }

    /// How many values lie in this bucket.
    pub fn count(&self, bucket: Bucket) -> u32 {
        match &self.counts {
            Counts::Dense { first, counts, .. } => {
                let at = bucket.index().checked_sub(*first);
                at.and_then(|at| counts.get(at)).copied().unwrap_or(0)
            }
            Counts::Thin(list) => {
                list.binary_search_by_key(&bucket, |(at, _)| *at).map_or(0, |place| list[place].1)
            }
        }
    }

    /// The mid-rank of a value, counted from 0: values in its own bucket count half.
    pub fn rank(&self, bucket: Bucket) -> f64 {
        self.below(bucket) as f64 + f64::from(self.count(bucket)) / 2.0
    }

    /// The bucket below which the share `q` of the values lies, 0.0 to 1.0; `None` if there is no value.
    pub fn quantile(&self, q: f64) -> Option<Bucket> {
        let wanted = (q.clamp(0.0, 1.0) * self.total.saturating_sub(1) as f64).round() as u64;
        let mut seen = 0;
        self.iter().find_map(|(bucket, count)| {
            seen += u64::from(count);
            (seen > wanted).then_some(bucket)
        })
    }

    /// The mean logarithm of the values, in nanoseconds; `None` of no value.
    pub fn mean_log(&self) -> Option<f64> {
        let sum: f64 = self.iter().map(|(bucket, count)| bucket.value_ns().ln() * f64::from(count)).sum();
        (self.total() > 0).then(|| sum / self.total() as f64)
    }

    /// The median.
    pub fn median(&self) -> Option<Bucket> {
        self.quantile(0.5)
    }

    /// The buckets that hold something and their counts, from the lowest on.
    pub fn iter(&self) -> impl Iterator<Item = (Bucket, u32)> + '_ {
        let (first, dense, thin): (usize, &[u32], &[(Bucket, u32)]) = match &self.counts {
            Counts::Dense { first, counts, .. } => (*first, counts, &[]),
            Counts::Thin(list) => (0, &[], list),
        };
        let dense = dense.iter().enumerate().filter(|(_, count)| **count > 0);
        let dense = dense.filter_map(move |(at, count)| Some((Bucket::at(first + at)?, *count)));
        thin.iter().copied().chain(dense)
    }

    /// The stable form: for each bucket that holds something the distance to the one before (the first: its place)
    /// and the count, as LEB128 numbers. Equal histograms have equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        let mut before = 0;
        for (bucket, count) in self.iter() {
            put(&mut bytes, (bucket.index() - before) as u64);
            put(&mut bytes, u64::from(count));
            before = bucket.index();
        }
        bytes
    }

    /// Reads the stable form; `None` if it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (FORM, mut rest) = bytes.split_first().map(|(form, rest)| (*form, rest))? else { return None };
        let mut histogram = Self::default();
        let mut at = 0usize;
        while !rest.is_empty() {
            let step = usize::try_from(take(&mut rest)?).ok()?;
            at = at.checked_add(step)?;
            histogram.add_many(Bucket::at(at)?, u32::try_from(take(&mut rest)?).ok()?);
        }
        Some(histogram)
    }

    /// Memory behind it, in bytes.
    pub fn heap_bytes(&self) -> usize {
        match &self.counts {
            Counts::Dense { counts, sums, .. } => counts.capacity() * 4 + sums.capacity() * 8,
            Counts::Thin(list) => list.capacity() * size_of::<(Bucket, u32)>(),
        }
    }

    fn remove_many(&mut self, bucket: Bucket, count: u32) -> u32 {
        let removed = self.counts.remove(bucket, count);
        self.total -= u64::from(removed);
        removed
    }
}

impl PartialEq for Histogram {
    /// Equal counts, in whichever form.
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total && self.iter().eq(other.iter())
    }
}

impl Eq for Histogram {}

// === impl Counts ===

impl Counts {
    fn dense(list: &[(Bucket, u32)]) -> Self {
        let mut dense = Counts::Dense { first: 0, counts: Vec::new(), sums: Vec::new() };
        for (bucket, count) in list {
            dense.add(*bucket, *count);
        }
        dense
    }

    /// Returns how many were counted.
    fn add(&mut self, bucket: Bucket, more: u32) -> u32 {
        match self {
            Counts::Dense { first, counts, sums } => {
                Self::reach(first, counts, sums, bucket.index());
                let at = bucket.index() - *first;
                let added = more.min(u32::MAX - counts[at]);
                counts[at] += added;
                sums[at / BLOCK] += u64::from(added);
                added
            }
            Counts::Thin(list) => match list.binary_search_by_key(&bucket, |(at, _)| *at) {
                Ok(place) => {
                    let added = more.min(u32::MAX - list[place].1);
                    list[place].1 += added;
                    added
                }
                Err(_) if more == 0 => 0,
                Err(place) => {
                    list.insert(place, (bucket, more));
                    more
                }
            },
        }
    }

    /// Returns how many were there to take.
    fn remove(&mut self, bucket: Bucket, less: u32) -> u32 {
        match self {
            Counts::Dense { first, counts, sums } => {
                let at = bucket.index().wrapping_sub(*first);
                let Some(count) = counts.get_mut(at) else { return 0 };
                let removed = less.min(*count);
                *count -= removed;
                sums[at / BLOCK] -= u64::from(removed);
                removed
            }
            Counts::Thin(list) => {
                let Ok(place) = list.binary_search_by_key(&bucket, |(at, _)| *at) else { return 0 };
                let removed = less.min(list[place].1);
                list[place].1 -= removed;
                if list[place].1 == 0 {
                    list.remove(place);
                }
                removed
            }
        }
    }

    /// Makes the window reach the bucket at `index`.
    fn reach(first: &mut usize, counts: &mut Vec<u32>, sums: &mut Vec<u64>, index: usize) {
        let block = index / BLOCK;
        if counts.is_empty() {
            *first = block * BLOCK;
        }
        if index < *first {
            let blocks = *first / BLOCK - block;
            counts.splice(0..0, std::iter::repeat_n(0, blocks * BLOCK));
            sums.splice(0..0, std::iter::repeat_n(0, blocks));
            *first = block * BLOCK;
        }
        let blocks = block + 1 - *first / BLOCK;
        if sums.len() < blocks {
            // Exactly: a window hardly grows once it has seen the usual values.
            counts.reserve_exact(blocks * BLOCK - counts.len());
            sums.reserve_exact(blocks - sums.len());
            counts.resize(blocks * BLOCK, 0);
            sums.resize(blocks, 0);
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Counts::Thin(Vec::new())
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Buckets per partial sum.
const BLOCK: usize = 32;
/// Version of the stable form.
const FORM: u8 = 1;

const _: () = assert!(BUCKETS_MAX <= u16::MAX as usize);
