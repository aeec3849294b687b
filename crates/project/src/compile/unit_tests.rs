//! Unit tests: a model's query over rows that the user wrote, beside the rows that should come out.
//!
//! Both become queries that read no table: what the model reads is put into its query as common table expressions of
//! the given rows, cast to the types that the real columns have.

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{
    About, Code, Diagnostic, Diagnostics, Late, Location, NodeId, NodeKind, Query, Schema, Step, TableName, UnitTest,
};
use serde_json::{Map, Value, json};

use super::checks::{Check, Checks};
use super::generic::{literal, quoted, reference};
use super::inline::{Inlined, inline};
use super::item::{Body, Index, Item};
use super::layers::Place;
use super::models::layers;
use super::parse;
use super::resolve::Unresolved;
use super::settings::Materialized;
use crate::config::{FixtureRows, Package, SettingsKind, UnitTestDecl};
use crate::template::{self, Phase, Template, Unrendered};

impl Checks<'_> {
    /// The unit tests of all packages.
    pub(super) fn unit_tests(&self, diagnostics: &mut Diagnostics) -> Vec<Check> {
        let mut checks = Vec::new();
        for package in &self.loaded.packages {
            for decl in &package.unit_tests {
                let mut told = Vec::new();
                let check = Unit { checks: self, package, decl }.check(&mut told);
                let told = told.into_iter().map(|mut wrong| {
                    wrong.location.get_or_insert_with(|| decl.location.clone());
                    wrong
                });
                diagnostics.extend(told);
                checks.extend(check);
            }
        }
        checks
    }
}

struct Unit<'a> {
    checks: &'a Checks<'a>,
    package: &'a Package,
    decl: &'a UnitTestDecl,
}

