//! What a piece is cast from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A precious metal, written in lower case in URLs, messages and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Material {
    /// Gold 750.
    Gold,
    /// Platinum 950.
    Platinum,
    /// Silver 925.
    Silver,
}

impl Material {
    /// All materials, by name.
    pub(crate) const ALL: [Material; 3] = [Material::Gold, Material::Platinum, Material::Silver];

    /// The name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Material::Gold => "gold",
            Material::Platinum => "platinum",
            Material::Silver => "silver",
        }
    }

    /// Mass of the alloy in grams per cm³.
    pub(crate) const fn density_g_per_cm3(self) -> f64 {
        match self {
            Material::Gold => 15.5,
            Material::Platinum => 20.1,
            Material::Silver => 10.4,
        }
    }

    /// Price of the alloy in cents per gram. Sample figures: a real shop takes those of the day.
    pub(crate) const fn cents_per_gram(self) -> f64 {
        match self {
            Material::Gold => 7_800.0,
            Material::Platinum => 3_900.0,
            Material::Silver => 120.0,
        }
    }
}

impl fmt::Display for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Material {
    type Err = UnknownMaterial;

    fn from_str(name: &str) -> Result<Self, UnknownMaterial> {
        Self::ALL.into_iter().find(|material| material.as_str() == name).ok_or(UnknownMaterial)
    }
}

/// A name is no [`Material`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the material must be gold, platinum or silver")]
pub(crate) struct UnknownMaterial;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: materials are written and read, one by a name that is none.
    /// Guarantees: the round trip keeps them, other names are refused.
    #[test]
    fn names_round_trip() {
        for material in Material::ALL {
            assert_eq!(material.to_string().parse(), Ok(material));
        }
        assert_eq!("brass".parse::<Material>(), Err(UnknownMaterial));
    }
}
