//! A flow as a graph, in the languages of Mermaid and Graphviz.

use std::fmt::Write;

use journey_detect::{Definition, Tree};

/// The flow as a [Mermaid](https://mermaid.js.org) flowchart.
pub fn mermaid(definition: &Definition) -> String {
    let graph = Graph::of(definition);
    let mut text = "flowchart TD\n".to_owned();
    for (at, node) in graph.nodes.iter().enumerate() {
        let label = node.label.replace('"', "#quot;").replace('\n', "<br/>");
        let (open, close) = match node.shape {
            Shape::Choice => ("{", "}"),
            Shape::Point => ("((", "))"),
            Shape::Stage => ("[", "]"),
            Shape::Together => ("[[", "]]"),
        };
        line(&mut text, &format!("n{at}{open}\"{label}\"{close}"));
    }
    graph.edges.iter().for_each(|(from, to)| line(&mut text, &format!("n{from} --> n{to}")));
    text
}

/// The flow as a graph for [Graphviz](https://graphviz.org).
pub fn dot(definition: &Definition) -> String {
    let graph = Graph::of(definition);
    let mut text = "digraph flow {\n".to_owned();
    for (at, node) in graph.nodes.iter().enumerate() {
        let label = node.label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let shape = match node.shape {
            Shape::Choice => "diamond",
            Shape::Point => "circle",
            Shape::Stage => "box",
            Shape::Together => "parallelogram",
        };
        line(&mut text, &format!("n{at} [shape={shape}, label=\"{label}\"];"));
    }
    graph.edges.iter().for_each(|(from, to)| line(&mut text, &format!("n{from} -> n{to};")));
    text + "}\n"
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "    {line}").expect("a text takes everything");
}

/// Nodes by number, and arrows between them.
struct Graph<'d> {
    definition: &'d Definition,
    nodes: Vec<Node>,
    edges: Vec<(usize, usize)>,
}

struct Node {
    label: String,
    shape: Shape,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Choice,
    Point,
    Stage,
    Together,
}

impl<'d> Graph<'d> {
    fn of(definition: &'d Definition) -> Self {
        let mut graph = Self { definition, nodes: Vec::new(), edges: Vec::new() };
        let begin = graph.node(Shape::Point, "begin");
        let last = graph.add(&definition.flow, begin);
        let end = graph.node(Shape::Point, "end");
        graph.edges.push((last, end));
        graph
    }

    fn node(&mut self, shape: Shape, label: &str) -> usize {
        self.nodes.push(Node { label: label.to_owned(), shape });
        self.nodes.len() - 1
    }

    /// Adds a node behind another.
    fn behind(&mut self, from: usize, shape: Shape, label: &str) -> usize {
        let node = self.node(shape, label);
        self.edges.push((from, node));
        node
    }

    /// Adds a tree behind a node. Returns its last node.
    fn add(&mut self, tree: &Tree, from: usize) -> usize {
        match tree {
            Tree::Stage(stage) => {
                let stage = self.definition.stage(*stage);
                self.behind(from, Shape::Stage, &format!("{}\n{}", stage.name, stage.service))
            }
            Tree::Sequence(children) => children.iter().fold(from, |from, child| self.add(child, from)),
            Tree::Choice(branches) => self.branches(branches.iter(), from, Shape::Choice, "one of"),
            Tree::Parallel(branches) => self.branches(branches.iter(), from, Shape::Together, "all of"),
            Tree::Optional(child) => {
                let nothing = Tree::Sequence(Vec::new());
                self.branches([&**child, &nothing], from, Shape::Choice, "perhaps")
            }
            Tree::Loop { body, redo } => {
                let again = self.behind(from, Shape::Point, " ");
                let last = self.add(body, again);
                let done = self.behind(last, Shape::Choice, "again?");
                let redone = self.add(redo, done);
                self.edges.push((redone, again));
                done
            }
        }
    }

    fn branches<'t>(
        &mut self,
        branches: impl IntoIterator<Item = &'t Tree>,
        from: usize,
        shape: Shape,
        label: &str,
    ) -> usize {
        let split = self.behind(from, shape, label);
        let lasts: Vec<usize> = branches.into_iter().map(|branch| self.add(branch, split)).collect();
        let join = self.node(Shape::Point, " ");
        self.edges.extend(lasts.into_iter().map(|last| (last, join)));
        join
    }
}
