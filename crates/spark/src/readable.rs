//! A bundle as people read it: what `headwater compile --engine spark` prints. SQL with comments, in the order in which it
//! is executed; not meant to be executed itself.

use crate::bundle::{Action, Bundle, BundleNode, Increment, Purpose, Snapshot, Spans, TestRows, When, Work};

impl Bundle {
    /// Every node with its statements.
    pub fn readable(&self) -> String {
        self.nodes.iter().map(BundleNode::readable).collect::<Vec<_>>().join("\n\n")
    }
}

impl BundleNode {
    /// A node with its statements.
    pub fn readable(&self) -> String {
        let mut text = format!("-- {} `{}`, {}\n", self.step, self.name, self.location);
        let after: Vec<&str> = self.after.iter().map(|id| id.0.as_str()).collect();
        if !after.is_empty() {
            text.push_str(&format!("-- after {}\n", after.join(", ")));
        }
        if self.always {
            text.push_str("-- runs however the others ended\n");
        }
        for action in &self.actions {
            text.push_str(&action.readable(self));
        }
        text
    }
}

impl Action {
    fn readable(&self, node: &BundleNode) -> String {
        let relation = node.relation.as_ref().map(ToString::to_string).unwrap_or_default();
        let when = match self.when {
            When::Always => String::new(),
            When::TableAbsent => format!(", if `{relation}` is not there"),
            When::TablePresent => format!(", if `{relation}` is there"),
        };
        let statements: Vec<(String, String)> = match &self.work {
            Work::Look { columns } => {
                let columns: Vec<String> =
                    columns.iter().map(|column| format!("{} {}", column.name, column.data_type)).collect();
                vec![(format!("look that `{relation}` has"), format!("-- {}", columns.join(", ")))]
            }
            Work::Native { writes } => {
                let writes: Vec<String> = writes.iter().map(ToString::to_string).collect();
                vec![(
                    "loaded by headwater itself, beside the data, into".to_owned(),
                    format!("-- {}", writes.join(", ")),
                )]
            }
            Work::View(view) => {
                vec![("register".to_owned(), format!("CREATE OR REPLACE VIEW {relation} AS\n{}", view.sql))]
            }
            Work::Build(build) => vec![("build".to_owned(), format!("{}\n{}", build.head, build.query))],
            Work::Increment(increment) => increment.readable(self.purpose),
            Work::Spans(spans) => spans.readable(),
            Work::Snapshot(snapshot) => snapshot.readable(),
            Work::Test(test) => test.readable(),
            Work::UnitTest(test) => vec![
                ("the rows that come out".to_owned(), test.actual.clone()),
                ("those that should".to_owned(), test.expected.clone()),
            ],
            Work::Statement(statement) => {
                let (number, of) = statement.number;
                let number = if of > 1 { format!(" {number} of {of}") } else { String::new() };
                vec![(format!("{}{number}", words(self.purpose)), statement.sql.clone())]
            }
            Work::Drop { relation } => {
                vec![(words(self.purpose).to_owned(), format!("-- remove `{relation}` and its files"))]
            }
            Work::Settle => {
                vec![("say that nothing is owed any more".to_owned(), "-- a commit without rows".to_owned())]
            }
            Work::Compact { at_least, sql } => vec![(format!("compact, once there are {at_least} files"), sql.clone())],
        };
        let end = |sql: &str| if sql.starts_with("--") { "" } else { ";" };
        let shown = statements.iter().map(|(what, sql)| format!("\n-- {what}{when}\n{}{}\n", trimmed(sql), end(sql)));
        shown.collect()
    }
}

/// A statement without the semicolon and the space at its end; a comment ends where it ends.
fn trimmed(sql: &str) -> &str {
    sql.trim_end().trim_end_matches(';')
}

fn words(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::PreHook => "pre-hook",
        Purpose::PostHook => "post-hook",
        Purpose::Append => "append",
        Purpose::Replace => "replace",
        Purpose::Merge => "merge",
        _ => "statement",
    }
}

impl Increment {
    fn readable(&self, purpose: Purpose) -> Vec<(String, String)> {
        let mut shown = vec![("headwater_increment: the rows of a later run".to_owned(), self.query.clone())];
        if self.keys_are_unique {
            let keys = self.unique_key.join(", ");
            shown.push((format!("refused if two rows share {keys}"), "-- counted over headwater_increment".to_owned()));
        }
        shown.push((words(purpose).to_owned(), self.statement.clone()));
        shown
    }
}

impl Spans {
    fn readable(&self) -> Vec<(String, String)> {
        let inputs: Vec<String> =
            self.filtered.iter().map(|entry| format!("{} by {}", entry.input, entry.column)).collect();
        let only = if inputs.is_empty() { String::new() } else { format!(", of {}", inputs.join(", ")) };
        let size = format!("{:?}", self.batch_size).to_lowercase();
        vec![
            (format!("headwater_increment: the rows of each {size}{only}"), self.increment.clone()),
            (format!("the first {size}, if the table is to be built"), format!("{}\n{}", self.head, self.full)),
            (format!("every other {size}"), self.statement.clone()),
        ]
    }
}

impl Snapshot {
    fn readable(&self) -> Vec<(String, String)> {
        let mut shown = vec![
            ("headwater_source: the rows as they are now".to_owned(), self.source.clone()),
            ("refused if there are any".to_owned(), self.shared_keys.clone()),
            ("the first time".to_owned(), format!("{}\n{}", self.head, self.first)),
            ("headwater_changed: the rows for which a version begins".to_owned(), self.changed.clone()),
        ];
        if let Some(standing) = &self.standing {
            shown.push(("refused if there are any".to_owned(), standing.clone()));
        }
        shown.push(("nothing is written if there are none".to_owned(), self.pending.clone()));
        shown.push(("end and begin versions".to_owned(), self.statement.clone()));
        shown
    }
}

impl TestRows {
    fn readable(&self) -> Vec<(String, String)> {
        let mut shown = Vec::new();
        if let Some(keep) = &self.keep {
            shown.push(("keep the failing rows".to_owned(), format!("{}\n{}", keep.head, keep.query)));
        }
        shown.push(("count them".to_owned(), self.count.clone()));
        shown
    }
}
