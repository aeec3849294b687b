//! Java's regular expressions, searched for by Rust's engine: both try the alternatives of a pattern in its order, so what
//! both have they match alike once it is written in the other's words.
//!
//! | module | owns |
//! |---|---|
//! | `parse` | a Java pattern as a tree |
//! | `escape` | escapes and classes |
//! | `emit` | the tree in Rust's words |
//! | `replace` | matches replaced |

mod emit;
mod escape;
mod parse;
mod replace;
#[cfg(test)]
mod tests;

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::LazyLock;

use datafusion::common::Result;
use regex::Regex;

use super::data_error;
use emit::Group;
pub(crate) use replace::{Replace, groups, replacement};

/// A compiled pattern, known by its text.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    java: String,
    regex: Regex,
    /// Java's groups, the whole match first.
    groups: Vec<Group>,
    /// The groups that hold what Java's `$` only looks at.
    tails: Vec<usize>,
    has_word_edges: bool,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.java == other.java
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.java.hash(state);
    }
}

/// A match: the bytes that it and its groups take.
#[derive(Debug)]
pub(crate) struct Match {
    pub(super) whole: Range<usize>,
    /// The groups after the whole match, when they were asked for.
    groups: Vec<Option<Range<usize>>>,
}

impl Match {
    /// What a group holds; nothing when it took no part.
    pub(super) fn group<'t>(&self, text: &'t str, group: usize) -> &'t str {
        let range = if group == 0 { Some(&self.whole) } else { self.groups.get(group - 1).and_then(Option::as_ref) };
        range.map_or("", |range| &text[range.clone()])
    }
}

impl Pattern {
    /// Compiles a Java pattern; the error says what of it is not supported.
    pub(crate) fn new(java: &str) -> std::result::Result<Self, String> {
        let emitted = emit::emit(&parse::parse(java)?)?;
        let regex = Regex::new(&emitted.rust).map_err(|error| match error {
            regex::Error::Syntax(text) => {
                text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
            other => other.to_string(),
        })?;
        let emit::Emitted { groups, tails, has_word_edges, .. } = emitted;
        Ok(Self { java: java.to_owned(), regex, groups, tails, has_word_edges })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.java.is_empty()
    }

    /// How many groups it has, the whole match aside.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len() - 1
    }

    pub(super) fn is_match(&self, text: &str) -> Result<bool> {
        self.check(text)?;
        Ok(self.regex.is_match(text))
    }

    /// Whether a group of it stands inside a repeat, where Java does not always take back what it held in a round.
    pub(crate) fn is_unsure(&self, group: usize) -> bool {
        self.groups.get(group).is_some_and(|group| group.is_unsure)
    }

    /// The first match.
    pub(super) fn first(&self, text: &str, wants_groups: bool) -> Result<Option<Match>> {
        self.check(text)?;
        Ok(self.find(text, 0, wants_groups))
    }

    /// One match after the other.
    pub(super) fn matches<'a>(&'a self, text: &'a str, wants_groups: bool) -> Result<Matches<'a>> {
        self.check(text)?;
        Ok(Matches { pattern: self, text, wants_groups, from: Some(0) })
    }

    /// Fails on a text in which Java and Rust see the edges of words at different places.
    fn check(&self, text: &str) -> Result<()> {
        if !self.has_word_edges || text.is_ascii() {
            return Ok(());
        }
        let Some(odd) = ODD_WORDS.as_ref().and_then(|odd| odd.find(text)) else { return Ok(()) };
        let message = format!(
            "`\\b` of the pattern `{}` is not supported in a text with `{}`: whether that belongs to a word is not decided \
             as in Spark",
            self.java,
            odd.as_str().escape_unicode()
        );
        Err(data_error(message))
    }

    fn find(&self, text: &str, from: usize, wants_groups: bool) -> Option<Match> {
        if !wants_groups {
            let found = self.regex.find_at(text, from)?;
            // A tail ends where the text ends.
            if self.tails.is_empty() || found.end() < text.len() {
                return Some(Match { whole: found.range(), groups: Vec::new() });
            }
        }
        let captures = self.regex.captures_at(text, from)?;
        let tail = self.tails.iter().find_map(|tail| captures.get(*tail)).map_or(text.len(), |tail| tail.start());
        let range =
            |group: &Group| captures.get(group.number).map(|found| found.start().min(tail)..found.end().min(tail));
        Some(Match { whole: range(self.groups.first()?)?, groups: self.groups[1..].iter().map(range).collect() })
    }
}

/// Marks that belong to a word for Rust and, without a letter before them, not for Java; other characters that are part of
/// words for Rust alone; those that are younger than Java 17; and marks of which Java sees one half.
static ODD_WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = [
        r"(?:\A|[^\p{L}\p{Nd}\p{Mn}]|[\p{L}\p{Nd}&&[\x{10000}-\x{10FFFF}]])\p{Mn}",
        r"[\w--[\p{L}\p{Nd}\p{Mn}_]]",
        r"[\w--\p{age:13.0}]",
        r"[\p{Mn}&&[\x{10000}-\x{10FFFF}]]",
    ];
    Regex::new(&pattern.join("|")).ok()
});

/// The matches of a pattern by the rule of Java's `Matcher.find`: the next search begins where the last match ended, and an
/// empty match there counts, unless the last one was empty too.
pub(super) struct Matches<'a> {
    pattern: &'a Pattern,
    text: &'a str,
    wants_groups: bool,
    from: Option<usize>,
}

impl Iterator for Matches<'_> {
    type Item = Result<Match>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.pattern.find(self.text, self.from.take()?, self.wants_groups)?;
        let end = found.whole.end;
        if !found.whole.is_empty() {
            self.from = Some(end);
            return Some(Ok(found));
        }
        let Some(skipped) = self.text[end..].chars().next() else { return Some(Ok(found)) };
        // Java would go on in the middle of such a character, and cut it in two.
        if skipped.len_utf16() > 1 {
            let message = format!(
                "the pattern `{}` matches nothing before `{skipped}`, which is not supported; write it so that it matches \
                 at least one character",
                self.pattern.java
            );
            return Some(Err(data_error(message)));
        }
        self.from = Some(end + skipped.len_utf8());
        Some(Ok(found))
    }
}
