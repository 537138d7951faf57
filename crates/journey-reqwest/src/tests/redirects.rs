//! Redirects, which are attempts of their own.

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode, header};
use axum::routing::{any, get};
use http::Extensions;
use reqwest::redirect::Policy;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next, Result};

use super::support::{STRANGER, Work, attribute, builder, client, echo, serve};
use crate::{JourneyMiddleware, REDIRECTS_MAX, TooManyRedirects, UrlTemplate};

/// Redirects to a stranger, to a neighbour (both answer with the headers they got), and in a circle.
async fn app() -> Router {
    let echoing = serve(Router::new().route("/", any(echo))).await.port();
    let stranger = format!("http://{STRANGER}:{echoing}/");
    let neighbour = format!("http://localhost:{echoing}/");
    let redirect = |to: String| {
        move |Path(code): Path<u16>| async move {
            (StatusCode::from_u16(code).expect("the test asks for a status"), [(header::LOCATION, to)])
        }
    };
    Router::new()
        .route("/stranger/{code}", any(redirect(stranger)))
        .route("/neighbour/{code}", any(redirect(neighbour)))
        .route("/round", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/round")]) }))
}

/// Scenario: a neighbour redirects to a stranger, and another time to a neighbour.
/// Guarantees: each hop is a span; the stranger gets nothing of ours and no credentials, the neighbour gets its ids.
#[tokio::test]
async fn headers_follow_the_host() {
    let address = serve(app().await).await;
    for (target, wants_ids) in [("stranger", false), ("neighbour", true)] {
        let work = Work::sampled();
        let request = client().get(format!("http://{address}/{target}/307")).bearer_auth("TOPSECRET");
        let answer = work.run(request.send()).await.expect("the last server answers");
        let got = answer.text().await.expect("the body is text");
        assert!(!got.contains("TOPSECRET"), "{got}");
        let spans = work.spans();
        assert_eq!(spans.len(), 2);
        assert_eq!(attribute(&spans[0], "http.response.status_code").as_deref(), Some("307"));
        assert_eq!(attribute(&spans[0], "http.request.resend_count"), None);
        assert_eq!(attribute(&spans[1], "http.request.resend_count").as_deref(), Some("1"));
        assert_eq!(spans[0].parent_span_id, spans[1].parent_span_id, "hops are siblings");
        let second = spans[1].span_context.span_id().to_string();
        assert_eq!((got.contains(&second), got.contains("order.id=ORD-7")), (wants_ids, wants_ids), "{got}");
    }
}

/// Scenario: a request with a template is redirected to another place, and sent once more by a middleware further out.
/// Guarantees: the template names only the request that it was given for (it once named the login page of a stranger
/// too, in span and metric), and it does so again at the second time.
#[tokio::test]
async fn a_template_ends_at_a_redirect() {
    let address = serve(app().await).await;
    let client = ClientBuilder::new(
        builder().redirect(Policy::none()).build().expect("a client without TLS can be built"),
    )
    .with(Twice)
    .with(JourneyMiddleware::new().following_redirects())
    .build();
    let work = Work::sampled();
    let request = client.get(format!("http://{address}/stranger/302"));
    let answer = work.run(request.with_extension(UrlTemplate("/stranger/{code}")).send()).await;
    drop(answer.expect("the stranger answers"));
    let shown: Vec<_> = work
        .spans()
        .iter()
        .map(|span| (span.name.to_string(), attribute(span, "url.template").unwrap_or_default()))
        .collect();
    let asked = ("GET /stranger/{code}".to_owned(), "/stranger/{code}".to_owned());
    let hop = ("GET".to_owned(), String::new());
    assert_eq!(shown, [asked.clone(), hop.clone(), asked, hop]);
}

/// Sends each request twice, and reads the first answer.
struct Twice;

#[async_trait::async_trait]
impl Middleware for Twice {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let again = request.try_clone().expect("it has no body");
        drop(next.clone().run(request, extensions).await?.bytes().await);
        next.run(again, extensions).await
    }
}

/// Scenario: a builder whose policy is to follow none, with both ways to a client.
/// Guarantees: [`crate::client`] keeps the policy; [`crate::build`] replaces it, as its documentation warns.
#[tokio::test]
async fn a_policy_of_ones_own_needs_the_plain_client() {
    let address = serve(app().await).await;
    let none = || builder().redirect(Policy::none());
    let kept = crate::client(none().build().expect("a client without TLS can be built"));
    let replaced = crate::build(none()).expect("a client without TLS can be built");
    for (client, status) in [(kept, 302), (replaced, 200)] {
        let answer = client.get(format!("http://{address}/neighbour/302")).send().await;
        assert_eq!(answer.expect("a server answers").status().as_u16(), status);
    }
}

/// Scenario: redirects of a POST with a body, by each status.
/// Guarantees: 301 to 303 become a GET, 307 and 308 stay a POST with their body.
#[tokio::test]
async fn methods_change_as_in_reqwest() {
    let redirect = |Path(code): Path<u16>| async move {
        (StatusCode::from_u16(code).expect("the test asks for a status"), [(header::LOCATION, "/else/where")])
    };
    let tell = |method: Method, body: String| async move { format!("{method} {body}") };
    let address = serve(Router::new().route("/{code}", any(redirect)).fallback(tell)).await;
    for (code, expected) in
        [(301, "GET "), (302, "GET "), (303, "GET "), (307, "POST ring"), (308, "POST ring")]
    {
        let request = client().post(format!("http://{address}/{code}")).body("ring");
        let answer = request.send().await.expect("the server answers");
        assert_eq!(answer.url().path(), "/else/where");
        assert_eq!(answer.text().await.expect("the body is text"), expected, "{code}");
    }
}

/// Scenario: a circle of redirects.
/// Guarantees: it ends with an error after the limit.
#[tokio::test]
async fn circles_end() {
    let address = serve(app().await).await;
    let work = Work::sampled();
    let error = work.run(client().get(format!("http://{address}/round")).send()).await.expect_err("a circle");
    assert_eq!(error.to_string(), TooManyRedirects.to_string());
    assert_eq!(work.spans().len(), REDIRECTS_MAX + 1);
}

/// Scenario: the plain client, whose redirects are reqwest's.
/// Guarantees: one span for the whole chain, with the status of its end.
#[tokio::test]
async fn plain_client_leaves_redirects_alone() {
    let address = serve(app().await).await;
    let client = crate::client(builder().build().expect("a client without TLS can be built"));
    let work = Work::sampled();
    let answer = work.run(client.get(format!("http://{address}/neighbour/302")).send()).await;
    drop(answer.expect("the last server answers"));
    assert_eq!(attribute(&work.span(), "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(attribute(&work.span(), "http.request.resend_count"), None);
}
