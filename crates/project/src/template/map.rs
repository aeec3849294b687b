//! From a place in rendered SQL back to the place in the template.
//!
//! The risk: a place that is wrong is worse than none. So nothing is guessed by comparing texts: the template is
//! rendered once more with marks, characters of a private Unicode plane, around every piece of its literal text, and
//! the marks that come out say which piece of the output is which piece of the template, through loops and blocks. Only
//! a rendering that is the same but for the marks is believed. This happens only when there is an error to place.

use std::ops::Range;
use std::path::Path;

use headwater_plan::Location;

use super::place::{locate, offset};
use super::scan::{Kind, Piece, pieces};

/// The mark that begins the first literal piece; the others follow.
const FIRST: u32 = 0xF_0000;
/// How many pieces have a mark of their own.
const MOST: u32 = 0xFFF0;
/// The mark that ends any piece.
const END: char = '\u{10FFFD}';

/// Where a place in rendered SQL comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) location: Location,
    /// Whether the template holds that text itself; otherwise it points to the tag that rendered it.
    pub(crate) literal: bool,
}

/// A part of rendered SQL and what it comes from.
#[derive(Debug, PartialEq, Eq)]
struct Segment {
    rendered: Range<usize>,
    origin: Range<usize>,
    literal: bool,
}

/// The map of one rendering.
#[derive(Debug)]
pub(crate) struct SourceMap {
    segments: Vec<Segment>,
}

/// The template with its marks.
pub(super) fn mark(template: &str) -> String {
    let mut marked = String::with_capacity(template.len() + 64);
    for (number, piece) in pieces(template).iter().enumerate() {
        let core = core(template, piece);
        match char::from_u32(FIRST + number as u32) {
            Some(mark) if piece.kind == Kind::Literal && !core.is_empty() && (number as u32) < MOST => {
                marked.push_str(&template[piece.range.start..core.start]);
                marked.push(mark);
                marked.push_str(&template[core.clone()]);
                marked.push(END);
                marked.push_str(&template[core.end..piece.range.end]);
            }
            _ => marked.push_str(&template[piece.range.clone()]),
        }
    }
    marked
}

/// What of a piece no whitespace control can cut.
fn core(template: &str, piece: &Piece) -> Range<usize> {
    let text = &template[piece.range.clone()];
    let start = piece.range.start + (text.len() - text.trim_start().len());
    start..start.max(piece.range.start + text.trim_end().len())
}

impl SourceMap {
    /// The map of a template that holds no Jinja.
    pub(super) fn identity(template: &str) -> Self {
        Self { segments: vec![Segment { rendered: 0..template.len(), origin: 0..template.len(), literal: true }] }
    }

    /// The map that the marks tell; `None` if the marks changed what was rendered.
    pub(super) fn read(template: &str, rendered: &str, marked: &str) -> Option<Self> {
        let pieces = pieces(template);
        let mut segments: Vec<Segment> = Vec::new();
        let mut position = 0;
        let mut open: Option<usize> = None;
        for character in marked.chars() {
            if character == END {
                open = None;
                continue;
            }
            if let Some(number) = (character as u32).checked_sub(FIRST).filter(|number| *number < MOST) {
                let piece = core(template, pieces.get(number as usize)?);
                open = Some(segments.len());
                segments.push(Segment { rendered: position..position, origin: piece, literal: true });
                continue;
            }
            let length = character.len_utf8();
            if !rendered.get(position..position + length)?.starts_with(character) {
                return None;
            }
            match (open, segments.last_mut()) {
                (Some(open), _) => segments[open].rendered.end += length,
                (None, Some(last)) if !last.literal => last.rendered.end += length,
                (None, last) => {
                    let after = last.map_or(0, |last| last.origin.end);
                    let origin = tag_after(template, &pieces, after);
                    segments.push(Segment { rendered: position..position + length, origin, literal: false });
                }
            }
            position += length;
        }
        (position == rendered.len()).then_some(Self { segments })
    }

    /// The origin of a place in the rendered text.
    pub(crate) fn origin(&self, file: &Path, template: &str, rendered: &str, place: Place) -> Option<Origin> {
        let start = offset(rendered, place.line, place.column)?.min(rendered.len().saturating_sub(1));
        let index = self.segments.partition_point(|segment| segment.rendered.end <= start);
        let segment = self.segments.get(index)?;
        let range = if segment.literal {
            let from = segment.origin.start + (start - segment.rendered.start);
            let bytes: usize =
                template[from..segment.origin.end].chars().take(place.length.max(1) as usize).map(char::len_utf8).sum();
            from..from + bytes
        } else {
            segment.origin.clone()
        };
        Some(Origin { location: locate(file, template, range), literal: segment.literal })
    }
}

/// A place in rendered SQL: line and column from 1, length in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u32,
    pub(crate) length: u32,
}

/// The tag that most likely rendered what follows a position: the first expression before the next literal text, else
/// the first tag.
fn tag_after(template: &str, pieces: &[Piece], position: usize) -> Range<usize> {
    let after = pieces.iter().filter(|piece| piece.range.end > position);
    let near = after.clone().take_while(|piece| piece.kind != Kind::Literal || core_before(template, piece, position));
    let expression = near.clone().find(|piece| piece.kind == Kind::Expression);
    let tag = expression.or_else(|| after.clone().find(|piece| piece.kind == Kind::Expression));
    let tag = tag.or_else(|| pieces.iter().find(|piece| piece.kind != Kind::Literal));
    tag.map_or(0..0, |tag| tag.range.clone())
}

/// Whether a literal piece holds nothing but space after a position.
fn core_before(template: &str, piece: &Piece, position: usize) -> bool {
    core(template, piece).end <= position
}
