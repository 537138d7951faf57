//! Trace and span ids as the wire carries them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

macro_rules! wire_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// The id with these bytes, or `None` if all are zero, which W3C Trace Context calls invalid.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Option<Self> {
                let mut at = 0;
                while at < $bytes {
                    if bytes[at] != 0 {
                        return Some(Self(bytes));
                    }
                    at += 1;
                }
                None
            }

            /// The id in these bytes, or `None` if there are not exactly as many as it has, or all are zero.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Self::from_bytes(bytes.try_into().ok()?)
            }

            /// The bytes, most significant first.
            pub const fn to_bytes(self) -> [u8; $bytes] {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidHex;

            /// Reads lower- or upper-case hex.
            fn from_str(hex: &str) -> Result<Self, InvalidHex> {
                let mut bytes = [0; $bytes];
                if hex.len() != $bytes * 2 {
                    return Err(InvalidHex);
                }
                for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
                    *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
                }
                Self::from_bytes(bytes).ok_or(InvalidHex)
            }
        }
    };
}

wire_id! {
    /// Identifier of a trace: 16 bytes, not all zero.
    TraceId, 16
}

wire_id! {
    /// Identifier of a span within its trace: 8 bytes, not all zero.
    SpanId, 8
}

/// A text is no trace or span id: wrong length, a character that is no hex digit, or all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a valid hex id")]
pub struct InvalidHex;

fn hex_digit(digit: u8) -> Result<u8, InvalidHex> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).ok_or(InvalidHex)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: ids are read from hex and written again.
    /// Guarantees: the round trip keeps them, and wrong lengths, digits and all zeros are refused.
    #[test]
    fn hex_round_trip() {
        let hex = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(hex.parse::<TraceId>().map(|id| id.to_string()), Ok(hex.to_owned()));
        for bad in ["", "4bf9", "4bf92f3577b34da6a3ce929d0e0e473g", "00000000000000000000000000000000"] {
            assert_eq!(bad.parse::<TraceId>(), Err(InvalidHex), "{bad}");
        }
        assert_eq!(SpanId::from_slice(&[1; 7]), None);
    }
}
