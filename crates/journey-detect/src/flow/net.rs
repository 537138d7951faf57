//! A process tree as a Petri net with silent moves: block-structured, so no place ever holds two tokens.

use super::Tree;
use crate::StageId;

/// A place of the net.
pub(crate) type Place = u16;

/// A marking: the places that hold a token, sorted.
pub(crate) type Marking = Box<[Place]>;

/// A Petri net with one token at `first` when a journey begins and one at `last` when it may end.
#[derive(Debug, Clone)]
pub(crate) struct Net {
    pub(crate) moves: Vec<Move>,
    pub(crate) first: Place,
    pub(crate) last: Place,
    places: Place,
}

/// One move: takes a token from each place of `takes`, puts one on each of `puts`.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    /// `None`: a silent move.
    pub(crate) stage: Option<StageId>,
    takes: Vec<Place>,
    puts: Vec<Place>,
}

impl Net {
    /// The net of this tree. A stage for which `may_be_unseen` holds can also happen in silence.
    ///
    /// `None` if the tree needs more than 65 535 places.
    pub(crate) fn compile(tree: &Tree, may_be_unseen: &impl Fn(StageId) -> bool) -> Option<Self> {
        let mut net = Net { moves: Vec::new(), first: 0, last: 1, places: 2 };
        net.add(tree, net.first, net.last, may_be_unseen)?;
        Some(net)
    }

    fn add(&mut self, tree: &Tree, from: Place, to: Place, unseen: &impl Fn(StageId) -> bool) -> Option<()> {
        match tree {
            Tree::Stage(stage) => {
                self.push(Some(*stage), vec![from], vec![to]);
                if unseen(*stage) {
                    self.push(None, vec![from], vec![to]);
                }
            }
            Tree::Optional(child) => {
                self.push(None, vec![from], vec![to]);
                self.add(child, from, to, unseen)?;
            }
            Tree::Choice(branches) => {
                for branch in branches {
                    self.add(branch, from, to, unseen)?;
                }
            }
            Tree::Sequence(children) => self.add_sequence(children, from, to, unseen)?,
            Tree::Parallel(branches) => {
                let (mut begins, mut ends) = (Vec::new(), Vec::new());
                for branch in branches {
                    let (begin, end) = (self.place()?, self.place()?);
                    self.add(branch, begin, end, unseen)?;
                    begins.push(begin);
                    ends.push(end);
                }
                self.push(None, vec![from], begins);
                self.push(None, ends, vec![to]);
            }
            Tree::Loop { body, redo } => {
                let (begin, end) = (self.place()?, self.place()?);
                self.push(None, vec![from], vec![begin]);
                self.add(body, begin, end, unseen)?;
                self.add(redo, end, begin, unseen)?;
                self.push(None, vec![end], vec![to]);
            }
        }
        Some(())
    }

    fn add_sequence(
        &mut self,
        children: &[Tree],
        from: Place,
        to: Place,
        unseen: &impl Fn(StageId) -> bool,
    ) -> Option<()> {
        let Some((last, init)) = children.split_last() else {
            self.push(None, vec![from], vec![to]);
            return Some(());
        };
        let mut from = from;
        for child in init {
            let next = self.place()?;
            self.add(child, from, next, unseen)?;
            from = next;
        }
        self.add(last, from, to, unseen)
    }

    fn push(&mut self, stage: Option<StageId>, mut takes: Vec<Place>, puts: Vec<Place>) {
        takes.sort_unstable();
        self.moves.push(Move { stage, takes, puts });
    }

    fn place(&mut self) -> Option<Place> {
        let place = self.places;
        self.places = place.checked_add(1)?;
        Some(place)
    }
}

impl Move {
    /// The marking after this move, `None` if it is not enabled.
    pub(crate) fn fire(&self, marking: &[Place]) -> Option<Marking> {
        if !self.takes.iter().all(|place| marking.binary_search(place).is_ok()) {
            return None;
        }
        let kept = marking.iter().filter(|place| self.takes.binary_search(place).is_err());
        let mut after: Vec<Place> = kept.chain(&self.puts).copied().collect();
        after.sort_unstable();
        after.dedup();
        Some(after.into())
    }
}
