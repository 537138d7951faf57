//! What a piece is made of.

use serde::{Deserialize, Serialize};

/// The metals on offer.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Material {
    Gold,
    Platinum,
    Silver,
}

impl Material {
    /// The word in URLs, messages and columns.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Gold => "gold",
            Self::Platinum => "platinum",
            Self::Silver => "silver",
        }
    }
}
