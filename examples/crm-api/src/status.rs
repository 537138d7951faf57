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

    /// The stage that takes this status in.
    pub(crate) fn stage(self) -> &'static str {
        match self {
            Self::Delivered => "status.delivered.crm",
            Self::InProduction => "status.in_production.crm",
            Self::Packed => "status.packed.crm",
            Self::Polishing => "status.polishing.crm",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: each status as MES writes it, and a word that is none.
    /// Guarantees: word, column and stage agree; an unknown word is refused.
    #[test]
    fn words_agree() {
        for word in ["in_production", "polishing", "packed", "delivered"] {
            let status: Status = serde_json::from_value(word.into()).expect("a status of the wire");
            assert_eq!(status.as_str(), word);
            assert_eq!(status.stage(), format!("status.{word}.crm"));
        }
        assert!(serde_json::from_value::<Status>("melted".into()).is_err());
    }
}
