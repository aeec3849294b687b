//! The words of a statement, for edits that leave everything else as the user wrote it.

use std::ops::Range;

/// A part of a statement that is neither space nor comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Where it stands, in bytes.
    pub(super) at: Range<usize>,
    /// How many brackets are open around it; a bracket itself stands outside of what it encloses.
    pub(super) depth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bare word: a keyword, a name, or the name of a function.
    Word,
    /// A name in backticks.
    Quoted,
    /// A text, or a number.
    Literal,
    /// A single character.
    Symbol,
}

/// The tokens of a statement, as Spark's grammar parts them.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(rest) = sql.get(at..)
        && let Some(letter) = rest.chars().next()
    {
        let (kind, length) = match letter {
            _ if letter.is_whitespace() => (None, letter.len_utf8()),
            '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (None, rest.find("*/").map_or(rest.len(), |end| end + 2)),
            '\'' | '"' => (Some(Kind::Literal), literal_length(rest, letter)),
            '`' => (Some(Kind::Quoted), quoted_length(rest)),
            '0'..='9' => (Some(Kind::Literal), word_length(rest)),
            _ if letter == '_' || letter.is_alphabetic() => (Some(Kind::Word), word_length(rest)),
            _ => (Some(Kind::Symbol), letter.len_utf8()),
        };
        if matches!(letter, ')' | ']') && kind.is_some() {
            depth = depth.saturating_sub(1);
        }
        tokens.extend(kind.map(|kind| Token { kind, at: at..at + length, depth }));
        if matches!(letter, '(' | '[') && kind.is_some() {
            depth += 1;
        }
        at += length;
    }
    tokens
}

impl Token {
    /// Its text.
    pub(super) fn text<'s>(&self, sql: &'s str) -> &'s str {
        sql.get(self.at.clone()).unwrap_or_default()
    }

    /// Whether it is one of these keywords.
    pub(super) fn is(&self, sql: &str, words: &[&str]) -> bool {
        self.kind == Kind::Word && words.iter().any(|word| self.text(sql).eq_ignore_ascii_case(word))
    }

    /// Whether it is this character.
    pub(super) fn is_symbol(&self, sql: &str, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text(sql) == symbol
    }
}

fn word_length(text: &str) -> usize {
    text.find(|letter: char| letter != '_' && !letter.is_alphanumeric()).unwrap_or(text.len())
}

/// The length of a name in backticks, where two of them stand for one.
fn quoted_length(text: &str) -> usize {
    let mut at = 1;
    while let Some(end) = text.get(at..).and_then(|rest| rest.find('`')) {
        at += end + 1;
        match text.get(at..) {
            Some(rest) if rest.starts_with('`') => at += 1,
            _ => return at,
        }
    }
    text.len()
}

/// The length of a literal, with its quotes.
fn literal_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}
