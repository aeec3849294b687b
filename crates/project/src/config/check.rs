//! A located tree against a JSON Schema: every wrong key and value is told with its place, the rest goes on.
//!
//! The schema is the one that editors use. Of JSON Schema, this understands what schemars writes for the types of
//! [`super::file`]. What it answers is a tree without the wrong parts, which the types can always read.

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Diagnostics, Location, Severity};
use serde_json::Value;

use super::known;
use super::message;
use super::shape::{Branch, Branches, kind_of};
use super::source::{Source, Span};
use super::yaml::{Data, Entry, Node, Scalar, plain};

/// Expands the Jinja of a text that stands at that place.
pub(crate) type Expand<'a> = dyn Fn(&str, &Location) -> Result<String, Diagnostic> + Sync + 'a;

/// What happens to Jinja.
#[derive(Clone, Copy)]
pub(crate) enum Jinja<'a> {
    /// It is expanded.
    Expand(&'a Expand<'a>),
    /// Values with Jinja are left out: they are checked when it is known what they may ask for.
    LeaveOut,
}

/// A tree, or why there is none.
pub(crate) enum Checked {
    /// The tree, without its wrong parts.
    Sound(Node),
    /// Left out without a message, because of its Jinja.
    LeftOut,
    /// Wrong, and told.
    Wrong,
}

/// One check of one file.
pub(crate) struct Check<'a> {
    pub(crate) source: &'a Source,
    pub(crate) schema: &'a Value,
    pub(crate) jinja: Jinja<'a>,
    pub(crate) found: &'a mut Diagnostics,
    /// Whether a mapping or a list was left out as a whole: names may have gone with it.
    pub(crate) lost: bool,
    /// Whether a key that is not known is a warning, as in dbt, and not an error.
    pub(crate) lenient: bool,
}

/// What a node is called in messages, and how its texts are treated.
#[derive(Clone)]
struct Place {
    label: String,
    unexpanded: bool,
    secret: bool,
}

impl<'a> Check<'a> {
    pub(crate) fn new(source: &'a Source, schema: &'a Value, jinja: Jinja<'a>, found: &'a mut Diagnostics) -> Self {
        Self { source, schema, jinja, found, lost: false, lenient: false }
    }

    /// The tree against the definition of that name; the root's own name stands for the whole schema.
    pub(crate) fn check(&mut self, node: &Node, definition: &str, label: &str) -> Checked {
        let schema = self.schema;
        let branches = Branches::named(schema, definition);
        self.node(node, &branches, &Place { label: label.into(), unexpanded: false, secret: false })
    }

    /// A tree that may be anything: only its Jinja is seen to.
    pub(crate) fn check_free(&mut self, node: &Node, label: &str) -> Checked {
        self.node(node, &Branches::anything(), &Place { label: label.into(), unexpanded: false, secret: false })
    }

    fn node(&mut self, node: &Node, branches: &Branches<'_>, place: &Place) -> Checked {
        let checked = match &node.data {
            Data::Scalar(scalar) => return self.scalar(node, scalar, branches, place),
            Data::List(items) => match branches.accepting("array") {
                Some(branch) => self.list(node, items, &branch, place),
                None => self.mismatch(node, branches, place),
            },
            Data::Map(entries) => {
                // `- not_null:` means `- not_null`.
                if let [Entry { key, span, value }] = entries.as_slice()
                    && value.is_null()
                    && branches.literals().contains(&key.as_str())
                {
                    let name = Scalar { value: key.as_str().into(), text: key.clone(), expanded: false };
                    return Checked::Sound(Node::new(*span, Data::Scalar(name)));
                }
                match branches.accepting("object") {
                    Some(branch) => match known::inside_out(branch.definition, node) {
                        Some(other) => self.map(&other, other.entries(), &branch, place),
                        None => self.map(node, entries, &branch, place),
                    },
                    None => self.mismatch(node, branches, place),
                }
            }
        };
        self.lost |= matches!(checked, Checked::Wrong);
        checked
    }

    fn scalar(&mut self, node: &Node, scalar: &Scalar, branches: &Branches<'_>, place: &Place) -> Checked {
        let expanded;
        let mut scalar = scalar;
        if scalar.value.is_string() && !place.unexpanded && has_jinja(&scalar.text) {
            match self.jinja {
                Jinja::LeaveOut => return Checked::LeftOut,
                Jinja::Expand(expand) => match expand(&scalar.text, &self.location(node.span, place)) {
                    Ok(text) => {
                        expanded = Scalar { value: plain(&text), text, expanded: true };
                        scalar = &expanded;
                    }
                    Err(wrong) => {
                        self.tell(wrong);
                        return Checked::Wrong;
                    }
                },
            }
        }
        let mut kind = kind_of(&scalar.value);
        if kind == "null"
            && !scalar.expanded
            && let Some(branch) = branches.accepting("object").filter(|branch| branch.required().next().is_none())
            && !branches.accept_anything()
        {
            return self.map(node, &[], &branch, place);
        }
        let mut value = scalar.value.clone();
        if scalar.expanded && (branches.accept_anything() || branches.accepting(kind).is_none()) {
            kind = "string";
            value = scalar.text.as_str().into();
        }
        let node = Node::new(node.span, Data::Scalar(Scalar { value, ..scalar.clone() }));
        if kind == "string" && !branches.accept_free_text() && !branches.literals().is_empty() {
            return self.literal(node, &scalar.text, branches, place);
        }
        match branches.accepting(kind) {
            Some(branch) => self.limits(node, &branch, place),
            None => self.mismatch(&node, branches, place),
        }
    }

