//! A flow as a tree of text.

use std::collections::HashSet;

use journey_detect::{Definition, StageId, Tree};

/// The flow as a tree, one line a stage with its service; then the stages beside the flow, and the rules.
pub fn text(definition: &Definition) -> String {
    let mut drawing = Drawing { definition, lines: Vec::new(), drawn: HashSet::new() };
    drawing.node("", "", &definition.flow);
    let drawn = drawing.drawn;
    let mut lines = drawing.lines;
    let beside: Vec<&str> = definition
        .stages
        .iter()
        .filter(|stage| {
            let id = definition.stage_named(&stage.name);
            id.is_some_and(|id| !drawn.contains(&id))
        })
        .map(|stage| &*stage.name)
        .collect();
    if !beside.is_empty() {
        lines.push(String::new());
        lines.push(format!("beside the flow: {}", beside.join(", ")));
    }
    if !definition.rules.is_empty() {
        lines.push(String::new());
        let names: Vec<&str> = definition.rules.iter().map(|rule| rule.name.as_str()).collect();
        lines.push(format!("rules: {}", names.join(", ")));
    }
    lines.join("\n") + "\n"
}

struct Drawing<'d> {
    definition: &'d Definition,
    lines: Vec<String>,
    drawn: HashSet<StageId>,
}

impl Drawing<'_> {
    /// Draws one node; `first` stands before its own line, `rest` before those below it.
    fn node(&mut self, first: &str, rest: &str, tree: &Tree) {
        match tree {
            Tree::Stage(stage) => {
                self.drawn.insert(*stage);
                let stage = self.definition.stage(*stage);
                let unseen = if stage.observed { "" } else { ", not observed" };
                self.lines.push(format!("{first}{} ({}{unseen})", stage.name, stage.service));
            }
            Tree::Sequence(children) if children.is_empty() => self.lines.push(format!("{first}nothing")),
            Tree::Sequence(children) => self.list(first, rest, "one after the other", children),
            Tree::Choice(children) => self.list(first, rest, "one of", children),
            Tree::Parallel(children) => self.list(first, rest, "all of, in any order", children),
            Tree::Optional(child) => self.below(first, rest, "perhaps", &[("", child)]),
            Tree::Loop { body, redo } => match (is_nothing(body), is_nothing(redo)) {
                (false, true) => self.below(first, rest, "at least once", &[("", body)]),
                (true, false) => self.below(first, rest, "any number of times", &[("", redo)]),
                _ => self.below(first, rest, "again and again", &[("", body), ("before again: ", redo)]),
            },
        }
    }

    fn list(&mut self, first: &str, rest: &str, title: &str, children: &[Tree]) {
        let children: Vec<(&str, &Tree)> = children.iter().map(|child| ("", child)).collect();
        self.below(first, rest, title, &children);
    }

    fn below(&mut self, first: &str, rest: &str, title: &str, children: &[(&str, &Tree)]) {
        self.lines.push(format!("{first}{title}"));
        for (at, (mark, child)) in children.iter().enumerate() {
            let is_last = at + 1 == children.len();
            let (branch, trunk) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.node(&format!("{rest}{branch}{mark}"), &format!("{rest}{trunk}"), child);
        }
    }
}

fn is_nothing(tree: &Tree) -> bool {
    matches!(tree, Tree::Sequence(children) if children.is_empty())
}
