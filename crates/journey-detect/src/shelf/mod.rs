//! Journeys at rest: nothing was heard of them for long, and most of what is open is so.
//!
//! Only their facts are kept, packed. Facts in any order give the same journey, so one that is needed again is built
//! anew, and nobody can tell. It is needed when a span comes that names its trace or one of its values, or when it is
//! due.

mod bytes;
mod marks;
mod pack;
mod symbols;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use foldhash::HashMap;

use self::bytes::{Reader, Writer};
use self::marks::Marks;
use self::symbols::Symbols;
use crate::identity::{GroupId, Identity};
use crate::limits::{RESTING_ATTEMPTS_MAX, RESTING_PER_MARK_MAX, RESTING_VALUES_MAX};
use crate::survival::Lasting;
use crate::{Attempt, Definition, Nanos};

/// The journeys at rest.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    packed: HashMap<GroupId, Box<[u8]>>,
    marks: Marks,
    symbols: Symbols,
    due: BTreeSet<(Nanos, GroupId)>,
    /// In the order in which they were put here; some of them are gone.
    order: VecDeque<GroupId>,
}

/// One journey at rest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rest {
    /// Its attempts, those with keys of their own first.
    pub(crate) attempts: Vec<Arc<Attempt>>,
    /// When to judge it though nothing comes.
    pub(crate) due_ns: Nanos,
    /// When something was last heard of it, by the clock of the looks.
    pub(crate) heard_ns: Nanos,
    /// What goes on, and since when.
    pub(crate) open: Vec<(Lasting, Nanos)>,
}

impl Shelf {
    pub(crate) fn put(&mut self, definition: &Definition, group: GroupId, rest: &Rest) {
        let mut writer = Writer::default();
        writer.number(rest.due_ns);
        writer.number(rest.heard_ns);
        writer.number(rest.open.len() as u64);
        for (what, since_ns) in &rest.open {
            writer.number(what.code());
            writer.number(*since_ns);
        }
        pack::pack(&rest.attempts, &mut self.symbols, &mut writer);
        self.packed.insert(group, writer.finish());
        marks_of(definition, rest).into_iter().for_each(|mark| self.marks.put(mark, group));
        self.due.insert((rest.due_ns, group));
        self.order.push_back(group);
        if self.order.len() > 2 * self.packed.len() + 1_024 {
            self.order.retain(|group| self.packed.contains_key(group));
        }
    }

    /// Whether these attempts may be packed: not where that would take long, or where something leads to very many
    /// journeys, which would all wake at once.
    pub(crate) fn has_room_for(&self, definition: &Definition, attempts: &[&Attempt]) -> bool {
        let values: usize = attempts.iter().map(|attempt| attempt.keys.len()).sum();
        let is_crowded = |mark| self.marks.get(mark).nth(RESTING_PER_MARK_MAX - 1).is_some();
        values <= RESTING_VALUES_MAX
            && attempts.len() <= RESTING_ATTEMPTS_MAX
            && !attempts.iter().flat_map(|attempt| Identity::marks(definition, attempt)).any(is_crowded)
    }

    /// Takes a journey back; `None` if it is not here.
    pub(crate) fn take(&mut self, definition: &Definition, group: GroupId) -> Option<Rest> {
        let packed = self.packed.remove(&group)?;
        let mut reader = Reader(&packed);
        let (due_ns, heard_ns) = (reader.number(), reader.number());
        let open =
            (0..reader.count()).map(|_| (Lasting::of_code(reader.number()), reader.number())).collect();
        let attempts = pack::unpack(&mut reader, &self.symbols);
        let rest = Rest { attempts, due_ns, heard_ns, open };
        marks_of(definition, &rest).into_iter().for_each(|mark| self.marks.remove(mark, group));
        self.due.remove(&(due_ns, group));
        Some(rest)
    }

    pub(crate) fn len(&self) -> usize {
        self.packed.len()
    }

    /// The journeys that this attempt may belong to, or say something about; rarely another one too.
    pub(crate) fn named_by(&self, definition: &Definition, attempt: &Attempt) -> BTreeSet<GroupId> {
        if self.packed.is_empty() {
            return BTreeSet::new();
        }
        Identity::marks(definition, attempt).flat_map(|mark| self.marks.get(mark)).collect()
    }

    /// The journeys that are due.
    pub(crate) fn due(&self, now: Nanos) -> Vec<GroupId> {
        self.due.range(..=(now, GroupId::MAX)).map(|(_, group)| *group).collect()
    }

    /// When the next one is due.
    pub(crate) fn next_ns(&self) -> Option<Nanos> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The journey that has rested longest.
    pub(crate) fn oldest(&mut self) -> Option<GroupId> {
        while let Some(group) = self.order.front() {
            if self.packed.contains_key(group) {
                return Some(*group);
            }
            self.order.pop_front();
        }
        None
    }
}

fn marks_of(definition: &Definition, rest: &Rest) -> BTreeSet<u64> {
    rest.attempts.iter().flat_map(|attempt| Identity::marks(definition, attempt)).collect()
}
