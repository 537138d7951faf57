//! The flow of a definition and its rules, from YAML nodes.

use std::collections::HashSet;
use std::sync::Arc;

use super::read::{allowance, list};
use super::{Rule, RuleKind, StageDefinition, StageId};
use crate::flow::{Automaton, Net, Tree};
use crate::limits::MARKINGS_MAX;
use crate::yaml::{Fields, Mistakes, Node};

/// A stage name, or a map with one operator.
pub(super) fn tree(node: Node<'_>, stages: &[StageDefinition], mistakes: &mut Mistakes) -> Option<Tree> {
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

pub(super) fn stage_ref(
    node: Node<'_>,
    stages: &[StageDefinition],
    mistakes: &mut Mistakes,
) -> Option<StageId> {
    let name = node.text()?;
    let found = stages.iter().position(|stage| *stage.name == *name);
    if found.is_none() {
        mistakes.note(node, format!("no stage `{name}` under `stages`"));
    }
    found.and_then(|at| u16::try_from(at).ok()).map(StageId)
}

pub(super) fn rules(node: Node<'_>, stages: &[StageDefinition], mistakes: &mut Mistakes) -> Vec<Rule> {
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

pub(super) fn net(
    node: Node<'_>,
    flow: &Tree,
    stages: &[StageDefinition],
    mistakes: &mut Mistakes,
) -> Option<Arc<Net>> {
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

const LOOP: &[&str] = &["body", "redo"];
const RULE: &[&str] = &["name", "precedence", "response", "absence", "not_coexistence"];
const PRECEDENCE: &[&str] = &["first", "then"];
const RESPONSE: &[&str] = &["first", "then", "within"];
