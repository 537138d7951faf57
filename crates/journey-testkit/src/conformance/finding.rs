//! What is wrong with a span, and how badly.

use std::fmt;

/// One thing to object to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Identifier of the rule, such as `span_kind_mismatch`.
    pub rule: &'static str,
    /// Name of the span; `resource` and `scope` for those.
    pub span: String,
    /// The attribute or the value that it is about.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, rule, span, detail } = self;
        write!(f, "{level} {rule}: span `{span}`: {detail}")
    }
}

/// How bad a finding is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The conventions say must, or a closed list is left.
    Violation,
    /// The conventions say should.
    Improvement,
    /// Something a reader may miss.
    Information,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Violation => "violation",
            Self::Improvement => "improvement",
            Self::Information => "information",
        })
    }
}

/// Where the rules note what they find.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    span: String,
}

impl Findings {
    /// Later findings are about this span.
    pub(super) fn of(&mut self, span: &str) {
        span.clone_into(&mut self.span);
    }

    pub(super) fn violation(&mut self, rule: &'static str, detail: impl fmt::Display) {
        self.note(Level::Violation, rule, &detail);
    }

    pub(super) fn improvement(&mut self, rule: &'static str, detail: impl fmt::Display) {
        self.note(Level::Improvement, rule, &detail);
    }

    pub(super) fn information(&mut self, rule: &'static str, detail: impl fmt::Display) {
        self.note(Level::Information, rule, &detail);
    }

    fn note(&mut self, level: Level, rule: &'static str, detail: &dyn fmt::Display) {
        self.list.push(Finding { level, rule, span: self.span.clone(), detail: detail.to_string() });
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.list
    }
}
