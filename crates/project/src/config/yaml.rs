//! A YAML file as a located tree: every key and value knows its line and column.
//!
//! Built from the parser's events, not from its loader, which lets the last of two equal keys win. Anchors, aliases and
//! merge keys (`<<`) work as in dbt; scalars follow the core schema of YAML 1.2.

use std::collections::BTreeMap;

use headwater_plan::{Code, Diagnostic, Diagnostics};
use saphyr::Scalar as CoreScalar;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};
use serde_json::Value;

use super::source::{Source, Span};

/// How deep lists and mappings may nest; a file of a project has about ten.
const MAX_DEPTH: usize = 100;
/// How many nodes a file may hold once its aliases are followed: a guard against the 'billion laughs'.
const MAX_NODES: usize = 500_000;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) data: Data,
    /// Whether a check left out something below it, with a message.
    pub(crate) damaged: bool,
    /// The keys of this mapping that a check left out with a message, unknown ones included.
    pub(crate) told: Vec<String>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Data {
    /// Text, number, boolean or null.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order written, no key twice.
    Map(Vec<Entry>),
}

/// A scalar: what it means and how it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    /// A JSON text, number, boolean or null.
    pub(crate) value: Value,
    /// The characters, without quotes.
    pub(crate) text: String,
    /// Whether Jinja made it: then it may stand for a text as well as for what it looks like.
    pub(crate) expanded: bool,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) span: Span,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn new(span: Span, data: Data) -> Self {
        Self { span, data, damaged: false, told: Vec::new() }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of a mapping; none for what is not one.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for what is not one.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.data {
            Data::List(items) => items,
            _ => &[],
        }
    }

    /// The characters of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar(scalar) if scalar.value.is_null())
    }

    /// The same without places.
    pub(crate) fn to_json(&self) -> Value {
        match &self.data {
            Data::Scalar(scalar) => scalar.value.clone(),
            Data::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Data::Map(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect())
            }
        }
    }

    fn count(&self) -> usize {
        1 + match &self.data {
            Data::Scalar(_) => 0,
            Data::List(items) => items.iter().map(Node::count).sum(),
            Data::Map(entries) => entries.iter().map(|entry| entry.value.count()).sum(),
        }
    }
}

/// The scalar that plain (unquoted) characters stand for.
pub(crate) fn plain(text: &str) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    match CoreScalar::parse_from_cow(text.into()) {
        CoreScalar::Null => Value::Null,
        CoreScalar::Boolean(boolean) => Value::Bool(boolean),
        CoreScalar::Integer(integer) => integer.into(),
        // A number that JSON lacks (`.inf`, `.nan`) stays the text that it is.
        CoreScalar::FloatingPoint(float) => {
            serde_json::Number::from_f64(*float).map_or_else(|| Value::from(text), Value::Number)
        }
        CoreScalar::String(text) => Value::String(text.into_owned()),
    }
}

/// The tree of a file. A syntax error ends it (`None`); an equal key is told and left out.
pub(crate) fn parse(source: &Source, found: &mut Diagnostics) -> Option<Node> {
    let mut reader =
        Reader { source, parser: Parser::new_from_str(&source.text), anchors: BTreeMap::new(), nodes: 0, found };
    match reader.document() {
        Ok(root) => Some(root),
        Err(error) => {
            found.push(*error);
            None
        }
    }
}

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

