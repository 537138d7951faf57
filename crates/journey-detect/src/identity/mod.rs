//! Which spans belong to which journey.
//!
//! Values of anchor and alias keys are nodes, and a span that carries several ties them together. What is tied at
//! all forms a *group*. Within a group, ties count from the earliest on, and one that would join two anchors is
//! refused and becomes a conflict: so the same spans in any order give the same journeys.
//!
//! Values of member and shared keys never tie anything. They point to journeys ([`references`]), and a span that has
//! nothing better is *attached* to the journeys that its values point to. A span without any key follows its trace,
//! or a link ([`traces`]), and waits until a key comes.

mod parts;
mod placing;
mod references;
mod sets;
mod traces;
mod values;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::HashMap;
use foldhash::fast::FixedState;
use journey_model::{SpanId, TraceId};

pub(crate) use self::parts::{Conflict, Part};
pub(crate) use self::placing::Placed;
use self::references::References;
use self::traces::Traces;
use self::values::Values;
use self::waiting::Waiting;
use crate::limits::ATTEMPTS_PER_GROUP_MAX;
use crate::{Attempt, AttemptId, Definition, KeyKind, Nanos};

/// A value of an anchor or alias key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u64);

/// Values that are tied, by whichever span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupId(u64);

impl GroupId {
    pub(crate) const MIN: Self = Self(u64::MIN);
    pub(crate) const MAX: Self = Self(u64::MAX);

    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// The group of a number that [`Self::number`] gave.
    pub(crate) const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// *First* means least in this order, never first to arrive.
type Stamp = (Nanos, TraceId, SpanId);

/// All keys seen, the groups they form, and the spans in them.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    nodes: HashMap<NodeId, Node>,
    /// By the place of the key in the definition.
    by_value: Values<NodeId>,
    groups: HashMap<GroupId, Group>,
    /// The group of each span that has an anchor or an alias.
    homes: HashMap<AttemptId, GroupId>,
    references: References,
    traces: Traces,
    /// Anchors of spans that name several, beside the first one.
    further_anchors: HashMap<AttemptId, Vec<NodeId>>,
    /// Values that spans are attached to beside their home, and the reverse.
    targets: HashMap<AttemptId, BTreeSet<NodeId>>,
    attached: HashMap<NodeId, BTreeSet<AttemptId>>,
    waiting: Waiting,
    next_id: u64,
}

#[derive(Debug)]
struct Node {
    /// Place of the key in the definition.
    key: u8,
    value: Arc<str>,
    is_anchor: bool,
    group: GroupId,
}

#[derive(Debug, Default)]
struct Group {
    nodes: BTreeSet<NodeId>,
    /// How many of the nodes are anchors.
    anchors: usize,
    /// Each span with its stamp and its own keys, the anchors first.
    attempts: BTreeMap<AttemptId, (Stamp, Box<[NodeId]>)>,
}

impl Identity {
    /// A number for a group that is not known here.
    pub(crate) fn new_group(&mut self) -> GroupId {
        // No number comes twice: a group keeps its own wherever it is.
        self.next_id += 1;
        GroupId(self.next_id)
    }

