//! The stages of a definition, from YAML nodes.

use journey_model::SpanKind;

use super::flow::stage_ref;
use super::read::{allowance, elapsed, pairs};
use super::{StageDefinition, StageKind, StageMatch, StartWithin};
use crate::yaml::{Fields, Mistakes, Node};

pub(super) fn stages(node: Node<'_>, mistakes: &mut Mistakes) -> Vec<StageDefinition> {
    let nodes = pairs(node, mistakes);
    let mut stages: Vec<StageDefinition> =
        nodes.iter().filter_map(|(name, body)| stage(*name, *body, mistakes)).collect();
    if stages.len() > usize::from(u16::MAX) {
        mistakes.note(node, "more than 65535 stages");
    }
    // A limit may name another stage, so it is read when all names are known.
    for (name, body) in nodes {
        let within = body.map().and_then(|map| map.into_iter().find(|(field, _)| field.is("start_within")));
        if let Some((_, within)) = within
            && let Some(at) = stages.iter().position(|stage| name.is(&stage.name))
        {
            stages[at].start_within = start_within(within, &stages, mistakes);
        }
    }
    stages
}

fn stage(name: Node<'_>, body: Node<'_>, mistakes: &mut Mistakes) -> Option<StageDefinition> {
    let fields = Fields::of(body, STAGE, mistakes)?;
    let name_text = name.text()?;
    let matching = fields.get("match").and_then(|node| stage_match(node, mistakes));
    let service = fields.get("service").and_then(Node::text).map(String::from);
    let service = service.or_else(|| matching.as_ref().map(|found| found.service.clone()));
    if service.is_none() {
        mistakes.note(name, format!("stage `{name_text}` names no `service`"));
    }
    let kind = match fields.get("kind").map(|node| (node, node.text())) {
        None => StageKind::Machine,
        Some((_, Some(kind))) if kind == "machine" => StageKind::Machine,
        Some((_, Some(kind))) if kind == "human" => StageKind::Human,
        Some((node, _)) => {
            mistakes.note(node, "a stage is `machine` or `human`");
            StageKind::Machine
        }
    };
    let mut within = |field| fields.get(field).and_then(|node| allowance(node, mistakes));
    Some(StageDefinition {
        start_within: StartWithin::Unlimited,
        finish_within: within("finish_within"),
        progress_within: fields.get("progress_within").and_then(|node| elapsed(node, mistakes)),
        name: name_text.into(),
        service: service.unwrap_or_default(),
        kind,
        owner: fields.get("owner").and_then(Node::text).map(String::from),
        size: fields.get("size").and_then(Node::text).map(String::from),
        matching,
        observed: match fields.get("observed") {
            None => true,
            Some(node) => node.bool().unwrap_or_else(|| {
                mistakes.note(node, "`observed` is true or false");
                true
            }),
        },
    })
}

/// One limit, or a map from the stage before to the limit after it.
fn start_within(node: Node<'_>, stages: &[StageDefinition], mistakes: &mut Mistakes) -> StartWithin {
    let Some(map) = node.map() else {
        return allowance(node, mistakes).map_or(StartWithin::Unlimited, StartWithin::Any);
    };
    let mut limits = Vec::new();
    for (before, limit) in map {
        let (before, limit) = (stage_ref(before, stages, mistakes), allowance(limit, mistakes));
        limits.extend(before.zip(limit));
    }
    StartWithin::After(limits)
}

fn stage_match(node: Node<'_>, mistakes: &mut Mistakes) -> Option<StageMatch> {
    let fields = Fields::of(node, MATCH, mistakes)?;
    let kind = match fields.get("kind").map(|node| (node, node.text())) {
        None => None,
        Some((node, text)) => {
            let kind = text.as_deref().and_then(span_kind);
            if kind.is_none() {
                mistakes.note(node, "a span is internal, server, client, producer or consumer");
            }
            kind
        }
    };
    Some(StageMatch {
        service: fields.require("service", node, mistakes)?.text()?.into(),
        span: fields.require("span", node, mistakes)?.text()?.into(),
        kind,
    })
}

fn span_kind(text: &str) -> Option<SpanKind> {
    Some(match text {
        "internal" => SpanKind::Internal,
        "server" => SpanKind::Server,
        "client" => SpanKind::Client,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        _ => return None,
    })
}

const STAGE: &[&str] = &[
    "service",
    "kind",
    "owner",
    "start_within",
    "finish_within",
    "progress_within",
    "size",
    "match",
    "observed",
];
const MATCH: &[&str] = &["service", "span", "kind"];
