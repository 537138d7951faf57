//! URLs of collectors, with and without their secrets.

use reqwest::Url;

use crate::init::InitError;

/// The URL as it stands.
pub(super) fn parse(variable: &str, text: &str) -> Result<Url, InitError> {
    let url = Url::parse(text).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| {
        InitError::value(variable, &without_secrets(text), "a URL such as http://localhost:4318")
    })
}

/// The URL with a further path.
pub(super) fn below(variable: &str, base: &str, path: &str) -> Result<Url, InitError> {
    let mut url = parse(variable, base)?;
    let path = format!("{}{path}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// A gRPC endpoint may come without a scheme, and is secure then unless said otherwise.
pub(super) fn with_scheme(base: &str, insecure: bool) -> String {
    match (base.contains("://"), insecure) {
        (true, _) => base.to_owned(),
        (false, true) => format!("http://{base}"),
        (false, false) => format!("https://{base}"),
    }
}

/// The URL without user, password and query.
pub(super) fn redacted(url: &Url) -> Url {
    let mut url = url.clone();
    if url.password().is_some() || !url.username().is_empty() {
        // Both fail only for URLs without a host, which `http` and `https` have.
        let _ = url.set_username("REDACTED");
        let _ = url.set_password(None);
    }
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// A text that was meant to be a URL, without what may be secret in it.
///
/// A password with an unencoded `?`, `#` or `/` is why many a text is no URL. So all before the last `@` goes first,
/// wherever a URL would have its parts.
pub(super) fn without_secrets(text: &str) -> String {
    let (before, host) = text.rsplit_once('@').map_or((None, text), |(before, host)| (Some(before), host));
    let host = host.split(['?', '#']).next().unwrap_or_default();
    before.map_or_else(|| host.to_owned(), |before| format!("{}REDACTED@{host}", scheme(before)))
}

/// `http://`, if the text begins so.
fn scheme(text: &str) -> &str {
    let end = text.find("://").filter(|&end| text[..end].bytes().all(|byte| byte.is_ascii_alphabetic()));
    end.map_or("", |end| &text[..end + "://".len()])
}
