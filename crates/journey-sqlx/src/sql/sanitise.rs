//! The text of a statement with `?` in place of each literal.

use super::lexer::Token;

/// Puts the text together again, token by token. A list of literals behind `IN` becomes a single `?`: lists
/// of different length are one statement to who reads the spans.
pub(super) struct Sanitiser {
    text: String,
    list: List,
}

/// Where we are in `IN (1, 2, 3)`.
enum List {
    /// Not in such a list.
    Outside,
    /// Behind `IN`.
    Announced,
    /// Behind `(`, with nothing but literals so far.
    Open {
        /// Length of the text up to and with the first `?`, once there is one.
        first_end: Option<usize>,
    },
}

impl Sanitiser {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), list: List::Outside }
    }

    pub(super) fn take(&mut self, token: Token, piece: &str) {
        match token {
            Token::Comment => {}
            Token::Literal => self.literal(),
            Token::Space => self.text.push_str(piece),
            Token::Name | Token::Other => {
                self.list = self.list_after(piece);
                self.text.push_str(piece);
            }
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn literal(&mut self) {
        if let List::Open { first_end: Some(end) } = self.list {
            self.text.truncate(end);
            return;
        }
        self.text.push('?');
        self.list = match self.list {
            List::Open { .. } => List::Open { first_end: Some(self.text.len()) },
            _ => List::Outside,
        };
    }

    fn list_after(&self, piece: &str) -> List {
        match self.list {
            List::Announced if piece == "(" => List::Open { first_end: None },
            List::Open { first_end } if piece == "," => List::Open { first_end },
            _ if piece.eq_ignore_ascii_case("in") => List::Announced,
            _ => List::Outside,
        }
    }
}
