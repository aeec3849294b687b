//! Generic tests as SQL: `not_null`, `unique`, `accepted_values`, `relationships`.
//!
//! What they mean and how they are named is dbt's: null passes everything but `not_null`.

use std::path::Path;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, DataType, Diagnostic, NodeId, Schema};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::checks::{Check, Checks};
use super::fingerprint::hex;
use super::item::{Index, Item};
use super::resolve::Unresolved;
use super::typing::Upstream;
use crate::config::{ColumnDecl, TestDecl, TestKind};
use crate::template::Template;

/// One generic test.
pub(super) struct Generic<'a> {
    pub(super) checks: &'a Checks<'a>,
    pub(super) index: Index,
    pub(super) test: &'a TestDecl,
    pub(super) column: Option<&'a ColumnDecl>,
}

/// What is tested.
struct Tested {
    /// As SQL.
    expression: String,
    /// The name of its values in the failing rows.
    label: String,
    column: Option<String>,
    data_type: Option<DataType>,
}

impl Generic<'_> {
    fn item(&self) -> &Item<'_> {
        &self.checks.items[self.index]
    }

    /// The test; `None` when what it looks at is not typed or its column not there, which has been told.
    pub(super) fn check(&self) -> Result<Option<Check>, Vec<Diagnostic>> {
        let item = self.item();
        let Some(schema) = &item.schema else { return Ok(None) };
        let Some(written) = self.column.map(|column| column.name.as_str()).or(self.test.column.as_deref()) else {
            return Ok(None);
        };
        let mut reads = vec![self.index];
        let Some(tested) = self.tested(written, schema, &mut reads)? else { return Ok(None) };
        let Some(sql) = self.sql(&tested, &mut reads)? else { return Ok(None) };
        reads.sort_unstable();
        reads.dedup();
        let upstream = Upstream::new(self.checks.items, self.checks.typing.makers, &reads);
        if !upstream.is_typed() {
            return Ok(None);
        }
        let query = self.checks.typing.sql.plan(&sql, &upstream).map_err(|errors| {
            let told = |error: &headwater_sql::SqlError| {
                let mut wrong = error.diagnostic();
                wrong.causes.push(format!("in the SQL of the test: `{sql}`"));
                wrong
            };
            errors.iter().map(told).collect::<Vec<_>>()
        })?;
        let name = self.name(written);
        Ok(Some(Check {
            id: NodeId(format!("test.{}.{name}", self.checks.loaded.name)),
            name,
            location: self.test.location.clone(),
            tags: Vec::new(),
            sql,
            severity: self.test.severity,
            tested: Some(self.index),
            column: tested.column,
            reads,
            query_reads: query.reads,
        }))
    }

    /// The column or, for a test under a table, the expression that is tested.
    fn tested(
        &self,
        written: &str,
        schema: &Schema,
        reads: &mut Vec<Index>,
    ) -> Result<Option<Tested>, Vec<Diagnostic>> {
        if let Some(field) = schema.field(written) {
            return Ok(Some(Tested {
                expression: quoted(&field.name),
                label: quoted(&field.name),
                column: Some(field.name.clone()),
                data_type: Some(field.data_type.clone()),
            }));
        }
        // A declared column that is not there has been told.
        if self.item().declared(written).is_some() {
            return Ok(None);
        }
        if written.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(vec![no_column(self.item(), schema, written)]);
        }
        let expression = format!("({})", self.render(written, reads)?);
        Ok(Some(Tested { expression, label: "`value`".into(), column: None, data_type: None }))
    }

    /// SQL in YAML, its Jinja expanded; what it reads is read too.
    fn render(&self, text: &str, reads: &mut Vec<Index>) -> Result<String, Vec<Diagnostic>> {
        let at = |wrong: Diagnostic| vec![wrong.at(self.test.location.clone())];
        let template = Template { path: Path::new("yaml"), text, this: Some(&self.item().relation) };
        let rendered = self.checks.typing.templates.render(template, self.checks.typing.relations).map_err(at)?;
        for call in &rendered.calls {
            match self.checks.registry.resolve(self.checks.items, call) {
                Ok(index) => reads.extend(index),
                Err(Unresolved::Told(wrong)) => return Err(at(*wrong)),
                Err(Unresolved::Silent) => return Err(Vec::new()),
            }
        }
        Ok(rendered.text)
    }

    /// What the test looks at: the relation, or the part of it that `where` leaves.
    fn subject(&self, reads: &mut Vec<Index>) -> Result<String, Vec<Diagnostic>> {
        let relation = self.item().relation.quoted();
        let Some(condition) = &self.test.where_clause else { return Ok(relation) };
        Ok(format!("(select * from {relation} where {}) as `tested`", self.render(condition, reads)?))
    }

    fn sql(&self, tested: &Tested, reads: &mut Vec<Index>) -> Result<Option<String>, Vec<Diagnostic>> {
        let subject = self.subject(reads)?;
        let Tested { expression, label, .. } = tested;
        let value = if expression == label { label.clone() } else { format!("{expression} as {label}") };
        Ok(Some(match &self.test.kind {
            TestKind::NotNull => format!("select * from {subject} where {expression} is null"),
            TestKind::Unique => format!(
                "select {value}, count(*) as `n` from {subject} where {expression} is not null group by {expression} \
                 having count(*) > 1"
            ),
            TestKind::AcceptedValues { values, quote } => {
                let literals = literals(values, *quote, tested.data_type.as_ref())?.join(", ");
                format!(
                    "select {value}, count(*) as `n` from {subject} where {expression} not in ({literals}) group by \
                     {expression}"
                )
            }
            TestKind::Relationships { to, field } => {
                let Some((index, parent)) = self.parent(to)? else { return Ok(None) };
                let Some(field) = self.parent_field(index, field)? else { return Ok(None) };
                reads.push(index);
                format!(
                    "select `child`.{label} from (select {value} from {subject}) as `child` left join (select {field} \
                     as `parent_value` from {parent}) as `parent` on `child`.{label} = `parent`.`parent_value` where \
                     `child`.{label} is not null and `parent`.`parent_value` is null"
                )
            }
        }))
    }

    /// The item that `ref('x')` or `source('a', 'b')` means, and its relation.
    fn parent(&self, to: &str) -> Result<Option<(Index, String)>, Vec<Diagnostic>> {
        let text = format!("{{{{ {to} }}}}");
        let at = |wrong: Diagnostic| vec![wrong.at(self.test.location.clone())];
        let template = Template { path: Path::new("yaml"), text: &text, this: None };
        let rendered = self.checks.typing.templates.render(template, self.checks.typing.relations).map_err(at)?;
        let [call] = rendered.calls.as_slice() else { return Err(at(not_a_relation(to))) };
        match self.checks.registry.resolve(self.checks.items, call) {
            Ok(Some(index)) => Ok(Some((index, rendered.text))),
            Ok(None) => Err(at(not_a_relation(to))),
            Err(Unresolved::Silent) => Ok(None),
            Err(Unresolved::Told(wrong)) => Err(at(*wrong)),
        }
    }

    fn parent_field(&self, parent: Index, field: &str) -> Result<Option<String>, Vec<Diagnostic>> {
        let parent = &self.checks.items[parent];
        let Some(schema) = &parent.schema else { return Ok(None) };
        if let Some(field) = schema.field(field) {
            return Ok(Some(quoted(&field.name)));
        }
        Err(vec![no_column(parent, schema, field)])
    }

    /// The user's name, or the one that dbt makes: kind, what is tested, column, arguments by their names; what would
    /// be 64 characters or more ends in a hash instead.
    fn name(&self, column: &str) -> String {
        const LONGEST: usize = 63;
        if let Some(name) = &self.test.name {
            return name.clone();
        }
        let item = self.item();
        let (prefix, of) = match item.name.split_once('.') {
            Some((source, table)) => ("source_", format!("{source}_{table}")),
            None => ("", item.name.clone()),
        };
        let (kind, arguments) = match &self.test.kind {
            TestKind::NotNull => ("not_null", Vec::new()),
            TestKind::Unique => ("unique", Vec::new()),
            TestKind::AcceptedValues { values, quote } => {
                let mut arguments = if *quote { Vec::new() } else { vec!["False".to_string()] };
                arguments.extend(values.iter().map(|value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                }));
                ("accepted_values", arguments)
            }
            TestKind::Relationships { to, field } => ("relationships", vec![field.clone(), to.clone()]),
        };
        let arguments: Vec<String> =
            std::iter::once(column).chain(arguments.iter().map(String::as_str)).map(clean).collect();
        let base = format!("{prefix}{kind}_{of}");
        let full = format!("{base}_{}", arguments.join("__"));
        if full.chars().count() <= LONGEST {
            return full;
        }
        let short: String = base.chars().take(30).collect();
        format!("{short}_{}", &hex(&Sha256::digest(full.as_bytes()))[..32])
    }
}

