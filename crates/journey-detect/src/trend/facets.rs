//! The values of one facet in one series: which are followed, which were seen once, and all others together.

use std::collections::VecDeque;

use super::cell::Cell;
use super::peers::Peer;
use super::words::{Word, Words};
use crate::Nanos;
use crate::limits::{FACET_VALUE_SILENT_NS, FACET_VALUES_MAX, FACET_VALUES_SEEN_ONCE_MAX};

/// Place of a value in its table.
pub(super) type Slot = u8;

/// The slot of all values that have none of their own.
pub(super) const OTHER: Slot = FACET_VALUES_MAX as Slot;
/// The slot of a span without the facet, or with a value that was never seen before.
pub(super) const ABSENT: Slot = Slot::MAX;

/// The values of one facet.
#[derive(Debug, Clone, Default)]
pub(super) struct Facet {
    /// The words of the values, close together: this is what every sample searches.
    words: Vec<Word>,
    /// By slot; a slot keeps its place for as long as the series lives.
    pub(super) values: Vec<FacetValue>,
    pub(super) other: Option<Box<Cell>>,
    seen_once: VecDeque<Word>,
}

/// One value that is followed.
#[derive(Debug, Clone)]
pub(super) struct FacetValue {
    pub(super) cell: Cell,
    pub(super) peer: Peer,
    last_ns: Nanos,
}

/// Where a value of a facet was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// In the slot that it has, or in [`OTHER`].
    At(Slot),
    /// It took this slot over from another value.
    Instead(Slot),
    /// In this slot, which is new.
    New(Slot),
    /// It is seen for the first time.
    Once,
}

impl Facet {
    /// The slot of a value, made on second sight. `may_grow`: whether there is room for one more cell.
    pub(super) fn place(&mut self, word: Word, at_ns: Nanos, may_grow: bool, words: &mut Words) -> Placed {
        if let Some(slot) = self.slot(word) {
            let last_ns = &mut self.values[usize::from(slot)].last_ns;
            *last_ns = at_ns.max(*last_ns);
            return Placed::At(slot);
        }
        let Some(place) = self.seen_once.iter().position(|seen| *seen == word) else {
            self.see_once(word, words);
            return Placed::Once;
        };
        if may_grow && self.values.len() < FACET_VALUES_MAX {
            self.seen_once.remove(place);
            self.words.push(word);
            self.values.push(FacetValue::new(at_ns));
            return Placed::New(self.values.len() as Slot - 1);
        }
        let Some(slot) = self.silent(at_ns) else { return Placed::At(OTHER) };
        self.seen_once.remove(place);
        self.values[usize::from(slot)] = FacetValue::new(at_ns);
        words.release(std::mem::replace(&mut self.words[usize::from(slot)], word));
        Placed::Instead(slot)
    }

    /// The slot that a value has.
    pub(super) fn slot(&self, word: Word) -> Option<Slot> {
        self.words.iter().position(|known| *known == word).map(|slot| slot as Slot)
    }

    /// The value that has a slot.
    pub(super) fn word(&self, slot: Slot) -> Option<Word> {
        self.words.get(usize::from(slot)).copied()
    }

    /// The cell of a slot.
    pub(super) fn cell(&mut self, slot: Slot) -> Option<&mut Cell> {
        match slot {
            OTHER => Some(self.other.get_or_insert_default()),
            slot => self.values.get_mut(usize::from(slot)).map(|value| &mut value.cell),
        }
    }

    /// All its cells.
    pub(super) fn cells_mut(&mut self) -> impl Iterator<Item = &mut Cell> {
        self.values.iter_mut().map(|value| &mut value.cell).chain(self.other.as_deref_mut())
    }

    /// All its cells, by slot.
    pub(super) fn slots_mut(&mut self) -> impl Iterator<Item = (Slot, &mut Cell)> {
        let values = (0..).zip(self.values.iter_mut().map(|value| &mut value.cell));
        values.chain(self.other.as_deref_mut().map(|other| (OTHER, other)))
    }

    /// Memory behind it, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let values = self.values.capacity() * size_of::<FacetValue>();
        let other = self.other.as_ref().map_or(0, |cell| size_of::<Cell>() + cell.heap_bytes());
        let seen_once = self.seen_once.capacity() * size_of::<Word>();
        values + other + seen_once + self.values.iter().map(|value| value.cell.heap_bytes()).sum::<usize>()
    }

    fn see_once(&mut self, word: Word, words: &mut Words) {
        if self.seen_once.len() == FACET_VALUES_SEEN_ONCE_MAX
            && let Some(oldest) = self.seen_once.pop_front()
        {
            words.release(oldest);
        }
        words.keep(word);
        self.seen_once.push_back(word);
    }

    /// The value that was silent longest, if for long enough and nothing is told of it.
    fn silent(&self, now: Nanos) -> Option<Slot> {
        let is_spare = |value: &FacetValue| {
            value.cell.alarm.is_none()
                && !value.peer.is_slow()
                && now.saturating_sub(value.last_ns) >= FACET_VALUE_SILENT_NS
        };
        let spare = self.values.iter().enumerate().filter(|(_, value)| is_spare(value));
        spare.min_by_key(|(_, value)| value.last_ns).map(|(slot, _)| slot as Slot)
    }
}

impl FacetValue {
    fn new(at_ns: Nanos) -> Self {
        Self { cell: Cell::default(), peer: Peer::default(), last_ns: at_ns }
    }
}
