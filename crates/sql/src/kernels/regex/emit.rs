//! The tree of a Java pattern in Rust's words.

use std::fmt::Write;

use super::parse::Node;

/// Java's `$`, which takes no room. Rust cannot look at what follows without taking it, so it is taken by a group of its own,
/// the tail, that is cut off the match afterwards. `(?mR:$)` keeps it from between `\r` and `\n`, where Java's does not stand.
const END: &str = "((?mR:$)(?:\\r\\n|[\\n\\r])?\\z|[\\x{85}\\x{2028}\\x{2029}]\\z)";

/// A pattern in Rust's words.
#[derive(Default)]
pub(super) struct Emitted {
    pub(super) rust: String,
    /// Java's groups, the whole match first.
    pub(super) groups: Vec<Group>,
    /// Which of Rust's groups are tails.
    pub(super) tails: Vec<usize>,
    /// Whether it asks for the edges of words.
    pub(super) has_word_edges: bool,
    /// How many groups Rust counts.
    counted: usize,
    /// How many repeats stand around what is being written.
    loops: usize,
}

/// A group of Java's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// Its number in Rust.
    pub(super) number: usize,
    /// Whether it stands inside a repeat: when a round is taken back, Java does not always take back what it held.
    pub(super) is_unsure: bool,
}

pub(super) fn emit(node: &Node) -> Result<Emitted, String> {
    let mut emitted = Emitted::default();
    emitted.groups.push(Group { number: 0, is_unsure: false });
    emitted.node(node, true)?;
    Ok(emitted)
}

impl Emitted {
    /// The number of the group that begins here.
    fn count(&mut self) -> usize {
        self.counted += 1;
        self.counted
    }

    /// Adds a node; `is_last` when nothing of the pattern can come after it.
    fn node(&mut self, node: &Node, is_last: bool) -> Result<(), String> {
        match node {
            Node::Character(text) => self.rust.push_str(text),
            Node::Break => self.rust.push_str("(?:\\r\\n|[\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}])"),
            Node::Place(place) => {
                self.has_word_edges |= *place == "\\b";
                let _ = write!(self.rust, "(?:{place})");
            }
            Node::End if is_last => {
                let tail = self.count();
                self.tails.push(tail);
                self.rust.push_str(END);
            }
            Node::End => {
                return Err(
                    "`$` with more of the pattern after it is not supported; write `\\\\z` for the end of the text"
                        .into(),
                );
            }
            Node::Group { captures, inside } => self.group(*captures, inside, is_last)?,
            Node::Repeat { inside, least, most, lazy, is_loop } => {
                self.repeated(inside, is_last && *most == Some(1), *is_loop)?;
                let _ = match most {
                    Some(most) => write!(self.rust, "{{{least},{most}}}"),
                    None => write!(self.rust, "{{{least},}}"),
                };
                self.rust.push_str(if *lazy { "?" } else { "" });
            }
            Node::Sequence(nodes) => {
                for (index, inside) in nodes.iter().enumerate() {
                    self.node(inside, is_last && index + 1 == nodes.len())?;
                }
            }
            Node::Choice(ways) => self.choice(ways, is_last)?,
        }
        Ok(())
    }

    fn group(&mut self, captures: bool, inside: &Node, is_last: bool) -> Result<(), String> {
        if captures {
            let group = Group { number: self.count(), is_unsure: self.loops > 0 };
            self.groups.push(group);
        }
        self.rust.push_str(if captures { "(" } else { "(?:" });
        self.node(inside, is_last)?;
        self.rust.push(')');
        Ok(())
    }

    fn repeated(&mut self, node: &Node, is_last: bool, is_loop: bool) -> Result<(), String> {
        let first_inside = self.groups.len();
        let around = self.loops;
        self.loops += usize::from(is_loop);
        self.node(node, is_last)?;
        self.loops = around;
        // The group that is itself repeated holds what it should; what is inside it may not.
        if matches!(node, Node::Group { captures: true, .. }) {
            self.groups[first_inside].is_unsure = around > 0;
        }
        Ok(())
    }

    /// Rust takes what two ways begin with in front of both, even where that changes which is tried first (`a*a|a*b` in `ab`).
    /// A group around a way makes its beginning its own.
    fn choice(&mut self, ways: &[Node], is_last: bool) -> Result<(), String> {
        for (index, way) in ways.iter().enumerate() {
            self.rust.push_str(if index == 0 { "" } else { "|" });
            let is_apart = index > 0 && way.has_ways();
            if is_apart {
                self.count();
                self.rust.push('(');
            }
            self.node(way, is_last)?;
            self.rust.push_str(if is_apart { ")" } else { "" });
        }
        Ok(())
    }
}
