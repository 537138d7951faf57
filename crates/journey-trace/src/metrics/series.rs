//! What the samples of one instrument are told apart by.

use std::hash::Hash;

use opentelemetry::{KeyValue, StringValue};

/// The attributes of a series, borrowed from what is measured. All of them are of low cardinality.
pub trait Series: Hash {
    /// The same, owned by a table.
    type Key: Key;

    /// Copies what is borrowed. Called once per series.
    fn to_key(&self) -> Self::Key;

    /// Whether this is the series of `key`.
    fn is(&self, key: &Self::Key) -> bool;

    /// The attributes for the instrument. Called once per series, and for each sample of a series that found no slot.
    fn attributes(&self) -> Vec<KeyValue>;
}

/// What can be a key: any owned value that threads may share.
pub trait Key: Send + Sync + 'static {}

impl<T: Send + Sync + 'static> Key for T {}

/// A series of texts under constant keys, for instruments that need nothing else.
///
/// A pair whose text is empty is left out, so that an optional attribute needs no second type.
#[derive(Debug, Clone, Copy, Hash)]
pub struct Labels<'a>(pub &'a [(&'static str, &'a str)]);

/// [`Labels`], owned.
pub type LabelsKey = Box<[(&'static str, Box<str>)]>;

impl Series for Labels<'_> {
    type Key = LabelsKey;

    fn to_key(&self) -> Self::Key {
        self.0.iter().map(|(key, text)| (*key, Box::from(*text))).collect()
    }

    fn is(&self, key: &Self::Key) -> bool {
        self.0.iter().copied().eq(key.iter().map(|(key, text)| (*key, &**text)))
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let given = self.0.iter().filter(|(_, text)| !text.is_empty());
        given.map(|(key, text)| KeyValue::new(*key, StringValue::from((*text).to_owned()))).collect()
    }
}
