//! What can be wrong with a piece of SQL, and where in its text.

use headwater_plan::{Code, Diagnostic};

/// A place in the SQL text that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u32,
    /// How many characters are meant; at least 1.
    pub length: u32,
}

/// One thing that is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    /// Which situation it is.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// Where; `None` when it belongs to the query as a whole.
    pub position: Option<Position>,
    /// What to do next.
    pub help: Option<String>,
}

impl SqlError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), position: None, help: None }
    }

    /// A construct or function that is known and refused rather than answered differently from Spark.
    pub(crate) fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::new(Code::UnsupportedSql, format!("{what} is not supported yet"))
    }

    pub(crate) fn mismatch(message: impl Into<String>) -> Self {
        Self::new(Code::TypeMismatch, message)
    }

    /// Something that the passes of this crate promise each other did not hold.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    pub(crate) fn at(mut self, position: impl Into<Option<Position>>) -> Self {
        // The innermost place is the most exact one: whoever knew first keeps it.
        self.position = self.position.or(position.into());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn help_if(mut self, help: Option<String>) -> Self {
        self.help = self.help.or(help);
        self
    }

    /// The message for the user. The caller knows which file the SQL stands in and adds the location.
    pub fn diagnostic(&self) -> Diagnostic {
        let mut diagnostic = match self.code {
            Code::Internal => Diagnostic::internal(&self.message),
            code => Diagnostic::error(code, &self.message),
        };
        if let Some(help) = &self.help {
            diagnostic.help = Some(help.clone());
        }
        diagnostic
    }
}

impl From<&SqlError> for Diagnostic {
    fn from(error: &SqlError) -> Self {
        error.diagnostic()
    }
}

/// `did you mean` of a wrong name, or the list of what there is when it is short enough to read.
pub(crate) fn suggest<'a>(wrong: &str, what: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = headwater_plan::diagnostic::did_you_mean(wrong, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    if known.is_empty() {
        return None;
    }
    // More than a screenful helps nobody.
    let shown: Vec<String> = known.iter().take(20).map(|name| format!("`{name}`")).collect();
    let rest = known.len().saturating_sub(shown.len());
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    Some(format!("{what}: {}{more}", shown.join(", ")))
}
