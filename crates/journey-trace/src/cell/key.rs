//! The four business ids.

use journey_model::attribute;

/// One of the business ids that a journey is known by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Key {
    /// `order.id`, the anchor of a journey.
    Order,
    /// `cart.id`, which comes before the order.
    Cart,
    /// `production.id`, which comes last.
    Production,
    /// `user.id`.
    User,
}

impl Key {
    /// Every key, in the order they are written to the wire.
    pub const ALL: [Key; 4] = [Key::Order, Key::Cart, Key::Production, Key::User];

    /// The attribute that carries the id, which is also its name in `baggage`.
    pub const fn attribute(self) -> &'static str {
        match self {
            Key::Order => attribute::ORDER_ID,
            Key::Cart => attribute::CART_ID,
            Key::Production => attribute::PRODUCTION_ID,
            Key::User => attribute::USER_ID,
        }
    }

    /// The key that this attribute carries, if it is one of ours.
    pub fn parse(attribute: &str) -> Option<Self> {
        Key::ALL.into_iter().find(|key| key.attribute() == attribute)
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}
