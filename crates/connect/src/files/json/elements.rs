//! The elements of a JSON array, of which some may be no JSON: an element that is broken costs itself, and what comes
//! behind it is read as if it were whole.
//!
//! An element that is JSON ends where it says. One that is not ends where its brackets close, or before the next line that
//! begins as the line of its own beginning does, with as many blanks and `{`, whichever comes first; if neither comes (a
//! text without its quote, a bracket without its other), behind the next comma after which a whole object stands.

use super::scan::{self, Kind, skip_blanks};

/// How far a broken element's next line is looked for.
const NEXT_LINE: usize = 1 << 20;

/// A record's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) problem: Option<Problem>,
}

/// What makes a record none, whatever stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is longer than the limit, of which this much is kept.
    TooLong,
    /// The file ends inside the array.
    Unclosed,
}

/// Where the reading of an array stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Elements {
    /// How the line begins on which the bytes do: its blanks, from the line end before on, if `{` follows.
    line: Option<Vec<u8>>,
    /// Whether `[` was read, and its `]` not.
    inside: bool,
    /// Whether what comes first belongs to a record that was given up.
    lost: bool,
}

/// What is known of a place further on.
enum Next {
    /// It is here.
    At(usize),
    /// Nobody knows before more is read behind this place, where one may begin.
    More(usize),
    /// There is none before the end of the file.
    End,
}

impl Elements {
    /// The whole elements of these bytes, and how many bytes they take; what is left begins the next call's. At the end of
    /// the file everything is taken.
    pub(crate) fn scan(&mut self, bytes: &[u8], at_end: bool) -> (Vec<Extent>, usize) {
        let mut found = Vec::new();
        let mut at = 0;
        if self.lost {
            match next_object(bytes, 0, true, at_end) {
                Next::At(next) => at = next,
                Next::More(from) => return (found, from),
                Next::End => at = bytes.len(),
            }
            self.lost = false;
        }
        loop {
            at = self.separators(bytes, at);
            if at == bytes.len() {
                break;
            }
            match self.extent(bytes, at, at_end) {
                Next::At(end) => {
                    found.push(Extent { start: at, end: trimmed(bytes, at, end), problem: None });
                    at = end;
                }
                Next::More(_) => return self.stop(found, bytes, at),
                Next::End => {
                    found.push(Extent { start: at, end: trimmed(bytes, at, bytes.len()), problem: None });
                    // The array's end is in there, too.
                    self.inside = false;
                    at = bytes.len();
                }
            }
        }
        if at_end && self.inside {
            found.push(Extent { start: bytes.len(), end: bytes.len(), problem: Some(Problem::Unclosed) });
        }
        if at_end { (found, at) } else { self.stop(found, bytes, at) }
    }

    /// What is found, and where the next call begins: at the line end before blanks, which tell whether what comes begins
    /// a line.
    fn stop(&mut self, found: Vec<Extent>, bytes: &[u8], at: usize) -> (Vec<Extent>, usize) {
        let blanks = bytes[..at].iter().rposition(|byte| !matches!(byte, b' ' | b'\t'));
        let cut = blanks.filter(|end| bytes[*end] == b'\n').unwrap_or(at);
        self.line = self.line_of(bytes, cut).map(<[u8]>::to_vec);
        (found, cut)
    }

    /// How the line of a place begins.
    fn line_of<'a>(&'a self, bytes: &'a [u8], at: usize) -> Option<&'a [u8]> {
        let Some(end) = memchr::memrchr(b'\n', &bytes[..at]) else { return self.line.as_deref() };
        let first = end + 1 + bytes[end + 1..].iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
        (bytes[first] == b'{').then(|| &bytes[end..first])
    }

    /// What is in these bytes is one record that is too long; the rest of it is passed over.
    pub(crate) fn give_up(&mut self) {
        (self.lost, self.line) = (true, None);
    }

    /// Past commas, blanks and the brackets of the array itself.
    fn separators(&mut self, bytes: &[u8], mut at: usize) -> usize {
        loop {
            match bytes.get(at) {
                Some(b' ' | b'\n' | b'\r' | b'\t' | b',') => {}
                Some(b'[') if !self.inside => self.inside = true,
                Some(b']') if self.inside => self.inside = false,
                _ => return at,
            }
            at += 1;
        }
    }

