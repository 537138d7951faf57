//! One attribute: lengths are counted before anything is written, because its parts are few.

use journey_model::{Attribute, Value};

use crate::protobuf::{field, wire_type};

use super::fields::{put_bytes, put_fixed64, put_tag, put_varint, put_varint_field, varint_len};

pub(super) fn put_attribute(bytes: &mut Vec<u8>, number: u32, attribute: &Attribute<'_>) {
    if let Value::Str(text) = &attribute.value
        && attribute.key.len() + text.len() <= SHORT_MAX
    {
        return put_short_text(bytes, number, &attribute.key, text);
    }
    let value_len = value_len(&attribute.value);
    let key_len = 1 + varint_len(attribute.key.len() as u64) + attribute.key.len();
    put_tag(bytes, number, wire_type::BYTES);
    put_varint(bytes, (key_len + 1 + varint_len(value_len as u64) + value_len) as u64);
    // The key is written even if it is empty: `key_len` counts it.
    put_tag(bytes, field::KEY_VALUE_KEY, wire_type::BYTES);
    put_varint(bytes, attribute.key.len() as u64);
    bytes.extend_from_slice(attribute.key.as_bytes());
    put_tag(bytes, field::KEY_VALUE_VALUE, wire_type::BYTES);
    put_varint(bytes, value_len as u64);
    put_value(bytes, &attribute.value);
}

/// Nearly all attributes are short texts. Their lengths have one byte each, so the framing is written in two pieces
/// instead of eight; this halves the cost of a span. The number of the field is below 16.
fn put_short_text(bytes: &mut Vec<u8>, number: u32, key: &str, text: &str) {
    let tag = |number: u32| (number << 3 | wire_type::BYTES) as u8;
    let (key_len, text_len) = (key.len() as u8, text.len() as u8);
    bytes.reserve(SHORT_FRAMING + key.len() + text.len());
    bytes.extend_from_slice(&[tag(number), key_len + text_len + 6, tag(field::KEY_VALUE_KEY), key_len]);
    bytes.extend_from_slice(key.as_bytes());
    bytes.extend_from_slice(&[tag(field::KEY_VALUE_VALUE), text_len + 2, tag(field::ANY_STRING), text_len]);
    bytes.extend_from_slice(text.as_bytes());
}

/// Bytes of framing around the key and the text of a short attribute.
const SHORT_FRAMING: usize = 8;
/// Bytes of key and text together, so that the length of the whole attribute has one byte.
const SHORT_MAX: usize = 0x7f - 6;

fn value_len(value: &Value<'_>) -> usize {
    let str_len = |text: &str| 1 + varint_len(text.len() as u64) + text.len();
    match value {
        Value::Bool(_) => 2,
        Value::Double(_) => 9,
        Value::Int(number) => 1 + varint_len(number.cast_unsigned()),
        Value::Str(text) => str_len(text),
        Value::StrArray(texts) => {
            let values = array_len(texts.iter().map(|text| str_len(text)));
            1 + varint_len(values as u64) + values
        }
    }
}

fn array_len(values: impl Iterator<Item = usize>) -> usize {
    values.map(|len| 1 + varint_len(len as u64) + len).sum()
}

fn put_value(bytes: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Bool(truth) => put_varint_field(bytes, field::ANY_BOOL, u64::from(*truth)),
        Value::Double(number) => put_fixed64(bytes, field::ANY_DOUBLE, number.to_bits()),
        Value::Int(number) => put_varint_field(bytes, field::ANY_INT, number.cast_unsigned()),
        Value::Str(text) => put_any_str(bytes, text),
        Value::StrArray(texts) => {
            let any_len = |text: &str| 1 + varint_len(text.len() as u64) + text.len();
            put_tag(bytes, field::ANY_ARRAY, wire_type::BYTES);
            put_varint(bytes, array_len(texts.iter().map(|text| any_len(text))) as u64);
            for text in texts {
                put_tag(bytes, field::ARRAY_VALUES, wire_type::BYTES);
                put_varint(bytes, any_len(text) as u64);
                put_any_str(bytes, text);
            }
        }
    }
}

/// An `AnyValue` of type string is written even if the text is empty: it is a oneof.
fn put_any_str(bytes: &mut Vec<u8>, text: &str) {
    put_bytes(bytes, field::ANY_STRING, text.as_bytes());
}