impl Unit<'_> {
    fn check(&self, told: &mut Vec<Diagnostic>) -> Option<Check> {
        let decl = self.decl;
        let fqn = vec![self.package.name.clone(), decl.model.clone(), decl.name.clone()];
        let mut given = layers(self.checks.loaded, self.package, SettingsKind::UnitTests, &fqn, None);
        given.put(&decl.config, &Place::At(decl.location.clone()));
        if given.get("enabled").and_then(Value::as_bool) == Some(false) {
            return None;
        }
        let index = self.model(told)?;
        let item = &self.checks.items[index];
        let step = match (&item.late, self.test(index, told)) {
            (Some(_), _) => Step::Late(Late {
                becomes: "unit_test".into(),
                waits_for: vec![item.relation.clone()],
                schema: Schema::default(),
            }),
            (None, Some(test)) => Step::UnitTest(test),
            (None, None) => return None,
        };
        let tags = given.get("tags").and_then(Value::as_array).into_iter().flatten();
        Some(Check {
            id: NodeId(format!("unit_test.{}.{}.{}", self.package.name, decl.model, decl.name)),
            kind: NodeKind::UnitTest,
            name: decl.name.clone(),
            location: decl.location.clone(),
            tags: tags.filter_map(Value::as_str).map(str::to_owned).collect(),
            description: decl.description.clone(),
            step,
            reads: vec![index],
            asks: Vec::new(),
            about: About {
                package: self.package.name.clone(),
                fqn,
                config: given
                    .values()
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .chain(self.written())
                    .collect(),
                ..About::default()
            },
        })
    }

    /// What the user wrote, in the words of dbt's manifest.
    fn written(&self) -> [(String, Value); 3] {
        let rows = |rows: &FixtureRows| match rows {
            FixtureRows::Rows(rows) => (json!(rows), "dict"),
            FixtureRows::Csv(text) => (json!(text), "csv"),
            FixtureRows::Sql(text) => (json!(text), "sql"),
        };
        let given = self.decl.given.iter().map(|given| {
            let (rows, format) = rows(&given.rows);
            json!({ "input": given.input, "rows": rows, "format": format, "fixture": null })
        });
        let (expected, format) = rows(&self.decl.expect);
        let overrides = &self.decl.overrides;
        [
            ("given".to_owned(), given.collect()),
            ("expect".to_owned(), json!({ "rows": expected, "format": format, "fixture": null })),
            (
                "overrides".to_owned(),
                json!({ "macros": overrides.macros, "vars": overrides.vars, "env_vars": overrides.env_vars }),
            ),
        ]
    }

    fn model(&self, told: &mut Vec<Diagnostic>) -> Option<Index> {
        let items = self.checks.items;
        let models = || items.iter().enumerate().filter(|(_, item)| item.kind == NodeKind::Model);
        let own = |(_, item): &(Index, &Item<'_>)| item.name == self.decl.model && item.package == self.package.name;
        let found = models().find(own).or_else(|| models().find(|(_, item)| item.name == self.decl.model));
        if found.is_none() && self.checks.loaded.complete {
            let near = did_you_mean(&self.decl.model, models().map(|(_, item)| item.name.as_str()));
            let message = format!("no model is named `{}`", self.decl.model);
            let mut wrong = Diagnostic::error(Code::UnknownModel, message);
            wrong.help = near.map(|near| format!("did you mean `{near}`?"));
            told.push(wrong);
        }
        found.map(|(index, _)| index).filter(|index| items[*index].enabled)
    }

    fn test(&self, index: Index, told: &mut Vec<Diagnostic>) -> Option<UnitTest> {
        let item = &self.checks.items[index];
        let schema = item.schema.as_ref()?;
        self.check_overrides(told)?;
        let (text, incremental) = self.text(item, told)?;
        let inlined = self.inputs(index, incremental, told)?;
        let columns = self.columns(schema, told)?;
        let expected = match &self.decl.expect {
            FixtureRows::Sql(sql) => typed_as(sql, &columns),
            rows => rows_sql(rows, &columns, &self.decl.location, told)?,
        };
        let actual = inline(text.trim(), &inlined);
        let mut sql = |sql: String, what: &str| match self.checks.typing.sql.plan(&sql, &Nothing) {
            Ok(_) => Some(Query { sql, reads: Vec::new() }),
            Err(errors) => {
                told.extend(errors.iter().map(|error| {
                    let mut wrong = error.diagnostic().at(self.decl.location.clone());
                    wrong.causes.push(format!("in the {what} of the unit test: `{sql}`"));
                    wrong
                }));
                None
            }
        };
        let (actual, expected) = (sql(actual, "query"), sql(expected, "expected rows"));
        Some(UnitTest {
            tested: item.id.clone(),
            actual: actual?,
            expected: expected?,
            columns: columns.fields.iter().map(|field| field.name.clone()).collect(),
        })
    }

    /// Tells of a macro that is to answer something and is not there.
    fn check_overrides(&self, told: &mut Vec<Diagnostic>) -> Option<()> {
        let templates = self.checks.typing.templates;
        let mut sound = Some(());
        for name in self.decl.overrides.macros.keys() {
            let (namespace, bare) = match name.split_once('.') {
                Some((namespace, bare)) => (Some(namespace), bare),
                None => (None, name.as_str()),
            };
            let known = |bare: &str| templates.macros().any(|found| found.name == bare);
            let found = templates.finds(&self.package.name, namespace, bare).is_some()
                || namespace.is_none() && (template::is_function(bare) || known(bare));
            if !found {
                let wrong = Diagnostic::error(Code::InvalidTemplate, format!("no macro is named `{name}`"));
                let near = did_you_mean(bare, templates.macros().map(|found| found.name.as_str()));
                told.push(match near {
                    Some(near) => wrong.help(format!("did you mean `{near}`?")),
                    None => wrong.help("`overrides: macros` names a macro, or `package.macro`"),
                });
                sound = None;
            }
        }
        sound
    }

    /// The model's text, and whether it is that of an increment.
    fn text(&self, item: &Item<'_>, told: &mut Vec<Diagnostic>) -> Option<(String, bool)> {
        let Body::Model(model) = &item.body else { return None };
        let asked = self.decl.overrides.macros.get("is_incremental").and_then(Value::as_bool).unwrap_or(false);
        if asked && item.settings.materialized != Materialized::Incremental {
            let message = format!("`{}` is not incremental", item.name);
            told.push(
                Diagnostic::error(Code::InvalidValue, message).help("take `is_incremental` out of the overrides"),
            );
            return None;
        }
        let typing = self.checks.typing;
        // `is_incremental` is more than an answer: the tables that are there, and the query of a later run.
        let mut overrides = self.decl.overrides.clone();
        overrides.macros.shift_remove("is_incremental");
        let world = typing.overridden(item, asked, Some(overrides));
        let template = Template { this: Some(&item.relation), ..parse::template(item, model) };
        match typing.templates.render(template, &world, Phase::Compile) {
            Ok(rendered) => Some((rendered.text, asked)),
            Err(Unrendered::Wrong(wrong)) => {
                told.push(*wrong);
                None
            }
            Err(Unrendered::Later(_)) => None,
        }
    }

    /// What the model reads, as the given rows.
    fn inputs(&self, index: Index, incremental: bool, told: &mut Vec<Diagnostic>) -> Option<Vec<Inlined>> {
        let items = self.checks.items;
        let item = &items[index];
        let mut inlined: Vec<Inlined> = Vec::new();
        let mut sound = true;
        for given in &self.decl.given {
            let Some(of) = self.input(index, &given.input, &given.location, told) else {
                sound = false;
                continue;
            };
            let Some(schema) = &items[of].schema else { return None };
            if !item.reads.contains(&of) && of != index {
                let message = format!("`{}` does not read `{}`", item.name, given.input);
                told.push(Diagnostic::error(Code::InvalidValue, message).at(given.location.clone()));
                sound = false;
                continue;
            }
            let Some(sql) = rows_sql(&given.rows, schema, &given.location, told) else {
                sound = false;
                continue;
            };
            let name = format!("__dbt__fixture__{}", items[of].name.replace('.', "__"));
            inlined.push(Inlined { relation: items[of].relation.clone(), name, sql });
        }
        let relations: Vec<&TableName> = inlined.iter().map(|one| &one.relation).collect();
        let own = incremental.then_some(index);
        for read in item.reads.iter().copied().chain(own) {
            if sound && !relations.contains(&&items[read].relation) {
                let message = format!("no rows are given for the {}", items[read].called());
                let input = if read == index { "this".to_owned() } else { input_of(item, &items[read]) };
                let help = format!("give it some, or none: `- {{ input: {input}, rows: [] }}`");
                told.push(Diagnostic::error(Code::MissingKey, message).help(help));
                return None;
            }
        }
        sound.then_some(inlined)
    }

    /// The item that an input names.
    fn input(&self, model: Index, input: &str, at: &Location, told: &mut Vec<Diagnostic>) -> Option<Index> {
        if input.trim() == "this" {
            return Some(model);
        }
        let item = &self.checks.items[model];
        let typing = self.checks.typing;
        let text = format!("{{{{ {input} }}}}");
        let template = Template { path: &at.file, text: &text, package: item.package, this: None };
        let wrong = match typing.templates.render(template, &typing.world(item, false), Phase::Compile) {
            Ok(rendered) => match rendered.calls.as_slice() {
                [call] => match self.checks.registry.resolve(self.checks.items, item.package, call) {
                    Ok(Some(index)) => return Some(index),
                    Ok(None) => not_an_input(input),
                    Err(Unresolved::Told(wrong)) => *wrong,
                    Err(Unresolved::Silent) => return None,
                },
                _ => not_an_input(input),
            },
            Err(Unrendered::Wrong(wrong)) => *wrong,
            Err(Unrendered::Later(_)) => return None,
        };
        told.push(wrong.at(at.clone()));
        None
    }

    /// The columns that the user expects something of, in the model's spelling and types.
    fn columns(&self, schema: &Schema, told: &mut Vec<Diagnostic>) -> Option<Schema> {
        let names: Vec<String> = match &self.decl.expect {
            FixtureRows::Rows(rows) => match rows.first() {
                Some(row) => row.keys().cloned().collect(),
                None => schema.names().map(str::to_owned).collect(),
            },
            FixtureRows::Csv(text) => header(text),
            FixtureRows::Sql(_) => schema.names().map(str::to_owned).collect(),
        };
        let mut fields = Vec::new();
        for name in names {
            match schema.field(&name) {
                Some(field) => fields.push(field.clone()),
                None => {
                    told.push(no_column(&self.decl.model, &name, schema));
                    return None;
                }
            }
        }
        Some(Schema::new(fields))
    }
}

