//! A group, divided into its journeys.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::placing::ties;
use super::sets::Sets;
use super::{Group, GroupId, Identity, NodeId, Stamp};
use crate::{AttemptId, Definition, Nanos};

/// One journey of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The anchor's value, or the name of the least alias: `cart.id=c-1`.
    pub(crate) name: Arc<str>,
    /// Whether it has an anchor.
    pub(crate) is_anchored: bool,
    /// Its attempts, sorted.
    pub(crate) attempts: Vec<AttemptId>,
    pub(super) nodes: Vec<NodeId>,
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

impl Identity {
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
    pub(super) fn whole(&self, definition: &Definition, group: &Group) -> Option<Part> {
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

    /// Maps each node of the group to the root of its journey: earliest ties first, never two anchors.
    pub(super) fn split(
        &self,
        definition: &Definition,
        group: &Group,
    ) -> (BTreeMap<NodeId, NodeId>, Vec<Conflict>) {
        let mut sets = Sets::new(group.nodes.iter().copied().filter(|node| self.nodes[node].is_anchor));
        let mut tied: Vec<(Stamp, NodeId, NodeId)> = Vec::new();
        for (stamp, nodes) in group.attempts.values() {
            let anchors = nodes.iter().take_while(|node| self.nodes[node].is_anchor).count();
            tied.extend(ties(nodes, anchors).map(|(one, other)| (*stamp, one, other)));
        }
        // Stable: of two ties of one span the lesser anchor comes first.
        tied.sort_by_key(|(stamp, _, _)| *stamp);
        let mut conflicts = Vec::new();
        for (stamp, one, other) in tied {
            if let Err(anchors) = sets.join(one, other) {
                conflicts.push(self.conflict(definition, other, anchors, stamp.0));
            }
        }
        (group.nodes.iter().map(|node| (*node, sets.root(*node))).collect(), conflicts)
    }

    pub(super) fn conflict(
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
    pub(super) fn name(&self, definition: &Definition, node: NodeId, part: &mut Part) {
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
