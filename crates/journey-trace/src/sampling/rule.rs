//! One rule: which requests, and how many of them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::Hint;

/// A share of the requests of one method, or of all, whose route or path matches a pattern.
///
/// As text `GET /orders/{id}=0.1`, `POST *=1` or `* /internal/*=0`: a method or `*`, a route as the framework writes
/// it or a path, in which a `*` at the end matches any rest, and the share of traces to keep, 0 to 1.
///
/// ```
/// use journey_trace::sampling::{Hint, Rule};
///
/// let rule: Rule = "GET /orders/*=0.1".parse()?;
/// assert!(rule.concerns(&Hint { method: "GET", path: "/orders/ORD-1", route: None }));
/// assert!(!rule.concerns(&Hint { method: "POST", path: "/orders/ORD-1", route: None }));
/// assert_eq!(rule.share(), 0.1);
/// # Ok::<(), journey_trace::sampling::InvalidRule>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// `None` for any.
    method: Option<String>,
    pattern: String,
    share: f64,
}

/// A text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no rule such as `GET /orders/{{id}}=0.1`: {reason}")]
pub struct InvalidRule {
    text: String,
    reason: &'static str,
}

impl Rule {
    /// Whether the rule decides about this request: by its route, if that is known already, or by its path.
    pub fn concerns(&self, request: &Hint<'_>) -> bool {
        let method = self.method.as_deref().is_none_or(|method| method == request.method);
        method
            && !request.method.is_empty()
            && (request.route.is_some_and(|route| self.matches(route)) || self.matches(request.path))
    }

    /// The share of traces to keep, 0 to 1.
    pub fn share(&self) -> f64 {
        self.share
    }

    pub(super) fn one_too_many(&self) -> InvalidRule {
        InvalidRule { text: self.to_string(), reason: "there are too many rules before it" }
    }

    fn matches(&self, place: &str) -> bool {
        match self.pattern.strip_suffix('*') {
            Some(prefix) => place.starts_with(prefix),
            None => place == self.pattern,
        }
    }
}

impl FromStr for Rule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let invalid = |reason| InvalidRule { text: text.trim().to_owned(), reason };
        let (request, share) = text.rsplit_once('=').ok_or_else(|| invalid("no `=` before the share"))?;
        let share = share.trim().parse().ok().filter(|share| (0.0..=1.0).contains(share));
        let share = share.ok_or_else(|| invalid("the share is no number from 0 to 1"))?;
        let (method, pattern) =
            request.trim().split_once(' ').ok_or_else(|| invalid("no space between method and route"))?;
        let pattern = pattern.trim();
        if !(pattern.starts_with('/') || pattern == "*") {
            return Err(invalid("the route begins neither with `/` nor is it `*`"));
        }
        let stars = pattern.matches('*').count();
        if stars > usize::from(pattern.ends_with('*')) {
            return Err(invalid("a `*` may only end the route"));
        }
        let method = (method != "*").then(|| method.to_owned());
        Ok(Self { method, pattern: pattern.to_owned(), share })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}={}", self.method.as_deref().unwrap_or("*"), self.pattern, self.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concerns(rule: &str, method: &str, path: &str, route: Option<&str>) -> bool {
        rule.parse::<Rule>().expect("the table holds rules").concerns(&Hint { method, path, route })
    }

    /// Scenario: rules by route, path, prefix, and for any method, and requests that match and do not.
    /// Guarantees: the route counts as well as the path; a span that is no request is nobody's.
    #[test]
    fn rules_concern_what_they_say() {
        assert!(concerns("GET /orders/{id}=0", "GET", "/orders/1", Some("/orders/{id}")));
        assert!(!concerns("GET /orders/{id}=0", "GET", "/orders/1", None));
        assert!(concerns("* /internal/*=0", "PUT", "/internal/cache", None));
        assert!(!concerns("* /internal/*=0", "PUT", "/internals", None));
        assert!(concerns("POST *=1", "POST", "/", None));
        assert!(!concerns("POST *=1", "GET", "/", None));
        assert!(!concerns("* *=0", "", "", None));
    }

    /// Scenario: texts that lack a part or say nonsense.
    /// Guarantees: each is refused with its reason, and a good one is written as it was read.
    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "GET /x", "GET /x=2", "GET /x=a", "/x=1", "GET x=1", "GET /a*b=1", "GET /*/*=1"] {
            assert!(bad.parse::<Rule>().is_err(), "{bad}");
        }
        assert_eq!(
            " GET /orders/* = 0.5 ".parse::<Rule>().map(|rule| rule.to_string()),
            Ok("GET /orders/*=0.5".into())
        );
        let error = "GET /x=2".parse::<Rule>().expect_err("no share").to_string();
        assert_eq!(
            error,
            "\"GET /x=2\" is no rule such as `GET /orders/{id}=0.1`: the share is no number from 0 to 1"
        );
    }
}
