//! Generic tests as SQL: `not_null`, `unique`, `accepted_values`, `relationships`, and those that are macros.
//!
//! What they mean and how they are named is dbt's: null passes everything but `not_null`.

use std::path::Path;
use std::sync::Arc;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, DataType, Diagnostic, Schema, TestAbout};
use serde_json::{Map, Value};

use super::checks::{Checks, Made, NoCheck};
use super::item::{Index, Item};
use super::resolve::Unresolved;
use super::typing::waits;
use super::upstream::Upstream;
use crate::config::check::has_jinja;
use crate::config::{ColumnDecl, TestDecl, TestKind};
use crate::template::{Call, MacroCall, Phase, Rendered, Template, World};

mod written;

use written::{arguments_of, built_in, expression};
pub(super) use written::{name_of, reference};

/// One generic test.
pub(super) struct Generic<'a> {
    pub(super) checks: &'a Checks<'a>,
    pub(super) index: Index,
    pub(super) test: &'a TestDecl,
    pub(super) column: Option<&'a ColumnDecl>,
    /// The rows that it looks at, as SQL with Jinja not yet expanded.
    pub(super) condition: Option<&'a str>,
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
    pub(super) fn check(&self) -> Result<Option<Made>, NoCheck> {
        let item = self.item();
        let Some(schema) = &item.schema else { return Ok(None) };
        if let Some(id) = self.macro_id()? {
            return self.of_macro(&id, schema);
        }
        let Some(written) = self.written() else { return Ok(None) };
        let mut reads = vec![self.index];
        let Some(tested) = self.tested(written, schema, &mut reads).map_err(NoCheck::Told)? else { return Ok(None) };
        let Some(sql) = self.sql(&tested, &mut reads).map_err(NoCheck::Told)? else { return Ok(None) };
        if self.is_sure(&tested) {
            return Ok(Some(self.sure(&sql, tested.column)));
        }
        self.made(&sql, reads, tested.column, Vec::new())
    }

    /// Whether the SQL of the test is right whatever the table holds, so that it need not be planned: half of a project
    /// is tests of keys.
    fn is_sure(&self, tested: &Tested) -> bool {
        let is_atomic = tested.data_type.as_ref().is_some_and(DataType::is_atomic);
        is_atomic && self.condition.is_none() && matches!(self.test.kind, TestKind::NotNull | TestKind::Unique)
    }

    /// The query of a test that reads the tested relation and nothing else.
    fn sure(&self, sql: &str, column: Option<String>) -> Made {
        let query =
            self.checks.typing.put_together(self.checks.items, sql, std::slice::from_ref(&self.item().relation));
        Made { query, reads: vec![self.index], column, ..Made::default() }
    }

    /// The column or expression that the test stands under or names.
    fn written(&self) -> Option<&str> {
        self.column.map(|column| column.name.as_str()).or(self.test.column.as_deref())
    }

    /// The query of the test, typed.
    fn made(
        &self,
        sql: &str,
        mut reads: Vec<Index>,
        column: Option<String>,
        asks: Vec<headwater_plan::TableName>,
    ) -> Result<Option<Made>, NoCheck> {
        reads.sort_unstable();
        reads.dedup();
        if let Some(waits) = waits(self.checks.items, &reads) {
            return Err(NoCheck::Later(waits));
        }
        let upstream = Upstream::new(self.checks.items, self.checks.typing, &reads);
        if !upstream.is_typed() {
            return Ok(None);
        }
        let query = self.checks.typing.sql.plan(sql, &upstream).map_err(|errors| {
            let told = |error: &headwater_sql::SqlError| {
                let mut wrong = error.diagnostic();
                wrong.causes.push(format!("in the SQL of the test: `{}`", sql.trim()));
                wrong
            };
            NoCheck::Told(errors.iter().map(told).collect())
        })?;
        let query = self.checks.typing.put_together(self.checks.items, sql, &query.reads);
        Ok(Some(Made { query, reads, column, asks, ..Made::default() }))
    }

    /// The macro that the test is, if it is one: one of the four that are built in is not, unless the user wrote it anew.
    fn macro_id(&self) -> Result<Option<String>, NoCheck> {
        let templates = self.checks.typing.templates;
        let (namespace, name, built_in) = match &self.test.kind {
            TestKind::Custom { package, name, .. } => (package.as_deref(), name.as_str(), false),
            kind => (None, built_in(kind), true),
        };
        let found = templates.generic_test(self.item().package, namespace, name);
        match found {
            Some(id) if built_in && id.starts_with("macro.dbt.") => Ok(None),
            Some(id) => Ok(Some(id)),
            None if built_in => Ok(None),
            None => Err(NoCheck::Told(vec![self.unknown(namespace, name)])),
        }
    }

    fn unknown(&self, namespace: Option<&str>, name: &str) -> Diagnostic {
        let whole = namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}.{name}"));
        let known = ["not_null", "unique", "accepted_values", "relationships"];
        let packages: Vec<&str> = self.checks.loaded.packages.iter().map(|package| package.name.as_str()).collect();
        let help = match (namespace, did_you_mean(name, known)) {
            (Some(namespace), _) if !packages.contains(&namespace) => {
                format!("no package is named `{namespace}`: list it in `packages.yml` and run `headwater deps`")
            }
            (None, Some(near)) => format!("did you mean `{near}`?"),
            _ => format!("a generic test is a block `{{% test {name}(model, …) %}}` in `tests/generic/` or `macros/`"),
        };
        Diagnostic::error(Code::InvalidValue, format!("no test is named `{whole}`")).help(help)
    }

    /// A test that is a macro, called with what is tested and the user's arguments.
    fn of_macro(&self, id: &str, schema: &Schema) -> Result<Option<Made>, NoCheck> {
        let item = self.item();
        let typing = self.checks.typing;
        let mut reads = vec![self.index];
        let mut column = None;
        let mut arguments = Map::new();
        if let Some(written) = self.written() {
            match schema.field(written) {
                Some(field) => column = Some(field.name.clone()),
                // A declared column that is not there has been told.
                None if item.declared(written).is_some() => return Ok(None),
                None => {}
            }
            arguments.insert("column_name".into(), Value::from(written));
        }
        let mut raw: Vec<(String, String)> = Vec::new();
        match self.condition {
            None => raw.push(("model".into(), reference(item))),
            Some(condition) => {
                let condition = self.render(condition, &mut reads).map_err(NoCheck::Told)?;
                let model = format!("(select * from {} where {condition}) dbt_subquery", item.relation.quoted());
                arguments.insert("model".into(), Value::from(model));
            }
        }
        for (key, value) in self.arguments() {
            match value.as_str().and_then(expression) {
                Some(expression) => raw.push((key, expression)),
                None => {
                    let value = self.filled_in(value, &mut reads).map_err(NoCheck::Told)?;
                    arguments.insert(key, value);
                }
            }
        }
        let raw: Vec<(&str, &str)> = raw.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let (namespace, name) = match id.strip_prefix("macro.").and_then(|id| id.split_once('.')) {
            Some((package, name)) => (Some(package), name),
            None => (None, id),
        };
        let call = MacroCall {
            package: item.package,
            namespace,
            name,
            arguments: &arguments,
            raw: &raw,
            this: None,
            location: &self.test.location,
        };
        let world = typing.world(item, false);
        let rendered = typing.templates.call(call, &world, Phase::Compile).map_err(NoCheck::from)?;
        self.add_reads(&rendered, &mut reads).map_err(NoCheck::Told)?;
        let config = rendered.calls.iter().filter_map(|call| match call {
            Call::Config(layer) => Some(layer.clone()),
            _ => None,
        });
        let config = config.collect();
        let made = self.made(&rendered.text, reads, column, rendered.asked.rows_of.clone())?;
        Ok(made.map(|made| Made { config, macros: rendered.macros, ..made }))
    }

    fn add_reads(&self, rendered: &Rendered, reads: &mut Vec<Index>) -> Result<(), Vec<Diagnostic>> {
        for call in &rendered.calls {
            match self.checks.registry.resolve(self.checks.items, self.item().package, call) {
                Ok(index) => reads.extend(index),
                Err(Unresolved::Told(wrong)) => return Err(vec![wrong.at(self.test.location.clone())]),
                Err(Unresolved::Silent) => return Err(Vec::new()),
            }
        }
        Ok(())
    }

    /// An argument with the Jinja of its texts expanded.
    fn filled_in(&self, value: Value, reads: &mut Vec<Index>) -> Result<Value, Vec<Diagnostic>> {
        Ok(match value {
            Value::String(text) if has_jinja(&text) => Value::from(self.render(&text, reads)?),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| self.filled_in(item, reads)).collect::<Result<_, _>>()?)
            }
            Value::Object(map) => {
                let filled = |(key, value)| Ok((key, self.filled_in(value, reads)?));
                Value::Object(map.into_iter().map(filled).collect::<Result<_, Vec<Diagnostic>>>()?)
            }
            plain => plain,
        })
    }

    /// The user's arguments, by name.
    fn arguments(&self) -> Map<String, Value> {
        arguments_of(self.test)
    }

    /// What asks for the test, as dbt writes it.
    pub(super) fn raw_code(&self) -> String {
        let (namespace, name) = match &self.test.kind {
            TestKind::Custom { package, name, .. } => (package.as_deref(), name.as_str()),
            kind => (None, built_in(kind)),
        };
        let namespace = namespace.map(|namespace| format!("{namespace}.")).unwrap_or_default();
        format!("{{{{ {namespace}test_{name}(**_dbt_generic_test_kwargs) }}}}")
    }

    pub(super) fn about(&self) -> TestAbout {
        let (namespace, name) = match &self.test.kind {
            TestKind::Custom { package, name, .. } => (package.clone(), name.as_str()),
            kind => (None, built_in(kind)),
        };
        let mut arguments = self.arguments();
        if let Some(column) = self.written() {
            arguments.insert("column_name".into(), Value::from(column));
        }
        arguments
            .insert("model".into(), Value::from(format!("{{{{ get_where_subquery({}) }}}}", reference(self.item()))));
        TestAbout { name: name.to_owned(), namespace, arguments }
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
        let rendered = self.rendered(text)?;
        self.add_reads(&rendered, reads)?;
        Ok(rendered.text)
    }

    fn rendered(&self, text: &str) -> Result<Rendered, Vec<Diagnostic>> {
        let item = self.item();
        let template = Template { path: Path::new("yaml"), text, package: item.package, this: Some(&item.relation) };
        let world: Arc<dyn World> = self.checks.typing.world(item, false);
        self.checks.typing.templates.render(template, &world, Phase::Compile).map_err(|unrendered| match NoCheck::from(
            unrendered,
        ) {
            NoCheck::Told(wrong) => wrong.into_iter().map(|wrong| wrong.at(self.test.location.clone())).collect(),
            NoCheck::Later(_) => Vec::new(),
        })
    }

    /// What the test looks at: the relation, or the part of it that `where` leaves.
    fn subject(&self, reads: &mut Vec<Index>) -> Result<String, Vec<Diagnostic>> {
        let relation = self.item().relation.quoted();
        let Some(condition) = self.condition else { return Ok(relation) };
        Ok(format!("(select * from {relation} where {}) as `tested`", self.render(condition, reads)?))
    }

    fn sql(&self, tested: &Tested, reads: &mut Vec<Index>) -> Result<Option<String>, Vec<Diagnostic>> {
        let subject = self.subject(reads)?;
        let Tested { expression, label, .. } = tested;
        let value = if expression == label { label.clone() } else { format!("{expression} as {label}") };
        Ok(Some(match &self.test.kind {
            TestKind::Custom { name, .. } => {
                let message = format!("the generic test `{name}` is not supported");
                return Err(vec![Diagnostic::error(Code::Unsupported, message)]);
            }
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
        let rendered = self.rendered(&format!("{{{{ {to} }}}}"))?;
        let at = |wrong: Diagnostic| vec![wrong.at(self.test.location.clone())];
        let [call] = rendered.calls.as_slice() else { return Err(at(not_a_relation(to))) };
        match self.checks.registry.resolve(self.checks.items, self.item().package, call) {
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
