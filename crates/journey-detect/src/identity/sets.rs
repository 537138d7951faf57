//! Disjoint sets that never join two anchors.

use foldhash::HashMap;

use super::NodeId;

/// Disjoint sets of nodes with at most one anchor each (union-find with path halving).
pub(super) struct Sets {
    parents: HashMap<NodeId, NodeId>,
    anchors: HashMap<NodeId, NodeId>,
}

impl Sets {
    pub(super) fn new(anchors: impl Iterator<Item = NodeId>) -> Self {
        Self { parents: HashMap::default(), anchors: anchors.map(|anchor| (anchor, anchor)).collect() }
    }

    /// The value that stands for the set.
    pub(super) fn root(&mut self, node: NodeId) -> NodeId {
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
    pub(super) fn join(&mut self, one: NodeId, other: NodeId) -> Result<(), [NodeId; 2]> {
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
