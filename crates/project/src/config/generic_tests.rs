//! Generic tests as YAML asks for them.

use headwater_plan::{Code, Diagnostics, Severity};
use serde_json::{Map, Value};

use super::at::At;
use super::file::tests::{
    AcceptedValuesTest, BareTest, CustomTestFile, OLDER, RelationshipsTest, TestFile, TestMapping, TestName,
};
use super::{TestDecl, TestKind};

/// What every test may say beside its arguments.
#[derive(Default)]
struct Written {
    name: Option<String>,
    column_name: Option<String>,
    description: Option<String>,
}

/// A test with the key that it stands under.
struct Found {
    key: String,
    kind: Option<TestKind>,
    written: Written,
}

/// The tests below the keys of `owner`, which is a column or something with columns.
pub(super) fn resolve<const N: usize>(
    owner: At<'_>,
    files: [(&str, Vec<TestFile>); N],
    of_column: bool,
    found: &mut Diagnostics,
) -> Vec<TestDecl> {
    let mut tests = Vec::new();
    for (key, files) in files {
        for (at, file) in owner.items(key).zip(files) {
            tests.extend(test(at, file, of_column, found));
        }
    }
    tests
}

fn test(at: At<'_>, file: TestFile, of_column: bool, found: &mut Diagnostics) -> Option<TestDecl> {
    let bare = |key: &str, kind| Found { key: key.to_owned(), kind: Some(kind), written: Written::default() };
    let test = match file {
        TestFile::Name(TestName::NotNull) => bare("not_null", TestKind::NotNull),
        TestFile::Name(TestName::Unique) => bare("unique", TestKind::Unique),
        TestFile::Name(TestName::AcceptedValues) => {
            lacks(at, "accepted_values", "values", found);
            return None;
        }
        TestFile::Name(TestName::Relationships) => {
            lacks(at, "relationships", "to", found);
            return None;
        }
        TestFile::Other(name) => bare(&name, custom(&name, Map::new())),
        TestFile::Settings(mapping) => with_settings(at, *mapping, found)?,
    };
    // The place of a mapping is that of its key: `- unique:`.
    let location = at.location();
    let below = at.at(&test.key);
    let config = settings(below, found);
    let is_custom = matches!(test.kind, Some(TestKind::Custom { .. }));
    let Written { name, column_name, description } = test.written;
    if of_column && let Some(column) = &column_name {
        let message = format!("the test `{}` of a column cannot have a `column_name` of its own: `{column}`", test.key);
        let wrong = below.at("column_name").error(Code::InvalidValue, message);
        found.push(wrong.help("leave it out, or move the test below the `tests:` of the whole"));
    }
    if !of_column && !is_custom && column_name.is_none() {
        let message = format!("the test `{}` stands under no column, so it needs a `column_name`", test.key);
        found.push(at.error(Code::MissingKey, message).help("add `column_name:`, or move the test below a column"));
        return None;
    }
    if config.get("enabled") == Some(&Value::Bool(false)) {
        return None;
    }
    Some(TestDecl {
        kind: test.kind?,
        column: column_name.filter(|_| !of_column),
        name,
        severity: match config.get("severity").and_then(Value::as_str) {
            Some("warn") => Severity::Warning,
            _ => Severity::Error,
        },
        where_clause: config.get("where").and_then(Value::as_str).map(str::to_owned),
        config,
        description,
        location,
    })
}

/// The settings: those beside the arguments and those of `config:`, which must not say the same twice.
fn settings(below: At<'_>, found: &mut Diagnostics) -> Map<String, Value> {
    let mut settings = Map::new();
    let config = below.get("config");
    for key in OLDER {
        let Some(older) = below.get(key) else { continue };
        if config.is_some_and(|config| config.get(key).is_some()) {
            let message = format!("`{key}` is said twice: here and under `config:`");
            let wrong = headwater_plan::Diagnostic::error(Code::DuplicateName, message).at(below.key_location(key));
            found.push(wrong.help("keep the one under `config:`"));
        }
        settings.insert(key.to_owned(), older.node.to_json());
    }
    if let Some(Value::Object(config)) = config.map(|config| config.node.to_json()) {
        settings.extend(config);
    }
    settings
}

