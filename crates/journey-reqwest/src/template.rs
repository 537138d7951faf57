//! A name for the URLs of one kind.

/// Low-cardinality template of a request's path, for `url.template` and the span's name.
///
/// ```
/// use journey_reqwest::UrlTemplate;
///
/// # fn request(crm: &reqwest_middleware::ClientWithMiddleware) -> reqwest_middleware::RequestBuilder {
/// crm.get("http://crm-api/orders/ORD-1").with_extension(UrlTemplate("/orders/{id}"))
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlTemplate(pub &'static str);
