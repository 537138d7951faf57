//! The attributes of a span, link or resource.

use std::borrow::Cow;

use journey_model::{Attribute, Value};

use super::texts::Texts;
use super::{ATTRIBUTES_MAX, Trouble};
use crate::Reject;
use crate::protobuf::{Message, tags};

/// Attributes that take the places of those that are in a list already, so that nothing is moved or freed. Ends with
/// [`Attributes::end`].
pub(super) struct Attributes<'l, 'a> {
    list: &'l mut Vec<Attribute<'a>>,
    len: usize,
}

impl<'l, 'a> Attributes<'l, 'a> {
    pub(super) fn over(list: &'l mut Vec<Attribute<'a>>) -> Self {
        Self { list, len: 0 }
    }

    /// The list has no others than those that were read.
    #[inline]
    pub(super) fn end(self) {
        if self.len < self.list.len() {
            self.list.truncate(self.len);
        }
    }

    #[inline(always)]
    fn put(&mut self, key: &'a str, value: Value<'a>) -> Result<(), Reject> {
        match self.list.get_mut(self.len) {
            Some(place) => {
                place.key = Cow::Borrowed(key);
                match std::mem::replace(&mut place.value, value) {
                    list @ Value::StrArray(_) => drop(list),
                    // Nothing in a value that was read here is owned, so there is nothing to free.
                    borrowed => std::mem::forget(borrowed),
                }
            }
            None => self.push(key, value)?,
        }
        self.len += 1;
        Ok(())
    }

    /// The list is never longer than what one span may have.
    #[cold]
    fn push(&mut self, key: &'a str, value: Value<'a>) -> Result<(), Reject> {
        if self.len == ATTRIBUTES_MAX {
            return Err(Reject::TooManyAttributes);
        }
        self.list.push(Attribute { key: Cow::Borrowed(key), value });
        Ok(())
    }
}

/// Puts the attribute, unless it is of a type that a journey has no use for.
///
/// # Errors
/// Its framing cannot be followed, a text in it is no UTF-8, or there are too many.
#[inline(always)]
pub(super) fn read<'a>(
    fields: Message<'a>,
    texts: &mut Texts<'a>,
    into: &mut Attributes<'_, 'a>,
) -> Result<(), Trouble> {
    let Some((key, value)) = split(fields.rest()) else { return read_any(fields, texts, into) };
    let key_at = fields.start() + KEY_AT;
    match value {
        [STRING, len @ ..0x80, text @ ..] if text.len() == usize::from(*len) => {
            // One look at both and what stands between them.
            let both = texts.get(key_at..fields.end())?;
            let cut = both.get(..key).zip(both.get(both.len() - text.len()..));
            let (key, text) = cut.ok_or(Reject::BadUtf8)?;
            into.put(key, Value::Str(Cow::Borrowed(text)))?;
        }
        [tag, value @ ..] => match number(*tag, value) {
            Some(value) => into.put(texts.get(key_at..key_at + key)?, value)?,
            None => return read_any(fields, texts, into),
        },
        [] => return read_any(fields, texts, into),
    }
    Ok(())
}

/// Splits an attribute as nearly every one stands in the bytes: first the key, then the value, both short. Gives the
/// length of the key, which begins at [`KEY_AT`], and the bytes of the value. `None`: it may be anything.
#[inline]
fn split(attribute: &[u8]) -> Option<(usize, &[u8])> {
    let [KEY, key @ ..0x80, rest @ ..] = attribute else { return None };
    let [VALUE, len @ ..0x80, value @ ..] = rest.get(usize::from(*key)..)? else { return None };
    (value.len() == usize::from(*len)).then_some((usize::from(*key), value))
}

/// A value that is no text.
#[inline]
fn number(tag: u8, value: &[u8]) -> Option<Value<'static>> {
    match tag {
        INT => positive(value).map(Value::Int),
        BOOL => match value {
            [value @ ..2] => Some(Value::Bool(*value == 1)),
            _ => None,
        },
        DOUBLE => Some(Value::Double(f64::from_le_bytes(value.try_into().ok()?))),
        _ => None,
    }
}

/// The number that fills these bytes as a varint; `None` for a negative one, which takes ten.
#[inline]
fn positive(bytes: &[u8]) -> Option<i64> {
    let (last, others) = bytes.split_last()?;
    if !last.is_ascii() || others.len() > 8 || others.iter().any(u8::is_ascii) {
        return None;
    }
    let high = others.iter().rev().fold(i64::from(*last), |high, byte| high << 7 | i64::from(byte & 0x7f));
    Some(high)
}

// Tags of one byte.
const KEY: u8 = tags::KEY_VALUE_KEY as u8;
const VALUE: u8 = tags::KEY_VALUE_VALUE as u8;
const STRING: u8 = tags::ANY_STRING as u8;
const BOOL: u8 = tags::ANY_BOOL as u8;
const INT: u8 = tags::ANY_INT as u8;
const DOUBLE: u8 = tags::ANY_DOUBLE as u8;

/// Where the key of a usual attribute begins.
const KEY_AT: usize = 2;

/// Field by field.
#[inline(never)]
fn read_any<'a>(
    mut fields: Message<'a>,
    texts: &mut Texts<'a>,
    into: &mut Attributes<'_, 'a>,
) -> Result<(), Trouble> {
    let mut key = "";
    let mut read = None;
    while let Some(tag) = fields.tag()? {
        match tag {
            tags::KEY_VALUE_KEY => key = texts.get(fields.range()?)?,
            tags::KEY_VALUE_VALUE => read = value(fields.message()?, texts)?,
            other => fields.skip(other)?,
        }
    }
    if let Some(value) = read {
        into.put(key, value)?;
    }
    Ok(())
}

fn value<'a>(mut fields: Message<'a>, texts: &mut Texts<'a>) -> Result<Option<Value<'a>>, Trouble> {
    let mut read = None;
    while let Some(tag) = fields.tag()? {
        match tag {
            tags::ANY_STRING => read = Some(Value::Str(Cow::Borrowed(texts.get(fields.range()?)?))),
            tags::ANY_BOOL => read = Some(Value::Bool(fields.varint()? != 0)),
            tags::ANY_INT => read = Some(Value::Int(fields.varint()?.cast_signed())),
            tags::ANY_DOUBLE => read = Some(Value::Double(f64::from_bits(fields.fixed64()?))),
            tags::ANY_ARRAY => read = str_array(fields.message()?, texts)?.map(Value::StrArray),
            other => fields.skip(other)?,
        }
    }
    Ok(read)
}

/// Texts, and whole numbers as texts: a list of ids may be one of numbers. `None` if an element is anything else.
#[inline(never)]
fn str_array<'a>(
    mut array: Message<'a>,
    texts: &mut Texts<'a>,
) -> Result<Option<Vec<Cow<'a, str>>>, Trouble> {
    let mut read = Vec::new();
    while let Some(tag) = array.tag()? {
        if tag != tags::ARRAY_VALUES {
            array.skip(tag)?;
            continue;
        }
        let mut element = array.message()?;
        while let Some(tag) = element.tag()? {
            read.push(match tag {
                tags::ANY_STRING => Cow::Borrowed(texts.get(element.range()?)?),
                tags::ANY_INT => Cow::Owned(element.varint()?.cast_signed().to_string()),
                _ => return Ok(None),
            });
        }
    }
    Ok(Some(read))
}
