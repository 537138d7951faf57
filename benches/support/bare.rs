//! A walk over protobuf bytes that does nothing but what it must: the floor under every decoder.
//!
//! It trusts its input, which is the bench's own: no limits, no check of texts, a panic where a real reader says what is
//! wrong. It visits every field down to the values of attributes.

use crate::needed::{Needed, Numbers};

/// Reads a request; gives what is needed of it.
pub(crate) fn walk(body: &[u8]) -> Needed {
    let mut needed = Needed::default();
    let mut request = Wire(body);
    while let Some(tag) = request.tag() {
        match tag {
            RESOURCE_SPANS => resource_spans(request.bytes(), &mut needed),
            other => request.skip(other),
        }
    }
    needed
}

fn resource_spans(bytes: &[u8], needed: &mut Needed) {
    let mut fields = Wire(bytes);
    while let Some(tag) = fields.tag() {
        match tag {
            RESOURCE => {
                // Read once per body and service; nobody asks the decoders what is in it.
                let mut unasked = Needed::default();
                let mut resource = Wire(fields.bytes());
                while let Some(tag) = resource.tag() {
                    match tag {
                        RESOURCE_ATTRIBUTE => attribute(resource.bytes(), &mut unasked),
                        other => resource.skip(other),
                    }
                }
            }
            SCOPE_SPANS => {
                let mut scope = Wire(fields.bytes());
                while let Some(tag) = scope.tag() {
                    match tag {
                        SPAN => span(scope.bytes(), needed),
                        other => scope.skip(other),
                    }
                }
            }
            other => fields.skip(other),
        }
    }
}

fn span(bytes: &[u8], needed: &mut Needed) {
    let mut numbers = Numbers {
        trace_id: &[],
        span_id: &[],
        parent_span_id: &[],
        start_ns: 0,
        end_ns: 0,
        kind: 0,
        status: 0,
    };
    let mut name: &[u8] = &[];
    let mut fields = Wire(bytes);
    while let Some(tag) = fields.tag() {
        match tag {
            TRACE_ID => numbers.trace_id = fields.bytes(),
            SPAN_ID => numbers.span_id = fields.bytes(),
            PARENT_SPAN_ID => numbers.parent_span_id = fields.bytes(),
            NAME => name = fields.bytes(),
            KIND => numbers.kind = fields.varint(),
            START => numbers.start_ns = fields.fixed64(),
            END => numbers.end_ns = fields.fixed64(),
            SPAN_ATTRIBUTE => attribute(fields.bytes(), needed),
            STATUS => {
                let mut status = Wire(fields.bytes());
                while let Some(tag) = status.tag() {
                    match tag {
                        STATUS_CODE => numbers.status = status.varint(),
                        other => status.skip(other),
                    }
                }
            }
            other => fields.skip(other),
        }
    }
    needed.span(name, numbers);
}

#[inline]
fn attribute(bytes: &[u8], needed: &mut Needed) {
    let mut key: &[u8] = &[];
    let mut fields = Wire(bytes);
    while let Some(tag) = fields.tag() {
        match tag {
            KEY => key = fields.bytes(),
            VALUE => {
                let mut value = Wire(fields.bytes());
                while let Some(tag) = value.tag() {
                    match tag {
                        STRING => needed.str_attribute(key, value.bytes()),
                        INT => needed.int_attribute(key, value.varint()),
                        other => value.skip(other),
                    }
                }
            }
            other => fields.skip(other),
        }
    }
}

/// What is not read yet.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    /// Number and type of the next field.
    #[inline]
    fn tag(&mut self) -> Option<u64> {
        if self.0.is_empty() { None } else { Some(self.varint()) }
    }

    #[inline]
    fn varint(&mut self) -> u64 {
        let (first, rest) = self.0.split_first().expect("the bench's own bytes are whole");
        if *first < 0x80 {
            self.0 = rest;
            return u64::from(*first);
        }
        self.long_varint()
    }

    #[inline(never)]
    fn long_varint(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (byte, rest) = self.0.split_first().expect("the bench's own bytes are whole");
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if *byte < 0x80 {
                return value;
            }
        }
    }

    #[inline]
    fn bytes(&mut self) -> &'a [u8] {
        let length = self.varint() as usize;
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    #[inline]
    fn fixed64(&mut self) -> u64 {
        let (number, rest) = self.0.split_first_chunk().expect("the bench's own bytes are whole");
        self.0 = rest;
        u64::from_le_bytes(*number)
    }

    #[inline]
    fn skip(&mut self, tag: u64) {
        match tag & 7 {
            0 => drop(self.varint()),
            1 => drop(self.fixed64()),
            2 => drop(self.bytes()),
            5 => self.0 = &self.0[4..],
            other => panic!("no wire type {other}"),
        }
    }
}

/// Field number and wire type of `opentelemetry/proto/{trace,resource,common}/v1`, as they stand in the bytes.
const RESOURCE_SPANS: u64 = 1 << 3 | 2;
const RESOURCE: u64 = 1 << 3 | 2;
const SCOPE_SPANS: u64 = 2 << 3 | 2;
const RESOURCE_ATTRIBUTE: u64 = 1 << 3 | 2;
const SPAN: u64 = 2 << 3 | 2;
const TRACE_ID: u64 = 1 << 3 | 2;
const SPAN_ID: u64 = 2 << 3 | 2;
const PARENT_SPAN_ID: u64 = 4 << 3 | 2;
const NAME: u64 = 5 << 3 | 2;
const KIND: u64 = 6 << 3;
const START: u64 = 7 << 3 | 1;
const END: u64 = 8 << 3 | 1;
const SPAN_ATTRIBUTE: u64 = 9 << 3 | 2;
const STATUS: u64 = 15 << 3 | 2;
const STATUS_CODE: u64 = 3 << 3;
const KEY: u64 = 1 << 3 | 2;
const VALUE: u64 = 2 << 3 | 2;
const STRING: u64 = 1 << 3 | 2;
const INT: u64 = 3 << 3;
