//! Texts that many spans have in common.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::StringValue;

use crate::limits::{KEPT_TEXT_BYTES_MAX, KEPT_TEXTS_MAX};

/// A text that spans share instead of having a copy each.
#[derive(Clone)]
pub(crate) enum Text {
    /// For as long as the process lives. Nobody counts who has it: the thread that ends spans and the one that sends them
    /// would else fight over the count, for each attribute of each span.
    Kept(&'static str),
    /// For as long as somebody has it.
    Shared(Arc<str>),
}

impl Text {
    /// Of a text that will be met again and again: kept, if there is room.
    pub(crate) fn kept(text: &str) -> Self {
        keep(text).map_or_else(|| Text::Shared(text.into()), Text::Kept)
    }

    /// As the value of an attribute.
    pub(crate) fn value(&self) -> StringValue {
        match self {
            Text::Kept(text) => StringValue::from(*text),
            Text::Shared(text) => StringValue::from(Arc::clone(text)),
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Kept(text) => text,
            Text::Shared(text) => text,
        }
    }
}

/// The text for good; the same for the same. `None`: it is too long, or there are too many.
pub(crate) fn keep(text: &str) -> Option<&'static str> {
    // A set that lost one entry to a panic is still a set.
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    if let Some(text) = kept.get(text) {
        return Some(text);
    }
    if text.len() > KEPT_TEXT_BYTES_MAX || kept.len() >= KEPT_TEXTS_MAX {
        return None;
    }
    let text: &'static str = Box::leak(text.into());
    kept.insert(text);
    Some(text)
}

static KEPT: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a text twice, and one that is too long.
    /// Guarantees: the same text is kept once; a long one is shared, and reads alike.
    #[test]
    fn texts_are_kept_once() {
        let (Text::Kept(first), Text::Kept(second)) = (Text::kept("it.kept"), Text::kept("it.kept")) else {
            panic!("there is room")
        };
        assert!(std::ptr::eq(first, second));
        let long = "x".repeat(KEPT_TEXT_BYTES_MAX + 1);
        let shared = Text::kept(&long);
        assert!(matches!(shared, Text::Shared(_)));
        assert_eq!((&*shared, shared.value().as_str()), (&*long, &*long));
    }
}
