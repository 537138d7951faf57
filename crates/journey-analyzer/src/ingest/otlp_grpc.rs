//! OTLP/gRPC: `TraceService/Export`, plain or gzip.
//!
//! The body of a call is handed over as bytes, to the same walk as that of OTLP/HTTP: no message is built. The answer is
//! given after the commit. When the engine is busy or the store away, `UNAVAILABLE` tells the sender to come again.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use journey_otlp::answer;
use tokio::sync::{Semaphore, mpsc};
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};
use tower_service::Service;

use super::otlp_http::{check, deliver};
use crate::limits::{BODY_BYTES_MAX, REQUESTS_MAX};
use crate::{Delivery, Encoding, telemetry};

/// The receiver.
#[derive(Debug, Clone)]
pub struct TraceService {
    deliveries: mpsc::Sender<Delivery>,
    places: Arc<Semaphore>,
}

impl TraceService {
    /// A receiver that hands over to the engine's owner.
    pub fn new(deliveries: mpsc::Sender<Delivery>) -> Self {
        Self { deliveries, places: Arc::new(Semaphore::new(REQUESTS_MAX)) }
    }
}

impl NamedService for TraceService {
    /// Source: `opentelemetry/proto/collector/trace/v1/trace_service.proto`, version 1.9.
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

type Answer<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl Service<http::Request<tonic::body::Body>> for TraceService {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Answer<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let Self { deliveries, places } = self.clone();
        Box::pin(async move {
            if request.uri().path().rsplit('/').next() != Some("Export") {
                return Ok(Status::unimplemented("this service has only Export").into_http());
            }
            // Bounds the bodies in memory: a call without a place is told before its body is read.
            let Ok(_place) = places.try_acquire() else { return Ok(refused("busy").into_http()) };
            let mut grpc = Grpc::new(Raw)
                .accept_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(BODY_BYTES_MAX);
            Ok(grpc.unary(Export { deliveries }, request).await)
        })
    }
}

/// One call.
struct Export {
    deliveries: mpsc::Sender<Delivery>,
}

impl Service<Request<Bytes>> for Export {
    type Response = Response<Vec<u8>>;
    type Error = Status;
    type Future = Answer<Self::Response, Status>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let deliveries = self.deliveries.clone();
        Box::pin(async move {
            let body = request.into_inner();
            if let Err(what) = check(Encoding::Protobuf, &body) {
                metrics::counter!(telemetry::REJECTED, "reason" => "broken_body").increment(1);
                return Err(Status::invalid_argument(what));
            }
            let outcome = deliver(&deliveries, SOURCE, Encoding::Protobuf, body).await.map_err(refused)?;
            let reason = outcome.reason.as_deref().unwrap_or_default();
            Ok(Response::new(answer::accepted(outcome.rejected_spans, reason)))
        })
    }
}

fn refused(reason: &'static str) -> Status {
    metrics::counter!(telemetry::REFUSED, "reason" => reason).increment(1);
    Status::unavailable(format!("not taken ({reason}); come again"))
}

/// Messages as the bytes they are.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// Name of this source in metrics.
const SOURCE: &str = "otlp_grpc";
