//! The statements that dbt has and Jinja has not, and those that mean more in dbt.

use std::ops::Range;

use super::edit::Edits;
use super::expression::rewrite_tokens;
use super::token::{Kind, Token, tokens};
use super::{Defined, DefinedKind, Role};
use crate::template::scan::{Piece, inside};

/// The statements of a text, one after the other.
#[derive(Debug)]
pub(super) struct Statements<'a> {
    text: &'a str,
    role: Role,
    /// The macros that are being defined, each within the one before.
    open: Vec<Macro<'a>>,
    /// The block that is being left out.
    cut: Option<Cut<'a>>,
    defined: Vec<Defined>,
}

/// A block that is left out: dbt's own, which are no Jinja, and the macros that are not asked for.
#[derive(Debug)]
struct Cut<'a> {
    start: usize,
    begin: &'a str,
    end: &'static str,
    /// How many blocks of the same kind stand open within it.
    within: usize,
}

/// A macro that is being defined.
#[derive(Debug)]
struct Macro<'a> {
    /// As it is called.
    name: String,
    /// As minijinja knows it.
    variable: String,
    /// `endmacro`, `endtest`, …
    end: &'static str,
    parameters: Vec<&'a str>,
    /// Before its parameters' `)`.
    close: Option<usize>,
    /// Whether something stands between the last parameter and the next one.
    comma: bool,
    uses: Uses,
}

/// Which of Jinja's names for other arguments a macro uses.
#[derive(Debug, Default)]
struct Uses {
    varargs: bool,
    kwargs: bool,
}

impl<'a> Statements<'a> {
    pub(super) fn new(text: &'a str, role: Role) -> Self {
        Self { text, role, open: Vec::new(), cut: None, defined: Vec::new() }
    }

    /// Whether what is being read is no Jinja.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// The macros that were defined on the top level.
    pub(super) fn defined(self) -> Vec<Defined> {
        self.defined
    }

    /// Looks for `varargs` and `kwargs` in a tag.
    pub(super) fn see(&mut self, tag: &str) {
        if self.open.is_empty() || !tag.contains("args") {
            return;
        }
        for word in crate::template::scan::words(tag) {
            for open in &mut self.open {
                open.uses.varargs |= word == "varargs";
                open.uses.kwargs |= word == "kwargs";
            }
        }
    }

    /// Reads a statement.
    pub(super) fn read(&mut self, piece: &Piece, edits: &mut Edits<'_>) {
        let part = inside(self.text, piece);
        let tokens = tokens(self.text, part.clone());
        let Some((word, rest)) = tokens.split_first() else { return };
        if let Some(cut) = &mut self.cut {
            match (word.text == cut.end, cut.within) {
                (true, 0) => {
                    edits.cut(cut.start..piece.range.end);
                    self.cut = None;
                }
                (true, _) => cut.within -= 1,
                (false, _) if word.text == cut.begin => cut.within += 1,
                (false, _) => {}
            }
            return;
        }
        self.see(&self.text[part.clone()]);
        match word.text {
            "materialization" | "snapshot" | "docs" => self.begin_cut(word, rest, piece.range.start),
            "macro" | "test" | "data_test" => {
                let end = match word.text {
                    "macro" => "endmacro",
                    "test" => "endtest",
                    _ => "enddata_test",
                };
                let asked = match (self.role, rest.first()) {
                    (Role::Macro(at), Some(name)) => !self.open.is_empty() || name.start == at,
                    _ => true,
                };
                if asked {
                    self.begin_macro((word, rest), end, &part, edits);
                } else {
                    self.cut = Some(Cut { start: piece.range.start, begin: word.text, end, within: 0 });
                }
            }
            "endmacro" | "endtest" | "enddata_test" => self.end_macro(word, part, edits),
            "set" => set(rest, edits),
            "do" => {
                // `do` takes a call only; a choice between calls is stored where nobody looks.
                if has_top(rest, "if") {
                    edits.replace(word.start..word.end(), "set hw_ =");
                }
                rewrite_tokens(rest, edits);
            }
            "import" | "from" | "include" | "extends" | "block" => {}
            _ => rewrite_tokens(rest, edits),
        }
    }