/// How an input of a model is written in that model's own package.
fn input_of(model: &Item<'_>, input: &Item<'_>) -> String {
    let written = reference(input);
    written.replace(&format!("ref('{}', ", model.package), "ref(")
}

/// A query without tables.
struct Nothing;

impl headwater_sql::Relations for Nothing {
    fn relation(&self, _: &TableName) -> Option<headwater_sql::RelationSource> {
        None
    }

    fn names(&self) -> Vec<TableName> {
        Vec::new()
    }
}

/// Rows as a query with these columns.
fn rows_sql(rows: &FixtureRows, schema: &Schema, at: &Location, told: &mut Vec<Diagnostic>) -> Option<String> {
    let rows: Vec<Map<String, Value>> = match rows {
        FixtureRows::Rows(rows) => rows.clone(),
        FixtureRows::Csv(text) => match csv_rows(text) {
            Ok(rows) => rows,
            Err(error) => {
                let message = "the rows are not CSV";
                told.push(Diagnostic::error(Code::InvalidValue, message).at(at.clone()).caused_by(&error));
                return None;
            }
        },
        FixtureRows::Sql(sql) => return Some(sql.clone()),
    };
    let mut selects = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(unknown) = row.keys().find(|key| schema.field(key).is_none()) {
            told.push(no_column("the input", unknown, schema).at(at.clone()));
            return None;
        }
        let values: Vec<String> = schema
            .fields
            .iter()
            .map(|field| {
                let value = row.iter().find(|(key, _)| key.eq_ignore_ascii_case(&field.name)).map(|(_, value)| value);
                format!("cast({} as {}) as {}", value_sql(value), field.data_type, quoted(&field.name))
            })
            .collect();
        selects.push(format!("select {}", values.join(", ")));
    }
    if selects.is_empty() {
        let nulls: Vec<String> = schema
            .fields
            .iter()
            .map(|field| format!("cast(null as {}) as {}", field.data_type, quoted(&field.name)))
            .collect();
        return Some(format!("select {} where false", nulls.join(", ")));
    }
    Some(selects.join("\nunion all\n"))
}

