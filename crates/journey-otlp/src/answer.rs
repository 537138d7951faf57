//! The bodies of OTLP answers, by HTTP and by gRPC, of traces and of metrics: they differ in names only.
//!
//! Source: OTLP specification 1.9, "OTLP/HTTP Response" and "OTLP/gRPC Response"; `google/rpc/status.proto` and
//! `error_details.proto`.

use std::time::Duration;

use crate::encode::{Gap, put_str, put_varint_field};
use crate::protobuf::{
    Message, tag,
    wire_type::{BYTES, VARINT},
};
use crate::wire::WireError;

/// An `ExportTraceServiceResponse`; with rejected spans, it says how many and why.
pub fn accepted(rejected_spans: u64, reason: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if rejected_spans > 0 {
        let partial_success = Gap::open(&mut bytes, PARTIAL_SUCCESS);
        put_varint_field(&mut bytes, REJECTED, rejected_spans);
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

/// What a collector says of a request that it took: `partial_success`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Spans, or data points, that it did not take and never will.
    pub rejected: u64,
    /// Why; or a warning, if it took all. Empty if it has nothing to say.
    pub message: String,
}

/// Reads an `ExportTraceServiceResponse` or `ExportMetricsServiceResponse`.
///
/// # Errors
/// The body is none.
pub fn read_accepted(body: &[u8]) -> Result<Accepted, WireError> {
    let mut accepted = Accepted::default();
    let mut response = Message::of_body(body);
    while let Some(tag) = response.tag()? {
        if tag != PARTIAL_SUCCESS_TAG {
            response.skip(tag)?;
            continue;
        }
        let mut fields = response.message()?;
        while let Some(tag) = fields.tag()? {
            match tag {
                // An int64; a negative one makes no sense.
                REJECTED_TAG => {
                    accepted.rejected = u64::try_from(fields.varint()?.cast_signed()).unwrap_or(0)
                }
                ERROR_MESSAGE_TAG => accepted.message = text(&mut fields)?,
                other => fields.skip(other)?,
            }
        }
    }
    Ok(accepted)
}

/// What a collector says of a request that it did not take: a `google.rpc.Status`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failed {
    /// For people. May be empty.
    pub message: String,
    /// When to come again, if a `google.rpc.RetryInfo` says so.
    pub retry_after: Option<Duration>,
}

/// Reads a `google.rpc.Status`.
///
/// # Errors
/// The body is none.
pub fn read_failed(body: &[u8]) -> Result<Failed, WireError> {
    let mut failed = Failed::default();
    let mut status = Message::of_body(body);
    while let Some(tag) = status.tag()? {
        match tag {
            STATUS_MESSAGE_TAG => failed.message = text(&mut status)?,
            STATUS_DETAILS_TAG => failed.retry_after = read_detail(status.message()?)?.or(failed.retry_after),
            other => status.skip(other)?,
        }
    }
    Ok(failed)
}

fn text(fields: &mut Message<'_>) -> Result<String, WireError> {
    Ok(String::from_utf8_lossy(fields.bytes()?).into_owned())
}

/// The delay, if this `google.protobuf.Any` is a `RetryInfo`.
fn read_detail(mut any: Message<'_>) -> Result<Option<Duration>, WireError> {
    let (mut is_retry_info, mut content) = (false, None);
    while let Some(tag) = any.tag()? {
        match tag {
            ANY_TYPE_URL_TAG => is_retry_info = any.bytes()?.ends_with(b"google.rpc.RetryInfo"),
            ANY_VALUE_TAG => content = Some(any.message()?),
            other => any.skip(other)?,
        }
    }
    match content {
        Some(content) if is_retry_info => read_retry_info(content).map(Some),
        // Said without a delay: now.
        None if is_retry_info => Ok(Some(Duration::ZERO)),
        _ => Ok(None),
    }
}

fn read_retry_info(mut info: Message<'_>) -> Result<Duration, WireError> {
    let (mut seconds, mut nanos) = (0, 0);
    while let Some(tag) = info.tag()? {
        if tag != RETRY_DELAY_TAG {
            info.skip(tag)?;
            continue;
        }
        let mut delay = info.message()?;
        while let Some(tag) = delay.tag()? {
            match tag {
                DURATION_SECONDS_TAG => seconds = delay.varint()?.cast_signed(),
                DURATION_NANOS_TAG => nanos = delay.varint()?.cast_signed(),
                other => delay.skip(other)?,
            }
        }
    }
    let seconds = u64::try_from(seconds).unwrap_or(0);
    let nanos = u32::try_from(nanos).unwrap_or(0).min(NANOS_MAX);
    Ok(Duration::new(seconds, nanos))
}

