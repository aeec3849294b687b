//! Every way in which the engine can fail.

use std::path::PathBuf;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use headwater_connect::files::{FilesError, Rejected};
use headwater_lake::{LakeError, LedgerFile};
use headwater_plan::{AfterLoad, BadRowLimit, Code, Constraint, Diagnostic, FileSet, Node, TableName};
use headwater_sql::SqlError;

use self::query::{query, what_failed};
use headwater_plan::refusal::{IncrementalError, SnapshotError};

mod query;

/// A failure of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The lake cannot be read or written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Files cannot be listed or read, or their headers do not fit.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A source that never had a file has none now.
    #[error("no file matches `{}`, and `{target}` was never loaded", set.written)]
    NoFiles {
        /// The source's files.
        set: Box<FileSet>,
        /// The table that they are for.
        target: TableName,
    },
    /// The folder of a source's files is not there.
    #[error("no file matches `{}`: the folder `{}` does not exist", set.written, folder.display())]
    NoFolder {
        /// The source's files.
        set: Box<FileSet>,
        /// The folder.
        folder: PathBuf,
    },
    /// Files that were loaded have another content now.
    #[error("`{}`{} changed after it was loaded into `{target}`", files.first().map_or("", |file| &file.path), and_more(files.len()))]
    FileChanged {
        /// The files as they are now.
        files: Vec<LedgerFile>,
        /// The table that they were loaded into.
        target: TableName,
    },
    /// Files that an earlier run had begun to load are gone.
    #[error("`{}`{} is gone, and an earlier run had begun to load it into `{target}`", files.first().map_or("", |file| &file.path), and_more(files.len()))]
    FileVanished {
        /// The files as they were planned.
        files: Vec<LedgerFile>,
        /// The table that they are for.
        target: TableName,
    },
    /// Records that do not fit the contract.
    #[error("{count} records do not fit the contract")]
    BadRows {
        /// The first of them, in the order of the files and lines; never empty.
        examples: Vec<Rejected>,
        /// How many there are in all.
        count: u64,
        /// How many records were read.
        records: u64,
        /// The table that they are for.
        target: TableName,
    },
    /// More records do not fit the contract than the source allows.
    #[error("{count} of {records} records do not fit the contract, more than {}", limit_words(*limit))]
    TooManyBadRows {
        /// The first of them, in the order of the files and lines; never empty.
        examples: Vec<Rejected>,
        /// How many there are in all.
        count: u64,
        /// How many records were read.
        records: u64,
        /// How many may be.
        limit: BadRowLimit,
        /// The table that they are for.
        target: TableName,
    },
    /// Records that are neither in a file for the table nor in one for the quarantine: our mistake, found in time.
    #[error("of {records} records for `{target}`, {rows} became rows and {set_aside} were set aside")]
    RowsLost {
        /// How many records were read.
        records: u64,
        /// How many rows were written for the table.
        rows: u64,
        /// How many were written for the quarantine.
        set_aside: u64,
        /// The table that they are for.
        target: TableName,
    },
    /// A full refresh of a table that holds rows of files that are gone.
    #[error("`--full-refresh` would lose the rows of `{file}`{} in `{target}`", and_more(*files))]
    RefreshLosesRows {
        /// The first of the files.
        file: String,
        /// How many they are.
        files: usize,
        /// What became of them.
        after_load: AfterLoad,
        /// The table.
        target: TableName,
    },
    /// A replay beside a batch that an earlier run has not ended.
    #[error("an earlier run did not finish loading `{target}`")]
    LoadPending {
        /// The table.
        target: TableName,
    },
    /// A file to be forgotten that no batch holds.
    #[error("`{file}` was never loaded into `{target}`")]
    NeverLoaded {
        /// The file, as it was asked for.
        file: String,
        /// The file that was meant, if one is near.
        meant: Option<String>,
        /// The table.
        target: TableName,
    },
    /// A file to be forgotten by a name that several files have.
    #[error("`{file}` may be any of {} files that were loaded into `{target}`", files.len())]
    SeveralFiles {
        /// The name, as it was asked for.
        file: String,
        /// The files.
        files: Vec<String>,
        /// The table.
        target: TableName,
    },
    /// A rule of a contract that does not fit its columns.
    #[error("the rule `{}` cannot be checked: {}", rule.written, errors.first().map_or("", |error| &error.message))]
    Rule {
        /// The rule.
        rule: Box<Constraint>,
        /// All that is wrong with it; never empty.
        errors: Vec<SqlError>,
    },
    /// A rule of a contract that cannot be made ready to be evaluated: our mistake.
    #[error("the rule `{}` cannot be checked", rule.written)]
    RuleNotCompiled {
        /// The rule.
        rule: Box<Constraint>,
        /// What DataFusion says.
        source: DataFusionError,
    },
    /// Rows of the quarantine that cannot be built or read.
    #[error("cannot build or read the rows of the quarantine")]
    QuarantineRows(#[source] ArrowError),
    /// A table or view that a step reads is not in the lake.
    #[error("`{missing}` is not in the lake")]
    MissingInput {
        /// The table or view.
        missing: TableName,
    },
    /// A table that something else should have written is not there.
    #[error("`{table}` is not in the lake, and nothing in this project loads it")]
    MissingTable {
        /// The table.
        table: TableName,
    },
    /// A table that something else writes lacks declared columns.
    #[error("`{table}` does not have the columns that are declared for it: {}", differences.join(", "))]
    DeclaredColumns {
        /// The table.
        table: TableName,
        /// Each difference, in words.
        differences: Vec<String>,
    },
    /// A query gives other columns than when the project was compiled.
    #[error("the query gives other columns now than when the project was checked: {}", differences.join(", "))]
    ColumnsChanged {
        /// Each difference, in words.
        differences: Vec<String>,
    },
    /// A query that the lake as it is cannot answer.
    #[error("{}", errors.first().map_or("", |error| &error.message))]
    Sql {
        /// All that is wrong; never empty.
        errors: Vec<SqlError>,
    },
    /// A template asks for more rows than it may have.
    #[error("the query gives more than {most} rows, and a template may ask for at most so many")]
    TooManyRows {
        /// How many it may have.
        most: usize,
    },
    /// What a test counts is no count.
    #[error("`fail_calc: {fail_calc}` of test `{test}` gives null")]
    NoCount {
        /// The test.
        test: String,
        /// What it counts.
        fail_calc: String,
    },
    /// A statement before or after a node's step failed.
    #[error("the {place} of `{node}` failed: {}", source.told())]
    Hook {
        /// `pre-hook` or `post-hook`.
        place: &'static str,
        /// The node.
        node: String,
        /// Which of them, from 1, and how many there are.
        number: (usize, usize),
        /// What went wrong.
        source: Box<EmbeddedError>,
    },
    /// A table that a statement changes while others do, again and again.
    #[error("`{table}` was changed by others {attempts} times while it was to be changed")]
    Overtaken {
        /// The table.
        table: TableName,
        /// How often it was tried.
        attempts: u32,
    },
    /// Several rows of a source match one row of a table.
    #[error("rows of `{target}` match several rows of the source: there are {matches} matches for {}", rows_words(*rows))]
    SeveralMatches {
        /// The table.
        target: TableName,
        /// How many pairs of rows there are.
        matches: u64,
        /// How many rows of the table are in them.
        rows: u64,
    },
    /// A snapshot that cannot be taken.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A node that waits for rows was to be executed before it was compiled with them.
    #[error("it is not compiled yet: it waits for {}", names(waits_for))]
    NotCompiled {
        /// What it waits for.
        waits_for: Vec<TableName>,
    },
    /// A query failed while it ran.
    #[error("{}", what_failed(source))]
    Query {
        /// What DataFusion says.
        source: DataFusionError,
        /// The bytes that queries may hold.
        memory_limit: u64,
    },
    /// An increment that cannot go into its table.
    #[error(transparent)]
    Incremental(#[from] IncrementalError),
    /// Rows that cannot be put together: our mistake.
    #[error("the rows of a query cannot be put together")]
    Rows {
        /// What Arrow says.
        source: ArrowError,
    },
    /// The user stopped the run.
    #[error("stopped before it was done")]
    Cancelled,
}

pub(crate) fn and_more(files: usize) -> String {
    match files {
        0 | 1 => String::new(),
        2 => " (and another file)".to_owned(),
        many => format!(" (and {} other files)", many - 1),
    }
}

fn names(tables: &[TableName]) -> String {
    if tables.is_empty() {
        return "rows".to_owned();
    }
    tables.iter().map(|table| format!("`{table}`")).collect::<Vec<_>>().join(", ")
}

fn rows_words(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

fn limit_words(limit: BadRowLimit) -> String {
    match limit {
        BadRowLimit::Rows(rows) => format!("the {rows} of `max_bad_rows`"),
        BadRowLimit::Millionths(share) => format!("the {} % of `max_bad_rows`", f64::from(share) / 10_000.0),
    }
}

impl EmbeddedError {
    /// Whether a load failed because of what is in the files, so that it would fail again.
    pub(crate) fn is_of_the_files(&self) -> bool {
        match self {
            Self::BadRows { .. } | Self::TooManyBadRows { .. } => true,
            Self::Files(error) => matches!(
                error,
                FilesError::Damaged { .. }
                    | FilesError::Archive { .. }
                    | FilesError::Schema { .. }
                    | FilesError::PathNotText { .. }
                    | FilesError::Unreadable { .. }
                    | FilesError::Changed { .. }
                    | FilesError::Header { .. }
                    | FilesError::Contract { .. }
                    | FilesError::Option { .. }
                    | FilesError::Rejected { .. }
            ),
            _ => false,
        }
    }

    /// The message for the user, as that of a node. What has no place of its own is the node's.
    pub fn of(&self, node: &Node) -> Diagnostic {
        let mut diagnostic = self.diagnostic();
        diagnostic.location.get_or_insert_with(|| node.location.clone());
        diagnostic.node.get_or_insert_with(|| node.id.clone());
        match self {
            Self::Query { .. } => {
                diagnostic.message = format!("`{}` failed while it ran: {}", node.name, diagnostic.message);
            }
            Self::Sql { .. } | Self::ColumnsChanged { .. } => {
                diagnostic.message = format!("`{}` cannot run: {}", node.name, diagnostic.message);
            }
            Self::MissingInput { missing } => {
                diagnostic.message = format!("`{}` reads `{missing}`, which is not in the lake", node.name);
                diagnostic.help = Some(format!("build what it reads first: `headwater run --select +{}`", node.name));
            }
            _ => {}
        }
        diagnostic
    }

    /// What happened, without what only the whole message has.
    fn told(&self) -> String {
        self.diagnostic().message
    }

    /// The message for the user.
    pub fn diagnostic(&self) -> Diagnostic {
        let error = |code| Diagnostic::error(code, self.to_string());
        match self {
            Self::Lake(source) => source.diagnostic(),
            Self::Files(source) => files(source),
            Self::NoFiles { set, .. } => error(Code::NoFiles)
                .at(set.location.clone())
                .help(format!("looked for `{}`: put the files there, or change `files:`", set.pattern)),
            Self::NoFolder { set, .. } => error(Code::NoFiles)
                .at(set.location.clone())
                .help(format!("looked for `{}`: make the folder, or change `files:`", set.pattern)),
            Self::FileChanged { .. } => error(Code::FileChanged).help(
                "files are loaded once: give new content a new name, or say what to do with it: `on_file_change: ignore` \
                 or `load_again`; `--full-refresh` loads everything again",
            ),
            Self::FileVanished { .. } => error(Code::NoFiles)
                .help("put it back and run again, or let it go with `headwater sources forget`"),
            Self::BadRows { examples, count, records, target } => {
                let outcome = format!("{count} of {records} records do not fit, and nothing was loaded into `{target}`");
                bad_rows(examples, *count, &outcome)
            }
            Self::TooManyBadRows { examples, count, records, limit, target } => {
                let limit = limit_words(*limit);
                let outcome = format!(
                    "{count} of {records} records do not fit, more than {limit}, and nothing was loaded into `{target}`"
                );
                Diagnostic { code: Code::TooManyBadRows, ..bad_rows(examples, *count, &outcome) }
            }
            Self::RefreshLosesRows { after_load, .. } => error(Code::NoFiles).help(match after_load {
                AfterLoad::Archive(folder) => format!("move the files back from `{folder}` first"),
                _ => "they were deleted once they were loaded; with `after_load: keep`, the table is built anew from the \
                      files that are there"
                    .to_owned(),
            }),
            Self::LoadPending { .. } => error(Code::LakeInUse).help("finish it first: `headwater run`"),
            Self::NeverLoaded { meant: Some(meant), .. } => {
                error(Code::UnknownFile).help(format!("did you mean `{meant}`?"))
            }
            Self::NeverLoaded { meant: None, .. } => {
                error(Code::UnknownFile).help("`headwater sources show` lists the files that were loaded")
            }
            Self::SeveralFiles { files, .. } => Diagnostic {
                causes: files.iter().take(5).map(|file| format!("`{file}`")).collect(),
                ..error(Code::UnknownFile).help("write its whole path")
            },
            Self::Rule { rule, errors } => Diagnostic {
                causes: errors.iter().skip(1).map(|error| error.message.clone()).collect(),
                ..error(errors.first().map_or(Code::SqlSyntax, |error| error.code)).at(rule.location.clone())
            },
            Self::RuleNotCompiled { rule, source } => {
                Diagnostic::internal(self.to_string()).at(rule.location.clone()).caused_by(source)
            }
            Self::RowsLost { .. } => Diagnostic::internal(self.to_string()),
            Self::QuarantineRows(source) => Diagnostic::internal(self.to_string()).caused_by(source),
            Self::MissingInput { .. } => error(Code::UnknownTable).help("build it first"),
            Self::MissingTable { .. } => error(Code::UnknownTable)
                .help("let whatever writes it run first, or give the source an `ingest:` to load it here"),
            Self::DeclaredColumns { .. } => {
                error(Code::SchemaMismatch).help("change the declared columns, or whatever writes the table")
            }
            Self::ColumnsChanged { .. } => error(Code::SchemaMismatch)
                .help("what it reads is out of date: run that too, with a `+` before the name"),
            Self::Sql { errors } => sql(errors),
            Self::NotCompiled { .. } => error(Code::UnknownTable).help("build what it waits for first"),
            Self::TooManyRows { .. } => {
                error(Code::ExecutionFailed).help("ask for fewer: a `limit`, an aggregate, or `select distinct`")
            }
            Self::NoCount { .. } => {
                error(Code::ExecutionFailed).help("make it a number for no rows too: `coalesce(sum(n), 0)`")
            }
            Self::Hook { source, number: (number, of), .. } => {
                let mut diagnostic = Diagnostic { message: self.to_string(), ..source.diagnostic() };
                // Places are those of the statement's text, which the node's file does not hold as it is.
                diagnostic.location = None;
                if *of > 1 {
                    diagnostic.causes.push(format!("it is statement {number} of {of}"));
                }
                diagnostic
            }
            Self::Overtaken { .. } => {
                error(Code::LakeInUse).help("run again: nothing of the statement happened").retryable()
            }
            Self::SeveralMatches { .. } => error(Code::ExecutionFailed)
                .help("let the source have one row for each: `qualify row_number() over (partition by <key>) = 1`"),
            Self::Snapshot(source) => source.diagnostic(),
            Self::Query { source, memory_limit } => query(source, *memory_limit),
            Self::Incremental(source) => source.diagnostic(),
            Self::Rows { source } => Diagnostic::internal(self.to_string()).caused_by(source),
            Self::Cancelled => error(Code::Cancelled),
        }
    }
}

/// The first problem where it stands, the others as causes.
fn files(error: &FilesError) -> Diagnostic {
    let mut problems = error.diagnostics().0;
    // A column that is missing explains one that is unexpected, not the other way round.
    problems.sort_by_key(|problem| problem.code == Code::UnexpectedColumn);
    let mut problems = problems.into_iter();
    let Some(mut first) = problems.next() else { return error.diagnostic() };
    first.causes.extend(problems.map(|problem| problem.message));
    first
}

/// The first bad record where it stands, and what it means for the others; the next ones as causes.
pub(crate) fn bad_rows(examples: &[Rejected], count: u64, outcome: &str) -> Diagnostic {
    let Some((first, others)) = examples.split_first() else {
        return Diagnostic::internal("records were refused without a reason");
    };
    let mut diagnostic = first.diagnostic();
    diagnostic.message.push_str("; ");
    diagnostic.message.push_str(outcome);
    diagnostic.causes.extend(others.iter().map(|other| other.diagnostic().message));
    let unnamed = count.saturating_sub(examples.len() as u64);
    if unnamed > 0 {
        diagnostic.causes.push(format!("and {unnamed} more"));
    }
    diagnostic
}

fn sql(errors: &[SqlError]) -> Diagnostic {
    let Some((first, others)) = errors.split_first() else {
        return Diagnostic::internal("a query was refused without a reason");
    };
    let mut diagnostic = first.diagnostic();
    diagnostic.causes.extend(others.iter().map(|error| error.message.clone()));
    diagnostic
}
