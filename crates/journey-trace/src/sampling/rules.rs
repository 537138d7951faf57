//! All rules of a service.

use std::fmt;
use std::str::FromStr;

use crate::limits::SAMPLING_RULES_MAX;

use super::{Hint, InvalidRule, Rule};

/// Rules in order; the first that concerns a request decides. After them, health checks are dropped.
///
/// ```
/// use journey_trace::sampling::{Hint, Rules};
///
/// let rules: Rules = "GET /metrics=0, POST /orders=1".parse()?;
/// let request = |method, path| Hint { method, path, route: None };
/// assert_eq!(rules.share(&request("GET", "/metrics")), Some(0.0));
/// assert_eq!(rules.share(&request("GET", "/healthz")), Some(0.0));
/// assert_eq!(rules.share(&request("GET", "/orders")), None);
/// # Ok::<(), journey_trace::sampling::InvalidRule>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// The share of traces to keep that begin with this request; `None` if no rule concerns it.
    pub fn share(&self, request: &Hint<'_>) -> Option<f64> {
        let ruled = self.0.iter().find(|rule| rule.concerns(request)).map(Rule::share);
        ruled.or_else(|| is_health_check(request).then_some(0.0))
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether somebody only asks if the service lives: a GET or HEAD of a path that Kubernetes and load balancers use.
pub fn is_health_check(request: &Hint<'_>) -> bool {
    matches!(request.method, "GET" | "HEAD") && HEALTH_CHECKS.contains(&request.path)
}

impl FromStr for Rules {
    type Err = InvalidRule;

    /// Reads rules with commas between.
    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let rules = text.split(',').map(str::trim).filter(|rule| !rule.is_empty());
        let rules = rules.map(str::parse).collect::<Result<Vec<Rule>, _>>()?;
        match rules.get(SAMPLING_RULES_MAX) {
            Some(beyond) => Err(beyond.one_too_many()),
            None => Ok(Self(rules)),
        }
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&rules.join(", "))
    }
}

const HEALTH_CHECKS: [&str; 8] =
    ["/health", "/healthz", "/health/live", "/health/ready", "/livez", "/live", "/readyz", "/ready"];

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: two rules concern one request, and one rule a health check.
    /// Guarantees: the first decides, and a rule is before the default for health checks.
    #[test]
    fn the_first_rule_decides() {
        let rules: Rules = "GET /orders/*=0.5, GET *=0.1, ".parse().expect("two rules");
        let share = |path| rules.share(&Hint { method: "GET", path, route: None });
        assert_eq!((share("/orders/1"), share("/x"), share("/healthz")), (Some(0.5), Some(0.1), Some(0.1)));
        assert_eq!(rules.to_string(), "GET /orders/*=0.5, GET *=0.1");
        assert!("GET /a=1,".repeat(SAMPLING_RULES_MAX + 1).parse::<Rules>().is_err());
    }
}
