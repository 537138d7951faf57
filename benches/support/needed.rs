//! What of a span a reader of the lane needs, reduced to one number: the same work after every decoder, and the proof
//! that all of them read the same.

use journey_model::attribute;

/// The sum over what was read so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Needed(u64);

/// What is no text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers<'a> {
    pub(crate) trace_id: &'a [u8],
    pub(crate) span_id: &'a [u8],
    /// Empty if there is none.
    pub(crate) parent_span_id: &'a [u8],
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) kind: u64,
    pub(crate) status: u64,
}

impl Needed {
    pub(crate) fn span(&mut self, name: &[u8], numbers: Numbers<'_>) {
        let Numbers { trace_id, span_id, parent_span_id, start_ns, end_ns, kind, status } = numbers;
        self.text(name);
        [trace_id, span_id, parent_span_id].into_iter().for_each(|id| self.text(id));
        [start_ns, end_ns, kind, status].into_iter().for_each(|number| self.number(number));
    }

    /// An attribute that is a text, needed or not.
    #[inline]
    pub(crate) fn str_attribute(&mut self, key: &[u8], text: &[u8]) {
        if is_needed(key) {
            self.text(text);
        }
    }

    /// An attribute that is an integer, needed or not.
    #[inline]
    pub(crate) fn int_attribute(&mut self, key: &[u8], number: u64) {
        if key == attribute::JOURNEY_SEQ.as_bytes() {
            self.number(number);
        }
    }

    /// Its length and its end: enough to tell whether the right bytes were read.
    #[inline]
    fn text(&mut self, text: &[u8]) {
        let end = text.last().copied().unwrap_or_default();
        self.number((text.len() as u64) << 8 | u64::from(end));
    }

    #[inline]
    fn number(&mut self, number: u64) {
        self.0 = self.0.wrapping_add(number);
    }
}

/// The keys differ in length, so that to look for them costs next to nothing.
#[inline]
fn is_needed(key: &[u8]) -> bool {
    match key.len() {
        7 => key == attribute::CART_ID.as_bytes(),
        8 => key == attribute::ORDER_ID.as_bytes(),
        13 => key == attribute::PRODUCTION_ID.as_bytes(),
        14 => key == attribute::JOURNEY_SIGNAL.as_bytes(),
        18 => key == attribute::JOURNEY_STAGE_NAME.as_bytes(),
        21 => key == attribute::JOURNEY_STAGE_OUTCOME.as_bytes(),
        22 => key == b"journey.facet.material",
        23 => key == b"journey.facet.file_size",
        _ => false,
    }
}
