//! Why a text is no carrier.

use thiserror::Error;

use crate::limits::CARRIER_BYTES_MAX;

/// A text is no carrier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidCarrier {
    /// A member is not `name=value` with an id or facet of ours.
    #[error("{member:?} is no id or facet of a journey")]
    Member {
        /// The member as it stands.
        member: String,
    },
    /// It is longer than [`CARRIER_BYTES_MAX`].
    #[error("a carrier has at most {CARRIER_BYTES_MAX} bytes, this text has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The second part is neither `-` nor a W3C `traceparent`.
    #[error("{traceparent:?} is no traceparent")]
    Traceparent {
        /// The second part as it stands.
        traceparent: String,
    },
    /// It does not start with the version we write.
    #[error("a carrier starts with \"1;\", this text does not")]
    Version,
}
