//! Values that point to journeys and never tie them: members (an item of one order) and shared values (a package with
//! items of several orders).
//!
//! A member belongs to the journey that it was first bound to: by the earliest span that carries both. A shared value
//! points to the journeys of everything it was ever seen with: anchors, aliases, members, and shared values of keys
//! that stand before its own in the definition, so that a tour holds packages and not the reverse.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;

use super::values::Values;
use super::{NodeId, Stamp};
use crate::limits::{ATTEMPTS_PER_GROUP_MAX, SHARED_JOURNEYS_MAX};
use crate::{Attempt, AttemptId, Definition, KeyKind};

/// A value of a member or shared key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct ReferenceId(u64);

/// All such values. Bounded by the spans that carry them.
#[derive(Debug, Default)]
pub(super) struct References {
    by_value: Values<ReferenceId>,
    all: HashMap<ReferenceId, Reference>,
    of_attempt: HashMap<AttemptId, Box<[ReferenceId]>>,
    next_id: u64,
}

#[derive(Debug)]
struct Reference {
    key: u8,
    value: Arc<str>,
    is_shared: bool,
    /// Spans that carry it.
    carriers: BTreeSet<AttemptId>,
    /// What each span says that it points to.
    said: BTreeMap<AttemptId, (Stamp, Vec<Target>)>,
    /// Shared values that point to it.
    used_by: BTreeSet<ReferenceId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Node(NodeId),
    Reference(ReferenceId),
}

impl References {
    /// Notes what an attempt carries, after each change of it. `bindable` are the values that stand for its own
    /// journeys. Returns the spans whose values point elsewhere now.
    pub(super) fn note(
        &mut self,
        definition: &Definition,
        attempt: &Attempt,
        stamp: Stamp,
        bindable: &[NodeId],
    ) -> BTreeSet<AttemptId> {
        let carried = self.carried(definition, attempt);
        let mut changed = BTreeSet::new();
        for (id, key) in &carried {
            let reference = self.all.get_mut(id).expect("a value that is carried is known");
            reference.carriers.insert(attempt.id);
            let bound_in = &definition.keys[usize::from(*key)].bound_in;
            let stage = definition.stage_named(&attempt.stage);
            let is_binding = bound_in.is_empty() || stage.is_some_and(|stage| bound_in.contains(&stage));
            let nodes = bindable.iter().copied().map(Target::Node);
            let said: Vec<Target> = match (is_binding, reference.is_shared) {
                (false, _) => Vec::new(),
                (true, true) => {
                    let inner = carried.iter().filter(|(other, at)| at < key && other != id);
                    nodes.chain(inner.map(|(other, _)| Target::Reference(*other))).collect()
                }
                // Of several orders in one span, none is the item's own.
                (true, false) if bindable.len() == 1 => nodes.collect(),
                (true, false) => Vec::new(),
            };
            self.say(*id, attempt.id, stamp, said, &mut changed);
        }
        if !carried.is_empty() {
            self.of_attempt.insert(attempt.id, carried.iter().map(|(id, _)| *id).collect());
        }
        changed
    }

    pub(super) fn has(&self, attempt: AttemptId) -> bool {
        self.of_attempt.contains_key(&attempt)
    }

    /// What the values of a span point to; of all its values, or of the shared ones.
    pub(super) fn of_attempt(&self, attempt: AttemptId, shared_only: bool) -> BTreeSet<NodeId> {
        let carried = self.of_attempt.get(&attempt).into_iter().flatten();
        let carried = carried.filter(|id| !shared_only || self.all[id].is_shared);
        carried.flat_map(|id| self.resolve(*id)).collect()
    }

    /// What one value points to.
    pub(super) fn of_value(&self, key: u8, value: &str) -> BTreeSet<NodeId> {
        self.by_value.get(key, value).map(|id| self.resolve(id)).unwrap_or_default()
    }

    /// Whether all spans that carry a value of this one, or a value that points to one of them, are of that kind.
    pub(super) fn are_carried_by(&self, attempt: AttemptId, is_here: &impl Fn(AttemptId) -> bool) -> bool {
        let carried = self.of_attempt.get(&attempt).into_iter().flatten();
        carried.into_iter().all(|id| self.is_carried_by(*id, is_here))
    }

    fn is_carried_by(&self, id: ReferenceId, is_here: &impl Fn(AttemptId) -> bool) -> bool {
        self.all.get(&id).is_none_or(|reference| {
            reference.carriers.iter().all(|carrier| is_here(*carrier))
                && reference.used_by.iter().all(|user| self.is_carried_by(*user, is_here))
        })
    }

