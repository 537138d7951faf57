//! Query strings without their values.

use crate::limits::QUERY_PARTS_MAX;

/// What stands in the place of a value.
pub const REDACTED: &str = "REDACTED";

/// The keys of a query, with `REDACTED` in the place of each value: names, addresses and signatures are among them,
/// and no list of keys knows which. A part without `=` may be a bare token, so it is replaced as a whole.
///
/// Parts beyond [`QUERY_PARTS_MAX`] are left out.
pub fn redact_query(query: &str) -> String {
    let mut redacted = String::with_capacity(redacted_bytes(query));
    push_redacted(&mut redacted, query);
    redacted
}

/// Appends what [`redact_query`] makes of a query.
pub(super) fn push_redacted(text: &mut String, query: &str) {
    each_redacted(query, |piece| text.push_str(piece));
}

/// Length of what [`push_redacted`] appends.
pub(super) fn redacted_bytes(query: &str) -> usize {
    let mut bytes = 0;
    each_redacted(query, |piece| bytes += piece.len());
    bytes
}

fn each_redacted(query: &str, mut piece: impl FnMut(&str)) {
    let mut rest = query;
    for index in 0..QUERY_PARTS_MAX {
        if index > 0 {
            piece("&");
        }
        let end = position(rest, b'&').unwrap_or(rest.len());
        let (part, more) = rest.split_at(end);
        if let Some(equals) = position(part, b'=') {
            piece(&part[..=equals]);
        }
        if !part.is_empty() {
            piece(REDACTED);
        }
        let Some(next) = more.get(1..) else { return };
        rest = next;
    }
}

/// Queries are short: a plain loop is faster than the search that `split` is made for.
fn position(text: &str, sought: u8) -> Option<usize> {
    text.bytes().position(|byte| byte == sought)
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
