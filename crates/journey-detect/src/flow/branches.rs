//! Which stages may go on side by side: those in different branches of one parallel part of the flow.

use std::collections::BTreeSet;

use super::Tree;
use crate::StageId;

/// For each stage, in which branch of which parallel part it lies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Branches {
    of_stage: Vec<BTreeSet<(u32, u32)>>,
}

impl Branches {
    /// The branches of a flow over this many stages.
    pub(crate) fn of(flow: &Tree, stages: usize) -> Self {
        let mut branches = Self { of_stage: vec![BTreeSet::new(); stages] };
        branches.walk(flow, &mut Vec::new(), &mut 0);
        branches
    }

    /// Whether neither of the two waits for the other.
    pub(crate) fn are_parallel(&self, one: StageId, other: StageId) -> bool {
        let [one, other] = [one, other].map(|stage| self.of_stage.get(usize::from(stage.0)));
        let (Some(one), Some(other)) = (one, other) else { return false };
        one.iter().any(|(part, branch)| {
            other.range((*part, 0)..=(*part, u32::MAX)).any(|(_, other_branch)| branch != other_branch)
        })
    }

    fn walk(&mut self, tree: &Tree, within: &mut Vec<(u32, u32)>, parts: &mut u32) {
        match tree {
            Tree::Stage(stage) => self.of_stage[usize::from(stage.0)].extend(within.iter().copied()),
            Tree::Optional(child) => self.walk(child, within, parts),
            Tree::Loop { body, redo } => {
                self.walk(body, within, parts);
                self.walk(redo, within, parts);
            }
            Tree::Choice(children) | Tree::Sequence(children) => {
                children.iter().for_each(|child| self.walk(child, within, parts));
            }
            Tree::Parallel(children) => {
                let part = *parts;
                *parts += 1;
                for (branch, child) in (0..).zip(children) {
                    within.push((part, branch));
                    self.walk(child, within, parts);
                    within.pop();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Definition;

    /// Scenario: parallel branches, one of them with a loop and a parallel part of its own, between two stages.
    /// Guarantees: stages of different branches are side by side, all others are not, nor is a stage beside itself.
    #[test]
    fn branches_are_side_by_side() {
        let definition = Definition::parse(
            "version: 1
keys: { o: anchor }
stages: { a: { service: x }, b: { service: x }, c: { service: x }, d: { service: x }, e: { service: x } }
flow: { sequence: [a, { parallel: [b, { loop: { body: { parallel: [c, d] } } }] }, e] }
",
        )
        .unwrap();
        let branches = Branches::of(&definition.flow, definition.stages.len());
        let names = ["a", "b", "c", "d", "e"];
        let parallel = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|name| definition.stage_named(name).unwrap());
            branches.are_parallel(one, other)
        };
        for one in names {
            for other in names {
                let expected =
                    matches!((one.min(other), one.max(other)), ("b", "c") | ("b", "d") | ("c", "d"));
                assert_eq!(parallel(one, other), expected, "{one} {other}");
            }
        }
    }
}
