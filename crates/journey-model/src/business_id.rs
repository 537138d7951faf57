//! Business ids: what people call an order, a cart, a production job, a user.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Longest business id, in bytes. Ids travel in `baggage`, which has 1 KiB for all of them.
pub const BUSINESS_ID_BYTES_MAX: usize = 128;

/// A text is no business id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// It holds a control character.
    #[error("a business id has no control characters")]
    ControlCharacter,
    /// It is empty.
    #[error("a business id is not empty")]
    Empty,
    /// It is longer than [`BUSINESS_ID_BYTES_MAX`].
    #[error("a business id has at most {BUSINESS_ID_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
}

/// Checks what every business id must be: 1 to [`BUSINESS_ID_BYTES_MAX`] bytes, no control characters.
///
/// For who keeps an id in a form of its own; [`OrderId`] and its siblings check themselves.
///
/// # Errors
/// The first rule that the text breaks.
pub fn check_business_id(id: &str) -> Result<(), InvalidId> {
    match id {
        "" => Err(InvalidId::Empty),
        _ if id.len() > BUSINESS_ID_BYTES_MAX => Err(InvalidId::TooLong { bytes: id.len() }),
        _ if id.chars().any(char::is_control) => Err(InvalidId::ControlCharacter),
        _ => Ok(()),
    }
}

macro_rules! business_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes a text of 1 to [`BUSINESS_ID_BYTES_MAX`] bytes without control characters.
            ///
            /// # Errors
            /// The rule that the text breaks.
            pub fn new(id: impl AsRef<str>) -> Result<Self, InvalidId> {
                let id = id.as_ref();
                check_business_id(id).map(|()| Self(id.into()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(id: &str) -> Result<Self, InvalidId> {
                Self::new(id)
            }
        }
    };
}

business_id! {
    /// Identifier of the order in CRM: `order.id`, the anchor of a journey.
    OrderId
}
business_id! {
    /// Identifier of the cart an order was made from: `cart.id`.
    CartId
}
business_id! {
    /// Identifier of the production job in MES: `production.id`.
    ProductionId
}
business_id! {
    /// Identifier of the user: `user.id`.
    UserId
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: ids at and past each limit.
    /// Guarantees: the error names the rule that was broken.
    #[test]
    fn limits_are_named() {
        assert!(OrderId::new("ORD-1").is_ok());
        assert!(OrderId::new("x".repeat(BUSINESS_ID_BYTES_MAX)).is_ok());
        assert_eq!(OrderId::new(""), Err(InvalidId::Empty));
        assert_eq!(OrderId::new("a\nb"), Err(InvalidId::ControlCharacter));
        let long = "x".repeat(BUSINESS_ID_BYTES_MAX + 1);
        assert_eq!(OrderId::new(long), Err(InvalidId::TooLong { bytes: BUSINESS_ID_BYTES_MAX + 1 }));
    }
}
