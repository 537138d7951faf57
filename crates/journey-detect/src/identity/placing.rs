//! An attempt, put where its keys say.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Group, GroupId, Identity, Node, NodeId, Stamp, own_values, traces};
use crate::limits::ATTEMPTS_PER_GROUP_MAX;
use crate::{Attempt, AttemptId, Definition};

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
    pub(super) fn place_at_home(
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
    pub(super) fn attach(
        &mut self,
        changed: &BTreeSet<AttemptId>,
        placed_now: AttemptId,
        placed: &mut Placed,
    ) {
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

    pub(super) fn live(&self, nodes: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        nodes.into_iter().filter(|node| self.nodes.contains_key(node)).collect()
    }

    pub(super) fn set_targets(
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

    /// The attempt's anchors and aliases as nodes, the anchors first, and how many these are.
    pub(super) fn nodes_of(&mut self, definition: &Definition, attempt: &Attempt) -> (Vec<NodeId>, usize) {
        let (mut nodes, mut aliases) = (Vec::new(), Vec::new());
        for (key, is_anchor, value) in own_values(definition, attempt) {
            let node = self.node(key, value, is_anchor);
            if is_anchor { nodes.push(node) } else { aliases.push(node) }
        }
        let anchors = nodes.len();
        nodes.extend(aliases);
        (nodes, anchors)
    }

    pub(super) fn node(&mut self, key: u8, value: &Arc<str>, is_anchor: bool) -> NodeId {
        if let Some(known) = self.by_value.get(key, value) {
            return known;
        }
        let group = self.new_group();
        let node = self.new_node(key, value, is_anchor, group);
        let alone = Group { nodes: BTreeSet::from([node]), anchors: is_anchor.into(), ..Group::default() };
        self.groups.insert(group, alone);
        node
    }

    pub(super) fn new_node(&mut self, key: u8, value: &Arc<str>, is_anchor: bool, group: GroupId) -> NodeId {
        self.next_id += 1;
        let node = NodeId(self.next_id);
        self.nodes.insert(node, Node { key, value: Arc::clone(value), is_anchor, group });
        self.by_value.insert(key, Arc::clone(value), node);
        node
    }

    /// Joins two groups, the smaller into the larger.
    pub(super) fn join(&mut self, one: NodeId, other: NodeId, placed: &mut Placed) {
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

    pub(super) fn move_to(
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
}

/// Which nodes of one span are tied: each alias to its anchor. Several anchors in one span are not tied to each other.
pub(super) fn ties(nodes: &[NodeId], anchors: usize) -> impl Iterator<Item = (NodeId, NodeId)> {
    let (to, from) = nodes.split_at(anchors.max(nodes.len().min(1)));
    from.iter().flat_map(move |alias| to.iter().map(move |anchor| (*anchor, *alias)))
}
