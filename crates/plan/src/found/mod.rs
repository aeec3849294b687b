//! What a test found, in the words of every engine.

mod difference;

pub use self::difference::Difference;

use crate::{Code, Comparison, Diagnostic, Fault, Node, Severity, Test, Threshold, UnitTest};

/// What a test of data found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it counts.
    pub count: i64,
    /// The first of the rows, each as `column = value, …`.
    pub sample: Vec<String>,
}

impl Test {
    /// What a count means, as dbt has it: with severity `warn` it is never an error.
    pub fn verdict(&self, count: i64) -> Option<Severity> {
        if self.severity == Severity::Error && self.error_if.is_met(count) {
            Some(Severity::Error)
        } else if self.warn_if.is_met(count) {
            Some(Severity::Warning)
        } else {
            None
        }
    }

    /// Whether what is counted are the rows themselves.
    pub fn counts_rows(&self) -> bool {
        self.fail_calc.split_whitespace().collect::<String>().eq_ignore_ascii_case("count(*)")
    }

    /// The query for at most as many rows as are looked at.
    pub fn limited(&self) -> String {
        match self.limit {
            Some(limit) => format!("select * from (\n{}\n) dbt_internal_limit limit {limit}", self.query.sql),
            None => self.query.sql.clone(),
        }
    }

    /// The message; `None` if what was found is neither an error nor a warning.
    pub fn told(&self, node: &Node, found: Found) -> Option<Diagnostic> {
        let severity = self.verdict(found.count)?;
        let mut message = format!("test `{}` found {}", node.name, self.count_words(found.count));
        let threshold = match severity {
            Severity::Error => ("an error", self.error_if),
            Severity::Warning => ("a warning", self.warn_if),
        };
        if threshold.1 != Threshold::ANY {
            message.push_str(&format!(", {} if `{}`", threshold.0, condition(threshold.1)));
        }
        let mut diagnostic = match severity {
            Severity::Error => Diagnostic::error(Code::TestFailed, message),
            Severity::Warning => Diagnostic::warning(Code::TestFailed, message),
        }
        .fault(Fault::Check)
        .at(node.location.clone())
        .node(node.id.clone());
        let shown = i64::try_from(found.sample.len()).unwrap_or(i64::MAX);
        diagnostic.causes = found.sample;
        if self.counts_rows() && found.count > shown {
            diagnostic.causes.push(format!("and {} more", found.count - shown));
        }
        if let Some(kept) = &self.store_failures {
            diagnostic.help = Some(format!("all of them are kept: `headwater query \"select * from {kept}\"`"));
        }
        Some(diagnostic)
    }

    /// `2 rows`, or what is counted in their place.
    fn count_words(&self, count: i64) -> String {
        if !self.counts_rows() {
            return format!("`{}` = {count}", self.fail_calc);
        }
        let at_least = if self.limit.is_some_and(|limit| i64::try_from(limit) == Ok(count)) { "at least " } else { "" };
        let rows = if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
        format!("{at_least}{rows}")
    }
}

impl UnitTest {
    /// The message about rows that differ.
    pub fn told(&self, node: &Node, difference: &Difference) -> Diagnostic {
        let model = self.tested.0.rsplit('.').next().unwrap_or_default();
        let message = format!("unit test `{}` of `{model}` failed: {}", node.name, difference.words());
        let mut diagnostic = Diagnostic::error(Code::TestFailed, message)
            .fault(Fault::Check)
            .at(node.location.clone())
            .node(node.id.clone())
            .help("`-` is expected and missing, `+` was not expected, `~` differs: expected → actual");
        diagnostic.causes.push(difference.table(&self.columns));
        diagnostic
    }
}

/// `> 10`
fn condition(threshold: Threshold) -> String {
    let sign = match threshold.comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    };
    format!("{sign} {}", threshold.count)
}
