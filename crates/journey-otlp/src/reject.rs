//! Why one span was not taken.

use std::fmt;

/// Why one span was not taken; its neighbours were. The text is also the value of the metric label `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reject {
    /// The end lies before the start, or one of them is missing.
    BadTime,
    /// A name, key or value is no UTF-8.
    BadUtf8,
    /// The parent's id is neither empty nor 8 bytes.
    InvalidParentId,
    /// The span id is not 8 bytes, or all zero.
    InvalidSpanId,
    /// The trace id is not 16 bytes, or all zero.
    InvalidTraceId,
    /// More attributes than [`crate::wire::ATTRIBUTES_MAX`].
    TooManyAttributes,
}

impl Reject {
    /// The reason as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reject::BadTime => "bad_time",
            Reject::BadUtf8 => "bad_utf8",
            Reject::InvalidParentId => "invalid_parent_id",
            Reject::InvalidSpanId => "invalid_span_id",
            Reject::InvalidTraceId => "invalid_trace_id",
            Reject::TooManyAttributes => "too_many_attributes",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
