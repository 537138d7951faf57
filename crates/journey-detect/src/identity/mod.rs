//! Which spans belong to which journey.
//!
//! Values of anchor and alias keys are nodes, and a span that carries several ties them together. What is tied at
//! all forms a *group*. Within a group, ties count from the earliest on, and one that would join two anchors is
//! refused and becomes a conflict: so the same spans in any order give the same journeys. A span without a key
//! belongs to the earliest span of its trace that has one, and waits until one comes.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use journey_model::{SpanId, TraceId};

use crate::limits::{ATTEMPTS_PER_GROUP_MAX, WAITING_SPANS_MAX};
use crate::{Attempt, AttemptId, Definition, KeyKind, Nanos};

/// A value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u32);

/// Values that are tied, by whichever span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupId(u32);

/// *First* means least in this order, never first to arrive.
type Stamp = (Nanos, TraceId, SpanId);

/// All keys seen, the groups they form, and the spans in them.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    nodes: HashMap<NodeId, Node>,
    by_value: HashMap<(u8, Box<str>), NodeId>,
    groups: HashMap<GroupId, Group>,
    homes: HashMap<AttemptId, GroupId>,
    traces: HashMap<TraceId, Trace>,
    /// Spans that wait for a key, oldest first; some have left since.
    waiting: VecDeque<AttemptId>,
    next_id: u32,
}

#[derive(Debug)]
struct Node {
    /// Place of the key in the definition.
    key: u8,
    value: Box<str>,
    is_anchor: bool,
    group: GroupId,
}

#[derive(Debug, Default)]
struct Group {
    nodes: BTreeSet<NodeId>,
    /// Each span with its stamp and its own keys, the anchor first. A span that follows its trace has no keys, and
    /// its stamp means nothing.
    attempts: BTreeMap<AttemptId, (Stamp, Vec<NodeId>)>,
}

#[derive(Debug, Default)]
struct Trace {
    first_keyed: Option<(Stamp, AttemptId)>,
    keyless: BTreeSet<AttemptId>,
}

/// One journey of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The anchor's value, or the name of the least alias: `cart.id=c-1`.
    pub(crate) name: Box<str>,
    /// Whether it has an anchor.
    pub(crate) is_anchored: bool,
    pub(crate) attempts: BTreeSet<AttemptId>,
}

/// Two anchors claim one value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Conflict {
    pub(crate) key: Box<str>,
    pub(crate) value: Box<str>,
    pub(crate) anchors: [Box<str>; 2],
    pub(crate) at_ns: Nanos,
}