fn with_settings(at: At<'_>, mapping: TestMapping, found: &mut Diagnostics) -> Option<Found> {
    let TestMapping { not_null, unique, accepted_values, relationships, others } = mapping;
    let bare = |key: &str, kind, test: BareTest| {
        let below = test.arguments.and_then(|arguments| arguments.column_name);
        let (name, column_name, description) = (test.name, test.column_name.or(below), test.description);
        Found { key: key.to_owned(), kind: Some(kind), written: Written { name, column_name, description } }
    };
    if let Some(test) = not_null {
        return Some(bare("not_null", TestKind::NotNull, test));
    }
    if let Some(test) = unique {
        return Some(bare("unique", TestKind::Unique, test));
    }
    if let Some(test) = accepted_values {
        return Some(accepted(at.at("accepted_values"), test, found));
    }
    if let Some(test) = relationships {
        return Some(related(at.at("relationships"), test, found));
    }
    let (key, file) = others.into_iter().next()?;
    let CustomTestFile { name, description, arguments, others, .. } = file;
    let mut all = others;
    all.retain(|key, _| !OLDER.contains(&key.as_str()));
    all.extend(arguments);
    // An argument of every test, and not one of its own.
    let column_name = match all.get("column_name") {
        Some(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    if column_name.is_some() {
        all.shift_remove("column_name");
    }
    let kind = Some(custom(&key, all));
    Some(Found { key, kind, written: Written { name, column_name, description } })
}

/// `dbt_utils.at_least_one` is the test `at_least_one` of the package `dbt_utils`.
fn custom(name: &str, arguments: Map<String, Value>) -> TestKind {
    let (package, name) = match name.split_once('.') {
        Some((package, name)) => (Some(package.to_owned()), name.to_owned()),
        None => (None, name.to_owned()),
    };
    TestKind::Custom { package, name, arguments }
}

fn accepted(at: At<'_>, test: AcceptedValuesTest, found: &mut Diagnostics) -> Found {
    let arguments = test.arguments;
    let below = arguments.as_ref();
    let values = test.values.as_ref().or(below.and_then(|arguments| arguments.values.as_ref()));
    let quote = test.quote.or(below.and_then(|arguments| arguments.quote)).unwrap_or(true);
    if values.is_none() {
        lacks(at, "accepted_values", "values", found);
    }
    let kind = values
        .map(|values| TestKind::AcceptedValues { values: values.iter().map(|value| value.0.clone()).collect(), quote });
    let column_name = test.column_name.or(below.and_then(|arguments| arguments.column_name.clone()));
    let written = Written { name: test.name, column_name, description: test.description };
    Found { key: "accepted_values".into(), kind, written }
}

fn related(at: At<'_>, test: RelationshipsTest, found: &mut Diagnostics) -> Found {
    let arguments = test.arguments;
    let below = arguments.as_ref();
    let to = test.to.or_else(|| below?.to.clone());
    let field = test.field.or_else(|| below?.field.clone());
    for (key, value) in [("to", &to), ("field", &field)] {
        if value.is_none() {
            lacks(at, "relationships", key, found);
        }
    }
    let kind = to.zip(field).map(|(to, field)| TestKind::Relationships { to, field });
    let column_name = test.column_name.or(below.and_then(|arguments| arguments.column_name.clone()));
    let written = Written { name: test.name, column_name, description: test.description };
    Found { key: "relationships".into(), kind, written }
}

fn lacks(at: At<'_>, test: &str, key: &str, found: &mut Diagnostics) {
    // A key that is wrong or misspelt has its own message.
    if !at.node.told.is_empty() || at.at("arguments").node.damaged {
        return;
    }
    let help = match test {
        "accepted_values" => "such as `- accepted_values: { values: [a, b] }`",
        _ => "such as `- relationships: { to: ref('users'), field: user_id }`",
    };
    found.push(at.error(Code::MissingKey, format!("the test `{test}` needs the key `{key}`")).help(help));
}
