//! Cuts PostgreSQL text into tokens, after chapter 4.1 of its manual (version 18).
//!
//! Each byte is looked at a constant number of times. What does not end (a string, a comment) goes to the end
//! of the text, so nothing behind an open quote is ever shown.

/// What a piece of the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// `-- to the end of the line`, without the line break, or `/* nested */`.
    Comment,
    /// A string of any kind, a number with its sign, `true` or `false`.
    Literal,
    /// A keyword or a name, with what it is qualified by: `select`, `o.id`, `"song list"`.
    Name,
    /// Everything else: one character, or a placeholder such as `$1`.
    Other,
    /// White space.
    Space,
}

/// The tokens of one text. Their pieces, put together, are the text.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = (Token, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.text[self.at..];
        let first = *rest.as_bytes().first()?;
        let (token, length) = scan(rest, first);
        self.at += length;
        Some((token, &rest[..length]))
    }
}

/// The token that `rest` begins with and its length in bytes, which is at least 1 and ends between
/// characters.
fn scan(rest: &str, first: u8) -> (Token, usize) {
    let bytes = rest.as_bytes();
    let second = bytes.get(1).copied().unwrap_or(0);
    match (first, second) {
        (b'-', b'-') => (Token::Comment, line(bytes)),
        (b'/', b'*') => (Token::Comment, block_comment(bytes)),
        (b'\'', _) => (Token::Literal, quoted(bytes, 0, b'\'', false)),
        (b'"', _) => (Token::Name, qualified_name(bytes)),
        (b'$', _) => dollar(rest),
        (b'+' | b'-', _) if starts_number(&bytes[1..]) => (Token::Literal, 1 + number(&bytes[1..])),
        _ if starts_number(bytes) => (Token::Literal, number(bytes)),
        _ if first.is_ascii_whitespace() || first == VERTICAL_TAB => {
            (Token::Space, run(bytes, 0, |byte| byte.is_ascii_whitespace() || byte == VERTICAL_TAB))
        }
        _ if starts_name(first) => word(rest),
        _ => (Token::Other, 1),
    }
}

/// A name, a keyword, or a literal that begins with letters: `E'\n'`, `X'1F'`, `U&'\0061'`, `true`.
fn word(rest: &str) -> (Token, usize) {
    let bytes = rest.as_bytes();
    let length = run(bytes, 0, continues_name);
    let quote_at = |at: usize| bytes.get(at) == Some(&b'\'');
    let word = &rest[..length];
    if quote_at(length) && ["b", "n", "x"].iter().any(|prefix| word.eq_ignore_ascii_case(prefix)) {
        return (Token::Literal, quoted(bytes, length, b'\'', false));
    }
    if quote_at(length) && word.eq_ignore_ascii_case("e") {
        return (Token::Literal, quoted(bytes, length, b'\'', true));
    }
    if word.eq_ignore_ascii_case("u") && bytes.get(length) == Some(&b'&') && quote_at(length + 1) {
        return (Token::Literal, quoted(bytes, length + 1, b'\'', false));
    }
    if bytes.get(length) == Some(&b'.') {
        return (Token::Name, qualified_name(bytes));
    }
    let is_bool = word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false");
    (if is_bool { Token::Literal } else { Token::Name }, length)
}

/// A placeholder, a string in dollar quotes, or a single `$`.
fn dollar(rest: &str) -> (Token, usize) {
    let bytes = rest.as_bytes();
    let digits = run(bytes, 1, |byte| byte.is_ascii_digit());
    if digits > 1 {
        return (Token::Other, digits);
    }
    let tag = run(bytes, 1, |byte| continues_name(byte) && byte != b'$');
    if bytes.get(tag) != Some(&b'$') {
        return (Token::Other, 1);
    }
    let (quote, body) = rest.split_at(tag + 1);
    let end = body.find(quote).map_or(rest.len(), |end| quote.len() + end + quote.len());
    (Token::Literal, end)
}

/// `a`, `"a"`, `a.b`, `a."b".c`: names joined by dots without space between them.
fn qualified_name(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at = match bytes.get(at) {
            Some(b'"') => quoted(bytes, at, b'"', false),
            _ => run(bytes, at, continues_name),
        };
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'.'), Some(&next)) if next == b'"' || starts_name(next) => at += 1,
            _ => return at,
        }
    }
}

/// Where a quote that opens at `open` ends. A doubled quote is part of it, with `escapes` so is `\` with its
/// follower.
fn quoted(bytes: &[u8], open: usize, quote: u8, escapes: bool) -> usize {
    let mut at = open + 1;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if escapes && byte == b'\\' {
            at += 1;
        } else if byte == quote {
            if bytes.get(at) != Some(&quote) {
                return at;
            }
            at += 1;
        }
    }
    bytes.len()
}

/// A number of any notation: `12`, `.5`, `12.34e-56`, `0xFF`, `1_000`.
fn number(bytes: &[u8]) -> usize {
    let is_plain = !matches!(bytes, [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..]);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let is_sign_of_exponent = matches!(byte, b'+' | b'-')
            && is_plain
            && at > 0
            && matches!(bytes[at - 1], b'e' | b'E')
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !(byte == b'.' || continues_name(byte) || is_sign_of_exponent) {
            break;
        }
        at += 1;
    }
    at
}

fn line(bytes: &[u8]) -> usize {
    run(bytes, 0, |byte| byte != b'\n' && byte != b'\r')
}

fn block_comment(bytes: &[u8]) -> usize {
    let mut depth = 1_usize;
    let mut at = 2;
    while depth > 0 {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'*'), Some(b'/')) => (depth, at) = (depth - 1, at + 2),
            (Some(b'/'), Some(b'*')) => (depth, at) = (depth + 1, at + 2),
            (Some(_), _) => at += 1,
            (None, _) => break,
        }
    }
    at.min(bytes.len())
}

fn run(bytes: &[u8], from: usize, is_part: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|&byte| !is_part(byte)).map_or(bytes.len(), |length| from + length)
}

fn starts_number(bytes: &[u8]) -> bool {
    match bytes {
        [b'.', digit, ..] | [digit, ..] => digit.is_ascii_digit(),
        [] => false,
    }
}

/// Bytes of characters beyond ASCII are letters to PostgreSQL.
fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn continues_name(byte: u8) -> bool {
    starts_name(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// White space to PostgreSQL, but not to [`u8::is_ascii_whitespace`].
const VERTICAL_TAB: u8 = 0x0b;