/// What placing one attempt did.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// Groups whose journeys may have changed.
    pub(crate) touched: Vec<GroupId>,
    /// Groups that were joined into another: nothing is left of them.
    pub(crate) gone: Vec<GroupId>,
    /// Attempts that came along from another group.
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
        let nodes = self.nodes_of(definition, attempt);
        let mut placed = Placed::default();
        let Some(first) = nodes.first().copied() else {
            self.place_keyless(attempt.id, stamp, &mut placed);
            return placed;
        };
        for other in &nodes[1..] {
            self.join(first, *other, &mut placed);
        }
        let group = self.nodes[&first].group;
        let tied = |node: &&NodeId| self.nodes[node].group == group;
        let nodes: Vec<NodeId> = nodes.iter().filter(tied).copied().collect();
        self.leave_waiting(attempt.id);
        self.move_to(attempt.id, (stamp, nodes), group, &mut placed);
        self.note_keyed(stamp, attempt.id, &mut placed);
        placed
    }

    /// The journeys of a group and the conflicts between them.
    pub(crate) fn parts(&self, definition: &Definition, group: GroupId) -> (Vec<Part>, Vec<Conflict>) {
        let Some(group) = self.groups.get(&group) else { return Default::default() };
        let (roots, conflicts) = self.split(definition, group);
        let mut parts: BTreeMap<NodeId, Part> = BTreeMap::new();
        for (node, root) in &roots {
            let part = parts.entry(*root).or_insert_with(|| Part {
                name: Box::default(),
                is_anchored: false,
                attempts: BTreeSet::new(),
            });
            self.name(definition, *node, part);
        }
        for (id, (_, nodes)) in &group.attempts {
            for root in self.homes_within(*id, nodes, group, &roots) {
                parts.get_mut(&root).expect("every root has a part").attempts.insert(*id);
            }
        }
        let mut parts: Vec<Part> = parts.into_values().filter(|part| !part.attempts.is_empty()).collect();
        // Numbers of nodes tell who came first; names do not.
        parts.sort_by(|one, other| one.name.cmp(&other.name));
        (parts, conflicts)
    }

    /// Forgets a group and its spans.
    pub(crate) fn forget(&mut self, id: GroupId) -> BTreeSet<AttemptId> {
        let Some(group) = self.groups.remove(&id) else { return BTreeSet::new() };
        for node in &group.nodes {
            if let Some(node) = self.nodes.remove(node) {
                self.by_value.remove(&(node.key, node.value));
            }
        }
        for attempt in group.attempts.keys() {
            self.homes.remove(attempt);
            self.forget_trace(*attempt, &group.attempts);
        }
        group.attempts.into_keys().collect()
    }

    /// Whether the group that an attempt would join is full.
    pub(crate) fn is_full_for(&self, definition: &Definition, attempt: &Attempt) -> bool {
        let first = keys_of(definition, attempt).min_by_key(|(_, is_anchor, _)| !is_anchor);
        let group = match first {
            Some((key, _, value)) => {
                self.by_value.get(&(key, Box::from(value))).map(|node| self.nodes[node].group)
            }
            None => self.trace_group(attempt.id),
        };
        group.is_some_and(|group| self.attempts_in(group) >= ATTEMPTS_PER_GROUP_MAX)
    }

    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    pub(crate) fn attempts_in(&self, group: GroupId) -> usize {
        self.groups.get(&group).map_or(0, |group| group.attempts.len())
    }

    /// The attempt's anchor and aliases as nodes, the anchor first.
    fn nodes_of(&mut self, definition: &Definition, attempt: &Attempt) -> Vec<NodeId> {
        let mut nodes = Vec::new();
        for (key, is_anchor, value) in keys_of(definition, attempt) {
            let node = self.node(key, value, is_anchor);
            if is_anchor { nodes.insert(0, node) } else { nodes.push(node) }
        }
        nodes
    }

    fn node(&mut self, key: u8, value: &str, is_anchor: bool) -> NodeId {
        if let Some(known) = self.by_value.get(&(key, Box::from(value))) {
            return *known;
        }
        let id = self.fresh_id();
        let (node, group) = (NodeId(id), GroupId(id));
        self.nodes.insert(node, Node { key, value: value.into(), is_anchor, group });
        self.by_value.insert((key, value.into()), node);
        self.groups.insert(group, Group { nodes: BTreeSet::from([node]), ..Group::default() });
        node
    }

    /// Numbers are reused only after four thousand million of them, and never while one is in use.
    fn fresh_id(&mut self) -> u32 {
        loop {
            self.next_id = self.next_id.wrapping_add(1);
            if !self.nodes.contains_key(&NodeId(self.next_id))
                && !self.groups.contains_key(&GroupId(self.next_id))
            {
                return self.next_id;
            }
        }
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
        target.attempts.append(&mut absorbed.attempts);
        placed.gone.push(from);
        placed.touched.retain(|touched| *touched != from);
        placed.touched.push(into);
    }

    fn move_to(
        &mut self,
        attempt: AttemptId,
        keys: (Stamp, Vec<NodeId>),
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

    fn place_keyless(&mut self, attempt: AttemptId, stamp: Stamp, placed: &mut Placed) {
        let trace = self.traces.entry(attempt.trace_id).or_default();
        let is_new = trace.keyless.insert(attempt);
        if let Some(group) = self.trace_group(attempt) {
            self.move_to(attempt, (stamp, Vec::new()), group, placed);
        } else if is_new {
            self.waiting.push_back(attempt);
            placed.given_up = self.give_up_oldest();
        }
    }

    /// Keeps the number of waiting spans within its bound.
    fn give_up_oldest(&mut self) -> Option<AttemptId> {
        if self.waiting.len() <= WAITING_SPANS_MAX {
            return None;
        }
        let oldest = self.waiting.pop_front()?;
        let trace = self.traces.get_mut(&oldest.trace_id)?;
        if trace.first_keyed.is_some() || !trace.keyless.remove(&oldest) {
            return None; // It has found its journey meanwhile.
        }
        if trace.keyless.is_empty() {
            self.traces.remove(&oldest.trace_id);
        }
        Some(oldest)
    }

    /// An attempt that had no key and now has one no longer hangs on its trace.
    fn leave_waiting(&mut self, attempt: AttemptId) {
        if let Some(trace) = self.traces.get_mut(&attempt.trace_id) {
            trace.keyless.remove(&attempt);
        }
    }

    /// What the trace of a forgotten attempt still knows: spans of other groups stay.
    fn forget_trace(&mut self, attempt: AttemptId, gone: &BTreeMap<AttemptId, (Stamp, Vec<NodeId>)>) {
        let Some(trace) = self.traces.get_mut(&attempt.trace_id) else { return };
        trace.keyless.remove(&attempt);
        trace.first_keyed.take_if(|(_, first)| gone.contains_key(first));
        if trace.first_keyed.is_none() && trace.keyless.is_empty() {
            self.traces.remove(&attempt.trace_id);
        }
    }

    /// The group that spans without a key follow in this trace.
    fn trace_group(&self, attempt: AttemptId) -> Option<GroupId> {
        let (_, first) = self.traces.get(&attempt.trace_id)?.first_keyed?;
        self.homes.get(&first).copied()
    }

    /// Notes a span with a key; the spans of its trace without one follow the earliest.
    fn note_keyed(&mut self, stamp: Stamp, attempt: AttemptId, placed: &mut Placed) {
        let trace = self.traces.entry(attempt.trace_id).or_default();
        if trace.first_keyed.is_some_and(|(known, _)| known <= stamp) {
            return;
        }
        trace.first_keyed = Some((stamp, attempt));
        let group = self.homes[&attempt];
        for follower in trace.keyless.clone() {
            let stamp =
                self.homes.get(&follower).and_then(|home| self.groups.get(home)?.attempts.get(&follower));
            let stamp = stamp.map_or((0, follower.trace_id, follower.span_id), |(stamp, _)| *stamp);
            self.move_to(follower, (stamp, Vec::new()), group, placed);
        }
    }

    /// Maps each node of the group to the root of its journey: earliest ties first, never two anchors.
    fn split(&self, definition: &Definition, group: &Group) -> (BTreeMap<NodeId, NodeId>, Vec<Conflict>) {
        let mut sets = Sets::new(group.nodes.iter().copied().filter(|node| self.nodes[node].is_anchor));
        let mut ties: Vec<(Stamp, NodeId, NodeId)> = Vec::new();
        for (stamp, nodes) in group.attempts.values() {
            ties.extend(nodes.iter().skip(1).map(|other| (*stamp, nodes[0], *other)));
        }
        ties.sort_unstable_by_key(|(stamp, _, _)| *stamp);
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
            part.name = node.value.clone();
            part.is_anchored = true;
        } else if !part.is_anchored {
            let key = &definition.keys[usize::from(node.key)].name;
            let name = format!("{key}={}", node.value).into_boxed_str();
            if part.name.is_empty() || name < part.name {
                part.name = name;
            }
        }
    }

    /// The journeys an attempt belongs to: those of all its keys, or of its trace.
    fn homes_within(
        &self,
        attempt: AttemptId,
        nodes: &[NodeId],
        group: &Group,
        roots: &BTreeMap<NodeId, NodeId>,
    ) -> BTreeSet<NodeId> {
        if !nodes.is_empty() {
            return nodes.iter().filter_map(|node| roots.get(node).copied()).collect();
        }
        let first_keyed = self.traces.get(&attempt.trace_id).and_then(|trace| trace.first_keyed);
        let followed = first_keyed.and_then(|(_, first)| group.attempts.get(&first)?.1.first().copied());
        followed.and_then(|node| roots.get(&node).copied()).into_iter().collect()
    }
}

