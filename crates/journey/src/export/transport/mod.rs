//! One request to a collector, by HTTP or by gRPC.
//!
//! In: an encoded body. Out: an [`Answer`]. No retry here, and no crate of OpenTelemetry's exporters: which client
//! those take depends on the features that other crates switch on, and one of their choices dies in a thread without
//! a runtime.

mod client;
mod grpc;
mod gzip;
mod http;
mod read;

use bytes::Bytes;
use reqwest::{Client, Request, Response};

use crate::config::{Compression, Endpoint, Protocol};

use super::answer::Answer;
pub(super) use client::Clients;

/// Posts bodies to one endpoint.
#[derive(Clone)]
pub(super) struct Transport {
    client: Client,
    endpoint: Endpoint,
}

/// A body as it goes over the wire, made once for all tries.
#[derive(Debug, Clone)]
pub(super) struct Packed(Bytes);

impl Transport {
    /// Compresses and frames a body as the endpoint wants it.
    pub(super) fn pack(&self, body: Vec<u8>) -> Packed {
        let body = match self.endpoint.compression {
            Compression::Gzip => gzip::compress(&body),
            Compression::None => body,
        };
        Packed(match self.endpoint.protocol {
            Protocol::Grpc => grpc::frame(&body, self.endpoint.compression),
            Protocol::Http => body.into(),
        })
    }

    /// Posts it once.
    pub(super) async fn post(&self, Packed(body): Packed) -> Answer {
        let request = self.request().body(body).build();
        match self.endpoint.protocol {
            Protocol::Grpc => grpc::answer(self.send(request).await).await,
            Protocol::Http => http::answer(self.send(request).await).await,
        }
    }

    fn request(&self) -> reqwest::RequestBuilder {
        let request = self
            .client
            .post(self.endpoint.url.clone())
            .headers(self.endpoint.headers.clone())
            .timeout(self.endpoint.timeout);
        match self.endpoint.protocol {
            Protocol::Grpc => grpc::with_headers(request, self.endpoint.compression, self.endpoint.timeout),
            Protocol::Http => http::with_headers(request, self.endpoint.compression),
        }
    }

    async fn send(&self, request: Result<Request, reqwest::Error>) -> Result<Response, reqwest::Error> {
        self.client.execute(request?).await
    }
}
