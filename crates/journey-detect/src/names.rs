//! Words that come again and again, kept once: stages, services, instances, keys, facets.

use std::sync::Arc;

use foldhash::HashSet;

use crate::limits::{NAME_BYTES_MAX, NAMES_MAX};

/// The words in use. When there are [`NAMES_MAX`], those that nobody uses any more are dropped; one that finds no
/// place is not kept, which only costs memory.
#[derive(Debug, Default)]
pub(crate) struct Names {
    words: HashSet<Arc<str>>,
    /// New words until it is worth looking for unused ones again.
    sweep_in: usize,
}

impl Names {
    /// The word, the same for everybody; cut to [`NAME_BYTES_MAX`].
    pub(crate) fn get(&mut self, text: &str) -> Arc<str> {
        let text = &text[..text.floor_char_boundary(NAME_BYTES_MAX)];
        if let Some(known) = self.words.get(text) {
            return Arc::clone(known);
        }
        let name: Arc<str> = text.into();
        if self.has_room() {
            self.words.insert(Arc::clone(&name));
        }
        name
    }

    fn has_room(&mut self) -> bool {
        if self.words.len() >= NAMES_MAX {
            if self.sweep_in > 0 {
                self.sweep_in -= 1;
                return false;
            }
            self.words.retain(|name| Arc::strong_count(name) > 1);
            self.sweep_in = NAMES_MAX;
        }
        self.words.len() < NAMES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a word comes twice, and a very long one; then more words than are kept, used and unused.
    /// Guarantees: one word in memory, and the long one cut between two letters; what is unused makes room, and without
    /// room a word is given all the same.
    #[test]
    fn words_are_shared_and_bounded() {
        let mut names = Names::default();
        let first = names.get("price.final");
        assert!(Arc::ptr_eq(&first, &names.get("price.final")));
        let long = names.get(&format!("a{}", "ü".repeat(NAME_BYTES_MAX)));
        assert_eq!((long.len(), long.ends_with('ü')), (NAME_BYTES_MAX - 1, true));
        drop(long);
        let used: Vec<Arc<str>> = (0..NAMES_MAX).map(|n| names.get(&n.to_string())).collect();
        assert_eq!((names.words.len(), &*names.get("one more")), (NAMES_MAX, "one more"));
        drop(used);
        (0..=NAMES_MAX).for_each(|_| drop(names.get("another")));
        assert_eq!(names.words.len(), 2);
    }
}
