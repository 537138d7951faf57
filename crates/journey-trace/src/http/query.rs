//! Query strings without the values that open doors.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What stands in the place of a secret.
pub const REDACTED: &str = "REDACTED";

/// Replaces the values of signed-URL parameters by `REDACTED`; keys stay, and so does everything else.
///
/// Keys are compared case-sensitively after percent-decoding, so that an escaped letter hides nothing. Borrows when
/// there is nothing to hide.
pub fn redact_query(query: &str) -> Cow<'_, str> {
    if !query.split('&').any(holds_secret) {
        return Cow::Borrowed(query);
    }
    let mut redacted = String::with_capacity(query.len());
    for (index, pair) in query.split('&').enumerate() {
        if index > 0 {
            redacted.push('&');
        }
        match pair.split_once('=') {
            Some((key, _)) if holds_secret(pair) => {
                redacted.push_str(key);
                redacted.push('=');
                redacted.push_str(REDACTED);
            }
            _ => redacted.push_str(pair),
        }
    }
    Cow::Owned(redacted)
}

fn holds_secret(pair: &str) -> bool {
    let Some((key, _)) = pair.split_once('=') else { return false };
    if !key.contains('%') {
        return SECRET_KEYS.contains(&key);
    }
    percent_decode_str(key).decode_utf8().is_ok_and(|key| SECRET_KEYS.contains(&key.as_ref()))
}

/// Parameters whose value is a credential:
/// [URL attributes of semantic conventions 1.44.0](https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/)
/// and the two AWS names that later versions add again.
const SECRET_KEYS: [&str; 7] = [
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "sig",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: queries with and without secrets, one with an escaped key.
    /// Guarantees: values of the listed keys are hidden, all else is untouched and not copied.
    #[test]
    fn only_listed_values_are_hidden() {
        assert!(matches!(redact_query("q=1&Sig=x&sig"), Cow::Borrowed("q=1&Sig=x&sig")));
        assert_eq!(redact_query("sig=SECRET&q=1"), "sig=REDACTED&q=1");
        assert_eq!(redact_query("a&s%69g=SECRET"), "a&s%69g=REDACTED");
        assert_eq!(redact_query("X-Amz-Signature=a=b&"), "X-Amz-Signature=REDACTED&");
    }
}
