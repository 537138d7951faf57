//! Head sampling by rules, decided before anything is built.
//!
//! An SDK's sampler is asked when a span starts, and by then its attributes cost their allocations, though most
//! traces of a busy service are dropped. So layers describe a request with what they can borrow of it, a [`Hint`],
//! and build attributes only for a trace that is kept. Rules decide about traces that begin here; a trace that comes
//! from a caller goes on as the caller decided.
//!
//! The journey lane does not ask: stages are never sampled away.

mod rule;
mod rules;

pub use rule::{InvalidRule, Rule};
pub use rules::{Rules, is_health_check};

/// What is known of a request before its span starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hint<'a> {
    /// Value of `http.request.method`, so `_OTHER` for an unknown one. Empty for a span that is no request; no rule concerns it then.
    pub method: &'a str,
    /// Path of the request without the query.
    pub path: &'a str,
    /// Route template of the framework, if it is known already.
    pub route: Option<&'a str>,
}
