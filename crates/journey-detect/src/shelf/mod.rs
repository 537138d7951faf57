//! Journeys at rest: nothing was heard of them for long, and most of what is open is so.
//!
//! Only their facts are kept, packed. Facts in any order give the same journey, so one that is needed again is built
//! anew, and nobody can tell. It is needed when a span comes that names its trace or one of its values, or when it is
//! due. These *marks* lead to plain journeys that are awake, too.

mod bytes;
mod marks;
mod pack;
mod symbols;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use self::bytes::{Reader, Writer};
use self::marks::Marks;
use self::symbols::Symbols;
use crate::identity::{GroupId, Identity};
use crate::limits::{RESTING_ATTEMPTS_MAX, RESTING_PER_MARK_MAX, RESTING_VALUES_MAX};
use crate::survival::{Lasted, Lasting, Length};
use crate::{Attempt, Definition, Nanos};

/// The journeys at rest.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    packed: HashMap<GroupId, Box<[u8]>>,
    /// Of the journeys at rest, and of those that are plain.
    marks: Marks,
    symbols: Symbols,
    writer: Writer,
    due: BTreeSet<(Nanos, GroupId)>,
    /// Those that were put here while nobody saw.
    unseen: HashSet<GroupId>,
    /// In the order in which they were put here; some of them are gone, or were put here again.
    order: VecDeque<(u64, GroupId)>,
    turn: u64,
}

/// One journey at rest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rest {
    /// Its attempts, those with keys of their own first.
    pub(crate) attempts: Vec<Arc<Attempt>>,
    /// When to judge it though nothing comes.
    pub(crate) due_ns: Nanos,
    /// Whether nobody sees: then no deadline is known, and it is to be judged as soon as somebody does.
    pub(crate) is_unseen: bool,
    /// When something was last heard of it, by the clock of the looks.
    pub(crate) heard_ns: Nanos,
    /// How long its stages and waits lasted, and what goes on.
    pub(crate) lasted: Lasted,
}

impl Shelf {
    /// Puts a journey to rest, whose marks are here.
    pub(crate) fn put(&mut self, group: GroupId, rest: &Rest) {
        self.turn += 1;
        let Self { writer, symbols, turn, .. } = self;
        writer.number(*turn);
        writer.number(rest.due_ns);
        writer.number(rest.heard_ns);
        writer.number(rest.lasted.open.len() as u64);
        for (what, since_ns) in &rest.lasted.open {
            writer.number(what.code());
            writer.number(*since_ns);
        }
        writer.number(rest.lasted.over.len() as u64);
        for (what, length) in &rest.lasted.over {
            writer.number(what.code());
            writer.number(length.code());
        }
        pack::pack(&rest.attempts, symbols, writer);
        self.packed.insert(group, writer.finish());
        if rest.is_unseen {
            self.unseen.insert(group);
        }
        self.due.insert((rest.due_ns, group));
        self.order.push_back((self.turn, group));
        if self.order.len() > 2 * self.packed.len() + 1_024 {
            let mut order = std::mem::take(&mut self.order);
            order.retain(|entry| self.is_current(*entry));
            self.order = order;
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

    /// Takes a journey back, and leaves its marks here; `None` if it does not rest.
    pub(crate) fn take(&mut self, group: GroupId) -> Option<Rest> {
        let packed = self.packed.remove(&group)?;
        let mut reader = Reader(&packed);
        let [_turn, due_ns, heard_ns] = [(); 3].map(|()| reader.number());
        let what = |reader: &mut Reader<'_>| Lasting::of_code(reader.number());
        let open = (0..reader.count()).map(|_| (what(&mut reader), reader.number())).collect();
        let length = |reader: &mut Reader<'_>| Length::of_code(reader.number());
        let over = (0..reader.count()).map(|_| (what(&mut reader), length(&mut reader))).collect();
        let attempts = pack::unpack(&mut reader, &self.symbols);
        self.due.remove(&(due_ns, group));
        self.unseen.remove(&group);
        Some(Rest { attempts, due_ns, is_unseen: false, heard_ns, lasted: Lasted { over, open } })
    }

    /// Lets what an attempt names lead to its journey.
    pub(crate) fn mark(&mut self, definition: &Definition, attempt: &Attempt, group: GroupId) {
        Identity::marks(definition, attempt).for_each(|mark| self.marks.put(mark, group));
    }

    /// Lets what an attempt names no longer lead to its journey.
    pub(crate) fn unmark(&mut self, definition: &Definition, attempt: &Attempt, group: GroupId) {
        Identity::marks(definition, attempt).for_each(|mark| self.marks.remove(mark, group));
    }

    pub(crate) fn len(&self) -> usize {
        self.packed.len()
    }

    /// How many entries the order of those at rest has.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.order.len()
    }

    /// The journeys that are at rest or plain, and that this attempt may belong to, or say something about; rarely another
    /// one too.
    pub(crate) fn named_by(&self, definition: &Definition, attempt: &Attempt) -> BTreeSet<GroupId> {
        Identity::marks(definition, attempt).flat_map(|mark| self.marks.get(mark)).collect()
    }

    /// The same for its trace alone.
    pub(crate) fn of_trace(&self, attempt: &Attempt) -> impl Iterator<Item = GroupId> {
        self.marks.get(Identity::trace_mark(attempt.id.trace_id))
    }

    /// The same for its values alone.
    pub(crate) fn of_values<'a>(
        &'a self,
        definition: &'a Definition,
        attempt: &'a Attempt,
    ) -> impl Iterator<Item = GroupId> + 'a {
        Identity::value_marks(definition, attempt).flat_map(|mark| self.marks.get(mark))
    }

    /// The journeys that are due.
    pub(crate) fn due(&self, now: Nanos) -> Vec<GroupId> {
        self.due.range(..=(now, GroupId::MAX)).map(|(_, group)| *group).collect()
    }

    /// The journeys that were put to rest while nobody saw, once.
    pub(crate) fn take_unseen(&mut self) -> HashSet<GroupId> {
        std::mem::take(&mut self.unseen)
    }

    /// When the next one is due.
    pub(crate) fn next_ns(&self) -> Option<Nanos> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The journey that has rested longest.
    pub(crate) fn oldest(&mut self) -> Option<GroupId> {
        while let Some(entry) = self.order.front() {
            if self.is_current(*entry) {
                return Some(entry.1);
            }
            self.order.pop_front();
        }
        None
    }

    /// Whether the journey was put here in this turn, and was not taken since.
    fn is_current(&self, (turn, group): (u64, GroupId)) -> bool {
        self.packed.get(&group).is_some_and(|packed| Reader(packed).number() == turn)
    }
}
