//! The environment that is passed in: the process's variables over those of the project's `.env`.
//!
//! The risk: both hold secrets. Nothing here prints a value, and a message about `.env` never shows a line of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use headwater_plan::{Code, Diagnostic, Location};

/// The file of secrets and settings in the project's folder.
const FILE: &str = ".env";

/// The process environment over `.env`. `Debug` shows the names, never the values.
#[derive(Clone, Default)]
pub struct Environ {
    variables: BTreeMap<String, String>,
    /// The variables that somebody asked for, of this and all its clones: what a project comes to depends on no others.
    asked: Arc<Mutex<BTreeSet<String>>>,
}

impl PartialEq for Environ {
    fn eq(&self, other: &Self) -> bool {
        self.variables == other.variables
    }
}

impl Eq for Environ {}

impl Environ {
    /// These variables and no `.env`.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().collect(), asked: Arc::default() }
    }

    /// These variables of the process over those of the project's `.env`, if there is one.
    ///
    /// # Errors
    /// A `.env` that cannot be read, or a line of it that is not `NAME=value`.
    pub fn read(dir: &Path, process: impl IntoIterator<Item = (String, String)>) -> Result<Self, Diagnostic> {
        let path = dir.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::new(process)),
            // Some keep a folder of that name, of environments of Python for one.
            Err(_) if path.is_dir() => return Ok(Self::new(process)),
            Err(error) => {
                return Err(Diagnostic::error(Code::UnreadableFile, format!("cannot read `{}`", path.display()))
                    .help("it must be a readable text file in UTF-8, or not be there at all")
                    .caused_by(&error));
            }
        };
        let mut variables = BTreeMap::new();
        for pair in dotenvy::from_read_iter(text.as_bytes()) {
            let (name, value) = pair.map_err(|error| not_a_variable(&text, &error))?;
            variables.insert(name, value);
        }
        variables.extend(process);
        Ok(Self::new(variables))
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if !asked.contains(name) {
            asked.insert(name.to_owned());
        }
        self.variables.get(name).map(String::as_str)
    }

    /// The names that were asked for so far, whether there are such variables or not.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The names of all variables, for 'did you mean'.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }
}

impl fmt::Debug for Environ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.variables.keys().map(|name| (name, "***"))).finish()
    }
}

fn not_a_variable(text: &str, error: &dotenvy::Error) -> Diagnostic {
    let line = match error {
        // The error holds the line or the value in it, and what follows when a quote is never closed.
        dotenvy::Error::LineParse(wrong, _) => {
            let wrong = wrong.lines().next().unwrap_or_default().trim();
            text.lines().position(|line| !wrong.is_empty() && line.contains(wrong))
        }
        _ => None,
    };
    // The error itself quotes the line, which may hold a secret: it is not kept as a cause.
    let wrong = Diagnostic::error(Code::InvalidValue, format!("a line of `{FILE}` is not `NAME=value`"))
        .help("put a value with spaces, `#` or quotes in single quotes: `NAME='a value'`");
    match line {
        Some(line) => wrong.at(Location::line(FILE, line as u64 + 1)),
        None => wrong,
    }
}
