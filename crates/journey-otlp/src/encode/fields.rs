//! Single fields of protobuf: a tag, and a number or bytes behind it.

use crate::protobuf::wire_type;

pub(crate) fn put_str(bytes: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        put_bytes(bytes, number, text.as_bytes());
    }
}

pub(super) fn put_bytes(bytes: &mut Vec<u8>, number: u32, content: &[u8]) {
    put_tag(bytes, number, wire_type::BYTES);
    put_varint(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
}

pub(super) fn put_fixed64(bytes: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(bytes, number, wire_type::FIXED64);
    bytes.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_varint_field(bytes: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(bytes, number, wire_type::VARINT);
    put_varint(bytes, value);
}

pub(super) fn put_tag(bytes: &mut Vec<u8>, number: u32, wire_type: u32) {
    put_varint(bytes, u64::from(number << 3 | wire_type));
}

pub(super) fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

pub(super) fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}
