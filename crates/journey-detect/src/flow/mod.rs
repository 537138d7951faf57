//! The order of stages.
//!
//! In: a process [`Tree`]. It is compiled to a Petri [`Net`] with silent moves, and a journey's steps are followed
//! through sets of all markings that they can have reached ([`Automaton`]). That is exact, where heuristic token
//! replay is not (van der Aalst, *Process Mining*, 2016, section 8.2), and needs one number per journey.

mod automaton;
mod branches;
mod missing;
mod moment;
mod net;
mod tree;

pub(crate) use automaton::{Automaton, StateId};
pub(crate) use branches::Branches;
pub(crate) use missing::Missing;
pub(crate) use net::Net;
pub use tree::Tree;
