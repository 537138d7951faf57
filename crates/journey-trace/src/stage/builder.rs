//! What is known of a stage before it starts.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use journey_model::{Attribute, Link, Value};
use opentelemetry::context::FutureExt;
use opentelemetry::trace::{Link as OtelLink, SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry::{Context, KeyValue};

use crate::lane::{Attempt, Ending, Lane, Origin, Work};
use crate::limits::{STAGE_LINKS_MAX, STAGE_TEXT_BYTES_MAX};
use crate::propagation::remote_link;
use crate::{CellHandle, ContextExt, JourneyCell, Key, ids, metrics};

use super::Stage;
use super::handle::Reporting;

/// A stage of this name, as the journey definition has it: `stage("price.final")`. What is beyond
/// [`STAGE_TEXT_BYTES_MAX`] is cut off.
pub fn stage(name: impl Into<Cow<'static, str>>) -> StageBuilder {
    StageBuilder {
        name: cut(name.into()),
        attempt: 1,
        size: None,
        status: None,
        keys: vec![],
        facets: vec![],
        links: vec![],
        parent: None,
    }
}

/// A stage that is about to start.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let triangles = journey_trace::stage("price.load_model")
///     .facet("material", "gold")
///     .attempt(2)
///     .run(async |stage| {
///         stage.progress(1.0);
///         "12".parse::<u32>()
///     })
///     .await;
/// assert_eq!(triangles, Ok(12));
/// # });
/// ```
#[derive(Debug, Clone)]
#[must_use = "a stage begins with `start`, `run` or `run_blocking`"]
pub struct StageBuilder {
    name: Cow<'static, str>,
    attempt: u32,
    size: Option<f64>,
    status: Option<(Option<String>, String)>,
    keys: Vec<(Key, String)>,
    facets: Vec<(String, String)>,
    links: Vec<SpanContext>,
    parent: Option<Context>,
}

impl StageBuilder {
    /// The amount of work, such as triangles or bytes.
    pub fn size(mut self, size: f64) -> Self {
        self.size = Some(size);
        self
    }

    /// A facet for the cell: a property of the order that later stages inherit.
    pub fn facet(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facets.push((name.into(), value.into()));
        self
    }

    /// The number of the attempt, from 1, which is the default. For people only.
    pub fn attempt(mut self, number: u32) -> Self {
        self.attempt = number;
        self
    }

    /// An id for the cell.
    pub fn key(mut self, key: Key, id: impl Into<String>) -> Self {
        self.keys.push((key, id.into()));
        self
    }

    /// The status change that the stage is: the old status if it is known, and the new one. What is beyond
    /// [`STAGE_TEXT_BYTES_MAX`] is cut off.
    pub fn status<'a>(mut self, from: impl Into<Option<&'a str>>, to: impl Into<String>) -> Self {
        let from = from.into().map(|from| cut(from.to_owned().into()).into_owned());
        self.status = Some((from, cut(to.into().into()).into_owned()));
        self
    }

    /// Another piece of work that it goes on from, such as one message of several: a link to the span of that
    /// `Context`, at most [`STAGE_LINKS_MAX`]; further ones are left out.
    pub fn link(mut self, other: &Context) -> Self {
        let span = other.span().span_context().clone();
        if span.is_valid() && self.links.len() < STAGE_LINKS_MAX {
            self.links.push(span);
        }
        self
    }

    /// The `Context` it belongs to; the current one is the default.
    pub fn parent(mut self, parent: &Context) -> Self {
        self.parent = Some(parent.clone());
        self
    }

    /// Starts the stage. Spans belong to it only where its `Context` is active: [`Stage::in_scope`], or
    /// `with_context` for a future. [`StageBuilder::run`] sees to that itself.
    pub fn start(self) -> Stage {
        let context = with_cell(self.parent.unwrap_or_else(Context::current));
        let cell = CellHandle::of(&context).expect("it was just given one if it had none");
        self.keys.iter().for_each(|(key, id)| {
            cell.set(*key, id);
        });
        self.facets.iter().for_each(|(name, value)| {
            cell.set_facet(name, value);
        });
        match Lane::of(&context).filter(|_| !context.is_telemetry_suppressed()) {
            None => Stage { context, reporting: None },
            Some(lane) => {
                let Self { name: stage, attempt, size, status, links, .. } = self;
                begin(lane, context, &links, Work { stage, attempt, status, size, cell })
            }
        }
    }

    /// Runs the work with the stage's `Context` active, and ends the stage by its result: `ok`, or `failed` with
    /// the type of the error as `error.type` and its text as description. A dropped future ends as `cancelled`.
    ///
    /// A type that stands for every error, such as `anyhow::Error` or `Box<dyn Error>`, is no class; [`Stage::fail`] takes
    /// a better one.
    ///
    /// # Errors
    /// That of the work.
    pub async fn run<T, E: Display, F>(self, f: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Stage) -> Result<T, E>,
    {
        let mut stage = self.start();
        let result = f(&stage).with_context(stage.context().clone()).await;
        stage.report(Ending::of(&result));
        result
    }

    /// The same for work that does not await.
    ///
    /// # Errors
    /// That of the work.
    pub fn run_blocking<T, E: Display>(self, f: impl FnOnce(&Stage) -> Result<T, E>) -> Result<T, E> {
        let mut stage = self.start();
        let result = stage.in_scope(|| f(&stage));
        stage.report(Ending::of(&result));
        result
    }
}