/// Places, kinds and values of the anchor and alias keys that an attempt carries.
fn keys_of<'a>(
    definition: &'a Definition,
    attempt: &'a Attempt,
) -> impl Iterator<Item = (u8, bool, &'a str)> {
    definition.keys.iter().enumerate().filter_map(|(at, key)| {
        let is_anchor = match key.kind {
            KeyKind::Anchor => true,
            KeyKind::Alias => false,
            KeyKind::Context => return None,
        };
        Some((u8::try_from(at).ok()?, is_anchor, attempt.key(&key.name)?))
    })
}

/// Disjoint sets of nodes with at most one anchor each (union-find with path halving).
struct Sets {
    parents: HashMap<NodeId, NodeId>,
    anchors: HashMap<NodeId, NodeId>,
}

impl Sets {
    fn new(anchors: impl Iterator<Item = NodeId>) -> Self {
        Self { parents: HashMap::new(), anchors: anchors.map(|anchor| (anchor, anchor)).collect() }
    }

    fn root(&mut self, node: NodeId) -> NodeId {
        let mut at = node;
        while let Some(parent) = self.parents.get(&at).copied() {
            if let Some(grandparent) = self.parents.get(&parent).copied() {
                self.parents.insert(at, grandparent);
            }
            at = parent;
        }
        at
    }

    /// Joins two sets, or names the two anchors that forbid it.
    fn join(&mut self, one: NodeId, other: NodeId) -> Result<(), [NodeId; 2]> {
        let (kept, lost) = (self.root(one), self.root(other));
        if kept == lost {
            return Ok(());
        }
        match (self.anchors.get(&kept).copied(), self.anchors.get(&lost).copied()) {
            (Some(first), Some(second)) => return Err([first, second]),
            (None, Some(anchor)) => drop(self.anchors.insert(kept, anchor)),
            (_, None) => {}
        }
        self.parents.insert(lost, kept);
        Ok(())
    }
}
