//! A name for the URLs of one kind.

/// Low-cardinality template of an outgoing request's path, such as `/orders/{id}`: for `url.template`, for the span's
/// name, and as a label of the duration.
///
/// Put it into the extensions of the request; both client layers look for it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UrlTemplate(pub &'static str);