fn cut(text: Cow<'static, str>) -> Cow<'static, str> {
    let end = text.floor_char_boundary(STAGE_TEXT_BYTES_MAX);
    if end < text.len() { text[..end].to_owned().into() } else { text }
}

fn with_cell(cx: Context) -> Context {
    match JourneyCell::of(&cx) {
        Some(_) => cx,
        None => cx.with_cell(JourneyCell::new()),
    }
}

fn begin(lane: Arc<Lane>, parent: Context, links: &[SpanContext], work: Work) -> Stage {
    let (origin, span) = origin(&lane, &parent, links);
    let active = metrics::stage_running(&work.stage);
    let attempt = Arc::new(Attempt::begin(origin, work));
    lane.start(&attempt);
    let context = parent.with_remote_span_context(span);
    Stage { context, reporting: Some(Reporting { lane, attempt, _active: active }) }
}

/// Ids of the stage, and the span context that its children see. `is_remote` is false: they are in this process.
fn origin(lane: &Lane, parent: &Context, links: &[SpanContext]) -> (Origin, SpanContext) {
    let parent_span = parent.span();
    let parent_span = parent_span.span_context();
    let inherited = ids::trace_id(parent_span.trace_id()).zip(ids::span_id(parent_span.span_id()));
    let span_id = ids::random_span_id();
    let trace_id = inherited.map_or_else(ids::random_trace_id, |(trace_id, _)| trace_id);
    let (otel_trace_id, otel_span_id) = ids::to_otel(trace_id, span_id);
    let (flags, state) = match inherited {
        Some(_) => (parent_span.trace_flags(), parent_span.trace_state().clone()),
        None => (TraceFlags::default().with_sampled(lane.keeps_root(otel_trace_id)), TraceState::NONE),
    };
    let links = links.iter().map(|span| OtelLink::with_context(span.clone())).chain(remote_link(parent));
    let origin = Origin {
        trace_id,
        span_id,
        parent_span_id: inherited.map(|(_, parent_id)| parent_id),
        flags: flags.to_u8(),
        trace_state: state.header(),
        links: links.filter_map(|link| to_model(&link)).collect(),
    };
    (origin, SpanContext::new(otel_trace_id, otel_span_id, flags, false, state))
}

fn to_model(link: &OtelLink) -> Option<Link<'static>> {
    let text = |kv: &KeyValue| Attribute::new(kv.key.to_string(), Value::from(kv.value.to_string()));
    Some(Link {
        trace_id: ids::trace_id(link.span_context.trace_id())?,
        span_id: ids::span_id(link.span_context.span_id())?,
        attributes: link.attributes.iter().map(text).collect(),
    })
}
