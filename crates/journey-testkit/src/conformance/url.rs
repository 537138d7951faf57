//! Secrets in URLs.

/// Whether the URL has userinfo that is not redacted.
pub(super) fn shows_credentials(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(userinfo, _)| userinfo != "REDACTED:REDACTED")
}

/// The query of a URL, without its mark.
pub(super) fn query(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    query.split('#').next()
}

/// The first key of a query whose value has to be redacted and is not.
pub(super) fn secret(query: &str) -> Option<&str> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, value)| SECRETS.contains(key) && *value != "REDACTED").map(|(key, _)| key).next()
}

/// Keys whose values are signatures; they are case-sensitive.
const SECRETS: [&str; 7] = [
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "sig",
];
