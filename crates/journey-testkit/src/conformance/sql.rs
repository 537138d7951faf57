//! Literals in SQL that was not sanitised.

/// The first literal of a text without placeholders. A text with them is parameterised, and may show the constants
/// that its author wrote.
pub(super) fn literal(sql: &str) -> Option<&str> {
    let mut rest = sql;
    let mut found = None;
    while let Some(first) = rest.chars().next() {
        let token = token(rest, first);
        match token.kind {
            Kind::Placeholder => return None,
            Kind::Literal if found.is_none() => found = Some(&rest[..token.len]),
            _ => {}
        }
        rest = &rest[token.len..];
    }
    found
}

struct Token {
    kind: Kind,
    /// Bytes, at least those of one character.
    len: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Literal,
    Other,
    Placeholder,
}

fn token(rest: &str, first: char) -> Token {
    let following = rest[first.len_utf8()..].chars().next();
    let (kind, len) = match first {
        '\'' => (Kind::Literal, quoted(rest, '\'')),
        '"' => (Kind::Other, quoted(rest, '"')),
        '?' => (Kind::Placeholder, 1),
        '$' if following.is_some_and(|next| next.is_ascii_digit()) => (Kind::Placeholder, 2),
        '$' if following == Some('$') => (Kind::Literal, 2),
        '-' if rest.starts_with("--") => (Kind::Other, rest.find('\n').unwrap_or(rest.len())),
        '0'..='9' => (Kind::Literal, run(rest, |c| c.is_alphanumeric() || c == '.')),
        '.' if following.is_some_and(|next| next.is_ascii_digit()) => {
            (Kind::Literal, run(rest, |c| c.is_alphanumeric() || c == '.'))
        }
        c if c.is_alphabetic() || c == '_' => {
            (Kind::Other, run(rest, |c| c.is_alphanumeric() || c == '_' || c == '$'))
        }
        c => (Kind::Other, c.len_utf8()),
    };
    Token { kind, len }
}

/// Bytes up to the closing quote; a doubled quote goes on.
fn quoted(rest: &str, quote: char) -> usize {
    let mut from = 1;
    while let Some(at) = rest[from..].find(quote) {
        from += at + 1;
        if !rest[from..].starts_with(quote) {
            return from;
        }
        from += 1;
    }
    rest.len()
}

fn run(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !belongs(c)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: texts with and without literals and placeholders.
    /// Guarantees: only values are literals, never parts of names, comments or quoted identifiers.
    #[test]
    fn literals_are_found() {
        for (sql, expected) in [
            ("SELECT 'x'", Some("'x'")),
            ("SELECT 'it''s' FROM t", Some("'it''s'")),
            ("SELECT a1 FROM t2 WHERE b = 12.5", Some("12.5")),
            ("SELECT 0xDEAD", Some("0xDEAD")),
            ("SELECT $$x$$", Some("$$")),
            ("SELECT a1, \"12\" FROM t2 -- 17", None),
            ("SELECT ?, c FROM t WHERE d = 1", None),
            ("SELECT 1 FROM t WHERE d = $1", None),
            ("SELECT ü FROM täble", None),
            ("", None),
        ] {
            assert_eq!(literal(sql), expected, "{sql}");
        }
    }
}