const PARTIAL_SUCCESS: u32 = 1;
const REJECTED: u32 = 1;
const ERROR_MESSAGE: u32 = 2;
const STATUS_MESSAGE: u32 = 2;
const STATUS_DETAILS: u32 = 3;
const ANY_TYPE_URL: u32 = 1;
const ANY_VALUE: u32 = 2;
const RETRY_DELAY: u32 = 1;
const DURATION_SECONDS: u32 = 1;
const DURATION_NANOS: u32 = 2;
const NANOS_MAX: u32 = 999_999_999;

const PARTIAL_SUCCESS_TAG: u64 = tag(PARTIAL_SUCCESS, BYTES);
const REJECTED_TAG: u64 = tag(REJECTED, VARINT);
const ERROR_MESSAGE_TAG: u64 = tag(ERROR_MESSAGE, BYTES);
const STATUS_MESSAGE_TAG: u64 = tag(STATUS_MESSAGE, BYTES);
const STATUS_DETAILS_TAG: u64 = tag(STATUS_DETAILS, BYTES);
const ANY_TYPE_URL_TAG: u64 = tag(ANY_TYPE_URL, BYTES);
const ANY_VALUE_TAG: u64 = tag(ANY_VALUE, BYTES);
const RETRY_DELAY_TAG: u64 = tag(RETRY_DELAY, BYTES);
const DURATION_SECONDS_TAG: u64 = tag(DURATION_SECONDS, VARINT);
const DURATION_NANOS_TAG: u64 = tag(DURATION_NANOS, VARINT);

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
    };
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    use prost::Message as _;

    use super::*;

    /// Scenario: answers with and without rejected spans, read by the official types and by ourselves.
    /// Guarantees: both see what was said.
    #[test]
    fn official_types_read_answers() {
        let all = ExportTraceServiceResponse::decode(&*accepted(0, "")).unwrap();
        assert_eq!(all.partial_success, None);
        assert_eq!(read_accepted(&accepted(0, "")), Ok(Accepted::default()));
        let some = ExportTraceServiceResponse::decode(&*accepted(3, "bad_time")).unwrap();
        let partial = some.partial_success.unwrap();
        assert_eq!((partial.rejected_spans, &*partial.error_message), (3, "bad_time"));
        let read = read_accepted(&accepted(3, "bad_time"));
        assert_eq!(read, Ok(Accepted { rejected: 3, message: "bad_time".into() }));
    }

    /// Scenario: the official types say that a data point was rejected, and another body is no answer at all.
    /// Guarantees: we read the first, and say of the second that it is none.
    #[test]
    fn we_read_official_answers() {
        let partial = ExportMetricsPartialSuccess { rejected_data_points: 2, error_message: "old".into() };
        let response = ExportMetricsServiceResponse { partial_success: Some(partial) };
        let read = read_accepted(&response.encode_to_vec());
        assert_eq!(read, Ok(Accepted { rejected: 2, message: "old".into() }));
        assert!(read_accepted(b"<html>").is_err());
    }

    /// Scenario: a status with a message, with and without a `RetryInfo` among its details.
    /// Guarantees: message and delay are read.
    #[test]
    fn statuses_are_read() {
        assert_eq!(
            read_failed(&failed("full")).unwrap(),
            Failed { message: "full".into(), retry_after: None }
        );
        let mut bytes = failed("full");
        let detail = Gap::open(&mut bytes, STATUS_DETAILS);
        put_str(&mut bytes, ANY_TYPE_URL, "type.googleapis.com/google.rpc.RetryInfo");
        let info = Gap::open(&mut bytes, ANY_VALUE);
        let delay = Gap::open(&mut bytes, RETRY_DELAY);
        put_varint_field(&mut bytes, DURATION_SECONDS, 7);
        put_varint_field(&mut bytes, DURATION_NANOS, 500_000_000);
        delay.close(&mut bytes);
        info.close(&mut bytes);
        detail.close(&mut bytes);
        let read = read_failed(&bytes).unwrap();
        assert_eq!(read, Failed { message: "full".into(), retry_after: Some(Duration::from_millis(7500)) });
    }
}