struct Reader<'a> {
    source: &'a Source,
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    found: &'a mut Diagnostics,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                _ if root.is_some() => {
                    return Err(self.wrong(span, "a second document in one file", Some("one `---` at most")));
                }
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        let empty = Node::new(Span::START, Data::Map(Vec::new()));
        // A file with nothing but comments is an empty mapping, as in dbt.
        Ok(root.filter(|root| !root.is_null()).unwrap_or(empty))
    }

    fn next(&mut self) -> Result<(Event<'a>, Span)> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, Span::of(&self.source.lines, span))),
            Some(Err(error)) => Err(self.not_yaml(&error)),
            None => Ok((Event::StreamEnd, Span::START)),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(self.wrong(span, "lists and mappings too deep or too many", None));
        }
        let (node, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => (self.scalar(&text, style, tag.as_deref(), span)?, anchor),
            Event::SequenceStart(_, Some(tag)) | Event::MappingStart(_, Some(tag)) => {
                return Err(self.tagged(span, &tag));
            }
            Event::SequenceStart(anchor, None) => (self.list(span, depth)?, anchor),
            Event::MappingStart(anchor, None) => (self.map(span, depth)?, anchor),
            _ => return Err(self.wrong(span, "a value is missing", None)),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(self.wrong(span, "an alias within what it stands for", None));
        };
        self.nodes += node.count();
        if self.nodes > MAX_NODES {
            return Err(self.wrong(span, "aliases that stand for too many values", None));
        }
        Ok(node)
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Node> {
        let value = match tag {
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Value::from(text),
            Some(tag) => return Err(self.tagged(span, tag)),
            None if style == ScalarStyle::Plain => plain(text),
            None => Value::from(text),
        };
        let data = Data::Scalar(Scalar { value, text: text.to_owned(), expanded: false });
        Ok(Node::new(span, data))
    }

    fn list(&mut self, span: Span, depth: usize) -> Result<Node> {
        let mut items = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Node::new(span, Data::List(items)));
            }
            items.push(self.node(event, at, depth + 1)?);
        }
    }

    fn map(&mut self, mut span: Span, depth: usize) -> Result<Node> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merges = Vec::new();
        loop {
            let (event, key_span) = self.next()?;
            let key = match event {
                Event::MappingEnd => break,
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(self.wrong(key_span, "a key that is a list or a mapping", Some(QUOTE_JINJA))),
            };
            if entries.is_empty() && merges.is_empty() {
                span = key_span;
            }
            let (event, at) = self.next()?;
            // The place of an absent value is that of its key: the parser's is somewhere after it.
            let absent = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text.is_empty());
            let value = self.node(event, if absent { key_span } else { at }, depth + 1)?;
            if key == "<<" {
                merges.push(value);
            } else if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                self.twice(&key, key_span, first.span);
            } else {
                entries.push(Entry { key, span: key_span, value });
            }
        }
        for merge in merges {
            self.merge(&mut entries, merge)?;
        }
        Ok(Node::new(span, Data::Map(entries)))
    }

    /// `<<: *anchor` or `<<: [*one, *two]`: the keys that are not there yet, the first giver wins.
    fn merge(&self, entries: &mut Vec<Entry>, merge: Node) -> Result<()> {
        let span = merge.span;
        let givers = match merge.data {
            Data::List(givers) => givers,
            _ => vec![merge],
        };
        for giver in givers {
            let Data::Map(given) = giver.data else {
                return Err(self.wrong(span, "`<<` of what is not a mapping", None));
            };
            for entry in given {
                if !entries.iter().any(|known| known.key == entry.key) {
                    entries.push(entry);
                }
            }
        }
        Ok(())
    }

    fn twice(&mut self, key: &str, span: Span, first: Span) {
        let twice = Diagnostic::error(Code::DuplicateName, format!("the key `{key}` stands twice in one mapping"))
            .at(self.source.location(span))
            .help(format!("it first stands in line {}: keep one of the two", first.line));
        self.found.push(twice);
    }

    fn wrong(&self, span: Span, what: &str, help: Option<&str>) -> Box<Diagnostic> {
        let wrong =
            Diagnostic::error(Code::InvalidYaml, format!("{what} cannot be read here")).at(self.source.location(span));
        Box::new(match help {
            Some(help) => wrong.help(help),
            None => wrong,
        })
    }

    fn tagged(&self, span: Span, tag: &Tag) -> Box<Diagnostic> {
        self.wrong(span, &format!("the tag `{tag}`"), Some("write the value without it"))
    }

    fn not_yaml(&self, error: &ScanError) -> Box<Diagnostic> {
        let span = Span::point(error.marker());
        let line = self.source.line(span.line).unwrap_or_default();
        let help = if line.contains("{{") || line.contains("{%") {
            QUOTE_JINJA
        } else if line.contains('\t') || error.info().contains("tab") {
            "indent with spaces: YAML takes no tabs"
        } else {
            "look at the indentation and the quotes of this line and the one before it"
        };
        Box::new(
            Diagnostic::error(Code::InvalidYaml, format!("not YAML: {}", error.info()))
                .at(self.source.location(span))
                .help(help),
        )
    }
}

const QUOTE_JINJA: &str = "put a text with `{{ … }}` in quotes: `files: \"{{ var('incoming') }}/*.csv\"`";

#[cfg(test)]
mod tests;
