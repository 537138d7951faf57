//! Redirects, one attempt per hop.
//!
//! reqwest's own redirects copy `traceparent` and `baggage` to wherever they lead. Here each hop is a request of its
//! own, which gets the headers its host may have.

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Method, Request, Response, StatusCode, Url};
use thiserror::Error;

/// Most redirects of one request, as in reqwest.
pub const REDIRECTS_MAX: usize = 10;

/// A request was redirected more than [`REDIRECTS_MAX`] times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("redirected more than {REDIRECTS_MAX} times")]
pub struct TooManyRedirects;

/// A request as it was sent, for the hop that may follow.
pub(crate) struct Sent {
    request: Request,
    /// False: its body was a stream and is gone.
    whole: bool,
}

impl Sent {
    pub(crate) fn copy(request: &mut Request) -> Option<Self> {
        if let Some(copy) = request.try_clone() {
            return Some(Self { request: copy, whole: true });
        }
        let stream = request.body_mut().take();
        let copy = request.try_clone();
        *request.body_mut() = stream;
        copy.map(|request| Self { request, whole: false })
    }

    /// The next hop, if the response is a redirect that can be followed; else it is the caller's to read.
    ///
    /// A 307 or 308 for a stream cannot, as in reqwest. There is no `Referer`: it would tell strangers our paths.
    pub(crate) fn redirected(self, response: &Response) -> Option<Request> {
        let becomes_get = match response.status() {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.request.method() == Method::POST,
            StatusCode::SEE_OTHER => self.request.method() != Method::HEAD,
            StatusCode::PERMANENT_REDIRECT | StatusCode::TEMPORARY_REDIRECT => false,
            _ => return None,
        };
        let target = target(response)?;
        let mut next = self.request;
        if becomes_get {
            make_get(&mut next);
        } else if !self.whole {
            return None;
        }
        if target.origin() != response.url().origin() {
            remove_all(next.headers_mut(), &CREDENTIALS);
        }
        *next.url_mut() = target;
        Some(next)
    }
}

fn target(response: &Response) -> Option<Url> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let target = response.url().join(location).ok()?;
    matches!(target.scheme(), "http" | "https").then_some(target)
}

fn make_get(request: &mut Request) {
    *request.method_mut() = Method::GET;
    *request.body_mut() = None;
    remove_all(request.headers_mut(), &OF_THE_BODY);
}

fn remove_all(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}

/// What another origin must not see.
const CREDENTIALS: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::WWW_AUTHENTICATE];

/// What has no meaning without a body.
const OF_THE_BODY: [HeaderName; 4] =
    [header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::CONTENT_TYPE, header::TRANSFER_ENCODING];
