//! What is asked about stages all the time, answered when the definition is read.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::{StageDefinition, StageId};
use crate::flow::Tree;

/// The stages by name, and where they stand in the flow.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    by_name: HashMap<Arc<str>, StageId>,
    in_flow: Box<[bool]>,
    in_loop: Box<[bool]>,
}

impl Index {
    pub(super) fn new(stages: &[StageDefinition], flow: &Tree) -> Self {
        let mut by_name = HashMap::with_capacity(stages.len());
        for (at, stage) in (0..=u16::MAX).zip(stages) {
            by_name.entry(Arc::clone(&stage.name)).or_insert(StageId(at));
        }
        let mut in_flow = vec![false; stages.len()];
        let mut in_loop = in_flow.clone();
        flow.for_each_stage(false, &mut |stage, looped| {
            in_flow[usize::from(stage.0)] = true;
            in_loop[usize::from(stage.0)] |= looped;
        });
        Self { by_name, in_flow: in_flow.into(), in_loop: in_loop.into() }
    }

    pub(super) fn stage(&self, name: &str) -> Option<StageId> {
        self.by_name.get(name).copied()
    }

    pub(super) fn is_in_flow(&self, stage: StageId) -> bool {
        self.in_flow[usize::from(stage.0)]
    }

    pub(super) fn is_in_loop(&self, stage: StageId) -> bool {
        self.in_loop[usize::from(stage.0)]
    }
}
