//! What the engine says of one attempt that ended.

use super::words::{Word, Words};
use crate::limits::{FACET_KEYS_MAX, WAITS_PER_SAMPLE_MAX};
use crate::{AttemptId, Nanos};

/// One attempt that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// The attempt. Of two samples of one moment the lesser comes first.
    pub id: AttemptId,
    /// Event time of its end, in nanoseconds since the Unix epoch.
    pub at_ns: Nanos,
    /// Its stage.
    pub stage: &'a str,
    /// The service that did it.
    pub service: &'a str,
    /// Its journey; empty if none is known.
    pub journey: &'a str,
    /// How long it took, in nanoseconds.
    pub duration_ns: Nanos,
    /// Whether it failed. The duration of a failed attempt says nothing, and nothing waited for it.
    pub failed: bool,
    /// The amount of work, above 0, in any unit that is the same for all attempts of the stage.
    pub size: Option<f64>,
    /// What ended where it began. At most [`WAITS_PER_SAMPLE_MAX`]; further ones are left out.
    pub waits: &'a [Wait<'a>],
    /// Facets and their values, own ones and inherited ones. Those that the configuration does not name are left out.
    pub facets: &'a [(&'a str, &'a str)],
}

/// Time that passed before a stage began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait<'a> {
    /// What it passed since.
    pub since: Since<'a>,
    /// How long, in nanoseconds.
    pub wait_ns: Nanos,
}

/// What a wait is measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Since<'a> {
    /// The call of another service, over a border: parent span minus child span.
    Call(&'a str),
    /// The hand-over to a queue.
    Queue(&'a str),
    /// The stage before it in the journey.
    Stage(&'a str),
}

/// A sample as it waits for earlier ones, its texts as words.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) stage: Word,
    pub(super) service: Word,
    pub(super) journey: u32,
    pub(super) duration_ns: Nanos,
    pub(super) failed: bool,
    pub(super) size: Option<f64>,
    pub(super) waits: Box<[(HeldSince, Nanos)]>,
    /// Place of the key among the configured ones, and value.
    pub(super) facets: Box<[(u8, Word)]>,
}

/// [`Since`] in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum HeldSince {
    Call(Word),
    Queue(Word),
    Stage(Word),
}

impl Held {
    pub(super) fn new(sample: &Sample<'_>, keys: &[String], words: &mut Words) -> Self {
        let since = |since, words: &mut Words| match since {
            Since::Call(text) => HeldSince::Call(words.take(text)),
            Since::Queue(text) => HeldSince::Queue(words.take(text)),
            Since::Stage(text) => HeldSince::Stage(words.take(text)),
        };
        let waits = sample.waits.iter().take(WAITS_PER_SAMPLE_MAX);
        let place = |key: &str| keys.iter().position(|known| known == key).map(|place| place as u8);
        let mut facets: Vec<(u8, Word)> = Vec::new();
        for (key, value) in sample.facets {
            // The first value of a key counts.
            if let Some(place) = place(key)
                && facets.iter().all(|(known, _)| *known != place)
            {
                facets.push((place, words.take(value)));
            }
        }
        debug_assert!(facets.len() <= FACET_KEYS_MAX);
        Self {
            stage: words.take(sample.stage),
            service: words.take(sample.service),
            journey: hash(sample.journey),
            duration_ns: sample.duration_ns,
            failed: sample.failed,
            size: sample.size.filter(|size| *size > 0.0 && size.is_finite()),
            waits: waits.map(|wait| (since(wait.since, words), wait.wait_ns)).collect(),
            facets: facets.into(),
        }
    }

    /// Lets go of its words.
    pub(super) fn release(&self, words: &mut Words) {
        words.release(self.stage);
        words.release(self.service);
        self.waits.iter().for_each(|(since, _)| words.release(since.word()));
        self.facets.iter().for_each(|(_, value)| words.release(*value));
    }
}

impl HeldSince {
    pub(super) fn word(self) -> Word {
        let (HeldSince::Call(word) | HeldSince::Queue(word) | HeldSince::Stage(word)) = self;
        word
    }
}

/// FNV-1a: the same on every machine. It only tells journeys apart to count them.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