    fn begin_cut(&mut self, word: &Token<'a>, rest: &[Token<'a>], start: usize) {
        let end = match word.text {
            "materialization" => "endmaterialization",
            "snapshot" => "endsnapshot",
            _ => "enddocs",
        };
        self.cut = Some(Cut { start, begin: word.text, end, within: 0 });
        if let Some(name) = rest.first().filter(|_| word.text == "materialization" && self.open.is_empty()) {
            let at = name.start..name.end();
            self.defined.push(Defined { kind: DefinedKind::Materialization, name: name.text.to_string(), at });
        }
    }

    fn begin_macro(
        &mut self,
        (word, rest): (&Token<'a>, &[Token<'a>]),
        end: &'static str,
        part: &Range<usize>,
        edits: &mut Edits<'_>,
    ) {
        let (test, kind) = match word.text {
            "macro" => ("", DefinedKind::Macro),
            _ => ("test_", DefinedKind::Test),
        };
        let Some((name, signature)) = rest.split_first() else { return };
        if !test.is_empty() {
            edits.replace(word.start..word.end(), "macro");
        }
        // The macros of a file are called by their names through the context, never as variables of the file, so that
        // a project's own macro comes before one of the same name that stands beside its caller.
        let shared = self.role != Role::Text && self.open.is_empty();
        let prefix = format!("{}{test}", if shared { "hw_" } else { "" });
        edits.insert(name.start, &prefix);
        let parameters = parameters(signature);
        let later = defaults_of_earlier(self.text, signature, &parameters, edits);
        edits.insert(part.end, &later);
        let called = format!("{test}{}", name.text);
        if shared {
            self.defined.push(Defined { kind, name: called.clone(), at: name.start..name.end() });
        }
        let close = signature.iter().rposition(|token| token.text == ")");
        self.open.push(Macro {
            variable: format!("{prefix}{}", name.text),
            name: called,
            end,
            parameters,
            close: close.map(|close| signature[close].start),
            comma: close.is_some_and(|close| close > 0 && !matches!(signature[close - 1].text, "(" | ",")),
            uses: Uses::default(),
        });
        self.see(&self.text[name.end()..signature.last().map_or(name.end(), Token::end)]);
    }

    fn end_macro(&mut self, word: &Token<'a>, part: Range<usize>, edits: &mut Edits<'_>) {
        let Some(open) = self.open.pop_if(|open| open.end == word.text) else { return };
        if word.text != "endmacro" {
            edits.replace(word.start..word.end(), "endmacro");
        }
        let uses = [("varargs", open.uses.varargs), ("kwargs", open.uses.kwargs)];
        let more: Vec<String> = uses
            .into_iter()
            .filter(|(name, used)| *used && !open.parameters.contains(name))
            .map(|(name, _)| format!("{name}=none"))
            .collect();
        if let Some(close) = open.close.filter(|_| !more.is_empty()) {
            edits.insert(close, &format!("{}{}", if open.comma { ", " } else { "" }, more.join(", ")));
        }
        let Macro { name, variable, .. } = open;
        let into = if variable == name { name.as_str() } else { "hw_" };
        // Before the sign of whitespace control, which then belongs to this statement.
        edits.insert(part.end, &format!(" %}}{{% set {into} = {variable}|hw_macro('{name}') "));
    }
}

/// Rewrites the defaults of a signature. minijinja evaluates them from the last to the first; one that names a parameter
/// before it is taken out, and given as the statement that makes it when all others are there.
fn defaults_of_earlier(text: &str, signature: &[Token<'_>], parameters: &[&str], edits: &mut Edits<'_>) -> String {
    let mut later = String::new();
    let mut from = 0;
    for (place, name) in parameters.iter().enumerate() {
        let Some(equals) = default_of(signature, name) else { continue };
        let length = default_length(&signature[equals + 1..]);
        let default = &signature[equals + 1..equals + 1 + length];
        let names_earlier =
            default.iter().any(|token| token.kind == Kind::Name && parameters[..place].contains(&token.text));
        let (Some(first), Some(last)) = (default.first(), default.last()) else { continue };
        if names_earlier {
            rewrite_tokens(&signature[from..=equals], edits);
            from = equals + 1 + length;
            edits.replace(first.start..last.end(), "hw_missing");
            let value = expression(&text[first.start..last.end()]);
            later.push_str(&format!(" %}}{{% if {name} is undefined %}}{{% set {name} = ({value}) %}}{{% endif "));
        }
    }
    rewrite_tokens(&signature[from..], edits);
    later
}

/// The place of the `=` after a parameter.
fn default_of(signature: &[Token<'_>], name: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = "";
    for (place, token) in signature.iter().enumerate() {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ if depth == 1 && token.text == "=" && before == name => return Some(place),
            _ => {}
        }
        before = token.text;
    }
    None
}

/// How many tokens stand before the `,` or `)` that ends a default.
fn default_length(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close if depth == 0 => return place,
            Kind::Close => depth -= 1,
            _ if depth == 0 && token.text == "," => return place,
            _ => {}
        }
    }
    tokens.len()
}

/// An expression of its own, rewritten.
fn expression(text: &str) -> String {
    let mut edits = Edits::new(text);
    rewrite_tokens(&tokens(text, 0..text.len()), &mut edits);
    edits.apply().text
}

/// The names of a signature's parameters.
fn parameters<'a>(signature: &[Token<'a>]) -> Vec<&'a str> {
    let mut depth = 0_usize;
    let mut names = Vec::new();
    let mut before = "";
    for token in signature {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            Kind::Name if depth == 1 && matches!(before, "(" | ",") => names.push(token.text),
            _ => {}
        }
        before = token.text;
    }
    names
}

/// `set x = …`: what minijinja makes there becomes changeable.
fn set(rest: &[Token<'_>], edits: &mut Edits<'_>) {
    let Some(equals) = top(rest, "=") else {
        return rewrite_tokens(rest, edits);
    };
    let value = &rest[equals + 1..];
    let made = value.iter().any(|token| token.kind == Kind::Operator && matches!(token.text, "+" | "*" | "|" | ":"));
    let (Some(first), Some(last)) = (value.first(), value.last()) else { return };
    if made {
        edits.insert(first.start, "(");
    }
    rewrite_tokens(value, edits);
    if made {
        edits.insert(last.end(), ")|hw_own");
    }
}

/// The place of the first such token outside of all brackets.
fn top(tokens: &[Token<'_>], text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    tokens.iter().position(|token| {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => return depth == 0 && token.text == text,
        }
        false
    })
}

fn has_top(tokens: &[Token<'_>], text: &str) -> bool {
    top(tokens, text).is_some()
}
