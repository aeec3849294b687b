//! Every error or warning that a user can see: a stable code, what, where, what to do next, whose fault.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Code, NodeId};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The command cannot do what it was asked.
    Error,
    /// It can, and the user should know something.
    Warning,
}

/// Whose turn it is. The exit code follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The project, the data or the command line must change: exit code 1.
    User,
    /// Headwater is wrong: exit code 2.
    Headwater,
    /// A check of the data failed, as it was asked to: exit code 3.
    Check,
    /// Another system failed: exit code 4.
    Outside,
}

impl Fault {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::User => 1,
            Self::Headwater => 2,
            Self::Check => 3,
            Self::Outside => 4,
        }
    }
}

/// A place in a file that the user wrote or gave us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The file, relative to the project where it lies inside it.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u32,
    /// How many characters are meant; at least 1.
    pub length: u32,
    /// The text of that line, for the reader; kept here so that nobody reads the file again.
    pub text: Option<String>,
}

impl Location {
    /// The first character of a file's line.
    pub fn line(file: impl Into<PathBuf>, line: u64) -> Self {
        Self { file: file.into(), line, column: 1, length: 1, text: None }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// One message to the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What happened: lower case, no full stop, literals in backticks, what was expected and what was found.
    pub message: String,
    /// Where, if it lies in a file.
    pub location: Option<Location>,
    /// The node it belongs to.
    pub node: Option<NodeId>,
    /// What to do next.
    pub help: Option<String>,
    /// The chain of causes as other systems and libraries worded them, outermost first.
    pub causes: Vec<String>,
    /// Whose turn it is.
    pub fault: Fault,
    /// Whether the same call can succeed when tried again unchanged.
    pub retryable: bool,
}

impl Diagnostic {
    /// An error of the user's.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            location: None,
            node: None,
            help: None,
            causes: Vec::new(),
            fault: Fault::User,
            retryable: false,
        }
    }

    /// A warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// An error of ours: something that Headwater promised itself did not hold.
    pub fn internal(message: impl Into<String>) -> Self {
        let mut internal = Self::error(Code::Internal, message).fault(Fault::Headwater);
        internal.help = Some("this is a fault in headwater: please report it with this message".into());
        internal
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Says which node.
    #[must_use]
    pub fn node(mut self, node: NodeId) -> Self {
        self.node = Some(node);
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says whose turn it is.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }

    /// Says that trying again can help.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Keeps an error and its whole chain of sources as causes.
    #[must_use]
    pub fn caused_by(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let text = error.to_string();
            // Many libraries repeat the inner text in the outer one; the reader needs it once.
            if !self.causes.iter().any(|known| known.contains(&text)) {
                self.causes.push(text);
            }
            cause = error.source();
        }
        self
    }

    /// Whether it stops the command.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// All that a pass found, for passes that collect every error before they stop.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Whether any of them stops the command.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(Diagnostic::is_error)
    }

    /// The exit code: that of the first error, 0 without one.
    pub fn exit_code(&self) -> u8 {
        self.0.iter().find(|diagnostic| diagnostic.is_error()).map_or(0, |diagnostic| diagnostic.fault.exit_code())
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: T) {
        self.0.extend(diagnostics);
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The known name nearest to a wrong one, if it is near enough to be what was meant.
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count().max(wrong.chars().count()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
