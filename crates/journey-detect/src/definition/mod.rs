//! The journey definition: what `journeys.yaml` says.
//!
//! In: the text. Out: a [`Definition`], or every mistake in it with line and column. Reading it compiles the flow,
//! so a definition that exists can be followed.

mod flow;
mod index;
mod read;
mod stages;
mod trends;

use std::fmt;
use std::sync::Arc;

use journey_model::SpanKind;
use thiserror::Error;

use crate::flow::{Net, Tree};
use crate::trend::TrendConfig;
use crate::yaml::Mistake;
use crate::{Allowance, Nanos};

/// A stage of the definition, by its place in the file. Orders as the file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(pub(crate) u16);

/// What a journey is, which stages it has, and in which order and how fast they come.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Keys that say which journey a span belongs to.
    pub keys: Vec<KeyDefinition>,
    /// What orders the steps of a journey. Default: [`OrderBy::End`].
    pub order_by: OrderBy,
    /// Attribute that names the stage. Default: `journey.stage.name`.
    pub stage_attribute: String,
    /// Interval of beats and process signals where a span does not say it, in nanoseconds. Default: 15 s.
    pub beat_interval_ns: Nanos,
    /// A silent open journey leaves memory after this time, in nanoseconds. Default: 30 days.
    pub expire_after_ns: Nanos,
    /// How long after the first signal ever seen an order may begin in the middle, in nanoseconds. Default: 30 days.
    pub warm_up_ns: Nanos,
    /// Steps of different instances closer than this count as concurrent, in nanoseconds. Default: 50 ms.
    pub skew_ns: Nanos,
    /// The stages, in the order of the file.
    pub stages: Vec<StageDefinition>,
    /// The order of stages.
    pub flow: Tree,
    /// Rules over all steps of a journey, beside the flow.
    pub rules: Vec<Rule>,
    /// Attributes that later stages inherit for comparison.
    pub facets: Vec<String>,
    /// When trends count as such. Its own list of facets is empty: [`Definition::facets`] counts.
    pub trends: TrendConfig,
    pub(crate) net: Arc<Net>,
    index: index::Index,
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// All mistakes of the text at once.
    pub fn parse(text: &str) -> Result<Self, DefinitionErrors> {
        read::definition(text)
    }

    /// A stage by its id.
    pub fn stage(&self, id: StageId) -> &StageDefinition {
        &self.stages[usize::from(id.0)]
    }

    /// The stage of this name.
    pub fn stage_named(&self, name: &str) -> Option<StageId> {
        self.index.stage(name)
    }

    /// Whether the flow has the stage, and not only the list of stages.
    pub(crate) fn is_in_flow(&self, stage: StageId) -> bool {
        self.index.is_in_flow(stage)
    }

    /// Whether the flow repeats the stage.
    pub(crate) fn is_in_loop(&self, stage: StageId) -> bool {
        self.index.is_in_loop(stage)
    }
}

/// One key: an attribute whose value names a journey, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDefinition {
    /// The attribute.
    pub name: String,
    /// What equal values mean.
    pub kind: KeyKind,
    /// Stages in which a member or shared key is bound; empty: in every stage.
    pub bound_in: Vec<StageId>,
}

/// What it means that two spans carry the same value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Another name of the same journey.
    Alias,
    /// The journey itself; one per journey.
    Anchor,
    /// Nothing: many journeys share it.
    Context,
    /// A part of one journey, such as an item: the first span that carries it with an anchor or alias binds it.
    Member,
    /// A thing of several journeys, such as a package: its spans belong to all of them.
    Shared,
}

/// What orders the steps of a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderBy {
    /// A step counts when it is done.
    End,
    /// A cause starts before its effect; an open stage whose marker was seen counts, provisionally.
    Start,
}

/// One stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageDefinition {
    /// Its name, as spans carry it.
    pub name: Arc<str>,
    /// The service that does it.
    pub service: String,
    /// Who does it.
    pub kind: StageKind,
    /// The team to ask.
    pub owner: Option<String>,
    /// How long nothing may happen before it. Finds the lost message.
    pub start_within: StartWithin,
    /// How long it may take itself.
    pub finish_within: Option<Allowance>,
    /// How long its work may show no sign of life while beats come, in nanoseconds.
    pub progress_within: Option<Nanos>,
    /// Attribute with the amount of work.
    pub size: Option<String>,
    /// Spans without a stage attribute that are this stage.
    pub matching: Option<StageMatch>,
    /// Whether its service is instrumented. If not, its absence proves nothing and blocks nothing. Default: true.
    pub observed: bool,
}

/// How long nothing may happen before a stage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StartWithin {
    /// As long as it likes.
    #[default]
    Unlimited,
    /// This long, whichever step came before.
    Any(Allowance),
    /// This long after the step of that stage; after others as long as it likes.
    After(Vec<(StageId, Allowance)>),
}

impl StartWithin {
    /// The limit after a step of this stage.
    pub fn after(&self, stage: StageId) -> Option<Allowance> {
        match self {
            StartWithin::Unlimited => None,
            StartWithin::Any(allowance) => Some(*allowance),
            StartWithin::After(list) => {
                list.iter().find(|(known, _)| *known == stage).map(|(_, allowance)| *allowance)
            }
        }
    }
}

/// Who does a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageKind {
    /// A person.
    Human,
    /// A program.
    Machine,
}

/// How to recognise a stage in spans of a service without our SDK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageMatch {
    /// `service.name` of the span.
    pub service: String,
    /// Name of the span.
    pub span: String,
    /// Kind of the span; any if `None`.
    pub kind: Option<SpanKind>,
}

/// A rule over all steps of a journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name, shown in alerts.
    pub name: String,
    /// What it demands.
    pub kind: RuleKind,
}

/// What a rule demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// This stage never happens.
    Absence(StageId),
    /// At most one of the two happens.
    NotCoexistence(StageId, StageId),
    /// No `then` before the first `first`.
    Precedence {
        /// The stage that must have come.
        first: StageId,
        /// The stage that may come after it.
        then: StageId,
    },
    /// After each `first` a `then`.
    Response {
        /// The stage that asks for an answer.
        first: StageId,
        /// The answer.
        then: StageId,
        /// How long after the end of `first` it may begin; `None`: before the journey ends.
        within: Option<Allowance>,
    },
}

/// Every mistake of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct DefinitionErrors {
    /// The mistakes, in the order of the text.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for DefinitionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.mistakes.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
