//! The engine of Journey: spans and time in, findings out.
//!
//! Spans of many short traces become journeys, one per order, and each journey is judged against a
//! [`Definition`]: did its steps come in order, what does it wait for now, is the work that runs still alive?
//! Nothing here knows a clock, a socket or a task. The same spans in any order, with repeats, give the same
//! journeys, verdicts and findings, so everything can be replayed.
//!
//! # Layout
//! * [`Definition`]: what `journeys.yaml` says, read with all mistakes at once;
//! * `flow`: the order of stages as a process tree, a Petri net, and sets of reachable states;
//! * `attempt`, `instance`, `identity`: what the spans of the lane say, merged fact by fact;
//! * `evidence`, `usual`, `pipeline`: what was perhaps not seen, how often a stage fails and how long it
//!   lasts, whether anything comes at all;
//! * `judge`: one journey's facts and the time to a verdict and findings, a pure function;
//! * `told`: what people are told of that, one alert for one cause and none that flutters;
//! * [`Engine`]: owns the facts, re-judges what was touched or is due, says what changed;
//! * `shelf`: the facts of journeys of which nothing was heard for long, packed;
//! * [`Story`]: one journey told to a person.
//!
//! # Two clocks
//! Event time orders and measures. *Sight* decides silence: a deadline runs on the `now` that the caller passes,
//! and only while the analyzer sees ([`Sight`]).
//!
//! ```
//! use journey_detect::{Definition, Engine, Sight};
//!
//! let definition = Definition::parse(
//!     "version: 1
//! keys: { order.id: anchor }
//! stages:
//!   order_create: { service: crm-api, kind: machine }
//!   price_form: { service: crm-api, kind: machine, start_within: 2m }
//! flow: { sequence: [order_create, price_form] }
//! ",
//! )?;
//! let mut engine = Engine::new(definition);
//! let outputs = engine.look(Sight::Seeing { since_ns: 0 }, 1_000);
//! assert!(outputs.raised.is_empty());
//! # Ok::<(), journey_detect::DefinitionErrors>(())
//! ```

mod allowance;
mod attempt;
mod definition;
mod engine;
mod evidence;
mod finding;
mod flow;
mod identity;
mod instance;
mod judge;
pub mod limits;
mod names;
mod observation;
mod observer;
mod outputs;
mod pipeline;
mod plain;
mod shelf;
mod sight;
mod story;
mod survival;
mod timers;
mod told;
pub mod trend;
mod usual;
pub mod yaml;

pub use allowance::{Allowance, Nanos, clock_time};
pub use attempt::{Attempt, AttemptId, Pairs};
pub use definition::{
    Definition, DefinitionErrors, KeyDefinition, KeyKind, OrderBy, Rule, RuleKind, StageDefinition, StageId,
    StageKind, StageMatch, StartWithin,
};
pub use engine::Engine;
pub use finding::{Alert, Finding, FindingKey, Offence, Orders, Reason, Severity};
pub use flow::Tree;
pub use instance::{Instance, Run};
pub use judge::{Standing, Verdict, Wait};
pub use outputs::{Counters, IdentityConflict, JourneyNames, JourneyRow, Outputs, Refusal, Storm};
pub use sight::Sight;
pub use story::{Chapter, ChapterState, Story};
