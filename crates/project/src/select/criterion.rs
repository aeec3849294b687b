//! One selector, taken apart.

use headwater_plan::{Code, Diagnostic};

use super::Indirect;
use super::method::Method;

/// `[@|[n]+][method:]value[+[n]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Criterion {
    pub(super) with_parents_of_children: bool,
    pub(super) parents: Option<Depth>,
    pub(super) children: Option<Depth>,
    pub(super) method: Method,
    pub(super) value: String,
    /// Which tests come with what it selects, where it says so itself.
    pub(super) indirect: Option<Indirect>,
}

/// How far along the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    All,
    Steps(usize),
}

impl Depth {
    fn parse(digits: &str) -> Option<Self> {
        if digits.is_empty() { Some(Self::All) } else { digits.parse().ok().map(Self::Steps) }
    }

    /// Whether another step may follow so many.
    pub(super) fn allows(self, steps: usize) -> bool {
        match self {
            Self::All => true,
            Self::Steps(most) => steps < most,
        }
    }
}

impl Criterion {
    pub(super) fn parse(text: &str) -> Result<Self, Diagnostic> {
        let invalid = |why: &str| {
            Err(Diagnostic::error(Code::InvalidSelector, format!("`{text}` is not a selector: {why}")).help(
                "for example `daily_metrics`, `+daily_metrics`, `tag:gold`, `path:models/gold`, `source:rental+`",
            ))
        };
        let mut rest = text;
        let with_parents_of_children = rest.starts_with('@');
        rest = rest.strip_prefix('@').unwrap_or(rest);
        let mut parents = None;
        if let Some((before, after)) = rest.split_once('+')
            && before.chars().all(|c| c.is_ascii_digit())
        {
            parents = Depth::parse(before);
            rest = after;
        }
        let mut children = None;
        if let Some((before, after)) = rest.rsplit_once('+')
            && after.chars().all(|c| c.is_ascii_digit())
        {
            children = Depth::parse(after);
            rest = before;
        }
        if with_parents_of_children && (parents.is_some() || children.is_some()) {
            return invalid("`@` goes with no `+`");
        }
        let (method, value) = match rest.split_once(':') {
            Some((method, value)) => (Method::parse(method)?, value),
            None => (Method::of_value(rest), rest),
        };
        if value.is_empty() {
            return invalid("it names nothing");
        }
        method.check_value(value)?;
        Ok(Self { with_parents_of_children, parents, children, method, value: value.to_owned(), indirect: None })
    }
}
