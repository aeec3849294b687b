//! Places in the query's text that the syntax tree does not carry.

use crate::error::Position;

/// The query as it was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a str);

impl<'a> Text<'a> {
    /// The first place of a word after another place, on its line.
    pub(super) fn find_after(self, at: Position, word: &str) -> Option<Position> {
        let line = self.line(at)?;
        let word = word.split('(').next().unwrap_or(word).to_lowercase();
        let skip = at.column as usize - 1 + at.length as usize;
        let start = line.char_indices().nth(skip).map(|(start, _)| start)?;
        let found = line[start..].to_lowercase().find(&word)?;
        let before = line[start..].get(..found)?.chars().count();
        let column = u32::try_from(skip + before + 1).ok()?;
        Some(Position { line: at.line, column, length: u32::try_from(word.chars().count()).ok()?.max(1) })
    }

    /// The place with the parenthesis that closes it, where the tree leaves that out.
    pub(super) fn closed(self, at: Position) -> Position {
        let end = at.column as usize - 1 + at.length as usize;
        let closes = self.line(at).and_then(|line| line.chars().nth(end)) == Some(')');
        if closes { Position { length: at.length + 1, ..at } } else { at }
    }

    fn line(self, at: Position) -> Option<&'a str> {
        self.0.lines().nth(usize::try_from(at.line).ok()?.checked_sub(1)?)
    }
}
