//! Query strings without their values.

use crate::limits::QUERY_PARTS_MAX;

/// What stands in the place of a value.
pub const REDACTED: &str = "REDACTED";

/// The keys of a query, with `REDACTED` in the place of each value: names, addresses and signatures are among them,
/// and no list of keys knows which. A part without `=` may be a bare token, so it is replaced as a whole.
///
/// Parts beyond [`QUERY_PARTS_MAX`] are left out.
pub fn redact_query(query: &str) -> String {
    let mut redacted = String::with_capacity(query.len());
    for (index, part) in query.split('&').take(QUERY_PARTS_MAX).enumerate() {
        if index > 0 {
            redacted.push('&');
        }
        if let Some((key, _)) = part.split_once('=') {
            redacted.push_str(key);
            redacted.push('=');
        }
        if !part.is_empty() {
            redacted.push_str(REDACTED);
        }
    }
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: queries with values, an escaped key, a bare part, an empty part and value, and far too many parts.
    /// Guarantees: keys stay, no value does, and the text is bounded.
    #[test]
    fn no_value_is_shown() {
        for (query, expected) in [
            ("", ""),
            ("user=u-1&q=", "user=REDACTED&q=REDACTED"),
            ("a%5B%5D=SECRET&&", "a%5B%5D=REDACTED&&"),
            ("SECRET", "REDACTED"),
            ("sig=a=b", "sig=REDACTED"),
        ] {
            assert_eq!(redact_query(query), expected);
        }
        assert_eq!(redact_query(&"a&".repeat(10_000)).split('&').count(), QUERY_PARTS_MAX);
    }
}
