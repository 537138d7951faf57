//! The collector's gRPC side, served by the official library.

use std::sync::{Arc, Mutex};

use axum::Router;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::{Kept, Mood, REJECTION, lock};

pub(super) fn router(kept: &Arc<Kept>) -> Router {
    let service = Service(kept.clone());
    let traces = TraceServiceServer::new(service.clone()).accept_compressed(CompressionEncoding::Gzip);
    let metrics = MetricsServiceServer::new(service).accept_compressed(CompressionEncoding::Gzip);
    let mut routes = Routes::builder();
    routes.add_service(traces).add_service(metrics);
    routes.routes().into_axum_router()
}

#[derive(Debug, Clone)]
struct Service(Arc<Kept>);

impl Service {
    /// How many records are not taken.
    async fn take(
        &self,
        bodies: &Mutex<Vec<Vec<u8>>>,
        headers: &MetadataMap,
        body: Vec<u8>,
    ) -> Result<i64, Status> {
        *lock(&self.0.requests) += 1;
        let mood = *lock(&self.0.mood);
        if let Mood::Slow(time) = mood {
            tokio::time::sleep(time).await;
        }
        match mood {
            Mood::Fine | Mood::Picky | Mood::Slow(_) => {
                lock(bodies).push(body);
                *lock(&self.0.compressed) += u64::from(headers.get("grpc-encoding").is_some());
                Ok(i64::from(mood == Mood::Picky))
            }
            Mood::Hangs => std::future::pending().await,
            Mood::Refuses { status: 503, .. } => Err(Status::unavailable("not now")),
            Mood::Refuses { .. } => Err(Status::invalid_argument("never")),
        }
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (headers, _, body) = request.into_parts();
        let rejected_spans = self.take(&self.0.bodies, &headers, body.encode_to_vec()).await?;
        let partial = ExportTracePartialSuccess { rejected_spans, error_message: REJECTION.into() };
        Ok(Response::new(ExportTraceServiceResponse {
            partial_success: (rejected_spans > 0).then_some(partial),
        }))
    }
}

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let (headers, _, body) = request.into_parts();
        let rejected = self.take(&self.0.metric_bodies, &headers, body.encode_to_vec()).await?;
        let partial =
            ExportMetricsPartialSuccess { rejected_data_points: rejected, error_message: REJECTION.into() };
        Ok(Response::new(ExportMetricsServiceResponse { partial_success: (rejected > 0).then_some(partial) }))
    }
}
