//! A cell for longer than a borrow.

use std::fmt;
use std::ops::Deref;

use opentelemetry::Context;

use super::JourneyCell;

/// A cell, held by one of the `Context`s that share it.
#[derive(Clone)]
pub struct CellHandle(Context);

impl CellHandle {
    /// The cell of this `Context`, if it has one.
    pub fn of(cx: &Context) -> Option<Self> {
        JourneyCell::of(cx).is_some().then(|| Self(cx.clone()))
    }
}

/// What a `Context` holds. One type, so that the last cell that a `Context` was given is the one that counts.
pub(super) enum Slot {
    /// The `Context` is the cell's home.
    Own(JourneyCell),
    /// The cell lives in another `Context` that this one was not derived from.
    Shared(CellHandle),
}

impl Slot {
    pub(super) fn cell(&self) -> &JourneyCell {
        match self {
            Self::Own(cell) => cell,
            Self::Shared(handle) => handle,
        }
    }
}

impl Deref for CellHandle {
    type Target = JourneyCell;

    fn deref(&self) -> &JourneyCell {
        JourneyCell::of(&self.0).expect("a handle is only made of a context that has a cell")
    }
}

impl fmt::Debug for CellHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        JourneyCell::fmt(self, f)
    }
}
