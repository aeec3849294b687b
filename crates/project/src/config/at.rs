//! A cursor over a checked tree, for whoever resolves it: values beside their places.

use headwater_plan::{Code, Diagnostic, Location};

use super::source::Source;
use super::yaml::Node;

/// A node of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) source: &'a Source,
    pub(crate) node: &'a Node,
}

impl<'a> At<'a> {
    pub(crate) fn new(source: &'a Source, node: &'a Node) -> Self {
        Self { source, node }
    }

    /// The value of a key, if it is there.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        self.node.get(key).map(|node| Self { node, ..self })
    }

    /// The value of a key; the mapping itself where it is absent.
    pub(crate) fn at(self, key: &str) -> Self {
        self.get(key).unwrap_or(self)
    }

    /// The items of a list below a key.
    pub(crate) fn items(self, key: &str) -> impl Iterator<Item = Self> + use<'a> {
        let source = self.source;
        self.node.get(key).map(Node::items).unwrap_or_default().iter().map(move |node| Self { source, node })
    }

    /// The characters of a scalar as they were written.
    pub(crate) fn text(self) -> &'a str {
        self.node.text().unwrap_or_default()
    }

    pub(crate) fn location(self) -> Location {
        self.source.location(self.node.span)
    }

    /// The place of a key; that of the mapping where it is absent.
    pub(crate) fn key_location(self, key: &str) -> Location {
        let entry = self.node.entries().iter().find(|entry| entry.key == key);
        self.source.location(entry.map_or(self.node.span, |entry| entry.span))
    }

    /// The keys of a mapping, and where each stands.
    pub(crate) fn node_keys(self) -> impl Iterator<Item = (&'a str, Location)> {
        self.node.entries().iter().map(move |entry| (entry.key.as_str(), self.source.location(entry.span)))
    }

    /// An error that stands here.
    pub(crate) fn error(self, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message).at(self.location())
    }
}
