//! Which spans belong to which journey.
//!
//! Values of anchor and alias keys are nodes, and a span that carries several ties them together. What is tied at
//! all forms a *group*. Within a group, ties count from the earliest on, and one that would join two anchors is
//! refused and becomes a conflict: so the same spans in any order give the same journeys.
//!
//! Values of member and shared keys never tie anything. They point to journeys ([`references`]), and a span that has
//! nothing better is *attached* to the journeys that its values point to. A span without any key follows its trace,
//! or a link ([`traces`]), and waits until a key comes.

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

use self::references::References;
use self::sets::Sets;
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

/// One journey of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The anchor's value, or the name of the least alias: `cart.id=c-1`.
    pub(crate) name: Arc<str>,
    /// Whether it has an anchor.
    pub(crate) is_anchored: bool,
    /// Its attempts, sorted.
    pub(crate) attempts: Vec<AttemptId>,
    nodes: Vec<NodeId>,
}

impl Part {
    fn empty() -> Self {
        Self { name: "".into(), is_anchored: false, attempts: Vec::new(), nodes: Vec::new() }
    }
}

/// Two anchors claim one value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Conflict {
    pub(crate) key: Box<str>,
    pub(crate) value: Arc<str>,
    pub(crate) anchors: [Arc<str>; 2],
    pub(crate) at_ns: Nanos,
}

/// What placing one attempt did.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// Groups whose journeys may have changed.
    pub(crate) touched: Vec<GroupId>,
    /// Groups that were joined into another: nothing is left of them.
    pub(crate) gone: Vec<GroupId>,
    /// Attempts that belong to other journeys than before.
    pub(crate) moved: Vec<AttemptId>,
    /// Ties that were not made because the group would hold more than [`ATTEMPTS_PER_GROUP_MAX`].
    pub(crate) ties_refused: u64,
    /// Too many wait for a key: this one waited longest and was given up.
    pub(crate) given_up: Option<AttemptId>,
}

impl Identity {
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

    /// The journeys of a group and the conflicts between them.
    pub(crate) fn parts(&self, definition: &Definition, group: GroupId) -> (Vec<Part>, Vec<Conflict>) {
        let Some(group) = self.groups.get(&group) else { return Default::default() };
        if group.anchors <= 1 {
            return (self.whole(definition, group).into_iter().collect(), Vec::new());
        }
        let (roots, conflicts) = self.split(definition, group);
        let mut parts: BTreeMap<NodeId, Part> = BTreeMap::new();
        for (node, root) in &roots {
            let part = parts.entry(*root).or_insert_with(Part::empty);
            part.nodes.push(*node);
            part.attempts.extend(self.attached.get(node).into_iter().flatten());
            self.name(definition, *node, part);
        }
        for (id, (_, nodes)) in &group.attempts {
            for root in nodes.iter().filter_map(|node| roots.get(node)) {
                parts.get_mut(root).expect("every root has a part").attempts.push(*id);
            }
        }
        let mut parts: Vec<Part> = parts.into_values().filter(|part| !part.attempts.is_empty()).collect();
        for part in &mut parts {
            part.attempts.sort_unstable();
            part.attempts.dedup();
        }
        // Numbers of nodes tell who came first; names do not.
        parts.sort_by(|one, other| one.name.cmp(&other.name));
        (parts, conflicts)
    }

    /// The one journey of a group without anchors to tell apart: what is tied at all is tied to it.
    fn whole(&self, definition: &Definition, group: &Group) -> Option<Part> {
        let mut part = Part::empty();
        part.attempts.reserve_exact(group.attempts.len());
        part.attempts.extend(group.attempts.keys());
        part.nodes.reserve_exact(group.nodes.len());
        let at_home = part.attempts.len();
        for node in &group.nodes {
            part.nodes.push(*node);
            part.attempts.extend(self.attached.get(node).into_iter().flatten());
            self.name(definition, *node, &mut part);
        }
        if part.attempts.len() > at_home {
            part.attempts.sort_unstable();
            part.attempts.dedup();
        }
        (!part.attempts.is_empty()).then_some(part)
    }

