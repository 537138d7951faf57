//! From YAML nodes to a definition, noting each mistake and going on.

use std::collections::HashSet;
use std::sync::Arc;

use journey_model::{SpanKind, attribute};

use super::index::Index;
use super::{
    Definition, DefinitionErrors, KeyDefinition, KeyKind, OrderBy, Rule, RuleKind, StageDefinition, StageId,
    StageKind, StageMatch, StartWithin, trends,
};
use crate::flow::{Automaton, Net, Tree};
use crate::limits::{KEYS_MAX, MARKINGS_MAX};
use crate::yaml::{self, Fields, Mistakes, Node};
use crate::{Allowance, Nanos};

pub(super) fn definition(text: &str) -> Result<Definition, DefinitionErrors> {
    yaml::read(text, read).map_err(|mistakes| DefinitionErrors { mistakes })
}

fn read(root: Node<'_>, mistakes: &mut Mistakes) -> Option<Definition> {
    let sections = Fields::of(root, SECTIONS, mistakes)?;
    match sections.get("version").map(|node| (node, node.text())) {
        Some((_, Some(version))) if version == "1" => {}
        Some((node, _)) => mistakes.note(node, "the version must be 1"),
        None => mistakes.note(root, "`version: 1` is missing"),
    }
    let defaults = sections.get("defaults").and_then(|node| Fields::of(node, DEFAULTS, mistakes));
    let default_ns = |name, or, mistakes: &mut Mistakes| {
        let node = defaults.as_ref().and_then(|fields| fields.get(name));
        node.and_then(|node| elapsed(node, mistakes)).unwrap_or(or)
    };
    let stages =
        sections.require("stages", root, mistakes).map(|node| stages(node, mistakes)).unwrap_or_default();
    let keys = sections
        .require("keys", root, mistakes)
        .map(|node| keys(node, &stages, mistakes))
        .unwrap_or_default();
    let flow_node = sections.require("flow", root, mistakes)?;
    let flow = tree(flow_node, &stages, mistakes);
    let rules = sections.get("rules").map(|node| rules(node, &stages, mistakes)).unwrap_or_default();
    // Only now, so that a mistake in the flow hides none in the rules.
    let flow = flow?;
    let net = net(flow_node, &flow, &stages, mistakes)?;
    let stage_attribute = defaults.as_ref().and_then(|fields| fields.get("stage_attribute")?.text());
    Some(Definition {
        keys,
        order_by: sections.get("order_by").map_or(OrderBy::End, |node| order_by(node, mistakes)),
        stage_attribute: stage_attribute.map_or(attribute::JOURNEY_STAGE_NAME.to_owned(), |text| text.into()),
        beat_interval_ns: default_ns("beat_interval", 15 * SECOND_NS, mistakes),
        expire_after_ns: default_ns("expire_after", 30 * DAY_NS, mistakes),
        warm_up_ns: default_ns("warm_up", 30 * DAY_NS, mistakes),
        skew_ns: default_ns("skew", 50_000_000, mistakes),
        index: Index::new(&stages, &flow),
        stages,
        flow,
        rules,
        facets: sections.get("facets").map(|node| texts(node, mistakes)).unwrap_or_default(),
        trends: sections.get("trends").map(|node| trends::read(node, mistakes)).unwrap_or_default(),
        net,
    })
}

fn keys(node: Node<'_>, stages: &[StageDefinition], mistakes: &mut Mistakes) -> Vec<KeyDefinition> {
    let mut keys: Vec<KeyDefinition> = Vec::new();
    for (name, body) in pairs(node, mistakes) {
        let Some(name_text) = name.text() else { continue };
        keys.extend(key(name_text.into(), body, stages, mistakes));
    }
    if keys.len() > KEYS_MAX {
        mistakes.note(node, format!("more than {KEYS_MAX} keys"));
    }
    let anchors = keys.iter().filter(|key| key.kind == KeyKind::Anchor).count();
    if anchors != 1 {
        mistakes.note(node, format!("exactly one key must be the anchor, not {anchors}"));
    }
    keys
}

/// A kind alone, or a map with the kind and the stages that bind it.
fn key(
    name: String,
    body: Node<'_>,
    stages: &[StageDefinition],
    mistakes: &mut Mistakes,
) -> Option<KeyDefinition> {
    let Some(_) = body.map() else {
        return Some(KeyDefinition { name, kind: key_kind(body, mistakes)?, bound_in: Vec::new() });
    };
    let fields = Fields::of(body, KEY, mistakes)?;
    let kind = fields.require("kind", body, mistakes).and_then(|node| key_kind(node, mistakes));
    let mut bound_in = Vec::new();
    if let Some(node) = fields.get("bound_in") {
        if !matches!(kind, None | Some(KeyKind::Member | KeyKind::Shared)) {
            mistakes.note(node, "only member and shared keys are bound in stages");
        }
        for stage in list(node, mistakes) {
            bound_in.extend(stage_ref(stage, stages, mistakes));
        }
    }
    Some(KeyDefinition { name, kind: kind?, bound_in })
}

