//! Words that come again and again, kept once: stages, services, instances, keys, facets.

use std::sync::Arc;

use foldhash::HashSet;

use crate::limits::NAMES_MAX;

/// The words in use. When there are [`NAMES_MAX`], those that nobody uses any more are dropped; one that finds no
/// place is not kept, which only costs memory.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<Arc<str>>);

impl Names {
    /// The word, the same for everybody.
    pub(crate) fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        if self.0.len() >= NAMES_MAX {
            self.0.retain(|name| Arc::strong_count(name) > 1);
        }
        let name: Arc<str> = text.into();
        if self.0.len() < NAMES_MAX {
            self.0.insert(Arc::clone(&name));
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a word comes twice; then more words than are kept, used and unused.
    /// Guarantees: one word in memory; what is unused makes room, and without room a word is given all the same.
    #[test]
    fn words_are_shared_and_bounded() {
        let mut names = Names::default();
        let first = names.get("price.final");
        assert!(Arc::ptr_eq(&first, &names.get("price.final")));
        let used: Vec<Arc<str>> = (0..NAMES_MAX).map(|n| names.get(&n.to_string())).collect();
        assert_eq!((names.0.len(), &*names.get("one more")), (NAMES_MAX, "one more"));
        drop(used);
        names.get("another");
        assert_eq!(names.0.len(), 2);
    }
}
