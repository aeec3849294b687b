//! What a job answers, in words for the user.

use headwater_plan::found::{Difference, Found};
use headwater_plan::{Code, Diagnostic, Fault, Node, Severity, StepReport, Test, UnitTest};
use serde_json::Value;

use super::{Failure, FailureKind, Note, Refusal};
use crate::bundle::Purpose;

/// The most of a statement that a message shows.
const SHOWN_LINES: usize = 40;

/// Adds what a test of data found.
pub(super) fn test(
    node: &Node,
    test: &Test,
    count: Option<i64>,
    sample: &[String],
    report: &mut StepReport,
) -> Result<(), Box<Diagnostic>> {
    let Some(count) = count else {
        let message = format!("`fail_calc: {}` of test `{}` gives null", test.fail_calc, node.name);
        return Err(Box::new(
            placed(Diagnostic::error(Code::ExecutionFailed, message), node)
                .help("make it a number for no rows too: `coalesce(sum(n), 0)`"),
        ));
    };
    report.failures = Some(u64::try_from(count).unwrap_or(0));
    report.diagnostics.extend(test.told(node, Found { count, sample: sample.to_vec() }));
    Ok(())
}

/// Adds what a test of code found.
pub(super) fn unit_test(
    node: &Node,
    test: &UnitTest,
    missing: &[Vec<Value>],
    unexpected: &[Vec<Value>],
    report: &mut StepReport,
) {
    let difference = Difference::between(missing.to_vec(), unexpected.to_vec());
    let failures = difference.rows();
    report.failures = Some(failures);
    if failures > 0 {
        report.diagnostics.push(test.told(node, &difference));
    }
}

impl Note {
    /// The message.
    pub fn diagnostic(&self, node: &Node) -> Diagnostic {
        match self {
            Self::Increment(what) => placed(what.diagnostic(), node),
            Self::KnownVersions { rows } => {
                let relation = node.relation.as_ref().map(ToString::to_string).unwrap_or_default();
                let rows = if *rows == 1 { "1 row is".to_owned() } else { format!("{rows} rows are") };
                let message = format!("{rows} back with an `updated_at` that the history of `{relation}` has already");
                placed(Diagnostic::warning(Code::ExecutionFailed, message), node).help(
                    "no version begins for them, as in dbt: the row must get a new `updated_at` when it comes back",
                )
            }
            Self::NotCompacted { why } => {
                let relation = node.relation.as_ref().map(ToString::to_string).unwrap_or_default();
                let told = why.diagnostic(node);
                let message =
                    format!("the rows are in `{relation}`, and its files were not compacted: {}", told.message);
                Diagnostic { severity: Severity::Warning, message, ..told }
            }
        }
    }
}

impl Failure {
    /// The message of a node that failed so.
    pub fn diagnostic(&self, node: &Node) -> Diagnostic {
        let mut diagnostic = match (&self.kind, &self.refusal) {
            (FailureKind::Cancelled, _) => Diagnostic::error(Code::Cancelled, "stopped before it was done"),
            (FailureKind::Upstream, _) => Diagnostic::error(Code::UpstreamFailed, &self.message),
            (FailureKind::Refused, Some(refusal)) => refusal.diagnostic(node),
            (FailureKind::Runner | FailureKind::Refused, _) => self.ours(),
            (FailureKind::Start | FailureKind::Lost | FailureKind::System, _) => self.started(),
            (FailureKind::Spark, _) => self.failed(node),
        };
        if let Some((number, of)) = self.number
            && of > 1
        {
            diagnostic.causes.push(format!("it is statement {number} of {of}"));
        }
        placed(diagnostic, node)
    }

    /// The message of a job that could do nothing, or nothing more.
    pub fn started(&self) -> Diagnostic {
        let line = first_line(&plain(&self.message)).to_owned();
        let (message, help) = match (&self.kind, self.class.as_deref()) {
            (FailureKind::Lost, _) => (
                "spark's Java ended while it worked".to_owned(),
                "most often memory was short: a system that kills it says so in `dmesg`; `spark.driver.memory` says how \
                 much it takes",
            ),
            (FailureKind::System, _) => {
                (format!("the job cannot go on: {line}"), "make room, or change the rights, and run again")
            }
            (_, Some(class)) if class.starts_with("INVALID_CONF") => {
                (format!("spark refuses a setting: {line}"), "change it under `settings:` of the engine")
            }
            _ => (format!("spark did not start: {line}"), "`headwater doctor` looks for the cause"),
        };
        let mut diagnostic = Diagnostic::error(Code::EngineFailed, message).help(help);
        if matches!(self.kind, FailureKind::Lost | FailureKind::System) {
            diagnostic = diagnostic.fault(Fault::Outside).retryable();
        } else {
            diagnostic.causes = self.words();
        }
        diagnostic
    }

    fn ours(&self) -> Diagnostic {
        let mut diagnostic = Diagnostic::internal(format!("the runner on spark fell: {}", first_line(&self.message)));
        diagnostic.causes = self.words();
        diagnostic
    }

    fn failed(&self, node: &Node) -> Diagnostic {
        let class = self.class.as_deref().unwrap_or_default();
        let what = first_line(&plain(&self.message)).trim_end_matches('.').to_owned();
        let doing = match self.purpose {
            Some(Purpose::PreHook) => format!("the pre-hook of `{}` failed", node.name),
            Some(Purpose::PostHook) => format!("the post-hook of `{}` failed", node.name),
            _ => format!("`{}` failed on spark", node.name),
        };
        let class_words = if class.is_empty() { String::new() } else { format!(" ({class})") };
        let mut diagnostic = Diagnostic::error(Code::ExecutionFailed, format!("{doing}: {what}{class_words}"));
        diagnostic.help = help(class).map(str::to_owned);
        if is_outside(class, &self.message) {
            diagnostic = diagnostic.fault(Fault::Outside).retryable();
        }
        diagnostic.causes = self.words();
        diagnostic
    }

