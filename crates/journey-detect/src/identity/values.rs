//! Values of keys, each key by itself.

use std::sync::Arc;

use foldhash::HashMap;

/// What stands for each value of each key, by the key's place in the definition.
#[derive(Debug)]
pub(super) struct Values<T>(Vec<HashMap<Arc<str>, T>>);

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Values<T> {
    pub(super) fn get(&self, key: u8, value: &str) -> Option<T> {
        self.0.get(usize::from(key))?.get(value).copied()
    }

    pub(super) fn insert(&mut self, key: u8, value: Arc<str>, stands: T) {
        let at = usize::from(key);
        if self.0.len() <= at {
            self.0.resize_with(at + 1, HashMap::default);
        }
        self.0[at].insert(value, stands);
    }

    pub(super) fn remove(&mut self, key: u8, value: &str) {
        if let Some(values) = self.0.get_mut(usize::from(key)) {
            values.remove(value);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(HashMap::is_empty)
    }
}
