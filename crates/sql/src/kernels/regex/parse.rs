//! A Java pattern as a tree: what it means, by the rules of `java.util.regex.Pattern` of Java 17. What Rust has not (looking
//! around, possessive repeats, references to groups) is refused here, with what to write instead where there is something.

use std::collections::HashSet;

use super::escape::{Escape, character};

/// Deeper nesting than anyone writes; each level takes a piece of the stack.
const DEEPEST: usize = 60;

/// What stands in a pattern. The texts are Rust's words.
pub(super) enum Node {
    /// One character out of some.
    Character(String),
    /// The line break `\R`: one character or two.
    Break,
    /// A place between characters.
    Place(&'static str),
    /// Java's `$`: the end, or the place before a last line end.
    End,
    Group {
        captures: bool,
        inside: Box<Node>,
    },
    Repeat {
        inside: Box<Node>,
        least: u32,
        most: Option<u32>,
        lazy: bool,
        /// Written as anything but `?`.
        is_loop: bool,
    },
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
}

impl Node {
    pub(super) fn can_be_empty(&self) -> bool {
        match self {
            Self::Character(_) | Self::Break => false,
            Self::Place(_) | Self::End => true,
            Self::Group { inside, .. } => inside.can_be_empty(),
            Self::Repeat { inside, least, .. } => *least == 0 || inside.can_be_empty(),
            Self::Sequence(nodes) => nodes.iter().all(Self::can_be_empty),
            Self::Choice(nodes) => nodes.iter().any(Self::can_be_empty),
        }
    }

    /// Whether it can be matched in more than one way at one place.
    pub(super) fn has_ways(&self) -> bool {
        match self {
            Self::Repeat { .. } | Self::Choice(_) | Self::Break => true,
            Self::Character(_) | Self::Place(_) | Self::End => false,
            Self::Group { inside, .. } => inside.has_ways(),
            Self::Sequence(nodes) => nodes.iter().any(Self::has_ways),
        }
    }

    fn has_break(&self) -> bool {
        match self {
            Self::Break => true,
            Self::Character(_) | Self::Place(_) | Self::End => false,
            Self::Group { inside, .. } | Self::Repeat { inside, .. } => inside.has_break(),
            Self::Sequence(nodes) | Self::Choice(nodes) => nodes.iter().any(Self::has_break),
        }
    }
}

/// The flags that hold where the reader is; they go back to what they were where a group ends.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    dot_is_all: bool,
    lines: bool,
}

pub(super) struct Parser {
    pattern: Vec<char>,
    at: usize,
    depth: usize,
    pub(super) flags: Flags,
    names: HashSet<String>,
}

pub(super) fn parse(java: &str) -> Result<Node, String> {
    let pattern = super::escape::without_quotes(java);
    let mut parser = Parser { pattern, at: 0, depth: 0, flags: Flags::default(), names: HashSet::new() };
    let node = parser.choice()?;
    match parser.peek() {
        Some(_) => Err("`)` closes no group; write `\\\\)` for the character".into()),
        None => Ok(node),
    }
}

impl Parser {
    pub(super) fn peek(&self) -> Option<char> {
        self.pattern.get(self.at).copied()
    }

    pub(super) fn peek_second(&self) -> Option<char> {
        self.pattern.get(self.at + 1).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += 1;
        Some(character)
    }

    pub(super) fn take(&mut self, character: char) -> bool {
        let found = self.peek() == Some(character);
        self.at += usize::from(found);
        found
    }

    /// What is read inside brackets of either kind; they nest only so deep.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth == DEEPEST {
            return Err(format!("brackets are nested deeper than {DEEPEST} levels"));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn choice(&mut self) -> Result<Node, String> {
        let mut ways = vec![self.sequence()?];
        while self.take('|') {
            ways.push(self.sequence()?);
        }
        Ok(if ways.len() == 1 { ways.remove(0) } else { Node::Choice(ways) })
    }

    fn sequence(&mut self) -> Result<Node, String> {
        let mut nodes = Vec::new();
        while let Some(next) = self.peek() {
            if matches!(next, '|' | ')') {
                break;
            }
            self.at += 1;
            if let Some(node) = self.atom(next)? {
                nodes.push(self.repeated(node)?);
            }
        }
        Ok(Node::Sequence(nodes))
    }

    /// One thing that can be repeated; `None` where only flags are set.
    fn atom(&mut self, first: char) -> Result<Option<Node>, String> {
        Ok(Some(match first {
            '(' => return self.nested(Self::group),
            '[' => Node::Character(self.nested(Self::class)?),
            '.' if self.flags.dot_is_all => Node::Character("(?s:.)".into()),
            '.' => Node::Character("[^\\n\\r\\x{85}\\x{2028}\\x{2029}]".into()),
            '^' | '$' if self.flags.lines => {
                return Err(format!("`{first}` under `(?m)` is not supported; split the text into lines first"));
            }
            '^' => Node::Place("\\A"),
            '$' => Node::End,
            '*' | '+' | '?' | '{' => {
                return Err(format!("`{first}` repeats nothing; write `\\\\{first}` for the character"));
            }
            '\\' => match self.escape()? {
                Escape::Single(single) => Node::Character(character(single, self.flags.ignore_case)),
                Escape::Class(class) => Node::Character(class),
                Escape::Place(place) => Node::Place(place),
                Escape::End => Node::End,
                Escape::Break => Node::Break,
            },
            other => Node::Character(character(other, self.flags.ignore_case)),
        }))
    }

