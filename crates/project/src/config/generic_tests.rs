//! Generic tests as YAML asks for them.

use headwater_plan::{Code, Diagnostics, Severity};
use serde_json::Value;

use super::at::At;
use super::file::tests::{
    AcceptedValuesTest, BareTest, RelationshipsTest, SeverityName, TestConfig, TestFile, TestMapping, TestName,
};
use super::{TestDecl, TestKind};

/// The settings that every test has.
struct Settings {
    name: Option<String>,
    column_name: Option<String>,
    severity: Option<SeverityName>,
    where_clause: Option<String>,
    config: TestConfig,
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
    let (key, kind, settings) = match file {
        TestFile::Name(TestName::NotNull) => ("not_null", Some(TestKind::NotNull), bare(BareTest::default())),
        TestFile::Name(TestName::Unique) => ("unique", Some(TestKind::Unique), bare(BareTest::default())),
        TestFile::Name(TestName::AcceptedValues) => {
            lacks(at, "accepted_values", "values", found);
            return None;
        }
        TestFile::Name(TestName::Relationships) => {
            lacks(at, "relationships", "to", found);
            return None;
        }
        TestFile::Settings(mapping) => with_settings(at, *mapping, found)?,
    };
    // The place of a mapping is that of its key: `- unique:`.
    let location = at.location();
    let below = at.at(key);
    let config = settings.config;
    if of_column && let Some(column) = &settings.column_name {
        let message = format!("the test `{key}` of a column cannot have a `column_name` of its own: `{column}`");
        let wrong = below.at("column_name").error(Code::InvalidValue, message);
        found.push(wrong.help("leave it out, or move the test below the `tests:` of the whole"));
    }
    if !of_column && settings.column_name.is_none() {
        let message = format!("the test `{key}` stands under no column, so it needs a `column_name`");
        found.push(at.error(Code::MissingKey, message).help("add `column_name:`, or move the test below a column"));
        return None;
    }
    if config.enabled == Some(false) {
        return None;
    }
    Some(TestDecl {
        kind: kind?,
        column: settings.column_name.filter(|_| !of_column),
        name: settings.name,
        severity: match settings.severity.or(config.severity) {
            Some(SeverityName::Warn) => Severity::Warning,
            Some(SeverityName::Error) | None => Severity::Error,
        },
        where_clause: settings.where_clause.or(config.where_clause),
        location,
    })
}

fn with_settings(
    at: At<'_>,
    mapping: TestMapping,
    found: &mut Diagnostics,
) -> Option<(&'static str, Option<TestKind>, Settings)> {
    let TestMapping { not_null, unique, accepted_values, relationships } = mapping;
    if let Some(test) = not_null {
        return Some(("not_null", Some(TestKind::NotNull), bare(test)));
    }
    if let Some(test) = unique {
        return Some(("unique", Some(TestKind::Unique), bare(test)));
    }
    if let Some(test) = accepted_values {
        let below = at.at("accepted_values");
        return Some(("accepted_values", accepted(below, &test, found), of_accepted(test)));
    }
    let test = relationships?;
    let below = at.at("relationships");
    Some(("relationships", related(below, &test, found), of_related(test)))
}

fn accepted(at: At<'_>, test: &AcceptedValuesTest, found: &mut Diagnostics) -> Option<TestKind> {
    let arguments = test.arguments.as_ref();
    let values = test.values.as_ref().or(arguments.and_then(|arguments| arguments.values.as_ref()));
    let Some(values) = values else {
        lacks(at, "accepted_values", "values", found);
        return None;
    };
    let values: Vec<Value> = values.iter().map(|value| value.0.clone()).collect();
    let quote = test.quote.or(arguments.and_then(|arguments| arguments.quote)).unwrap_or(true);
    Some(TestKind::AcceptedValues { values, quote })
}

fn related(at: At<'_>, test: &RelationshipsTest, found: &mut Diagnostics) -> Option<TestKind> {
    let arguments = test.arguments.as_ref();
    let to = test.to.clone().or_else(|| arguments?.to.clone());
    let field = test.field.clone().or_else(|| arguments?.field.clone());
    for (key, value) in [("to", &to), ("field", &field)] {
        if value.is_none() {
            lacks(at, "relationships", key, found);
        }
    }
    Some(TestKind::Relationships { to: to?, field: field? })
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

fn bare(test: BareTest) -> Settings {
    let BareTest { name, column_name, severity, where_clause, config, .. } = test;
    Settings { name, column_name, severity, where_clause, config }
}

fn of_accepted(test: AcceptedValuesTest) -> Settings {
    let AcceptedValuesTest { name, column_name, severity, where_clause, config, .. } = test;
    Settings { name, column_name, severity, where_clause, config }
}

fn of_related(test: RelationshipsTest) -> Settings {
    let RelationshipsTest { name, column_name, severity, where_clause, config, .. } = test;
    Settings { name, column_name, severity, where_clause, config }
}
