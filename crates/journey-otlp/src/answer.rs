//! The bodies of OTLP/HTTP answers. Source: OTLP specification 1.9, "OTLP/HTTP Response".

use crate::encode::{Gap, put_str, put_varint_field};

/// An `ExportTraceServiceResponse`; with rejected spans, it says how many and why.
pub fn accepted(rejected_spans: u64, reason: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if rejected_spans > 0 {
        let partial_success = Gap::open(&mut bytes, PARTIAL_SUCCESS);
        put_varint_field(&mut bytes, REJECTED_SPANS, rejected_spans);
        put_str(&mut bytes, ERROR_MESSAGE, reason);
        partial_success.close(&mut bytes);
    }
    bytes
}

/// A `google.rpc.Status` with this message.
pub fn failed(message: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 4);
    put_str(&mut bytes, STATUS_MESSAGE, message);
    bytes
}

const PARTIAL_SUCCESS: u32 = 1;
const REJECTED_SPANS: u32 = 1;
const ERROR_MESSAGE: u32 = 2;
const STATUS_MESSAGE: u32 = 2;

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    use prost::Message as _;

    use super::*;

    /// Scenario: answers with and without rejected spans, read by the official types.
    /// Guarantees: they see what was said.
    #[test]
    fn official_types_read_answers() {
        let all = ExportTraceServiceResponse::decode(&*accepted(0, "")).unwrap();
        assert_eq!(all.partial_success, None);
        let some = ExportTraceServiceResponse::decode(&*accepted(3, "bad_time")).unwrap();
        let partial = some.partial_success.unwrap();
        assert_eq!((partial.rejected_spans, &*partial.error_message), (3, "bad_time"));
    }
}