    /// Takes in a group that was not known here, under its own number. Its attempts are to be placed after that.
    pub(crate) fn adopt<'a>(
        &mut self,
        definition: &Definition,
        group: GroupId,
        attempts: impl Iterator<Item = &'a Attempt>,
    ) {
        let mut adopted = Group::default();
        for (key, is_anchor, value) in attempts.flat_map(|attempt| own_values(definition, attempt)) {
            if self.by_value.get(key, value).is_none() {
                let node = self.new_node(key, value, is_anchor, group);
                adopted.nodes.insert(node);
                adopted.anchors += usize::from(is_anchor);
            }
        }
        self.groups.insert(group, adopted);
    }

    /// Whether anything here has to do with the trace or a value of this attempt.
    pub(crate) fn knows(&self, definition: &Definition, attempt: &Attempt) -> bool {
        let is_empty = self.groups.is_empty() && self.traces.is_empty();
        !is_empty
            && (self.traces.knows(attempt.id.trace_id)
                || own_values(definition, attempt)
                    .any(|(key, _, value)| self.by_value.get(key, value).is_some()))
    }

    /// Puts an attempt where its keys say, after each change of it.
    pub(crate) fn place(&mut self, definition: &Definition, attempt: &Attempt) -> Placed {
        let stamp = (attempt.first_ns(), attempt.id.trace_id, attempt.id.span_id);
        let mut placed = Placed::default();
        let (nodes, anchors) = self.nodes_of(definition, attempt);
        if !nodes.is_empty() {
            self.place_at_home(attempt.id, stamp, &nodes, anchors, &mut placed);
        }
        // An event of several orders says of none of them that the item is its own.
        let bindable: &[NodeId] = if anchors > 0 { &nodes[..anchors] } else { &nodes[..nodes.len().min(1)] };
        let mut changed = self.references.note(definition, attempt, stamp, bindable);
        changed.insert(attempt.id);
        let rank = match () {
            () if !nodes.is_empty() => traces::Rank::Own,
            () if self.references.has(attempt.id) => traces::Rank::Reference,
            () => traces::Rank::None,
        };
        self.traces.note(attempt.id, rank, stamp, &attempt.links);
        self.attach(&changed, attempt.id, &mut placed);
        placed
    }

    /// Forgets a group and the spans that belong to no other one.
    pub(crate) fn forget(&mut self, id: GroupId) -> BTreeSet<AttemptId> {
        let Some(group) = self.groups.remove(&id) else { return BTreeSet::new() };
        let at_home: Vec<AttemptId> = group.attempts.into_keys().collect();
        for attempt in &at_home {
            self.homes.remove(attempt);
        }
        let mut gone = BTreeSet::new();
        for node_id in &group.nodes {
            if let Some(node) = self.nodes.remove(node_id) {
                self.by_value.remove(node.key, &node.value);
            }
            for attempt in self.attached.remove(node_id).into_iter().flatten() {
                if let Some(further) = self.further_anchors.get_mut(&attempt) {
                    further.retain(|node| node != node_id);
                    if further.is_empty() {
                        self.further_anchors.remove(&attempt);
                    }
                }
                let Some(targets) = self.targets.get_mut(&attempt) else { continue };
                targets.remove(node_id);
                if targets.is_empty() {
                    self.targets.remove(&attempt);
                    if !self.homes.contains_key(&attempt) {
                        gone.insert(attempt);
                    }
                }
            }
        }
        // One that is attached to another group stays there.
        gone.extend(at_home.into_iter().filter(|attempt| !self.targets.contains_key(attempt)));
        gone.iter().for_each(|attempt| self.retract(*attempt));
        gone
    }

    /// Gives up spans that have waited for a key for longer than `ttl_ns`, by the clock of the looks.
    pub(crate) fn give_up_waiting(&mut self, now: Nanos, ttl_ns: Nanos) -> Vec<AttemptId> {
        let given_up = self.waiting.take_old(now, ttl_ns);
        given_up.iter().for_each(|attempt| self.retract(*attempt));
        given_up
    }

    /// Whether the group that an attempt would join is full.
    pub(crate) fn is_full_for(&self, definition: &Definition, attempt: &Attempt) -> bool {
        let is_full = |group: GroupId| self.attempts_in(group) >= ATTEMPTS_PER_GROUP_MAX;
        let first = own_values(definition, attempt).min_by_key(|(_, is_anchor, _)| !is_anchor);
        if let Some((key, _, value)) = first {
            return self.by_value.get(key, value).is_some_and(|node| is_full(self.nodes[&node].group));
        }
        if self.references.is_full_for(definition, attempt) {
            return true;
        }
        let followed = self.follow(attempt.id.trace_id, traces::HOPS_MAX);
        followed.iter().any(|node| is_full(self.nodes[node].group))
    }

    /// Whether the value of a key, seen on an attached span, is one of this journey's own.
    pub(crate) fn is_of(&self, definition: &Definition, part: &Part, key: &str, value: &str) -> bool {
        let Some(at) = definition.keys.iter().position(|known| known.name == key) else { return false };
        match (definition.keys[at].kind, u8::try_from(at)) {
            (KeyKind::Context | KeyKind::Shared, _) | (_, Err(_)) => true,
            (KeyKind::Alias | KeyKind::Anchor, Ok(at)) => {
                self.by_value.get(at, value).is_some_and(|node| part.nodes.contains(&node))
            }
            (KeyKind::Member, Ok(at)) => {
                self.references.of_value(at, value).iter().any(|node| part.nodes.contains(node))
            }
        }
    }

    /// The attempts of a group, those that are at home first, if it is one journey that shares nothing with others: no
    /// attempt, no value and no trace that others follow.
    pub(crate) fn alone(&self, group: GroupId) -> Option<Vec<AttemptId>> {
        let members = self.groups.get(&group).filter(|members| members.anchors <= 1)?;
        let is_here = |attempt: AttemptId| self.groups_of(attempt).all(|other| other == group);
        let is_alone = |attempt: &AttemptId| {
            is_here(*attempt)
                && !self.further_anchors.contains_key(attempt)
                && !self.traces.is_tied(attempt.trace_id)
                && self.references.are_carried_by(*attempt, &is_here)
        };
        let attached = members.nodes.iter().filter_map(|node| self.attached.get(node)).flatten();
        let mut all: Vec<AttemptId> = members.attempts.keys().copied().collect();
        all.extend(
            attached.collect::<BTreeSet<_>>().into_iter().filter(|id| !members.attempts.contains_key(id)),
        );
        all.iter().all(is_alone).then_some(all)
    }

    /// What leads from an attempt to its journeys, and to it: its trace, and its values or, if it has none, its links; as
    /// numbers that rarely are the same for others.
    pub(crate) fn marks<'a>(
        definition: &'a Definition,
        attempt: &'a Attempt,
    ) -> impl Iterator<Item = u64> + 'a {
        let values = Self::value_marks(definition, attempt);
        let is_keyless = Self::value_marks(definition, attempt).next().is_none();
        let links = attempt.links.iter().filter(move |_| is_keyless);
        let links = links.map(|link| Self::trace_mark(link.trace_id));
        [Self::trace_mark(attempt.id.trace_id)].into_iter().chain(values).chain(links)
    }

    /// The mark of a trace.
    pub(crate) fn trace_mark(trace: TraceId) -> u64 {
        FixedState::with_seed(MARKS_SEED).hash_one(trace)
    }

    /// The marks of an attempt's values.
    pub(crate) fn value_marks<'a>(
        definition: &'a Definition,
        attempt: &'a Attempt,
    ) -> impl Iterator<Item = u64> + 'a {
        let hasher = FixedState::with_seed(MARKS_SEED);
        let values = (0_u8..).zip(&definition.keys).filter(|(_, key)| key.kind != KeyKind::Context);
        let values = values.flat_map(|(at, key)| attempt.values(&key.name).map(move |value| (at, value)));
        values.map(move |value| hasher.hash_one(value))
    }

    /// Whether an attempt belongs to a group by its own anchor or alias.
    pub(crate) fn is_at_home(&self, attempt: AttemptId, group: GroupId) -> bool {
        self.homes.get(&attempt) == Some(&group)
    }

    /// The groups with journeys that an attempt belongs to; one may come several times.
    pub(crate) fn groups_of(&self, attempt: AttemptId) -> impl Iterator<Item = GroupId> {
        let attached = self.targets.get(&attempt).into_iter().flatten();
        attached.map(|node| self.nodes[node].group).chain(self.homes.get(&attempt).copied())
    }

    /// The attempts that belong to a group by their own anchor or alias.
    pub(crate) fn at_home(&self, group: GroupId) -> impl Iterator<Item = AttemptId> {
        self.groups.get(&group).into_iter().flat_map(|group| group.attempts.keys().copied())
    }

    pub(crate) fn has(&self, group: GroupId) -> bool {
        self.groups.contains_key(&group)
    }

    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    pub(crate) fn attempts_in(&self, group: GroupId) -> usize {
        let Some(group) = self.groups.get(&group) else { return 0 };
        let attached = group.nodes.iter().filter_map(|node| self.attached.get(node)).map(BTreeSet::len);
        group.attempts.len() + attached.sum::<usize>()
    }

    /// The journeys that the spans of a trace without a key follow: those of its leader, else of a link's.
    fn follow(&self, trace: TraceId, hops: usize) -> BTreeSet<NodeId> {
        if let Some(leader) = self.traces.leader(trace) {
            return self.journeys_of(leader);
        }
        if hops == 0 {
            return BTreeSet::new();
        }
        for link in self.traces.links(trace) {
            let is_keyed = self.homes.contains_key(&link) || self.references.has(link);
            let own = if is_keyed { self.journeys_of(link) } else { BTreeSet::new() };
            let found = if own.is_empty() { self.follow(link.trace_id, hops - 1) } else { own };
            if !found.is_empty() {
                return found;
            }
        }
        BTreeSet::new()
    }

    /// The values that stand for the journeys of a span with keys.
    fn journeys_of(&self, attempt: AttemptId) -> BTreeSet<NodeId> {
        let home = self.homes.get(&attempt).and_then(|home| self.groups.get(home)?.attempts.get(&attempt));
        let own = home.map_or(&[][..], |(_, nodes)| &nodes[..]);
        let attached = self.targets.get(&attempt).into_iter().flatten();
        own.iter().chain(attached).copied().collect()
    }

    fn retract(&mut self, attempt: AttemptId) {
        self.homes.remove(&attempt);
        self.further_anchors.remove(&attempt);
        for node in self.targets.remove(&attempt).into_iter().flatten() {
            if let Some(attached) = self.attached.get_mut(&node) {
                attached.remove(&attempt);
            }
        }
        self.references.retract(attempt);
        self.traces.retract(attempt);
        self.waiting.leave(attempt);
    }
}

