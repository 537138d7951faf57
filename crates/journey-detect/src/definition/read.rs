//! From YAML nodes to a definition, noting each mistake and going on.

use journey_model::attribute;

use super::flow::{net, rules, stage_ref, tree};
use super::index::Index;
use super::stages::stages;
use super::{Definition, DefinitionErrors, KeyDefinition, KeyKind, OrderBy, StageDefinition, trends};
use crate::limits::KEYS_MAX;
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

pub(super) fn allowance(node: Node<'_>, mistakes: &mut Mistakes) -> Option<Allowance> {
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

pub(super) fn texts(node: Node<'_>, mistakes: &mut Mistakes) -> Vec<String> {
    list(node, mistakes).into_iter().filter_map(Node::text).map(String::from).collect()
}

pub(super) fn list<'n>(node: Node<'n>, mistakes: &mut Mistakes) -> Vec<Node<'n>> {
    node.list().unwrap_or_else(|| {
        mistakes.note(node, "expected a list");
        Vec::new()
    })
}

pub(super) fn pairs<'n>(node: Node<'n>, mistakes: &mut Mistakes) -> Vec<(Node<'n>, Node<'n>)> {
    node.map().unwrap_or_else(|| {
        mistakes.note(node, "expected a map");
        Vec::new()
    })
}

const SECTIONS: &[&str] =
    &["version", "keys", "order_by", "defaults", "stages", "flow", "rules", "facets", "trends"];
const DEFAULTS: &[&str] = &["stage_attribute", "beat_interval", "expire_after", "warm_up", "skew"];
const KEY: &[&str] = &["kind", "bound_in"];

const SECOND_NS: Nanos = 1_000_000_000;
const DAY_NS: Nanos = 86_400 * SECOND_NS;
