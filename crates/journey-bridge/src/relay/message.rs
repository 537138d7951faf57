//! One request as the messages to publish.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use journey_model::stream;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use uuid::Uuid;

use crate::split::{SplitError, split};

/// One message for the stream.
#[derive(Debug)]
pub(crate) struct Message {
    /// OTLP `ExportTraceServiceRequest`, at most [`stream::BODY_BYTES_MAX`] bytes.
    pub(crate) body: Bytes,
    /// UUID v5 of the body, so that a repeat is recognisable.
    pub(crate) id: Uuid,
}

impl Message {
    fn new(body: Bytes) -> Self {
        let id = Uuid::new_v5(&BODY_NAMESPACE, &body);
        Self { body, id }
    }

    /// Persistent, with the body's content type, id, the time of publishing and the signal.
    pub(crate) fn properties(&self, published_at: SystemTime) -> BasicProperties {
        let mut headers = FieldTable::default();
        headers.insert("signal".into(), AMQPValue::LongString("traces".into()));
        // A clock before 1970 is shown as 0: the timestamp only informs people.
        let seconds = published_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        BasicProperties::default()
            .with_content_type(stream::CONTENT_TYPE.into())
            .with_delivery_mode(DELIVERY_MODE_PERSISTENT)
            .with_message_id(self.id.to_string().into())
            .with_timestamp(seconds)
            .with_headers(headers)
    }
}

/// Cuts a checked body into messages; an empty body gives none.
///
/// # Errors
/// One span alone is larger than a message may be, or all messages together are too large.
pub(crate) fn messages(body: Bytes) -> Result<Vec<Message>, SplitError> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    if body.len() <= stream::BODY_BYTES_MAX {
        return Ok(vec![Message::new(body)]);
    }
    let parts = split(&body, stream::BODY_BYTES_MAX)?;
    Ok(parts.into_iter().map(|part| Message::new(part.into())).collect())
}

/// Namespace of the message ids: a random UUID, fixed for all relays.
const BODY_NAMESPACE: Uuid = Uuid::from_u128(0x6b0e_3c8f_52a1_4d77_9a44_1f0d_c7b8_e2d5);

/// AMQP 0-9-1 `delivery-mode`: survives a restart of the broker.
const DELIVERY_MODE_PERSISTENT: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the same bytes come twice, and other bytes once.
    /// Guarantees: the same bytes have the same id, others have not, and an empty request makes no message.
    #[test]
    fn a_repeat_is_recognisable() {
        let id = |body: &'static [u8]| messages(Bytes::from_static(body)).expect("small").remove(0).id;
        assert_eq!(id(&[0x0a, 0]), id(&[0x0a, 0]));
        assert_ne!(id(&[0x0a, 0]), id(&[0x0a, 2, 0x12, 0]));
        assert!(messages(Bytes::new()).expect("nothing to cut").is_empty());
    }

    /// Scenario: the properties of a message.
    /// Guarantees: persistent, protobuf, id of the body, whole seconds, header `signal`.
    #[test]
    fn properties_name_the_body() {
        let message = Message::new(Bytes::from_static(b"body"));
        let properties = message.properties(UNIX_EPOCH + std::time::Duration::from_millis(7_900));
        assert_eq!(properties.delivery_mode(), &Some(DELIVERY_MODE_PERSISTENT));
        assert_eq!(properties.timestamp(), &Some(7));
        assert_eq!(properties.message_id().as_ref().map(|id| id.as_str()), Some(&*message.id.to_string()));
        let headers = properties.headers().as_ref().expect("set above");
        assert_eq!(headers.inner().get("signal"), Some(&AMQPValue::LongString("traces".into())));
    }
}
