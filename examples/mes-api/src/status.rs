//! The statuses of production.

use serde::{Deserialize, Serialize};

/// Where production stands with an order.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Delivered,
    InProduction,
    Packed,
    Polishing,
}

impl Status {
    /// The word in messages and columns.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::InProduction => "in_production",
            Self::Packed => "packed",
            Self::Polishing => "polishing",
        }
    }

    /// The stage of the change to this status.
    pub(crate) fn stage(self) -> &'static str {
        match self {
            Self::Delivered => "status.delivered.mes",
            Self::InProduction => "status.in_production.mes",
            Self::Packed => "status.packed.mes",
            Self::Polishing => "status.polishing.mes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: each status as it is posted, and a word that is none.
    /// Guarantees: word, column and stage agree; an unknown word is refused.
    #[test]
    fn words_agree() {
        for word in ["in_production", "polishing", "packed", "delivered"] {
            let status: Status = serde_json::from_value(word.into()).expect("a status of the wire");
            assert_eq!(status.as_str(), word);
            assert_eq!(status.stage(), format!("status.{word}.mes"));
        }
        assert!(serde_json::from_value::<Status>("melted".into()).is_err());
    }
}
