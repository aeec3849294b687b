//! Where a template's literal text ends and its tags begin, by the rules of minijinja's own lexer, which it keeps to
//! itself.

use std::ops::Range;

use super::ask::Block;

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text that is rendered as it stands, the inside of a raw block too.
    Literal,
    /// `{{ … }}`
    Expression,
    /// `{% … %}`
    Statement,
    /// `{# … #}`
    Comment,
}

/// A part and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// Whether there is any Jinja in it.
pub(super) fn is_template(text: &str) -> bool {
    next_tag(text, 0).is_some()
}

/// The parts of a template, in order, without gaps. An unclosed tag reaches to the end.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut position = 0;
    let mut push = |kind, range: Range<usize>| {
        if !range.is_empty() {
            pieces.push(Piece { kind, range });
        }
    };
    while let Some((start, kind)) = next_tag(text, position) {
        push(Kind::Literal, position..start);
        let end = match kind {
            Kind::Comment => text[start..].find("#}").map_or(text.len(), |found| start + found + 2),
            Kind::Statement => end_of_tag(text, start, "%}"),
            _ => end_of_tag(text, start, "}}"),
        };
        push(kind, start..end);
        position = end;
        if kind == Kind::Statement && words(&text[start..end]).eq(["raw"]) {
            let inside_end = end_of_raw(text, position);
            push(Kind::Literal, position..inside_end);
            position = inside_end;
        }
    }
    push(Kind::Literal, position..text.len());
    pieces
}

/// The bytes of a tag between its delimiters, without the signs of whitespace control.
pub(super) fn inside(text: &str, piece: &Piece) -> Range<usize> {
    let Range { start, end } = piece.range;
    let tag = &text[start..end];
    let start = start + if tag[2..].starts_with(['-', '+']) { 3 } else { 2 };
    let closed = tag.ends_with("}}") || tag.ends_with("%}");
    let end = if closed { end.saturating_sub(2) } else { end };
    let end = if closed && text[..end].ends_with(['-', '+']) { end - 1 } else { end };
    start..end.max(start)
}

/// The words of a tag: runs of letters, digits and `_` outside of its strings.
pub(super) fn words(tag: &str) -> impl Iterator<Item = &str> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| c.is_alphanumeric() || c == '_' || c == '\'' || c == '"')?;
            rest = &rest[start..];
            if rest.starts_with(['\'', '"']) {
                rest = &rest[string_length(rest)..];
                continue;
            }
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (word, after) = rest.split_at(length);
            rest = after;
            return Some(word);
        }
    })
}

fn next_tag(text: &str, from: usize) -> Option<(usize, Kind)> {
    let mut position = from;
    loop {
        let brace = position + text[position..].find('{')?;
        let kind = match text.as_bytes().get(brace + 1) {
            Some(b'{') => Kind::Expression,
            Some(b'%') => Kind::Statement,
            Some(b'#') => Kind::Comment,
            _ => {
                position = brace + 1;
                continue;
            }
        };
        return Some((brace, kind));
    }
}

fn end_of_tag(text: &str, start: usize, end: &str) -> usize {
    let mut position = start + 2;
    // Inside brackets the tag's end is not looked for: `{{ {"a": {}} }}`.
    let mut open = 0_usize;
    while position < text.len() {
        let rest = &text[position..];
        if open == 0 && rest.starts_with(end) {
            return position + end.len();
        }
        position += match rest.as_bytes()[0] {
            b'\'' | b'"' => string_length(rest),
            b'(' | b'[' | b'{' => {
                open += 1;
                1
            }
            b')' | b']' | b'}' => {
                open = open.saturating_sub(1);
                1
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
    }
    text.len()
}

fn end_of_raw(text: &str, from: usize) -> usize {
    let mut position = from;
    while let Some(found) = text[position..].find("{%") {
        let start = position + found;
        if words(&text[start..end_of_tag(text, start, "%}")]).eq(["endraw"]) {
            return start;
        }
        position = start + 2;
    }
    text.len()
}

/// The bytes of the string that the text begins with, its quotes included.
pub(super) fn string_length(text: &str) -> usize {
    let mut characters = text.char_indices();
    let quote = characters.next().map(|(_, quote)| quote);
    let mut escaped = false;
    for (offset, character) in characters {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if Some(character) == quote {
            return offset + character.len_utf8();
        }
    }
    text.len()
}

/// The blocks of that kind that dbt cuts out of a file: `{% snapshot x %}…{% endsnapshot %}`, `{% docs x %}…`.
pub(crate) fn blocks(text: &str, kind: &str) -> Vec<Block> {
    let end = format!("end{kind}");
    let mut found = Vec::new();
    let mut open: Option<(String, Range<usize>, usize)> = None;
    let mut position = 0;
    while let Some((start, tag)) = next_tag(text, position) {
        position = match tag {
            Kind::Comment => text[start..].find("#}").map_or(text.len(), |found| start + found + 2),
            Kind::Statement => end_of_tag(text, start, "%}"),
            // The text of a `docs` block may hold anything.
            _ if open.is_some() => start + 2,
            _ => end_of_tag(text, start, "}}"),
        };
        if tag != Kind::Statement {
            continue;
        }
        let statement = &text[start..position];
        let mut words = words(statement);
        match (words.next(), open.take()) {
            (Some(word), None) if word == kind => {
                if let Some(name) = words.next() {
                    let at = start + (name.as_ptr() as usize - statement.as_ptr() as usize);
                    open = Some((name.to_string(), at..at + name.len(), position));
                }
            }
            (Some(word), Some((name, at, body))) if word == end => {
                found.push(Block { name, body: body..start, at });
            }
            (_, still) => open = still,
        }
    }
    found
}
