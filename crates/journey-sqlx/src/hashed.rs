//! A text that is hashed once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A text that is looked up for each call: its hash is made with it, and two that share their bytes are equal without
/// a look at them.
#[derive(Debug, Clone)]
pub(crate) struct Hashed {
    text: Arc<str>,
    hash: u64,
}

impl Hashed {
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl<T: Into<Arc<str>>> From<T> for Hashed {
    fn from(text: T) -> Self {
        let text = text.into();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { text, hash: hasher.finish() }
    }
}

impl Deref for Hashed {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Hashed {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && (Arc::ptr_eq(&self.text, &other.text) || self.text == other.text)
    }
}

impl Eq for Hashed {}

impl Hash for Hashed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}
