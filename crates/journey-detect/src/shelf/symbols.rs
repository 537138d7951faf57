//! Words of packed journeys, each kept once and named by its place.

use std::sync::Arc;

use foldhash::HashMap;

use crate::limits::{KEY_BYTES_MAX, SYMBOLS_MAX};

/// The words. When there are [`SYMBOLS_MAX`], no more are taken, and further ones are packed in full.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    places: HashMap<Arc<str>, u32>,
    /// The same by where they lie in memory: most words come as they were kept.
    at: HashMap<usize, u32>,
    words: Vec<Arc<str>>,
}

impl Symbols {
    /// The place of a word; `None` if it is new and the table full, or if it is long.
    pub(super) fn place(&mut self, word: &Arc<str>) -> Option<u32> {
        let at = word.as_ptr().addr();
        if let Some(place) = self.at.get(&at) {
            return Some(*place);
        }
        if let Some(place) = self.places.get(word) {
            return Some(*place);
        }
        if self.words.len() >= SYMBOLS_MAX || word.len() > KEY_BYTES_MAX {
            return None;
        }
        let place = self.words.len() as u32;
        self.words.push(Arc::clone(word));
        self.places.insert(Arc::clone(word), place);
        // It is kept here, so nothing else comes to lie there; but an empty word lies nowhere.
        if !word.is_empty() {
            self.at.insert(at, place);
        }
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