    /// All that Spark said beyond the first line, and the statement.
    fn words(&self) -> Vec<String> {
        let rest: Vec<&str> = self.message.lines().skip(1).filter(|line| !line.trim().is_empty()).collect();
        let mut words = Vec::new();
        if !rest.is_empty() {
            words.push(rest.join("\n"));
        }
        if let Some(statement) = &self.statement {
            words.push(format!("the statement:\n{}", cut(statement)));
        }
        words
    }
}

impl Refusal {
    fn diagnostic(&self, node: &Node) -> Diagnostic {
        let error = |code, message: String| Diagnostic::error(code, message);
        match self {
            Self::Increment(what) => what.diagnostic(),
            Self::Snapshot(what) => what.diagnostic(),
            Self::MissingInput { missing } => {
                error(Code::UnknownTable, format!("`{}` reads `{missing}`, which is not in the lake", node.name))
                    .help(format!("build what it reads first: `headwater run --select +{}`", node.name))
            }
            Self::MissingTable { table } => {
                error(Code::UnknownTable, format!("`{table}` is not in the lake, and nothing in this project loads it"))
                    .help("let whatever writes it run first, or give the source an `ingest:` to load it here")
            }
            Self::DeclaredColumns { table, differences } => error(
                Code::SchemaMismatch,
                format!("`{table}` does not have the columns that are declared for it: {}", differences.join(", ")),
            )
            .help("change the declared columns, or whatever writes the table"),
            Self::ColumnsChanged { differences } => error(
                Code::SchemaMismatch,
                format!(
                    "`{}` cannot run: the query gives other columns now than when the project was checked: {}",
                    node.name,
                    differences.join(", ")
                ),
            )
            .help("what it reads is out of date: run that too, with a `+` before the name"),
            Self::OtherPartitions { table, there, wanted } => error(
                Code::SchemaMismatch,
                format!("table `{table}` is partitioned by {}, not by {}", columns(there), columns(wanted)),
            )
            .help("run with `--full-refresh` to build the table anew, or give `partition_by` back its old form"),
            Self::Overtaken { table } => {
                error(Code::LakeInUse, format!("a run that began later has written `{table}` already"))
                    .help("run again: nothing of the statement happened")
                    .retryable()
            }
            Self::ForeignTable { table } => {
                error(Code::InvalidLake, format!("view `{table}` would replace a table that headwater did not write"))
                    .help("move or remove the table's folder, or name the view otherwise")
            }
        }
    }
}

fn placed(mut diagnostic: Diagnostic, node: &Node) -> Diagnostic {
    diagnostic.location.get_or_insert_with(|| node.location.clone());
    diagnostic.node.get_or_insert_with(|| node.id.clone());
    diagnostic
}

/// What to do about the errors that people meet most.
fn help(class: &str) -> Option<&'static str> {
    // The first word of `CAST_INVALID_INPUT` and of `DELTA_….SUB_CLASS` is the class; what follows a point details it.
    match class.split('.').next().unwrap_or_default() {
        "DIVIDE_BY_ZERO" => Some("`try_divide(a, b)` or `a / nullif(b, 0)` gives null instead"),
        "CAST_INVALID_INPUT" | "CAST_OVERFLOW" | "CANNOT_PARSE_TIMESTAMP" | "INVALID_DATETIME_PATTERN" => {
            Some("`try_cast(x as type)` gives null instead")
        }
        "ARITHMETIC_OVERFLOW" | "NUMERIC_VALUE_OUT_OF_RANGE" | "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION" => {
            Some("cast to a wider type before the operation")
        }
        "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE" => {
            Some("let the source have one row for each: `qualify row_number() over (partition by <key>) = 1`")
        }
        _ => None,
    }
}

/// Whether it is neither the project nor the data: the same statement may well do the next time.
fn is_outside(class: &str, message: &str) -> bool {
    const OUTSIDE: &[&str] = &["ConcurrentAppend", "ConcurrentDelete", "ConcurrentTransaction", "OutOfMemory"];
    const WORDS: &[&str] = &["No space left on device", "ExecutorLost", "Connection reset", "AccessDenied"];
    OUTSIDE.iter().any(|word| class.contains(word)) || WORDS.iter().any(|word| message.contains(word))
}

/// Spark begins its messages with `[CLASS] `, and may end them with `SQLSTATE: 22012`.
fn plain(message: &str) -> String {
    let rest = message.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map_or(message, |(_, rest)| rest);
    let rest = match rest.split_once(" SQLSTATE: ") {
        Some((text, after)) => format!("{text}{}", after.get(5..).unwrap_or_default()),
        None => rest.to_owned(),
    };
    // Spark's advice to let wrong values become null silently is nobody's here.
    match (rest.find(" If necessary set "), rest.find(" to bypass this error.")) {
        (Some(begin), Some(end)) if begin < end => {
            let after = rest.get(end + " to bypass this error.".len()..).unwrap_or_default();
            format!("{}{after}", rest.get(..begin).unwrap_or_default())
        }
        _ => rest,
    }
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim()
}

fn cut(statement: &str) -> String {
    let mut lines = statement.lines();
    let shown: Vec<&str> = lines.by_ref().take(SHOWN_LINES).collect();
    let more = lines.count();
    if more == 0 { shown.join("\n") } else { format!("{}\n… {more} more lines", shown.join("\n")) }
}

fn columns(columns: &[String]) -> String {
    if columns.is_empty() {
        return "no column".to_owned();
    }
    format!("`{}`", columns.join("`, `"))
}
