//! YAML that remembers where each node stood, so that a reader can note every mistake and go on.

use std::borrow::Cow;
use std::fmt;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

/// One mistake in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

/// Reads a text: its first document is handed to `read`, which notes what it does not like.
///
/// # Errors
/// All mistakes, in the order of the text.
pub fn read<T>(
    text: &str,
    read: impl FnOnce(Node<'_>, &mut Mistakes) -> Option<T>,
) -> Result<T, Vec<Mistake>> {
    let document = load(text).map_err(|mistake| vec![mistake])?;
    let empty = || Mistake { line: 1, column: 1, what: "the file is empty".to_owned() };
    let document = document.ok_or_else(|| vec![empty()])?;
    let mut mistakes = Mistakes::default();
    match (read(Node { yaml: &document }, &mut mistakes), mistakes.into_sorted()) {
        (Some(value), mistakes) if mistakes.is_empty() => Ok(value),
        (_, mistakes) => Err(mistakes),
    }
}

/// A node of the text.
#[derive(Debug, Clone, Copy)]
pub struct Node<'n> {
    yaml: &'n MarkedYaml<'n>,
}

/// Where mistakes are noted.
#[derive(Debug, Default)]
pub struct Mistakes {
    list: Vec<Mistake>,
}

impl Mistakes {
    /// Notes a mistake at a node.
    pub fn note(&mut self, at: Node<'_>, what: impl Into<String>) {
        let start = at.yaml.span.start;
        self.list.push(Mistake { line: start.line(), column: start.col() + 1, what: what.into() });
    }

    /// The mistakes, in the order of the text.
    fn into_sorted(mut self) -> Vec<Mistake> {
        self.list.sort_by_key(|mistake| (mistake.line, mistake.column));
        self.list
    }
}

/// The first document of the text; an empty text has none.
fn load(text: &str) -> Result<Option<MarkedYaml<'static>>, Mistake> {
    match MarkedYaml::load_from_str(text) {
        Ok(documents) => Ok(documents.into_iter().next()),
        Err(error) => {
            let at = error.marker();
            Err(Mistake { line: at.line(), column: at.col() + 1, what: error.info().to_owned() })
        }
    }
}

impl<'n> Node<'n> {
    /// A scalar as text.
    pub fn text(self) -> Option<Cow<'n, str>> {
        match &self.yaml.data {
            YamlData::Value(Scalar::String(text)) => Some(Cow::Borrowed(text)),
            YamlData::Value(Scalar::Integer(number)) => Some(Cow::Owned(number.to_string())),
            YamlData::Value(Scalar::Boolean(truth)) => Some(Cow::Owned(truth.to_string())),
            YamlData::Value(Scalar::FloatingPoint(number)) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// Whether it is this text.
    pub fn is(self, text: &str) -> bool {
        self.text().as_deref() == Some(text)
    }

    /// A boolean.
    pub fn bool(self) -> Option<bool> {
        match &self.yaml.data {
            YamlData::Value(Scalar::Boolean(truth)) => Some(*truth),
            _ => None,
        }
    }

    /// The nodes of a list.
    pub fn list(self) -> Option<Vec<Node<'n>>> {
        match &self.yaml.data {
            YamlData::Sequence(nodes) => Some(nodes.iter().map(|yaml| Node { yaml }).collect()),
            _ => None,
        }
    }

    /// The pairs of a map, in the order of the text.
    pub fn map(self) -> Option<Vec<(Node<'n>, Node<'n>)>> {
        match &self.yaml.data {
            YamlData::Mapping(pairs) => {
                Some(pairs.iter().map(|(key, value)| (Node { yaml: key }, Node { yaml: value })).collect())
            }
            _ => None,
        }
    }

    /// Whether nothing stands there.
    pub fn is_null(self) -> bool {
        matches!(&self.yaml.data, YamlData::Value(Scalar::Null))
    }
}

/// The fields of a map whose names are known.
#[derive(Debug)]
pub struct Fields<'n> {
    pairs: Vec<(String, Node<'n>)>,
}

impl<'n> Fields<'n> {
    /// The fields of a map; unknown ones are mistakes.
    pub fn of(node: Node<'n>, known: &[&str], mistakes: &mut Mistakes) -> Option<Self> {
        let Some(map) = node.map() else {
            mistakes.note(node, format!("expected a map with {}", known.join(", ")));
            return None;
        };
        let mut pairs = Vec::new();
        for (key, value) in map {
            match key.text() {
                Some(name) if known.contains(&&*name) => pairs.push((name.into_owned(), value)),
                Some(name) => {
                    mistakes.note(key, format!("unknown field `{name}`; known are {}", known.join(", ")));
                }
                None => mistakes.note(key, "a field's name is a text"),
            }
        }
        Some(Self { pairs })
    }

    /// A field, if it is there.
    pub fn get(&self, name: &str) -> Option<Node<'n>> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, node)| *node)
    }

    /// A field that must be there.
    pub fn require(&self, name: &str, of: Node<'n>, mistakes: &mut Mistakes) -> Option<Node<'n>> {
        let found = self.get(name);
        if found.is_none() {
            mistakes.note(of, format!("`{name}` is missing"));
        }
        found
    }
}
