//! What can be wrong with a contract, and how the user is told.

use headwater_plan::{Code, ContractColumn, Diagnostic};

/// A column of a contract that no file can meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractProblem {
    /// The column.
    pub column: ContractColumn,
    /// What is wrong.
    pub kind: ContractProblemKind,
}

/// What can be wrong with a column of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContractProblemKind {
    /// A type that files of the format have no text for.
    Type {
        /// The format.
        format: &'static str,
    },
    /// A `format` on a type that has none.
    FormatOnType,
    /// A `format` that is not a pattern.
    Format {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `decimal_sep` or `group_sep` on a type that is no number.
    SignsOnType,
    /// `decimal_sep` and `group_sep` that cannot be told apart from each other or from a number's own characters.
    Signs {
        /// `decimal_sep`.
        decimal: char,
        /// `group_sep`.
        group: Option<char>,
    },
    /// A `default` that its own type does not read.
    Default {
        /// The text.
        text: String,
    },
    /// Another column of the contract has the name.
    Duplicate,
    /// Another column of the contract is read from the same column of the file.
    SourceTwice,
    /// A stamp column has the name.
    Reserved,
}

impl ContractProblem {
    /// The message to the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let (name, data_type) = (&self.column.name, &self.column.data_type);
        let (code, message, help) = match &self.kind {
            ContractProblemKind::Type { format } => (
                Code::Unsupported,
                format!("column `{name}`: `{data_type}` cannot be loaded from {}", format.to_uppercase()),
                "declare `string` and convert it in a model",
            ),
            ContractProblemKind::FormatOnType => (
                Code::InvalidValue,
                format!("column `{name}` is `{data_type}` and has a `format`"),
                "only `date`, `timestamp` and `timestamp_ntz` have one",
            ),
            ContractProblemKind::Format { pattern, reason } => (
                Code::InvalidValue,
                format!("column `{name}`: `{pattern}` is not a datetime pattern that can be read: {reason}"),
                "patterns are those of Spark, for example `dd-MM-yyyy` or `yyyy-MM-dd'T'HH:mm:ss`",
            ),
            ContractProblemKind::SignsOnType => (
                Code::InvalidValue,
                format!("column `{name}` is `{data_type}` and has a `decimal_sep` or `group_sep`"),
                "only numbers have them",
            ),
            ContractProblemKind::Signs { decimal, group } => (
                Code::InvalidValue,
                match group {
                    Some(group) => format!(
                        "column `{name}`: `decimal_sep` {decimal:?} and `group_sep` {group:?} cannot be told from each other or from a digit"
                    ),
                    None => format!("column `{name}`: `decimal_sep` {decimal:?} cannot be told from a digit"),
                },
                "for `1.234,56` they are `decimal_sep: \",\"` and `group_sep: \".\"`",
            ),
            ContractProblemKind::Default { text } => (
                Code::InvalidValue,
                format!("column `{name}`: the default `{text}` is not a valid `{data_type}`"),
                "write the default as the file would: in the column's `format`, with its `decimal_sep`",
            ),
            ContractProblemKind::Duplicate => (
                Code::DuplicateName,
                format!("column `{name}` is declared twice"),
                "names are compared without regard to case",
            ),
            ContractProblemKind::SourceTwice => (
                Code::DuplicateName,
                format!(
                    "column `{name}` is read from `{}`, as another column of the contract is",
                    self.column.name_in_file()
                ),
                "a column of a file goes to one column of the table; copy it in a model",
            ),
            ContractProblemKind::Reserved => (
                Code::DuplicateName,
                format!("column `{name}` has the name of a column that every ingested table gets"),
                "give it another name and the file's as its `source_name`",
            ),
        };
        Diagnostic::error(code, message).at(self.column.location.clone()).help(help)
    }
}
