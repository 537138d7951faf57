//! Texts as numbers: each is kept once, for as long as something names it.

use std::sync::Arc;

use foldhash::HashMap;

/// A text that [`Words`] keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Word(u32);

/// The texts. Bounded by what names them: samples that wait, and things that are followed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    words: HashMap<Arc<str>, Word>,
    /// Text and number of users.
    texts: Vec<(Arc<str>, u32)>,
    free: Vec<Word>,
}

impl Words {
    /// The word of this text, with one user more.
    pub(crate) fn take(&mut self, text: &str) -> Word {
        if let Some(word) = self.words.get(text) {
            self.texts[word.0 as usize].1 += 1;
            return *word;
        }
        let text: Arc<str> = text.into();
        let word = self.free.pop().unwrap_or(Word(self.texts.len() as u32));
        match self.texts.get_mut(word.0 as usize) {
            Some(place) => *place = (text.clone(), 1),
            None => self.texts.push((text.clone(), 1)),
        }
        self.words.insert(text, word);
        word
    }

    /// One user more.
    pub(crate) fn keep(&mut self, word: Word) {
        self.texts[word.0 as usize].1 += 1;
    }

    /// One user less.
    pub(crate) fn release(&mut self, word: Word) {
        let (text, users) = &mut self.texts[word.0 as usize];
        *users -= 1;
        if *users == 0 {
            self.words.remove(text);
            self.free.push(word);
        }
    }

    /// The text.
    pub(crate) fn text(&self, word: Word) -> &str {
        &self.texts[word.0 as usize].0
    }

    /// How many texts are kept.
    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: one text is named twice and let go twice, then another one comes.
    /// Guarantees: it is kept until nobody names it, and its place is used again.
    #[test]
    fn a_text_lives_as_long_as_its_users() {
        let mut words = Words::default();
        let (first, second) = (words.take("mes-1"), words.take("mes-1"));
        assert_eq!((first, words.text(first)), (second, "mes-1"));
        words.release(first);
        assert_eq!(words.len(), 1);
        words.release(second);
        assert_eq!(words.len(), 0);
        let other = words.take("mes-2");
        assert_eq!((other, words.text(other)), (first, "mes-2"));
    }
}
