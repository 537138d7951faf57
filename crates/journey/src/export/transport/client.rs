//! HTTP clients for collectors.

use std::panic;

use reqwest::{Client, ClientBuilder, redirect};

use crate::config::{Endpoint, Protocol, Tls};
use crate::init::InitError;
use crate::limits::{CONNECT_TIMEOUT, HTTP2_PING_INTERVAL};

use super::Transport;

/// One client for all endpoints that are spoken to alike, so that they share connections.
#[derive(Debug, Default)]
pub(in crate::export) struct Clients(Vec<(Alike, Client)>);

/// What a client is built for.
#[derive(Debug, PartialEq, Eq)]
struct Alike {
    protocol: Protocol,
    is_https: bool,
    tls: Tls,
}

impl Clients {
    /// What posts to this endpoint.
    ///
    /// # Errors
    /// A certificate or key is none, or the system has no certificates that could be trusted.
    pub(in crate::export) fn transport(&mut self, endpoint: &Endpoint) -> Result<Transport, InitError> {
        let alike =
            Alike { protocol: endpoint.protocol, is_https: is_https(endpoint), tls: endpoint.tls.clone() };
        let known = self.0.iter().find(|(known, _)| *known == alike).map(|(_, client)| client.clone());
        let client = match known {
            Some(client) => client,
            None => client(endpoint)?,
        };
        self.0.push((alike, client.clone()));
        Ok(Transport { client, endpoint: endpoint.clone() })
    }
}

/// Built here, whatever features other crates switch on: a collector is a neighbour, so no proxy and no redirect.
fn client(endpoint: &Endpoint) -> Result<Client, InitError> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(HTTP2_PING_INTERVAL)
        .http2_keep_alive_timeout(HTTP2_PING_INTERVAL)
        .user_agent(concat!("journey/", env!("CARGO_PKG_VERSION")));
    let builder = match endpoint.protocol {
        Protocol::Grpc => builder.http2_prior_knowledge(),
        Protocol::Http => builder,
    };
    let builder = with_tls(builder, endpoint)?;
    // Another crate may have switched on TLS in reqwest without any implementation of it; that one panics.
    let built = panic::catch_unwind(panic::AssertUnwindSafe(|| builder.build()));
    match built {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => {
            Err(InitError::start("HTTP client for export", &crate::export::answer::root_cause(&error)))
        }
        Err(_) => Err(InitError::start("HTTP client for export", &NO_PROVIDER)),
    }
}

fn is_https(endpoint: &Endpoint) -> bool {
    endpoint.url.scheme() == "https"
}

/// Without `https://`, no certificate of the system is looked at: there may be none, as in an image from scratch.
#[cfg(feature = "tls")]
fn with_tls(mut builder: ClientBuilder, endpoint: &Endpoint) -> Result<ClientBuilder, InitError> {
    use reqwest::{Certificate, Identity};

    if !is_https(endpoint) {
        return Ok(builder.tls_certs_only([]));
    }
    if let Some(pem) = &endpoint.tls.authorities {
        let authorities = Certificate::from_pem_bundle(&pem.bytes).map_err(|error| no_pem(pem, &error))?;
        if authorities.is_empty() {
            return Err(no_pem(pem, &"it holds no certificate"));
        }
        builder = builder.tls_certs_only(authorities);
    }
    if let Some(pem) = &endpoint.tls.identity {
        builder = builder.identity(Identity::from_pem(&pem.bytes).map_err(|error| no_pem(pem, &error))?);
    }
    Ok(builder)
}

#[cfg(feature = "tls")]
fn no_pem(pem: &crate::config::Pem, cause: &dyn std::fmt::Display) -> InitError {
    InitError::file(&pem.variable, &pem.path, cause)
}

/// The configuration has no `https://` endpoint then.
#[cfg(not(feature = "tls"))]
#[expect(clippy::unnecessary_wraps, reason = "it fails with the feature")]
fn with_tls(builder: ClientBuilder, _endpoint: &Endpoint) -> Result<ClientBuilder, InitError> {
    Ok(builder)
}

const NO_PROVIDER: &str = "reqwest is built with TLS but has no implementation of it: install the crypto provider of \
                           rustls before init, or switch on journey's feature `tls`";
