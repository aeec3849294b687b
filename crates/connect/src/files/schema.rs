//! Columns that a file has and its contract does not fit, where there is no header line to point at: JSON, Parquet, Avro.

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Contract, Diagnostic, Location};

use super::FilesError;

/// More problems than a person reads; the rest are counted.
const MAX_PROBLEMS: usize = 50;

/// A column of a file that does not fit its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaProblem {
    /// The file.
    pub path: String,
    /// The line, for JSON; 1 for files that have none.
    pub line: u64,
    /// What is wrong.
    pub kind: SchemaProblemKind,
}

/// What can be wrong with a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaProblemKind {
    /// A column of the contract is not there.
    Missing {
        /// The column.
        column: String,
        /// The column of the file that may be meant.
        meant: Option<String>,
        /// The columns of the file.
        found: Vec<String>,
    },
    /// The contract has no such column.
    Unexpected {
        /// The column; with points, a field inside one.
        column: String,
    },
    /// Two columns of the file have one name.
    Duplicate {
        /// The name.
        column: String,
    },
    /// The file's type cannot become that of the contract.
    Type {
        /// The column; with points, a field inside one.
        column: String,
        /// The type of the contract.
        declared: String,
        /// The type of the file.
        found: String,
    },
}

impl SchemaProblem {
    /// The message to the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let path = &self.path;
        let (code, message, help) = match &self.kind {
            SchemaProblemKind::Missing { column, meant, found } => (
                Code::MissingColumn,
                format!("`{path}` has no column `{column}`, which the contract requires"),
                match meant {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("its columns are {}", listed(found)),
                },
            ),
            SchemaProblemKind::Unexpected { column } => (
                Code::UnexpectedColumn,
                format!("`{path}` has a column `{column}`, which the contract has not"),
                "declare the column, or leave such columns out with `on_schema_change: ignore`".to_owned(),
            ),
            SchemaProblemKind::Duplicate { column } => (
                Code::DuplicateName,
                format!("two columns of `{path}` are named `{column}`"),
                "names are compared without regard to case; rename one of them in the file".to_owned(),
            ),
            SchemaProblemKind::Type { column, declared, found } => (
                Code::TypeMismatch,
                format!("column `{column}` of `{path}` is `{found}`, which cannot become `{declared}`"),
                "declare a type that holds it, and convert it in a model".to_owned(),
            ),
        };
        Diagnostic::error(code, message).at(Location::line(path, self.line)).help(help)
    }

    /// A column that the contract names and the file has not.
    pub(crate) fn missing(path: &str, column: &str, found: &[&str], contract: &Contract) -> Self {
        let known = |name: &str| contract.columns.iter().any(|c| c.name_in_file().eq_ignore_ascii_case(name));
        let meant = did_you_mean(column, found.iter().copied().filter(|name| !known(name))).map(str::to_owned);
        let found = found.iter().map(|name| (*name).to_owned()).collect();
        Self {
            path: path.to_owned(),
            line: 1,
            kind: SchemaProblemKind::Missing { column: column.to_owned(), meant, found },
        }
    }
}

/// All problems of all files as one error; nothing if there are none.
pub(crate) fn refuse(mut problems: Vec<SchemaProblem>) -> Result<(), FilesError> {
    if problems.is_empty() {
        return Ok(());
    }
    let omitted = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    Err(FilesError::Schema { problems, omitted })
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(20).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > 20 { format!(" and {} more", names.len() - 20) } else { String::new() };
    shown.join(", ") + &more
}