fn key_kind(node: Node<'_>, mistakes: &mut Mistakes) -> Option<KeyKind> {
    Some(match node.text().as_deref() {
        Some("anchor") => KeyKind::Anchor,
        Some("alias") => KeyKind::Alias,
        Some("context") => KeyKind::Context,
        Some("member") => KeyKind::Member,
        Some("shared") => KeyKind::Shared,
        _ => {
            mistakes.note(node, "a key is one of anchor, alias, member, shared, context");
            return None;
        }
    })
}

fn stages(node: Node<'_>, mistakes: &mut Mistakes) -> Vec<StageDefinition> {
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

fn order_by(node: Node<'_>, mistakes: &mut Mistakes) -> OrderBy {
    match node.text().as_deref() {
        Some("start") => OrderBy::Start,
        Some("end") => OrderBy::End,
        _ => {
            mistakes.note(node, "`order_by` is `start` or `end`");
            OrderBy::End
        }
    }
}

/// A stage name, or a map with one operator.
fn tree(node: Node<'_>, stages: &[StageDefinition], mistakes: &mut Mistakes) -> Option<Tree> {
    if node.text().is_some() {
        return stage_ref(node, stages, mistakes).map(Tree::Stage);
    }
    if node.is_null() {
        return Some(Tree::Sequence(Vec::new()));
    }
    if node.list().is_some() {
        return children(node, stages, mistakes).map(Tree::Sequence);
    }
    let operators = node.map().unwrap_or_default();
    let [(operator, argument)] = operators[..] else {
        mistakes.note(node, "expected a stage, or one of sequence, choice, parallel, optional, loop");
        return None;
    };
    match operator.text().as_deref() {
        Some("sequence") => children(argument, stages, mistakes).map(Tree::Sequence),
        Some("choice") => children(argument, stages, mistakes).map(Tree::Choice),
        Some("parallel") => children(argument, stages, mistakes).map(Tree::Parallel),
        Some("optional") => Some(Tree::Optional(Box::new(tree(argument, stages, mistakes)?))),
        Some("loop") => {
            let fields = Fields::of(argument, LOOP, mistakes)?;
            let body =
                fields.require("body", argument, mistakes).and_then(|node| tree(node, stages, mistakes));
            let redo = fields
                .get("redo")
                .map_or(Some(Tree::Sequence(Vec::new())), |node| tree(node, stages, mistakes));
            Some(Tree::Loop { body: Box::new(body?), redo: Box::new(redo?) })
        }
        _ => {
            mistakes.note(operator, "expected one of sequence, choice, parallel, optional, loop");
            None
        }
    }
}

fn children(node: Node<'_>, stages: &[StageDefinition], mistakes: &mut Mistakes) -> Option<Vec<Tree>> {
    let Some(list) = node.list() else {
        mistakes.note(node, "expected a list");
        return None;
    };
    // Read all of them before giving up, so that all mistakes are told.
    let read: Vec<Option<Tree>> = list.into_iter().map(|child| tree(child, stages, mistakes)).collect();
    read.into_iter().collect()
}

fn stage_ref(node: Node<'_>, stages: &[StageDefinition], mistakes: &mut Mistakes) -> Option<StageId> {
    let name = node.text()?;
    let found = stages.iter().position(|stage| *stage.name == *name);
    if found.is_none() {
        mistakes.note(node, format!("no stage `{name}` under `stages`"));
    }
    found.and_then(|at| u16::try_from(at).ok()).map(StageId)
}

fn rules(node: Node<'_>, stages: &[StageDefinition], mistakes: &mut Mistakes) -> Vec<Rule> {
    let mut names = HashSet::new();
    let mut read = Vec::new();
    for node in list(node, mistakes) {
        let Some(fields) = Fields::of(node, RULE, mistakes) else { continue };
        let Some(name) = fields.require("name", node, mistakes).and_then(Node::text) else { continue };
        if name == "flow" || !names.insert(name.clone()) {
            mistakes.note(node, format!("the name `{name}` is taken"));
        }
        read.extend(rule_kind(node, &fields, stages, mistakes).map(|kind| Rule { name: name.into(), kind }));
    }
    read
}

fn rule_kind(
    node: Node<'_>,
    fields: &Fields<'_>,
    stages: &[StageDefinition],
    mistakes: &mut Mistakes,
) -> Option<RuleKind> {
    let kinds = RULE.iter().filter(|kind| **kind != "name" && fields.get(kind).is_some()).count();
    if kinds > 1 {
        mistakes.note(node, "a rule demands one thing; write two rules");
    }
    if let Some(node) = fields.get("response") {
        let fields = Fields::of(node, RESPONSE, mistakes)?;
        let mut stage =
            |name| fields.require(name, node, mistakes).and_then(|node| stage_ref(node, stages, mistakes));
        let (first, then) = (stage("first"), stage("then"));
        let within = fields.get("within").map(|node| allowance(node, mistakes));
        return Some(RuleKind::Response { first: first?, then: then?, within: within.flatten() });
    }
    if let Some(node) = fields.get("absence") {
        return stage_ref(node, stages, mistakes).map(RuleKind::Absence);
    }
    if let Some(node) = fields.get("not_coexistence") {
        let pair: Vec<_> = list(node, mistakes);
        let [one, other] = pair[..] else {
            mistakes.note(node, "`not_coexistence` takes two stages");
            return None;
        };
        let one = stage_ref(one, stages, mistakes);
        return Some(RuleKind::NotCoexistence(one?, stage_ref(other, stages, mistakes)?));
    }
    let Some(node) = fields.get("precedence") else {
        mistakes.note(node, "a rule has one of precedence, response, absence, not_coexistence");
        return None;
    };
    let fields = Fields::of(node, PRECEDENCE, mistakes)?;
    let first = fields.require("first", node, mistakes).and_then(|node| stage_ref(node, stages, mistakes));
    let then = fields.require("then", node, mistakes).and_then(|node| stage_ref(node, stages, mistakes));
    Some(RuleKind::Precedence { first: first?, then: then? })
}

fn net(node: Node<'_>, flow: &Tree, stages: &[StageDefinition], mistakes: &mut Mistakes) -> Option<Arc<Net>> {
    let unseen = |stage: StageId| !stages[usize::from(stage.0)].observed;
    let Some(net) = Net::compile(flow, &unseen) else {
        mistakes.note(node, "the flow is too large");
        return None;
    };
    let net = Arc::new(net);
    if Automaton::new(Arc::clone(&net)).exceeds_markings() {
        mistakes.note(node, format!("the flow leaves open more than {MARKINGS_MAX} states at once"));
        return None;
    }
    Some(net)
}

fn allowance(node: Node<'_>, mistakes: &mut Mistakes) -> Option<Allowance> {
    let read = node.text().and_then(|text| Allowance::parse(&text));
    if read.is_none() {
        mistakes.note(node, "expected a duration such as 500ms, 15s, 2m, 1h, 30d or `3 working days`");
    }
    read
}

pub(super) fn elapsed(node: Node<'_>, mistakes: &mut Mistakes) -> Option<Nanos> {
    match allowance(node, mistakes)? {
        Allowance::Elapsed(nanos) => Some(nanos),
        Allowance::WorkingDays(_) => {
            mistakes.note(node, "working days have no fixed length; use a duration");
            None
        }
    }
}

fn texts(node: Node<'_>, mistakes: &mut Mistakes) -> Vec<String> {
    list(node, mistakes).into_iter().filter_map(Node::text).map(String::from).collect()
}

fn list<'n>(node: Node<'n>, mistakes: &mut Mistakes) -> Vec<Node<'n>> {
    node.list().unwrap_or_else(|| {
        mistakes.note(node, "expected a list");
        Vec::new()
    })
}

fn pairs<'n>(node: Node<'n>, mistakes: &mut Mistakes) -> Vec<(Node<'n>, Node<'n>)> {
    node.map().unwrap_or_else(|| {
        mistakes.note(node, "expected a map");
        Vec::new()
    })
}

const SECTIONS: &[&str] =
    &["version", "keys", "order_by", "defaults", "stages", "flow", "rules", "facets", "trends"];
const DEFAULTS: &[&str] = &["stage_attribute", "beat_interval", "expire_after", "warm_up", "skew"];
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
const LOOP: &[&str] = &["body", "redo"];
const RULE: &[&str] = &["name", "precedence", "response", "absence", "not_coexistence"];
const PRECEDENCE: &[&str] = &["first", "then"];
const RESPONSE: &[&str] = &["first", "then", "within"];
const KEY: &[&str] = &["kind", "bound_in"];

const SECOND_NS: Nanos = 1_000_000_000;
const DAY_NS: Nanos = 86_400 * SECOND_NS;
