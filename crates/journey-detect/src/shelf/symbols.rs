//! Words of packed journeys, each kept once and named by its place.

use std::sync::Arc;

use foldhash::HashMap;

use crate::limits::{KEY_BYTES_MAX, SYMBOLS_MAX};

/// The words. When there are [`SYMBOLS_MAX`], no more are taken, and further ones are packed in full.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    places: HashMap<Arc<str>, u32>,
    words: Vec<Arc<str>>,
}

impl Symbols {
    /// The place of a word; `None` if it is new and the table full, or if it is long.
    pub(super) fn place(&mut self, word: &str) -> Option<u32> {
        if let Some(place) = self.places.get(word) {
            return Some(*place);
        }
        if self.words.len() >= SYMBOLS_MAX || word.len() > KEY_BYTES_MAX {
            return None;
        }
        let (word, place): (Arc<str>, u32) = (word.into(), self.words.len() as u32);
        self.words.push(Arc::clone(&word));
        self.places.insert(word, place);
        Some(place)
    }

    /// The word in a place that was given.
    pub(super) fn word(&self, place: u32) -> Arc<str> {
        Arc::clone(&self.words[place as usize])
    }

    #[cfg(test)]
    pub(super) fn full() -> Self {
        Self { words: vec!["".into(); SYMBOLS_MAX], ..Self::default() }
    }
}