    fn group(&mut self) -> Result<Option<Node>, String> {
        let outside = self.flags;
        let mut captures = true;
        if self.take('?') {
            captures = match self.next() {
                Some(':') => false,
                Some('<') if !matches!(self.peek(), Some('=' | '!')) => self.name()?,
                Some('=' | '!' | '<') => {
                    let problem = "`(?=`, `(?!`, `(?<=` and `(?<!`, which look around, are not supported; \
                                   match what they look at too, and take or put back a group";
                    return Err(problem.into());
                }
                Some('>') => return Err("`(?>`, which never tries again, is not supported; write `(?:`".into()),
                Some(first) if self.set_flags(first)? => return Ok(None),
                _ => false,
            };
        }
        let inside = Box::new(self.choice()?);
        if !self.take(')') {
            return Err("`(` is never closed; write `\\\\(` for the character".into());
        }
        self.flags = outside;
        Ok(Some(Node::Group { captures, inside }))
    }

    /// Reads the name of a group. Nothing uses it: Spark itself replaces `${name}` before the pattern is seen.
    fn name(&mut self) -> Result<bool, String> {
        let mut name = String::new();
        while let Some(letter) = self.next() {
            match letter {
                '>' if !name.is_empty() && self.names.insert(name.clone()) => return Ok(true),
                letter if letter.is_ascii_alphabetic() || (letter.is_ascii_digit() && !name.is_empty()) => {
                    name.push(letter);
                }
                _ => break,
            }
        }
        Err(format!("`(?<{name}` does not begin a group with a name of its own; its letters and digits are ASCII's"))
    }

    /// Reads `i)` or `i:`; whether it is the first, which holds from here to the end of the group around it.
    fn set_flags(&mut self, first: char) -> Result<bool, String> {
        let (mut letter, mut on) = (Some(first), true);
        loop {
            match letter {
                Some('i') => self.flags.ignore_case = on,
                Some('s') => self.flags.dot_is_all = on,
                Some('m') => self.flags.lines = on,
                Some('-') if on => on = false,
                Some(')') => return Ok(true),
                Some(':') => return Ok(false),
                Some(other) => return Err(format!("the flag `{other}` after `(?` is not supported; `i` and `s` are")),
                None => return Err("`(?` is never closed".into()),
            }
            letter = self.next();
        }
    }

    fn repeated(&mut self, node: Node) -> Result<Node, String> {
        let is_loop = self.peek() != Some('?');
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => (0, Some(0)),
            _ => return Ok(node),
        };
        let braces = self.take('{');
        let (least, most) = if braces { self.counts()? } else { (least, most) };
        self.at += usize::from(!braces);
        if self.take('+') {
            return Err(
                "a repeat with `+` after it, which never gives back, is not supported; leave out the `+`".into()
            );
        }
        let lazy = self.take('?');
        // What a group holds after a round that matched nothing is not the same in Java and in Rust.
        if node.can_be_empty() && most.is_none_or(|most| most > 1) {
            return Err("a repeat of what can itself match nothing is not supported; write `(a+)*` for `(a*)*`".into());
        }
        // Repeated, it never gives back the `\n` of `\r\n` in Java.
        if node.has_break() {
            return Err("a repeat of `\\R` is not supported; write `[\\\\r\\\\n]+`".into());
        }
        Ok(Node::Repeat { inside: Box::new(node), least, most, lazy, is_loop })
    }

    /// Reads `2}`, `2,}` or `2,3}`.
    fn counts(&mut self) -> Result<(u32, Option<u32>), String> {
        let wrong = || "`{` does not begin a number of repeats; write `\\\\{` for the character".to_owned();
        let least = self.number().ok_or_else(wrong)?;
        if self.take('}') {
            return Ok((least, Some(least)));
        }
        if !self.take(',') {
            return Err(wrong());
        }
        if self.take('}') {
            return Ok((least, None));
        }
        let most = self.number().filter(|most| *most >= least).ok_or_else(wrong)?;
        if self.take('}') { Ok((least, Some(most))) } else { Err(wrong()) }
    }

    fn number(&mut self) -> Option<u32> {
        let mut digits = String::new();
        while let Some(digit) = self.peek().filter(char::is_ascii_digit) {
            digits.push(digit);
            self.at += 1;
        }
        digits.parse().ok()
    }
}