    fn literal(&mut self, node: Node, text: &str, branches: &Branches<'_>, place: &Place) -> Checked {
        let literals = branches.literals();
        if literals.contains(&text) {
            return Checked::Sound(node);
        }
        if branches.definitions().any(known::is_any_case)
            && let Some(literal) = literals.iter().find(|literal| literal.eq_ignore_ascii_case(text))
        {
            let scalar = Scalar { value: (*literal).into(), text: (*literal).to_owned(), expanded: false };
            return Checked::Sound(Node::new(node.span, Data::Scalar(scalar)));
        }
        let refused = branches.definitions().find_map(|definition| known::value(definition, text));
        let other_form = branches.definitions().find_map(|definition| known::form(definition, text));
        let wrong = match (refused, other_form) {
            (Some(help), _) => {
                Diagnostic::error(Code::Unsupported, format!("{} cannot be `{text}`", place.label)).help(help)
            }
            (None, Some(help)) => {
                Diagnostic::error(Code::InvalidValue, format!("{} cannot be `{text}`", place.label)).help(help)
            }
            (None, None) => self.neither(&format!("{} cannot be `{text}`", place.label), text, &literals, branches),
        };
        self.tell(wrong.at(self.location(node.span, place)));
        Checked::Wrong
    }

    /// A name that is neither right nor refused.
    fn neither(&self, message: &str, name: &str, known: &[&str], branches: &Branches<'_>) -> Diagnostic {
        let open = branches.definitions().find_map(known::open);
        match open.filter(|_| did_you_mean(name, known.iter().copied()).is_none()) {
            Some(help) => Diagnostic::error(Code::Unsupported, message).help(help),
            None => Diagnostic::error(Code::InvalidValue, message).help(message::one_of(name, known)),
        }
    }

    fn limits(&mut self, node: Node, branch: &Branch<'_>, place: &Place) -> Checked {
        match message::limits(&node, branch) {
            None => Checked::Sound(node),
            Some(must) => {
                let message = format!("{} {must}", place.label);
                self.tell(Diagnostic::error(Code::InvalidValue, message).at(self.location(node.span, place)));
                Checked::Wrong
            }
        }
    }

    fn list(&mut self, node: &Node, items: &[Node], branch: &Branch<'_>, place: &Place) -> Checked {
        let branches = branch.items(self.schema);
        let item_place = Place { label: format!("an item of {}", place.label), ..place.clone() };
        let mut sound = Vec::with_capacity(items.len());
        let mut damaged = false;
        for item in items {
            match self.node(item, &branches, &item_place) {
                Checked::Sound(item) => {
                    damaged |= item.damaged;
                    sound.push(item);
                }
                Checked::LeftOut => {}
                Checked::Wrong => damaged = true,
            }
        }
        let list = Node { damaged, ..Node::new(node.span, Data::List(sound)) };
        if items.is_empty() { self.limits(list, branch, place) } else { Checked::Sound(list) }
    }

    fn map(&mut self, node: &Node, entries: &[Entry], branch: &Branch<'_>, place: &Place) -> Checked {
        let mut sound = Node::new(node.span, Data::Map(Vec::new()));
        let mut kept = Vec::with_capacity(entries.len());
        let mut left_out = Vec::new();
        let mut meant = Vec::new();
        for entry in entries {
            let refused = !branch.has(&entry.key) && known::key(branch.definition, &entry.key).is_some();
            let Some(branches) = branch.property(self.schema, &entry.key).filter(|_| !refused) else {
                meant.extend(self.unknown_key(entry, branch, place));
                sound.told.push(entry.key.clone());
                continue;
            };
            if entry.value.is_null()
                && !branches.accept_anything()
                && !branch.is_required(&entry.key)
                && branch.has(&entry.key)
            {
                if known::is_text_of_null(branch.definition, &entry.key) {
                    self.null_as_text(entry, place);
                }
                continue;
            }
            if !branch.has(&entry.key) && known::is_settings(branch.definition) {
                self.near_miss(entry, branch, place);
            }
            let below = Place {
                label: format!("`{}`", entry.key),
                unexpanded: place.unexpanded || known::is_unexpanded(branch.definition, &entry.key),
                secret: place.secret || known::is_secret(branch.definition, &entry.key),
            };
            match self.node(&entry.value, &branches, &below) {
                Checked::Sound(value) => {
                    sound.damaged |= value.damaged;
                    kept.push(Entry { value, ..entry.clone() });
                }
                Checked::LeftOut => left_out.push(entry.key.as_str()),
                Checked::Wrong => {
                    sound.damaged = true;
                    sound.told.push(entry.key.clone());
                }
            }
        }
        let absent = |key: &&str| !entries.iter().any(|entry| entry.key == *key);
        for key in branch.required().filter(absent).filter(|key| !meant.contains(key)) {
            self.absent(node, key, branch, place);
        }
        let mut whole = !branch.required().any(|key| absent(&key) || sound.told.iter().any(|told| told == key));
        if let Some(must) = message::key_count(&kept, branch).filter(|_| sound.told.is_empty()) {
            self.tell(Diagnostic::error(Code::InvalidValue, must).at(self.location(node.span, place)));
            whole = false;
        }
        sound.data = Data::Map(kept);
        match whole {
            false => Checked::Wrong,
            true if branch.required().any(|key| left_out.contains(&key)) => Checked::LeftOut,
            true => Checked::Sound(sound),
        }
    }