    /// Where the element that begins at `at` ends.
    fn extent(&self, bytes: &[u8], at: usize, at_end: bool) -> Next {
        match scan::value(bytes, at, 0) {
            // What no end is needed for may go on behind the bytes: `12`.
            Ok(span) if span.kind != Kind::Number || span.end < bytes.len() || at_end => return Next::At(span.end),
            Err(mistake) if mistake.at < bytes.len() || at_end => {}
            _ => return Next::More(at),
        }
        if !matches!(bytes[at], b'{' | b'[' | b'"') {
            // No record, but it ends somewhere.
            let end = bytes[at + 1..].iter().position(|byte| matches!(byte, b',' | b']' | b'\n' | b'{'));
            return match end {
                Some(end) => Next::At(at + 1 + end),
                None if at_end => Next::At(bytes.len()),
                None => Next::More(at),
            };
        }
        let closes = balanced(bytes, at);
        let line = self.next_line(bytes, at);
        match (closes, line) {
            (Balance::Closes(end), Next::At(line)) => Next::At(end.min(line)),
            (Balance::Closes(end), _) => Next::At(end),
            (_, Next::At(line)) => Next::At(line),
            (_, Next::More(_)) | (Balance::Open, _) if !at_end => Next::More(at),
            _ => next_object(bytes, at + 1, false, at_end),
        }
    }

    /// The next line that begins as the line of `at` does, and goes on with `{`.
    fn next_line(&self, bytes: &[u8], at: usize) -> Next {
        let Some(line) = self.line_of(bytes, at) else { return Next::End };
        let limit = bytes.len().min(at + NEXT_LINE);
        let mut found = memchr::memmem::find_iter(&bytes[at..limit], line).map(|found| at + found + line.len());
        match found.find(|next| *next < limit && bytes[*next] == b'{') {
            Some(next) => Next::At(next),
            None if limit < at + NEXT_LINE => Next::More(at),
            None => Next::End,
        }
    }
}

/// Whether an element's brackets and texts close.
enum Balance {
    /// They do, before here.
    Closes(usize),
    /// They have not yet.
    Open,
    /// They cannot.
    Never,
}

fn balanced(bytes: &[u8], at: usize) -> Balance {
    let mut open: Vec<u8> = Vec::new();
    let mut position = at;
    while let Some(byte) = bytes.get(position) {
        match byte {
            b'"' => match text_end(bytes, position) {
                Some(end) => position = end - 1,
                None if memchr::memchr(b'\n', &bytes[position..]).is_some() => return Balance::Never,
                None => return Balance::Open,
            },
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' if open.pop() != Some(*byte) => return Balance::Never,
            _ => {}
        }
        position += 1;
        if open.is_empty() {
            return Balance::Closes(position);
        }
    }
    Balance::Open
}

/// Past the text that opens at `at`; `None` if it does not close on its line.
fn text_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut position = at + 1;
    loop {
        let found = position + memchr::memchr3(b'"', b'\\', b'\n', &bytes[position..])?;
        match bytes[found] {
            b'"' => return Some(found + 1),
            b'\\' => position = (found + 2).min(bytes.len()),
            _ => return None,
        }
    }
}

/// The next object behind a comma (or anywhere) that is whole, and behind which an element may end.
fn next_object(bytes: &[u8], from: usize, anywhere: bool, at_end: bool) -> Next {
    for at in memchr::memchr_iter(b'{', &bytes[from.min(bytes.len())..]).map(|found| from + found) {
        let before = bytes[..at].iter().rposition(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
        let behind_comma = before.is_some_and(|before| bytes[before] == b',');
        let behind_line = bytes[before.map_or(0, |before| before + 1)..at].contains(&b'\n');
        if !(behind_comma || behind_line || anywhere && before.is_none()) {
            continue;
        }
        match scan::value(bytes, at, 0) {
            Ok(span) if span.kind == Kind::Object => {
                let behind = skip_blanks(bytes, span.end);
                match bytes.get(behind) {
                    Some(b',' | b']') => return Next::At(at),
                    None if at_end => return Next::At(at),
                    None => return Next::More(at),
                    Some(_) if bytes[span.end..behind].contains(&b'\n') => return Next::At(at),
                    Some(_) => {}
                }
            }
            // It may be whole once more is read.
            Err(mistake) if !at_end && mistake.at >= bytes.len() => return Next::More(at),
            _ => {}
        }
    }
    if at_end { Next::End } else { Next::More(bytes.len()) }
}

/// The end of a stretch without the blanks and commas behind it.
fn trimmed(bytes: &[u8], start: usize, end: usize) -> usize {
    let last = bytes[start..end].iter().rposition(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b','));
    last.map_or(start + 1, |last| start + last + 1)
}
