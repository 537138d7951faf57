//! Bytes of headers on the wire.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};

/// Bytes of all headers.
pub(crate) fn of_headers(headers: Option<&FieldTable>) -> usize {
    headers.map_or(0, |headers| {
        headers.inner().iter().map(|(key, value)| of_entry(key.as_str().len(), value)).sum()
    })
}

/// Bytes of one header on the wire: length of the name, name, type, value.
pub(crate) fn of_entry(key_bytes: usize, value: &AMQPValue) -> usize {
    1 + key_bytes + 1 + of_value(value)
}

/// Whether a message with these properties fits into a header frame. The broker would close the connection over one
/// that does not.
pub(crate) fn fits(properties: &BasicProperties, frame_max: usize) -> bool {
    of_headers(properties.headers().as_ref()) + REST_BYTES_MAX <= frame_max || {
        // Near the limit it is worth counting.
        let texts = [
            properties.content_type(),
            properties.content_encoding(),
            properties.correlation_id(),
            properties.reply_to(),
            properties.expiration(),
            properties.message_id(),
            properties.kind(),
            properties.user_id(),
            properties.app_id(),
            properties.cluster_id(),
        ];
        let texts: usize = texts.into_iter().flatten().map(|text| 1 + text.as_str().len()).sum();
        FRAME_BYTES + texts + of_headers(properties.headers().as_ref()) <= frame_max
    }
}

/// Source: RabbitMQ's AMQP 0-9-1 errata, section 3, "Field types".
fn of_value(value: &AMQPValue) -> usize {
    match value {
        AMQPValue::Void => 0,
        AMQPValue::Boolean(_) | AMQPValue::ShortShortInt(_) | AMQPValue::ShortShortUInt(_) => 1,
        AMQPValue::ShortInt(_) | AMQPValue::ShortUInt(_) => 2,
        AMQPValue::LongInt(_) | AMQPValue::LongUInt(_) | AMQPValue::Float(_) => 4,
        AMQPValue::DecimalValue(_) => 5,
        AMQPValue::LongLongInt(_) | AMQPValue::Double(_) | AMQPValue::Timestamp(_) => 8,
        AMQPValue::ShortString(text) => 1 + text.as_str().len(),
        AMQPValue::LongString(text) => 4 + text.len(),
        AMQPValue::ByteArray(bytes) => 4 + bytes.len(),
        AMQPValue::FieldArray(array) => {
            4 + array.as_slice().iter().map(|value| 1 + of_value(value)).sum::<usize>()
        }
        AMQPValue::FieldTable(table) => {
            4 + table.into_iter().map(|(key, value)| of_entry(key.as_str().len(), value)).sum::<usize>()
        }
    }
}

/// What a header frame has beside texts and headers: frame 8, class, weight, body size and flags 14, length of the
/// headers 4, delivery mode and priority 2, timestamp 8.
const FRAME_BYTES: usize = 8 + 14 + 4 + 2 + 8;

/// The same with the ten longest texts there can be.
const REST_BYTES_MAX: usize = FRAME_BYTES + 10 * 256;

#[cfg(test)]
mod tests {
    use lapin::types::FieldArray;

    use super::*;

    /// Scenario: headers with nested values.
    /// Guarantees: they count with all that is in them.
    #[test]
    fn nested_values_count() {
        let mut table = FieldTable::default();
        table.insert("k".into(), AMQPValue::LongLongInt(1));
        let array = FieldArray::from(vec![AMQPValue::Boolean(true), AMQPValue::FieldTable(table)]);
        // "a": 1+1+1; array: 4, bool 1+1, table 1+4 with "k": 1+1+1+8.
        assert_eq!(of_entry(1, &AMQPValue::FieldArray(array)), 3 + 4 + 2 + 5 + 11);
    }

    /// Scenario: headers on both sides of a frame's size.
    /// Guarantees: what is known not to fit is told apart, to the byte.
    #[test]
    fn a_frame_has_an_end() {
        let with = |bytes: usize| {
            let mut headers = FieldTable::default();
            headers.insert("k".into(), AMQPValue::LongString("x".repeat(bytes).into()));
            BasicProperties::default().with_headers(headers).with_message_id("1234".into())
        };
        // Header 7, id 5.
        let most = 4096 - FRAME_BYTES - 7 - 5;
        assert!(fits(&with(most), 4096));
        assert!(!fits(&with(most + 1), 4096));
    }
}