    /// Tells of a required key that is not there.
    fn absent(&mut self, node: &Node, key: &str, branch: &Branch<'_>, place: &Place) {
        let wrong = Diagnostic::error(Code::MissingKey, format!("{} needs the key `{key}`", branch.title()))
            .at(self.location(node.span, place));
        self.tell(match branch.description_of(self.schema, key) {
            Some(description) => wrong.help(format!("`{key}`: {description}")),
            None => wrong,
        });
    }

    /// Tells of a key that may not be there; the key that was meant, if that can be said.
    fn unknown_key<'s>(&mut self, entry: &Entry, branch: &Branch<'s>, place: &Place) -> Option<&'s str> {
        let key = &entry.key;
        let title = branch.title();
        let known: Vec<&str> = branch.keys().collect();
        let near = did_you_mean(key, known.iter().copied());
        let refused = known::key(branch.definition, key).or(known::open(branch.definition).filter(|_| near.is_none()));
        let wrong = match refused {
            // It describes what is built and changes nothing about it.
            Some(help) if self.lenient && help == known::SEMANTIC => {
                Diagnostic::warning(Code::Unsupported, format!("`{key}` is left out")).help(help)
            }
            Some(help) => {
                Diagnostic::error(Code::Unsupported, format!("{title} cannot have the key `{key}`")).help(help)
            }
            None => {
                let wrong = Diagnostic::error(Code::UnknownKey, format!("there is no key `{key}` in {title}"))
                    .help(message::one_of(key, &known));
                // dbt takes no notice of such a key, and so must do who reads its projects.
                if self.lenient { Diagnostic { severity: Severity::Warning, ..wrong } } else { wrong }
            }
        };
        self.tell(wrong.at(self.location(entry.span, place)));
        near.filter(|_| refused.is_none())
    }

    /// Tells of a setting of the user's own that looks like one of dbt's.
    fn near_miss(&mut self, entry: &Entry, branch: &Branch<'_>, place: &Place) {
        let key = &entry.key;
        let known: Vec<&str> = branch.keys().collect();
        if let Some(near) = did_you_mean(key, known.iter().copied()) {
            let message = format!("there is no key `{key}` in {}: it is kept as a setting of your own", branch.title());
            let wrong = Diagnostic::warning(Code::UnknownKey, message).at(self.location(entry.span, place));
            self.tell(wrong.help(format!("did you mean `{near}`?")));
        }
    }

    /// Tells of `nullValue: NULL`, which YAML reads as no value at all.
    fn null_as_text(&mut self, entry: &Entry, place: &Place) {
        let Some(text) = entry.value.text().filter(|text| !text.is_empty()) else { return };
        let message = format!("`{}` has no value: YAML reads `{text}` as null", entry.key);
        let wrong = Diagnostic::error(Code::InvalidValue, message).at(self.location(entry.value.span, place));
        self.tell(wrong.help(format!("if the text is meant, put it in quotes: `\"{text}\"`")));
    }

    fn mismatch(&mut self, node: &Node, branches: &Branches<'_>, place: &Place) -> Checked {
        let (what, help) = message::mismatch(node, branches, place.secret);
        let code = if node.is_null() { Code::MissingKey } else { Code::InvalidValue };
        let wrong = Diagnostic::error(code, format!("{} {what}", place.label)).at(self.location(node.span, place));
        self.tell(match help {
            Some(help) => wrong.help(help),
            None => wrong,
        });
        Checked::Wrong
    }

    fn location(&self, span: Span, place: &Place) -> Location {
        if place.secret { self.source.bare_location(span) } else { self.source.location(span) }
    }

    /// The same message of the same place is told once: an environment is checked before and after Jinja.
    fn tell(&mut self, wrong: Diagnostic) {
        if !self.found.0.contains(&wrong) {
            self.found.push(wrong);
        }
    }
}

/// Whether a text is a template.
pub(crate) fn has_jinja(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}