    /// Whether so many spans carry one of the attempt's values that it names none of them.
    pub(super) fn is_full_for(&self, definition: &Definition, attempt: &Attempt) -> bool {
        let mut known =
            values_of(definition, attempt).filter_map(|(key, _, value)| self.by_value.get(key, value));
        known.any(|id| {
            let carriers = &self.all[&id].carriers;
            carriers.len() >= ATTEMPTS_PER_GROUP_MAX && !carriers.contains(&attempt.id)
        })
    }

    pub(super) fn retract(&mut self, attempt: AttemptId) {
        for id in self.of_attempt.remove(&attempt).into_iter().flatten() {
            let Some(reference) = self.all.get_mut(&id) else { continue };
            reference.carriers.remove(&attempt);
            reference.said.remove(&attempt);
            if reference.carriers.is_empty() {
                let gone = self.all.remove(&id).expect("it was found above");
                self.by_value.remove(gone.key, &gone.value);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.by_value.is_empty() && self.of_attempt.is_empty()
    }

    /// The values that an attempt carries, each with the place of its key.
    fn carried(&mut self, definition: &Definition, attempt: &Attempt) -> Vec<(ReferenceId, u8)> {
        values_of(definition, attempt)
            .map(|(key, is_shared, value)| {
                if let Some(known) = self.by_value.get(key, value) {
                    return (known, key);
                }
                let id = ReferenceId(self.next_id);
                self.next_id += 1;
                self.by_value.insert(key, Arc::clone(value), id);
                let reference = Reference {
                    key,
                    value: Arc::clone(value),
                    is_shared,
                    carriers: BTreeSet::new(),
                    said: BTreeMap::new(),
                    used_by: BTreeSet::new(),
                };
                self.all.insert(id, reference);
                (id, key)
            })
            .collect()
    }

    fn say(
        &mut self,
        id: ReferenceId,
        attempt: AttemptId,
        stamp: Stamp,
        targets: Vec<Target>,
        changed: &mut BTreeSet<AttemptId>,
    ) {
        let known = self.all[&id].said.get(&attempt);
        if known.map_or(targets.is_empty(), |known| *known == (stamp, targets.clone())) {
            return;
        }
        let before = self.resolve(id);
        for target in &targets {
            if let Target::Reference(inner) = target {
                self.all.get_mut(inner).expect("a span carries it").used_by.insert(id);
            }
        }
        self.all.get_mut(&id).expect("a span carries it").said.insert(attempt, (stamp, targets));
        if before != self.resolve(id) {
            self.note_changed(id, changed);
        }
    }

    /// All spans that carry a value, or one that points to it. Keys only point to keys before them, so this ends.
    fn note_changed(&self, id: ReferenceId, changed: &mut BTreeSet<AttemptId>) {
        let Some(reference) = self.all.get(&id) else { return };
        changed.extend(&reference.carriers);
        reference.used_by.iter().for_each(|user| self.note_changed(*user, changed));
    }

    /// What a value points to. One that is shared by more than [`SHARED_JOURNEYS_MAX`] names none of them.
    fn resolve(&self, id: ReferenceId) -> BTreeSet<NodeId> {
        let Some(reference) = self.all.get(&id) else { return BTreeSet::new() };
        if !reference.is_shared {
            let bound = reference.said.values().filter(|(_, targets)| !targets.is_empty());
            let first = bound.min_by_key(|(stamp, _)| *stamp);
            return first.into_iter().flat_map(|(_, targets)| self.nodes(targets)).collect();
        }
        let mut nodes = BTreeSet::new();
        for (_, targets) in reference.said.values() {
            nodes.extend(self.nodes(targets));
            if nodes.len() > SHARED_JOURNEYS_MAX {
                return BTreeSet::new();
            }
        }
        nodes
    }

    fn nodes(&self, targets: &[Target]) -> BTreeSet<NodeId> {
        let each = targets.iter().map(|target| match target {
            Target::Node(node) => BTreeSet::from([*node]),
            Target::Reference(inner) => self.resolve(*inner),
        });
        each.flatten().collect()
    }
}

/// Places, kinds (whether shared) and values of the member and shared keys that an attempt carries.
fn values_of<'a>(
    definition: &'a Definition,
    attempt: &'a Attempt,
) -> impl Iterator<Item = (u8, bool, &'a Arc<str>)> {
    let keys = definition.keys.iter().enumerate().filter_map(|(at, key)| {
        let is_shared = match key.kind {
            KeyKind::Shared => true,
            KeyKind::Member => false,
            KeyKind::Alias | KeyKind::Anchor | KeyKind::Context => return None,
        };
        Some((u8::try_from(at).ok()?, is_shared, &key.name))
    });
    keys.flat_map(|(at, is_shared, name)| attempt.values(name).map(move |value| (at, is_shared, value)))
}
