//! A walk over the bytes of an OTLP `ExportTraceServiceRequest`, record by record, borrowing all text.
//!
//! In: the assembled body. Out: each span once, as a [`SpanRecord`] in a buffer that is used again for the next,
//! or as a [`Reject`]. No allocation per span beyond that buffer, no recursion: depth is what the schema has.
//! Fields that a journey does not need (events, dropped counts, maps, bytes) are passed over.
//! `TracesData` has the same layout and is read too.

mod attribute;
mod span;
mod texts;

use journey_model::{Resource, SpanRecord};
use thiserror::Error;

use self::attribute::Attributes;
use self::texts::Texts;
use crate::Reject;
use crate::protobuf::{Message, tags};

/// Most attributes of one span; one with more is rejected.
pub const ATTRIBUTES_MAX: usize = 1024;

/// The body is no OTLP protobuf: what is wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no OTLP protobuf: {what} at byte {offset}")]
pub struct WireError {
    /// What is wrong.
    pub what: &'static str,
    /// Offset of the place from the start of the body, in bytes.
    pub offset: usize,
}

/// Why a part of a body cannot be read.
enum Trouble {
    /// Framing cannot be followed: nothing behind it is known.
    Broken(WireError),
    /// Only this span is in question.
    Rejected(Reject),
}

impl From<WireError> for Trouble {
    fn from(error: WireError) -> Self {
        Trouble::Broken(error)
    }
}

impl From<Reject> for Trouble {
    fn from(reject: Reject) -> Self {
        Trouble::Rejected(reject)
    }
}

/// Calls `visit` for each span, in the order of the body.
///
/// # Errors
/// Framing that cannot be followed. Spans visited before the broken place have been visited; a caller that wants
/// all or nothing calls [`check`] first, which reads the body once more.
pub fn walk<'a>(
    body: &'a [u8],
    mut visit: impl FnMut(&Resource<'a>, Result<&SpanRecord<'a>, Reject>),
) -> Result<(), WireError> {
    let mut buffer = span::blank();
    let mut resource = Resource::default();
    let mut texts = Texts::of_body(body);
    let mut request = Message::of_body(body);
    while let Some(tag) = request.tag()? {
        if tag != tags::REQUEST_RESOURCE_SPANS {
            request.skip(tag)?;
            continue;
        }
        let group = request.message()?;
        read_resource(group, &mut texts, &mut resource)?;
        read_scopes(group, &mut texts, &resource, &mut buffer, &mut visit)?;
    }
    Ok(())
}

/// Checks the framing of a whole body and counts its spans, rejected ones included.
///
/// # Errors
/// Framing that cannot be followed.
pub fn check(body: &[u8]) -> Result<usize, WireError> {
    let mut spans = 0;
    walk(body, |_, _| spans += 1)?;
    Ok(spans)
}

/// The resource may stand behind the spans it belongs to, so it is looked up first.
fn read_resource<'a>(
    mut group: Message<'a>,
    texts: &mut Texts<'a>,
    resource: &mut Resource<'a>,
) -> Result<(), WireError> {
    let mut attributes = Attributes::over(&mut resource.attributes);
    while let Some(tag) = group.tag()? {
        if tag != tags::RESOURCE_SPANS_RESOURCE {
            group.skip(tag)?;
            continue;
        }
        let mut fields = group.message()?;
        texts.enter(&fields);
        while let Some(tag) = fields.tag()? {
            if tag != tags::RESOURCE_ATTRIBUTES {
                fields.skip(tag)?;
                continue;
            }
            match attribute::read(fields.message()?, texts, &mut attributes) {
                // An attribute that is no UTF-8 is left out: the spans are worth more than it.
                Ok(()) | Err(Trouble::Rejected(_)) => {}
                Err(Trouble::Broken(error)) => return Err(error),
            }
        }
    }
    attributes.end();
    Ok(())
}

fn read_scopes<'a>(
    mut group: Message<'a>,
    texts: &mut Texts<'a>,
    resource: &Resource<'a>,
    buffer: &mut SpanRecord<'a>,
    visit: &mut impl FnMut(&Resource<'a>, Result<&SpanRecord<'a>, Reject>),
) -> Result<(), WireError> {
    while let Some(tag) = group.tag()? {
        if tag != tags::RESOURCE_SPANS_SCOPE_SPANS {
            group.skip(tag)?;
            continue;
        }
        let mut scope = group.message()?;
        while let Some(tag) = scope.tag()? {
            if tag != tags::SCOPE_SPANS_SPANS {
                scope.skip(tag)?;
                continue;
            }
            match span::read(scope.message()?, texts, buffer) {
                Ok(()) => visit(resource, Ok(buffer)),
                Err(Trouble::Rejected(reject)) => visit(resource, Err(reject)),
                Err(Trouble::Broken(error)) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
