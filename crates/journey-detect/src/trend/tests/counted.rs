//! Histograms and baselines against sorted lists.

use super::*;

/// The obvious histogram: all values, sorted.
#[derive(Default)]
struct Sorted(Vec<Bucket>);

impl Sorted {
    fn add(&mut self, bucket: Bucket) {
        self.0.push(bucket);
        self.0.sort();
    }

    fn remove(&mut self, bucket: Bucket) -> bool {
        let place = self.0.iter().position(|known| *known == bucket);
        place.map(|place| self.0.remove(place)).is_some()
    }

    fn check(&self, histogram: &Histogram, probe: Bucket) {
        let below = self.0.iter().filter(|bucket| **bucket < probe).count();
        let equal = self.0.iter().filter(|bucket| **bucket == probe).count();
        assert_eq!(histogram.total(), self.0.len() as u64);
        assert_eq!((histogram.below(probe), histogram.count(probe)), (below as u64, equal as u32));
        assert_eq!(histogram.rank(probe), below as f64 + equal as f64 / 2.0);
        for q in [0.0, 0.25, 0.5, 0.99, 1.0] {
            let at = (q * self.0.len().saturating_sub(1) as f64).round() as usize;
            assert_eq!(histogram.quantile(q), self.0.get(at).copied(), "quantile {q}");
        }
    }
}

/// Scenario: values of narrow, wide and extreme spread are added and taken out at random, 30 seeds.
/// Guarantees: count, rank and quantile are those of a sorted list, in the thin and in the dense form.
#[test]
fn a_histogram_counts_like_a_sorted_list() {
    for seed in 0..30 {
        let mut dice = Dice(seed);
        let sigma = [0.01, 0.5, 1.5, 20.0][seed as usize % 4];
        let (mut histogram, mut sorted) = (Histogram::default(), Sorted::default());
        for _ in 0..300 {
            let bucket = Bucket::of(dice.duration(sigma, 1.0) as f64);
            if dice.below(4) > 0 {
                histogram.add(bucket);
                sorted.add(bucket);
            } else {
                assert_eq!(histogram.remove(bucket), sorted.remove(bucket), "seed {seed}");
                if let Some(known) = sorted.0.first().copied() {
                    assert!(histogram.remove(known) && sorted.remove(known), "seed {seed}");
                }
            }
            sorted.check(&histogram, Bucket::of(dice.duration(sigma, 1.0) as f64));
        }
    }
}

/// Scenario: the values of ten days, added in two orders, with and without two of the days.
/// Guarantees: days add up and can be taken out again; equal counts have equal bytes, which read back.
#[test]
fn days_add_up() {
    let mut dice = Dice(7);
    let days: Vec<Vec<Bucket>> = (0..10)
        .map(|day| (0..day * 30).map(|_| Bucket::of(dice.duration(1.5, 1.0) as f64)).collect())
        .collect();
    let sum_of = |days: &[&Vec<Bucket>]| {
        let mut sum = Histogram::default();
        for day in days {
            let mut histogram = Histogram::default();
            day.iter().for_each(|bucket| histogram.add(*bucket));
            sum.merge(&histogram);
        }
        sum
    };
    let mut all = sum_of(&days.iter().collect::<Vec<_>>());
    let reversed = sum_of(&days.iter().rev().collect::<Vec<_>>());
    assert_eq!(all, reversed);
    assert_eq!(all.to_bytes(), reversed.to_bytes());
    assert_eq!(Histogram::from_bytes(&all.to_bytes()), Some(all.clone()));
    all.subtract(&sum_of(&[&days[3], &days[9]]));
    let without: Vec<_> =
        days.iter().enumerate().filter(|(day, _)| ![3, 9].contains(day)).map(|(_, day)| day).collect();
    assert_eq!(all, sum_of(&without));
    assert_eq!(all.to_bytes(), sum_of(&without).to_bytes());
}

/// Scenario: bytes of no form, of another version, cut short, and of a bucket that does not exist.
/// Guarantees: none is a histogram; nothing is read beyond the end.
#[test]
fn broken_bytes_are_no_histogram() {
    let mut histogram = Histogram::default();
    histogram.add_many(Bucket::of(5e9), 300);
    let bytes = histogram.to_bytes();
    assert_eq!(Histogram::from_bytes(&[]), None);
    assert_eq!(Histogram::from_bytes(&[9]), None);
    assert_eq!(Histogram::from_bytes(&bytes[..bytes.len() - 1]), None);
    assert_eq!(Histogram::from_bytes(&[1, 0xff, 0xff, 0x7f, 1]), None);
    assert_eq!(
        Histogram::from_bytes(&[1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
        None
    );
}

/// Scenario: one bucket is filled beyond what it can count.
/// Guarantees: it stays full, and the total says what is counted.
#[test]
fn a_full_bucket_stays_full() {
    let (mut histogram, bucket) = (Histogram::default(), Bucket::of(1e9));
    histogram.add_many(bucket, u32::MAX);
    histogram.add(bucket);
    assert_eq!((histogram.count(bucket), histogram.total()), (u32::MAX, u64::from(u32::MAX)));
}

/// Scenario: a thin day of 20 values, and a busy one of 5 000 with a wide spread.
/// Guarantees: the thin one takes less than 200 bytes, the busy one less than 6 kB.
#[test]
fn a_day_is_small() {
    let mut dice = Dice(3);
    let mut day = |values: usize| {
        let mut histogram = Histogram::default();
        (0..values).for_each(|_| histogram.add(Bucket::of(dice.duration(1.5, 1.0) as f64)));
        histogram.heap_bytes()
    };
    let (thin, busy) = (day(20), day(5_000));
    assert!(thin <= 300 && busy <= 6_000, "thin {thin}, busy {busy}");
}

/// Scenario: one value a day for a year, in two orders; then old days are forgotten.
/// Guarantees: the order does not matter; old days go while enough values stay; no more than the bound are kept.
#[test]
fn a_baseline_forgets_by_day() {
    let bucket = Bucket::of(1e9);
    let (mut forth, mut back) = (Baseline::default(), Baseline::default());
    (0..365).for_each(|day| forth.learn(Day(day), bucket));
    (0..365).rev().for_each(|day| back.learn(Day(day), bucket));
    assert!(forth.days().eq(back.days()));
    forth.forget_before(Day(300), 1_000);
    assert_eq!(forth.sum().total(), crate::limits::BASELINE_DAYS_MAX as u64);
    forth.forget_before(Day(300), 100);
    assert_eq!((forth.sum().total(), forth.oldest()), (100, Some(Day(265))));
    forth.forget_before(Day(300), 0);
    assert_eq!(forth.oldest(), Some(Day(300)));
    forth.unlearn(Day(300), bucket);
    forth.unlearn(Day(300), bucket);
    assert_eq!(forth.sum().total(), 64);
}
