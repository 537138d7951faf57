//! Texts that many rows have in common, held once while rows are read.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use journey_detect::Pairs;
use serde::Deserialize;

use crate::limits::WORDS_MAX;

/// Names and values of facets, stages, services: few in many rows. At most [`WORDS_MAX`]; a further one is given out all
/// the same, and is a copy for each row.
#[derive(Debug, Default)]
pub(super) struct Words {
    known: HashSet<Arc<str>>,
    /// Keys of the row before: the next attempt of an order has most of its ids.
    keys_before: Pairs,
}

impl Words {
    /// This text.
    pub(super) fn word(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        let word: Arc<str> = text.into();
        if self.known.len() < WORDS_MAX {
            self.known.insert(Arc::clone(&word));
        }
        word
    }

    /// Facets, which are words through and through.
    pub(super) fn facets(&mut self, pairs: &[Pair<'_>]) -> Pairs {
        pairs.iter().map(|Pair(name, value)| (self.word(name), self.word(value))).collect()
    }

    /// Keys, whose values are no words: there are as many as orders.
    pub(super) fn keys(&mut self, pairs: &[Pair<'_>]) -> Pairs {
        let keys: Pairs = pairs.iter().map(|Pair(name, value)| (self.word(name), self.id(value))).collect();
        self.keys_before.clone_from(&keys);
        keys
    }

    fn id(&self, value: &str) -> Arc<str> {
        let before = self.keys_before.iter().map(|(_, before)| before).find(|before| ***before == *value);
        before.map_or_else(|| value.into(), Arc::clone)
    }
}

/// A name and a value, as they lie in a row.
#[derive(Deserialize)]
pub(super) struct Pair<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: rows with the same facets and some of the same keys, one text with a quote in it, then more words than
    /// are held.
    /// Guarantees: what rows have in common is one text, what is said is what was written, and past the limit too.
    #[test]
    fn words_are_held_once_and_bounded() {
        let mut words = Words::default();
        let pairs = |json| serde_json::from_str::<Vec<Pair<'_>>>(json).unwrap();
        let [one, other] = [(); 2].map(|()| words.facets(&pairs(r#"[["material","rose \"gold\""]]"#)));
        assert_eq!(&*one[0].1, "rose \"gold\"");
        assert!(Arc::ptr_eq(&one[0].0, &other[0].0) && Arc::ptr_eq(&one[0].1, &other[0].1));

        let one = words.keys(&pairs(r#"[["cart.id","7"]]"#));
        let other = words.keys(&pairs(r#"[["cart.id","7"],["order.id","A"]]"#));
        let third = words.keys(&pairs(r#"[["order.id","B"]]"#));
        assert!(Arc::ptr_eq(&one[0].1, &other[0].1) && Arc::ptr_eq(&other[1].0, &third[0].0));
        assert_eq!((&*other[1].1, &*third[0].1), ("A", "B"));
        assert!(!words.known.contains("B"));

        let far: Vec<_> = (0..2 * WORDS_MAX).map(|number| words.word(&number.to_string())).collect();
        assert_eq!(
            (words.known.len(), &*far[2 * WORDS_MAX - 1]),
            (WORDS_MAX, &*(2 * WORDS_MAX - 1).to_string())
        );
        assert_eq!(&*words.word("never seen"), "never seen");
    }
}
