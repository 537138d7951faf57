//! Facets: low-cardinality properties of the order that later stages inherit.

use std::sync::Arc;

use journey_model::attribute;

use crate::limits::{FACET_NAME_BYTES_MAX, FACET_VALUE_BYTES_MAX, FACETS_MAX};

/// One facet, under the attribute key it is exported with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facet {
    /// `journey.facet.<name>`.
    pub(crate) key: Arc<str>,
    /// Its value.
    pub(crate) value: Arc<str>,
}

impl Facet {
    /// The name without the prefix.
    pub(crate) fn name(&self) -> &str {
        name_in(&self.key).unwrap_or(&self.key)
    }
}

/// The name of the facet that this attribute carries, if it is one.
pub(crate) fn name_in(attribute: &str) -> Option<&str> {
    attribute.strip_prefix(attribute::JOURNEY_FACET)?.strip_prefix('.')
}

/// Writes a facet, once; false if it is refused.
pub(super) fn set(facets: &mut Vec<Facet>, name: &str, value: &str) -> bool {
    if let Some(facet) = facets.iter().find(|facet| facet.name() == name) {
        return *facet.value == *value;
    }
    if facets.len() >= FACETS_MAX || !is_name(name) || !is_value(value) {
        return false;
    }
    facets.push(Facet { key: format!("{}.{name}", attribute::JOURNEY_FACET).into(), value: value.into() });
    true
}

/// Lower-case words joined by single underscores, as attribute names are.
fn is_name(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.len() <= FACET_NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('_').all(word)
}

fn is_value(value: &str) -> bool {
    !value.is_empty() && value.len() <= FACET_VALUE_BYTES_MAX && !value.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: good and bad names and values, a repeat, a change, and more facets than allowed.
    /// Guarantees: only good ones are taken, each once, and never more than the limit.
    #[test]
    fn facets_are_bounded_and_set_once() {
        let mut facets = Vec::new();
        assert!(set(&mut facets, "file_size", "1-10MB"));
        assert!(set(&mut facets, "file_size", "1-10MB"));
        assert!(!set(&mut facets, "file_size", "10-50MB"));
        for bad in ["", "File", "a__b", "_a", "1a", "a.b"] {
            assert!(!set(&mut facets, bad, "x"), "{bad}");
        }
        assert!(!set(&mut facets, "material", ""));
        for number in 0..FACETS_MAX {
            set(&mut facets, &format!("f{number}"), "x");
        }
        assert_eq!(facets.len(), FACETS_MAX);
        assert_eq!(&*facets[0].key, "journey.facet.file_size");
    }
}
