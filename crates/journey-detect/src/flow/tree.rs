//! A process tree: which stages may follow which.

use crate::StageId;

/// Which stages may follow which, as a process tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Exactly one of the branches.
    Choice(Vec<Tree>),
    /// The body, then any number of times the redo part and the body again.
    Loop {
        /// Done at least once.
        body: Box<Tree>,
        /// Done between two bodies.
        redo: Box<Tree>,
    },
    /// The child, or nothing.
    Optional(Box<Tree>),
    /// All branches, interleaved in any way.
    Parallel(Vec<Tree>),
    /// All children, one after the other. Empty: nothing.
    Sequence(Vec<Tree>),
    /// One stage.
    Stage(StageId),
}

impl Tree {
    /// Calls `visit` for each stage, and says whether it lies in a loop.
    pub(crate) fn for_each_stage(&self, in_loop: bool, visit: &mut impl FnMut(StageId, bool)) {
        match self {
            Tree::Stage(stage) => visit(*stage, in_loop),
            Tree::Optional(child) => child.for_each_stage(in_loop, visit),
            Tree::Loop { body, redo } => {
                body.for_each_stage(true, visit);
                redo.for_each_stage(true, visit);
            }
            Tree::Choice(children) | Tree::Parallel(children) | Tree::Sequence(children) => {
                children.iter().for_each(|child| child.for_each_stage(in_loop, visit));
            }
        }
    }
}
