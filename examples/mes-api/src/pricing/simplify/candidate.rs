//! An edge that waits for its collapse.

use std::cmp::Ordering;

use super::rating::rate;
use super::surface::Surface;

/// An edge with the price of its collapse at the time when it was rated. The cheapest is the greatest, as a
/// `BinaryHeap` gives the greatest first; equal prices are told apart by the edge, so that the order is
/// total.
pub(super) struct Candidate {
    cost: f64,
    /// The two corners; the first is the one that stays.
    pub(super) edge: [u32; 2],
    versions: [u32; 2],
}

impl Candidate {
    /// Rates an edge; `None` if it must not be collapsed.
    pub(super) fn new(surface: &Surface, edge: [u32; 2]) -> Option<Self> {
        let cost = rate(surface, edge)?.cost;
        Some(Self { cost, edge, versions: surface.versions(edge) })
    }

    /// Whether neither end of the edge was part of a collapse since; otherwise a later candidate speaks for
    /// it.
    pub(super) fn is_current(&self, surface: &Surface) -> bool {
        self.versions == surface.versions(self.edge)
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        other.cost.total_cmp(&self.cost).then_with(|| other.edge.cmp(&self.edge))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}