fn no_column(item: &Item<'_>, schema: &Schema, column: &str) -> Diagnostic {
    let mut wrong = Diagnostic::error(Code::UnknownColumn, format!("`{}` has no column `{column}`", item.name));
    wrong.help = did_you_mean(column, schema.names()).map(|near| format!("did you mean `{near}`?"));
    wrong
}

/// The values as SQL. A value that the column's type cannot hold would never be found: that is told.
fn literals(values: &[Value], quote: bool, data_type: Option<&DataType>) -> Result<Vec<String>, Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let mut literals = Vec::new();
    for value in values {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if let Some(data_type) = data_type
            && quote
            && !fits(&text, data_type)
        {
            let message = format!("`{text}` is not a value of type `{data_type}`, which the column has");
            wrong.push(
                Diagnostic::error(Code::TypeMismatch, message)
                    .help("`accepted_values` lists values as the column holds them"),
            );
        }
        let bare = match data_type {
            Some(data_type) => is_bare(data_type),
            None => !value.is_string(),
        };
        literals.push(if quote && !bare { literal(&text) } else { text });
    }
    if wrong.is_empty() { Ok(literals) } else { Err(wrong) }
}

/// Whether values of a type are written without quotes.
pub(super) fn is_bare(data_type: &DataType) -> bool {
    data_type.is_numeric() || *data_type == DataType::Boolean
}

fn not_a_relation(to: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidValue, format!("`{to}` is not a relation"))
        .help("write `ref('model')` or `source('source', 'table')`")
}

/// A run of what is not a letter, digit or `_` is one `_`.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut in_run = false;
    for character in text.chars() {
        let keep = character.is_ascii_alphanumeric() || character == '_';
        if keep || !in_run {
            cleaned.push(if keep { character } else { '_' });
        }
        in_run = !keep;
    }
    cleaned
}

/// A column in Spark SQL.
pub(super) fn quoted(column: &str) -> String {
    format!("`{}`", column.replace('`', "``"))
}

/// A text in Spark SQL, where a backslash escapes.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Whether a text can be a value of a type; what is not certain can.
fn fits(text: &str, data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean => matches!(text, "true" | "false"),
        DataType::Byte | DataType::Short | DataType::Int | DataType::Long => text.parse::<i64>().is_ok(),
        DataType::Float | DataType::Double | DataType::Decimal { .. } => text.parse::<f64>().is_ok(),
        _ => true,
    }
}
