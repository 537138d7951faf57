//! Whether the analyzer sees. Silence proves nothing while it does not.

use crate::{Allowance, Nanos};

/// Whether the analyzer sees, and since when.
///
/// It is blind while a configured source is disconnected, while it reads a backlog, and from start until it has
/// caught up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Nothing can be concluded from silence.
    Blind,
    /// All sources are connected and caught up.
    Seeing {
        /// When sight was (re)gained.
        since_ns: Nanos,
    },
}

impl Sight {
    /// When a silence that began at `since` has lasted too long, `None` while blind.
    ///
    /// A silence counts from when it could be seen: each pending deadline is the later of itself and *sight
    /// regained + its own allowance*.
    pub(crate) fn deadline(self, since: Nanos, allowance: Allowance) -> Option<Nanos> {
        match self {
            Sight::Blind => None,
            Sight::Seeing { since_ns } => Some(allowance.after(since.max(since_ns))),
        }
    }
}
