//! The tokens of a tag's inside.

use std::ops::Range;

use crate::template::scan::string_length;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name,
    /// A text, a number.
    Constant,
    /// `(`, `[` or `{`
    Open,
    /// `)`, `]` or `}`
    Close,
    /// Anything else.
    Operator,
}

/// A token and its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it can be the last of an operand: what follows is then an operator, a call or a subscript.
    pub(super) fn ends_operand(&self) -> bool {
        match self.kind {
            Kind::Name => !is_keyword(self.text),
            Kind::Constant | Kind::Close => true,
            Kind::Open | Kind::Operator => false,
        }
    }
}

fn is_keyword(word: &str) -> bool {
    matches!(word, "and" | "or" | "not" | "in" | "is" | "if" | "else" | "elif" | "recursive")
}

const OPERATORS: [&str; 6] = ["**", "//", "==", "!=", "<=", ">="];

/// The tokens of a part of a text.
pub(super) fn tokens(text: &str, part: Range<usize>) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut position = part.start;
    while position < part.end {
        let rest = &text[position..part.end];
        let Some(first) = rest.chars().next() else { break };
        if first.is_whitespace() {
            position += first.len_utf8();
            continue;
        }
        let (kind, length) = match first {
            '\'' | '"' => (Kind::Constant, string_length(rest)),
            '(' | '[' | '{' => (Kind::Open, 1),
            ')' | ']' | '}' => (Kind::Close, 1),
            first if first.is_ascii_digit() => (Kind::Constant, number_length(rest)),
            first if first.is_alphabetic() || first == '_' => {
                (Kind::Name, rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()))
            }
            first => (Kind::Operator, operator_length(rest, first)),
        };
        found.push(Token { kind, text: &rest[..length], start: position });
        position += length;
    }
    found
}

fn operator_length(rest: &str, first: char) -> usize {
    OPERATORS.iter().find(|operator| rest.starts_with(**operator)).map_or(first.len_utf8(), |operator| operator.len())
}

/// Digits, and a fraction only if a digit follows the point: `1.upper()` has none.
fn number_length(rest: &str) -> usize {
    let digits = |from: usize| {
        rest[from..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(rest.len(), |found| from + found)
    };
    let whole = digits(0);
    match rest[whole..].strip_prefix('.') {
        Some(fraction) if fraction.starts_with(|c: char| c.is_ascii_digit()) => digits(whole + 1),
        _ => whole,
    }
}
