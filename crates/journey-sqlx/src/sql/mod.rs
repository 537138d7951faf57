//! What a span may say about a statement: its text without literals, and its summary.
//!
//! SQL text goes in, two short texts come out. One pass over the bytes does both; nothing is parsed into a
//! tree, nothing is looked up in a database, and no text whatsoever makes it fail.

mod lexer;
mod remembered;
mod sanitise;
mod summary;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

pub(crate) use self::remembered::Remembered;

use self::lexer::Lexer;
use self::sanitise::Sanitiser;
use self::summary::Summariser;
use crate::Query;
use crate::hashed::Hashed;
use crate::limits::{SUMMARY_BYTES_MAX, TEXT_BYTES_MAX};

/// One statement, or several of one `raw_sql`, as spans describe it.
#[derive(Debug)]
pub(crate) struct Statement {
    /// The text up to [`TEXT_BYTES_MAX`], as its author wrote it.
    pub(crate) text: Arc<str>,
    /// The text up to [`TEXT_BYTES_MAX`], with `?` in place of each literal and without comments.
    pub(crate) sanitised: Arc<str>,
    /// `SELECT orders customers`; empty if no operation was found.
    pub(crate) summary: Hashed,
}

impl Statement {
    /// Reads a text.
    pub(crate) fn read(sql: &str) -> Self {
        let text = &sql[..sql.floor_char_boundary(TEXT_BYTES_MAX)];
        let mut sanitiser = Sanitiser::with_capacity(text.len());
        let mut summariser = Summariser::new();
        for (token, piece) in Lexer::new(text) {
            sanitiser.take(token, piece);
            summariser.take(token, piece);
        }
        Self { text: text.into(), sanitised: sanitiser.finish().into(), summary: summariser.finish().into() }
    }

    /// The same text, not run but prepared.
    pub(crate) fn to_prepare(&self) -> Self {
        let mut summary = format!("PREPARE {}", &*self.summary);
        while summary.len() > SUMMARY_BYTES_MAX {
            summary.truncate(summary.rfind(' ').unwrap_or(0));
        }
        let summary = summary.trim_end().into();
        Self { text: Arc::clone(&self.text), sanitised: Arc::clone(&self.sanitised), summary }
    }

    /// As hooks see it.
    pub(crate) fn query(&self, has_bound_values: bool) -> Query<'_> {
        Query { text: &self.text, summary: &self.summary, has_bound_values }
    }
}
