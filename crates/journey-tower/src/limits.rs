//! Every limit of this crate, and what happens beyond it.

/// Names `METHOD route` that are kept. The name of a further route is made anew for each request.
pub const ROUTES_MAX: usize = 1024;

/// Headers captured of each direction. A further one is left out, with a warning when the layer is built.
pub const CAPTURED_HEADERS_MAX: usize = 16;

/// Values captured of one header, if it is sent several times. Further ones are left out.
pub const CAPTURED_VALUES_MAX: usize = 4;

/// Bytes of one captured value. The rest is cut off.
pub const CAPTURED_VALUE_BYTES_MAX: usize = 256;

/// Bytes of `url.path`. The rest is cut off.
pub const PATH_BYTES_MAX: usize = 1024;

/// Bytes of `url.query`. The rest is cut off, before and after values are taken out.
pub const QUERY_BYTES_MAX: usize = 1024;

/// Bytes of `user_agent.original` and of `server.address`. The rest is cut off.
pub const TEXT_BYTES_MAX: usize = 256;

/// Bytes of `http.request.method_original`. The rest is cut off.
pub const METHOD_BYTES_MAX: usize = 32;

/// The beginning of a text, at most this many bytes and never half a character.
pub(crate) fn clipped(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