/// Any number; the same in every process, so that nothing depends on chance.
const MARKS_SEED: u64 = 0x6a6f_7572_6e65_7921;

/// Whether an attempt carries a member or shared key.
pub(crate) fn is_reference(definition: &Definition, attempt: &Attempt) -> bool {
    let is_one = |kind| matches!(kind, KeyKind::Member | KeyKind::Shared);
    definition.keys.iter().any(|key| is_one(key.kind) && attempt.values(&key.name).next().is_some())
}

/// Places, kinds and values of the anchor and alias keys that an attempt carries.
pub(crate) fn own_values<'a>(
    definition: &'a Definition,
    attempt: &'a Attempt,
) -> impl Iterator<Item = (u8, bool, &'a Arc<str>)> {
    let keys = definition.keys.iter().enumerate().filter_map(|(at, key)| {
        let is_anchor = match key.kind {
            KeyKind::Anchor => true,
            KeyKind::Alias => false,
            KeyKind::Context | KeyKind::Member | KeyKind::Shared => return None,
        };
        Some((u8::try_from(at).ok()?, is_anchor, &key.name))
    });
    keys.flat_map(|(at, is_anchor, name)| attempt.values(name).map(move |value| (at, is_anchor, value)))
}

#[cfg(test)]
mod tests;
