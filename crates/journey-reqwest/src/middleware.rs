//! The middleware, and two ways to a client that has it.

use std::pin::Pin;

use http::Extensions;
use reqwest::redirect::Policy;
use reqwest::{Client, Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next, Result};

use crate::attempt::Sending;
use crate::redirect::{REDIRECTS_MAX, Sent, TooManyRedirects};

/// Middleware that spans each attempt and propagates trace and ids; see the [crate docs](crate) for an example.
///
/// Add it last, so that every attempt of a retry middleware passes it and nothing changes the host afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JourneyMiddleware {
    redirects: Redirects,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Redirects {
    /// One span each, headers by host.
    Followed,
    /// Not seen here.
    #[default]
    LeftToReqwest,
}

impl JourneyMiddleware {
    /// The middleware; redirects stay what the client does with them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Follows redirects itself, at most [`REDIRECTS_MAX`]. Only for a client with `Policy::none()`, as [`build`] makes.
    #[must_use]
    pub fn following_redirects(self) -> Self {
        Self { redirects: Redirects::Followed }
    }
}

impl Middleware for JourneyMiddleware {
    // As `async_trait` would write it, but with a box of the size that is needed: the one for redirects is large, and
    // an allocator is slow with large ones.
    fn handle<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        request: Request,
        extensions: &'life1 mut Extensions,
        next: Next<'life2>,
    ) -> Pin<Box<dyn Future<Output = Result<Response>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        Self: 'async_trait,
    {
        match self.redirects {
            Redirects::Followed => Box::pin(follow(request, extensions, next)),
            Redirects::LeftToReqwest => Box::pin(Sending::new(request, extensions, next)),
        }
    }
}

async fn follow(mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
    for hop in 0..=REDIRECTS_MAX {
        let sent = Sent::copy(&mut request);
        let send = if hop == 0 { Sending::new } else { Sending::hop };
        let response = send(request, extensions, next.clone()).await?;
        match sent.and_then(|sent| sent.redirected(&response)) {
            Some(hop) => request = hop,
            None => return Ok(response),
        }
    }
    Err(Error::middleware(TooManyRedirects))
}

/// A client with [`JourneyMiddleware`]. Redirects stay reqwest's, which [copies our headers](crate#redirects).
///
/// The way for a policy of one's own. In particular, a service that must not follow redirects, because its URLs come
/// from others, says so here:
///
/// ```
/// # fn run() -> reqwest::Result<()> {
/// let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
/// let crm = journey_reqwest::client(builder.build()?);
/// # let _ = crm;
/// # Ok(())
/// # }
/// ```
pub fn client(client: Client) -> ClientWithMiddleware {
    ClientBuilder::new(client).with(JourneyMiddleware::new()).build()
}

/// A client with [`JourneyMiddleware`] that follows redirects itself, at most [`REDIRECTS_MAX`], without telling our
/// ids to strangers. Its timeout counts for each hop.
///
/// **Redirects are followed, also if the builder says otherwise**: a builder's policy cannot be read, and it is replaced.
/// For a policy of one's own, `Policy::none()` above all, take [`client`].
///
/// # Errors
/// What `reqwest::ClientBuilder::build` returns, for instance that no TLS could be set up.
pub fn build(builder: reqwest::ClientBuilder) -> reqwest::Result<ClientWithMiddleware> {
    let client = builder.redirect(Policy::none()).build()?;
    Ok(ClientBuilder::new(client).with(JourneyMiddleware::new().following_redirects()).build())
}