/// The rows of a query in the types of columns that it has.
fn typed_as(sql: &str, columns: &Schema) -> String {
    let cast = |field: &headwater_plan::Field| {
        format!("cast({name} as {}) as {name}", field.data_type, name = quoted(&field.name))
    };
    let casts: Vec<String> = columns.fields.iter().map(cast).collect();
    format!("select {} from (\n{}\n) as `expected`", casts.join(", "), sql.trim().trim_end_matches(';'))
}

fn value_sql(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "null".into(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => literal(text),
        Some(nested) => literal(&nested.to_string()),
    }
}

fn header(text: &str) -> Vec<String> {
    let mut reader = reader(text);
    reader.headers().map(|names| names.iter().map(str::to_owned).collect()).unwrap_or_default()
}

/// The records of a small CSV text, in which an empty cell has no value, as in dbt.
fn csv_rows(text: &str) -> Result<Vec<Map<String, Value>>, csv::Error> {
    let mut reader = reader(text);
    let names = reader.headers()?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let value = |cell: &str| if cell.is_empty() { Value::Null } else { Value::from(cell) };
        rows.push(names.iter().map(str::to_owned).zip(record.iter().map(value)).collect());
    }
    Ok(rows)
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.trim().as_bytes())
}

fn no_column(of: &str, column: &str, schema: &Schema) -> Diagnostic {
    let mut wrong = Diagnostic::error(Code::UnknownColumn, format!("`{of}` has no column `{column}`"));
    wrong.help = did_you_mean(column, schema.names()).map(|near| format!("did you mean `{near}`?"));
    wrong
}

fn not_an_input(input: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidValue, format!("`{input}` is not an input"))
        .help("write `ref('model')`, `source('source', 'table')` or `this`")
}
