//! Insertions into a text, and the way back from the places after them to the places before.

use std::ops::Range;

use super::Dialect;

/// What is to be put into a text, and taken out of it.
#[derive(Debug)]
pub(super) struct Edits<'a> {
    text: &'a str,
    edits: Vec<Edit>,
    /// Whether the text reckons with times, which minijinja's `+` and `-` do not know.
    pub(super) times: bool,
}

#[derive(Debug)]
struct Edit {
    /// The bytes that are taken out; mostly none.
    out: Range<usize>,
    put: String,
}

impl<'a> Edits<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, edits: Vec::new(), times: text.contains("timedelta") }
    }

    pub(super) fn insert(&mut self, at: usize, put: &str) {
        self.replace(at..at, put);
    }

    pub(super) fn replace(&mut self, out: Range<usize>, put: &str) {
        self.edits.push(Edit { out, put: put.to_string() });
    }

    /// Takes bytes out, but for their line ends.
    pub(super) fn cut(&mut self, out: Range<usize>) {
        let lines = "\n".repeat(self.text[out.clone()].matches('\n').count());
        self.replace(out, &lines);
    }

    pub(super) fn apply(mut self) -> Dialect {
        // Stable: what is inserted at one place stays in the order in which it was inserted.
        self.edits.sort_by_key(|edit| edit.out.start);
        let mut text = String::with_capacity(self.text.len() + 256);
        let mut kept = Vec::with_capacity(self.edits.len() + 1);
        let mut position = 0;
        let mut keep = |text: &mut String, from: usize, to: usize| {
            if from < to {
                kept.push(Kept { read: text.len(), written: from..to });
                text.push_str(&self.text[from..to]);
            }
        };
        for edit in &self.edits {
            keep(&mut text, position, edit.out.start);
            text.push_str(&edit.put);
            position = position.max(edit.out.end);
        }
        keep(&mut text, position, self.text.len());
        Dialect { text, offsets: Offsets(kept) }
    }
}

/// A part of the text that is as the user wrote it.
#[derive(Debug)]
struct Kept {
    /// Where it begins in what minijinja reads.
    read: usize,
    /// Where it is in what the user wrote.
    written: Range<usize>,
}

/// The way back from places in what minijinja reads to places in what the user wrote.
#[derive(Debug)]
pub(in crate::template) struct Offsets(Vec<Kept>);

impl Offsets {
    /// What the user wrote of these bytes; what was inserted shrinks to what stands beside it.
    pub(in crate::template) fn written(&self, read: Range<usize>) -> Range<usize> {
        let next = self.0.partition_point(|kept| kept.read + kept.written.len() <= read.start);
        let start = match self.0.get(next) {
            Some(kept) => kept.written.start + read.start.saturating_sub(kept.read),
            None => self.0.last().map_or(0, |last| last.written.end),
        };
        let last = self.0.partition_point(|kept| kept.read < read.end);
        let end = match last.checked_sub(1).and_then(|last| self.0.get(last)) {
            Some(kept) => (kept.written.start + (read.end - kept.read)).min(kept.written.end),
            None => start,
        };
        start..end.max(start)
    }
}
