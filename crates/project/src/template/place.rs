//! Byte offsets of a text as places that a reader can find: line, column, the line itself.

use std::ops::Range;
use std::path::Path;

use headwater_plan::Location;

/// The place of a byte range of a file's text; what reaches past the line's end is cut there.
pub(crate) fn locate(file: &Path, text: &str, range: Range<usize>) -> Location {
    let start = text.floor_char_boundary(range.start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let end = text.floor_char_boundary(range.end.clamp(start, line_end));
    let characters = |part: &str| u32::try_from(part.chars().count()).unwrap_or(u32::MAX);
    Location {
        file: file.to_path_buf(),
        line: 1 + text[..line_start].matches('\n').count() as u64,
        column: 1 + characters(&text[line_start..start]),
        length: characters(&text[start..end]).max(1),
        text: Some(text[line_start..line_end].trim_end_matches('\r').to_string()),
    }
}

/// The byte offset of a line and column, both from 1, the column in characters; `None` past the text's end.
pub(crate) fn offset(text: &str, line: u64, column: u32) -> Option<usize> {
    let mut line_start = 0;
    for _ in 1..line {
        line_start += text[line_start..].find('\n')? + 1;
    }
    let rest = &text[line_start..];
    let within = rest.char_indices().nth(column.saturating_sub(1) as usize).map_or(rest.len(), |(offset, _)| offset);
    Some(line_start + within)
}