    /// Forgets a group and the spans that belong to no other one.
    pub(crate) fn forget(&mut self, id: GroupId) -> BTreeSet<AttemptId> {
        let Some(group) = self.groups.remove(&id) else { return BTreeSet::new() };
        let mut gone: BTreeSet<AttemptId> = group.attempts.into_keys().collect();
        for node_id in &group.nodes {
            if let Some(node) = self.nodes.remove(node_id) {
                self.by_value.remove(node.key, &node.value);
            }
            for attempt in self.attached.remove(node_id).into_iter().flatten() {
                if let Some(further) = self.further_anchors.get_mut(&attempt) {
                    further.retain(|node| node != node_id);
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
        let first = keys_of(definition, attempt).min_by_key(|(_, is_anchor, _)| !is_anchor);
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

    /// What leads from an attempt to its journeys, and to it: its trace, its links, and its values, as numbers that
    /// rarely are the same for others.
    pub(crate) fn marks<'a>(
        definition: &'a Definition,
        attempt: &'a Attempt,
    ) -> impl Iterator<Item = u64> + 'a {
        let hasher = FixedState::with_seed(MARKS_SEED);
        let of_values = hasher.clone();
        let traces = [attempt.id.trace_id].into_iter().chain(attempt.links.iter().map(|link| link.trace_id));
        let of_traces = traces.map(move |trace_id| hasher.hash_one(trace_id));
        let values = (0_u8..).zip(&definition.keys).filter(|(_, key)| key.kind != KeyKind::Context);
        let values = values.flat_map(|(at, key)| attempt.values(&key.name).map(move |value| (at, value)));
        of_traces.chain(values.map(move |value| of_values.hash_one(value)))
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

    fn place_at_home(
        &mut self,
        attempt: AttemptId,
        stamp: Stamp,
        nodes: &[NodeId],
        anchors: usize,
        placed: &mut Placed,
    ) {
        for (one, other) in ties(nodes, anchors) {
            self.join(one, other, placed);
        }
        let group = self.nodes[&nodes[0]].group;
        let is_tied = |node: &NodeId| self.nodes[node].group == group;
        let further: Vec<NodeId> = nodes[..anchors].iter().filter(|node| !is_tied(node)).copied().collect();
        let nodes: Box<[NodeId]> = nodes.iter().filter(|node| is_tied(node)).copied().collect();
        if further.is_empty() {
            self.further_anchors.remove(&attempt);
        } else {
            self.further_anchors.insert(attempt, further);
        }
        self.move_to(attempt, (stamp, nodes), group, placed);
    }

    /// Attaches spans to what their values point to now, and after them those that follow their traces.
    fn attach(&mut self, changed: &BTreeSet<AttemptId>, placed_now: AttemptId, placed: &mut Placed) {
        let mut traces = BTreeSet::from([placed_now.trace_id]);
        for attempt in changed {
            if self.traces.leads(*attempt) || self.traces.is_linked(attempt.trace_id) {
                traces.insert(attempt.trace_id);
            }
            let is_at_home = self.homes.contains_key(attempt);
            if !is_at_home && !self.references.has(*attempt) {
                continue;
            }
            let mut targets = self.live(self.references.of_attempt(*attempt, is_at_home));
            targets.extend(self.further_anchors.get(attempt).into_iter().flatten());
            self.set_targets(*attempt, targets, *attempt == placed_now, placed);
        }
        for trace in self.traces.with_linked(traces) {
            let targets = self.follow(trace, traces::HOPS_MAX);
            for attempt in self.traces.keyless(trace) {
                self.set_targets(attempt, targets.clone(), attempt == placed_now, placed);
            }
        }
    }

    fn live(&self, nodes: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        nodes.into_iter().filter(|node| self.nodes.contains_key(node)).collect()
    }

    fn set_targets(
        &mut self,
        attempt: AttemptId,
        targets: BTreeSet<NodeId>,
        has_news: bool,
        placed: &mut Placed,
    ) {
        let before = self.targets.remove(&attempt).unwrap_or_default();
        for node in before.difference(&targets) {
            if let Some(attached) = self.attached.get_mut(node) {
                attached.remove(&attempt);
            }
        }
        for node in targets.difference(&before) {
            self.attached.entry(*node).or_default().insert(attempt);
        }
        if before != targets {
            placed.moved.push(attempt);
        }
        let touched = before.symmetric_difference(&targets).filter_map(|node| self.nodes.get(node));
        placed.touched.extend(touched.map(|node| node.group));
        if has_news {
            placed.touched.extend(targets.iter().map(|node| self.nodes[node].group));
        }
        if self.homes.contains_key(&attempt) || !targets.is_empty() {
            self.waiting.leave(attempt);
        } else {
            placed.given_up = self.waiting.enter(attempt).or(placed.given_up);
        }
        if !targets.is_empty() {
            self.targets.insert(attempt, targets);
        }
        if let Some(given_up) = placed.given_up {
            self.retract(given_up);
        }
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

    /// The attempt's anchors and aliases as nodes, the anchors first, and how many these are.
    fn nodes_of(&mut self, definition: &Definition, attempt: &Attempt) -> (Vec<NodeId>, usize) {
        let (mut nodes, mut aliases) = (Vec::new(), Vec::new());
        for (key, is_anchor, value) in keys_of(definition, attempt) {
            let node = self.node(key, value, is_anchor);
            if is_anchor { nodes.push(node) } else { aliases.push(node) }
        }
        let anchors = nodes.len();
        nodes.extend(aliases);
        (nodes, anchors)
    }

    fn node(&mut self, key: u8, value: &Arc<str>, is_anchor: bool) -> NodeId {
        if let Some(known) = self.by_value.get(key, value) {
            return known;
        }
        // No number comes twice: a group at rest keeps its own.
        self.next_id += 1;
        let (node, group) = (NodeId(self.next_id), GroupId(self.next_id));
        self.nodes.insert(node, Node { key, value: Arc::clone(value), is_anchor, group });
        self.by_value.insert(key, Arc::clone(value), node);
        let alone = Group { nodes: BTreeSet::from([node]), anchors: is_anchor.into(), ..Group::default() };
        self.groups.insert(group, alone);
        node
    }

    /// Joins two groups, the smaller into the larger.
    fn join(&mut self, one: NodeId, other: NodeId, placed: &mut Placed) {
        let (one, other) = (self.nodes[&one].group, self.nodes[&other].group);
        if one == other {
            return;
        }
        if self.attempts_in(one) + self.attempts_in(other) >= ATTEMPTS_PER_GROUP_MAX {
            // A value that so many orders claim names none of them.
            placed.ties_refused += 1;
            return;
        }
        let (into, from) =
            if self.attempts_in(one) >= self.attempts_in(other) { (one, other) } else { (other, one) };
        let mut absorbed = self.groups.remove(&from).expect("a node's group exists");
        for node in &absorbed.nodes {
            self.nodes.get_mut(node).expect("a group's nodes exist").group = into;
        }
        for attempt in absorbed.attempts.keys() {
            self.homes.insert(*attempt, into);
        }
        placed.moved.extend(absorbed.attempts.keys());
        let target = self.groups.get_mut(&into).expect("a node's group exists");
        target.nodes.append(&mut absorbed.nodes);
        target.anchors += absorbed.anchors;
        target.attempts.append(&mut absorbed.attempts);
        placed.gone.push(from);
        placed.touched.retain(|touched| *touched != from);
        placed.touched.push(into);
    }

    fn move_to(
        &mut self,
        attempt: AttemptId,
        keys: (Stamp, Box<[NodeId]>),
        group: GroupId,
        placed: &mut Placed,
    ) {
        let before = self.homes.insert(attempt, group);
        if let Some(before) = before.filter(|before| *before != group) {
            if let Some(old) = self.groups.get_mut(&before) {
                old.attempts.remove(&attempt);
            }
            placed.touched.push(before);
            placed.moved.push(attempt);
        }
        self.groups.get_mut(&group).expect("the caller's group exists").attempts.insert(attempt, keys);
        placed.touched.push(group);
    }

    /// Maps each node of the group to the root of its journey: earliest ties first, never two anchors.
    fn split(&self, definition: &Definition, group: &Group) -> (BTreeMap<NodeId, NodeId>, Vec<Conflict>) {
        let mut sets = Sets::new(group.nodes.iter().copied().filter(|node| self.nodes[node].is_anchor));
        let mut ties: Vec<(Stamp, NodeId, NodeId)> = Vec::new();
        for (stamp, nodes) in group.attempts.values() {
            let anchors = nodes.iter().take_while(|node| self.nodes[node].is_anchor).count();
            ties.extend(self::ties(nodes, anchors).map(|(one, other)| (*stamp, one, other)));
        }
        // Stable: of two ties of one span the lesser anchor comes first.
        ties.sort_by_key(|(stamp, _, _)| *stamp);
        let mut conflicts = Vec::new();
        for (stamp, one, other) in ties {
            if let Err(anchors) = sets.join(one, other) {
                conflicts.push(self.conflict(definition, other, anchors, stamp.0));
            }
        }
        (group.nodes.iter().map(|node| (*node, sets.root(*node))).collect(), conflicts)
    }

    fn conflict(
        &self,
        definition: &Definition,
        alias: NodeId,
        anchors: [NodeId; 2],
        at_ns: Nanos,
    ) -> Conflict {
        let alias = &self.nodes[&alias];
        let mut anchors = anchors.map(|anchor| self.nodes[&anchor].value.clone());
        anchors.sort();
        Conflict {
            key: definition.keys[usize::from(alias.key)].name.as_str().into(),
            value: alias.value.clone(),
            anchors,
            at_ns,
        }
    }

    /// Gives the part the best name so far: the anchor, else the least alias.
    fn name(&self, definition: &Definition, node: NodeId, part: &mut Part) {
        let node = &self.nodes[&node];
        if node.is_anchor {
            part.name = Arc::clone(&node.value);
            part.is_anchored = true;
        } else if !part.is_anchored {
            let key = &definition.keys[usize::from(node.key)].name;
            let name = format!("{key}={}", node.value);
            if part.name.is_empty() || *name < *part.name {
                part.name = name.into();
            }
        }
    }
}

/// Any number; the same in every process, so that nothing depends on chance.
const MARKS_SEED: u64 = 0x6a6f_7572_6e65_7921;

/// Which nodes of one span are tied: each alias to its anchor. Several anchors in one span are not tied to each other.
fn ties(nodes: &[NodeId], anchors: usize) -> impl Iterator<Item = (NodeId, NodeId)> {
    let (to, from) = nodes.split_at(anchors.max(nodes.len().min(1)));
    from.iter().flat_map(move |alias| to.iter().map(move |anchor| (*anchor, *alias)))
}

/// Places, kinds and values of the anchor and alias keys that an attempt carries.
fn keys_of<'a>(
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
