//! The flow of a definition as a picture: a tree of text, a Mermaid flowchart, or a graph for Graphviz.

mod graph;
mod text;

pub use graph::{dot, mermaid};
pub use text::text;

#[cfg(test)]
mod tests;
