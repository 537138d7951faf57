//! A journey that shares nothing with another one: each of its spans has keys of its own, which no other journey has, and
//! there is no more than one anchor among them. Most journeys are plain from their first span to their last.
//!
//! Whether spans belong to a plain journey is told by their values alone, so [`crate::identity`] need not know of it.

use std::sync::Arc;

use crate::attempt::News;
use crate::identity::{is_reference, own_values};
use crate::judge::{self, Seen};
use crate::limits::RESTING_VALUES_MAX;
use crate::{Attempt, AttemptId, Definition, Pairs, StageId};

/// A plain journey.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    /// In the order in which they are followed, after [`Self::sort`].
    attempts: Vec<Known>,
    /// Values of its anchor and aliases, by the places of their keys in the definition.
    values: Vec<(u8, Arc<str>)>,
    /// The anchor's value, or the name of the least alias: `cart.id=c-1`.
    name: Arc<str>,
    is_anchored: bool,
    /// Keys and values of all its attempts, sorted.
    keys: Pairs,
}

/// An attempt of a plain journey.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) attempt: Arc<Attempt>,
    /// Its stage, if the definition has it.
    of: Option<StageId>,
    /// Whether it changed since it was told last.
    pub(crate) is_touched: bool,
}

impl Plain {
    /// A plain journey of these attempts; `None` if they are no such journey.
    pub(crate) fn of(
        definition: &Definition,
        attempts: impl IntoIterator<Item = Arc<Attempt>>,
    ) -> Option<Self> {
        let mut plain = Self::default();
        let attempts: Vec<Arc<Attempt>> = attempts.into_iter().collect();
        // The last ones have most keys, so that the others bring nothing new.
        let mut before: Option<&Pairs> = None;
        for attempt in attempts.iter().rev() {
            if before.is_some_and(|before| Arc::ptr_eq(before, &attempt.keys)) {
                continue;
            }
            if !is_fit(definition, attempt) || !plain.agrees(definition, attempt) {
                return None;
            }
            plain.note_keys(definition, attempt);
            before = Some(&attempt.keys);
        }
        let known = |attempt: Arc<Attempt>| Known {
            of: definition.stage_named(&attempt.stage),
            attempt,
            is_touched: false,
        };
        plain.attempts = attempts.into_iter().map(known).collect();
        (!plain.attempts.is_empty()).then_some(plain)
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn is_anchored(&self) -> bool {
        self.is_anchored
    }

    pub(crate) fn keys(&self) -> &Pairs {
        &self.keys
    }

    pub(crate) fn len(&self) -> usize {
        self.attempts.len()
    }

    pub(crate) fn attempts(&self) -> impl Iterator<Item = &Arc<Attempt>> {
        self.attempts.iter().map(|known| &known.attempt)
    }

    pub(crate) fn attempts_mut(&mut self) -> &mut [Known] {
        &mut self.attempts
    }

    /// The attempts as the judge sees them.
    pub(crate) fn seen(&self) -> Vec<Seen<'_>> {
        self.attempts.iter().map(|known| Seen { attempt: &known.attempt, of: known.of }).collect()
    }

    pub(crate) fn find(&mut self, id: AttemptId) -> Option<&mut Known> {
        self.attempts.iter_mut().find(|known| known.attempt.id == id)
    }

    pub(crate) fn has(&self, id: AttemptId) -> bool {
        self.attempts.iter().any(|known| known.attempt.id == id)
    }

    /// Whether a value of this attempt is one of its own.
    pub(crate) fn shares_with(&self, definition: &Definition, attempt: &Attempt) -> bool {
        own_values(definition, attempt).any(|(key, _, value)| self.has_value(key, value))
    }

    /// Whether there is still no more than one anchor with this attempt, and not more values than can be packed.
    pub(crate) fn agrees(&self, definition: &Definition, attempt: &Attempt) -> bool {
        let mut anchors = own_values(definition, attempt).filter(|(_, is_anchor, _)| *is_anchor);
        let is_same = |(key, _, value): (u8, bool, &Arc<str>)| self.has_value(key, value);
        let is_one = if self.is_anchored { anchors.all(is_same) } else { anchors.nth(1).is_none() };
        is_one && self.keys.len() + attempt.keys.len() <= RESTING_VALUES_MAX
    }

    /// Whether one of its attempts has these very keys.
    fn has_keys(&self, keys: &Pairs) -> bool {
        self.attempts.iter().any(|known| Arc::ptr_eq(&known.attempt.keys, keys))
    }

    /// Lets an attempt share its keys and facets with those that have the same.
    pub(crate) fn share(&self, attempt: &mut Attempt) {
        let Some(Known { attempt: last, .. }) = self.attempts.last() else { return };
        if last.keys == attempt.keys {
            attempt.keys = Arc::clone(&last.keys);
        }
        if last.facets == attempt.facets {
            attempt.facets = Arc::clone(&last.facets);
        }
    }

    fn has_value(&self, key: u8, value: &str) -> bool {
        self.values.iter().any(|(known_key, known)| *known_key == key && **known == *value)
    }

    /// Adds an attempt that it does not have.
    pub(crate) fn add(&mut self, definition: &Definition, attempt: Arc<Attempt>, is_touched: bool) {
        if !self.has_keys(&attempt.keys) {
            self.note_keys(definition, &attempt);
        }
        let of = definition.stage_named(&attempt.stage);
        self.attempts.push(Known { attempt, of, is_touched });
    }

    /// Takes over what another observation says of an attempt that it has. Returns what was new.
    pub(crate) fn merge(&mut self, definition: &Definition, attempt: Attempt) -> News {
        let Some(known) = self.find(attempt.id) else { return News::None };
        let news = Arc::make_mut(&mut known.attempt).merge(attempt);
        if news == News::Ties {
            let attempt = Arc::clone(&known.attempt);
            self.note_keys(definition, &attempt);
        }
        news
    }

    /// Puts the attempts in the order in which they are followed.
    pub(crate) fn sort(&mut self, definition: &Definition) {
        self.attempts.sort_unstable_by_key(|known| judge::order(definition, &known.attempt));
    }

    fn note_keys(&mut self, definition: &Definition, attempt: &Attempt) {
        if attempt.keys.iter().all(|pair| self.keys.binary_search(pair).is_ok()) {
            return;
        }
        let mut keys: Vec<_> = self.keys.iter().chain(&*attempt.keys).cloned().collect();
        keys.sort_unstable();
        keys.dedup();
        self.keys = keys.into();
        for (key, is_anchor, value) in own_values(definition, attempt) {
            if self.has_value(key, value) {
                continue;
            }
            self.values.push((key, Arc::clone(value)));
            if is_anchor {
                (self.name, self.is_anchored) = (Arc::clone(value), true);
            } else if !self.is_anchored {
                let name = format!("{}={value}", definition.keys[usize::from(key)].name);
                if self.name.is_empty() || *name < *self.name {
                    self.name = name.into();
                }
            }
        }
    }
}

/// Whether a plain journey may have this attempt: it has an own key, and names nothing that others may name too.
pub(crate) fn is_fit(definition: &Definition, attempt: &Attempt) -> bool {
    let mut anchors = own_values(definition, attempt).map(|(_, is_anchor, _)| usize::from(is_anchor));
    let Some(first) = anchors.next() else { return false };
    first + anchors.sum::<usize>() <= 1 && !is_reference(definition, attempt)
}
