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
use crate::limits::TEXT_BYTES_MAX;

/// One statement, or several of one `raw_sql`, as spans describe it.
#[derive(Debug)]
pub(crate) struct Statement {
    /// The text up to [`TEXT_BYTES_MAX`], with `?` in place of each literal and without comments.
    pub(crate) sanitised: Arc<str>,
    /// `SELECT orders customers`; empty if no operation was found.
    pub(crate) summary: Arc<str>,
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
        Self { sanitised: sanitiser.finish().into(), summary: summariser.finish().into() }
    }
}
