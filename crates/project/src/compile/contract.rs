//! A model's contract: with `contract: { enforced: true }` its columns are exactly the declared ones.

use headwater_plan::{Code, Diagnostic, Schema};

use super::item::Item;

/// What is wrong with a model's columns by its contract. Types are checked for every declared column, contract or not.
pub(super) fn check(item: &Item<'_>, schema: &Schema) -> Vec<Diagnostic> {
    if !item.settings.contract {
        return Vec::new();
    }
    let mut wrong = not_enforced(item);
    if item.columns.is_empty() {
        let message = format!("the contract of `{}` is enforced, and declares no columns", item.name);
        let help = "list its `columns:`, each with a `data_type:`";
        wrong.push(Diagnostic::error(Code::ContractMismatch, message).at(item.location.clone()).help(help));
        return wrong;
    }
    for column in item.columns.iter().filter(|column| column.data_type.is_none() && column.sound) {
        let message = format!("the column `{}` of an enforced contract has no `data_type`", column.name);
        let found = schema.field(&column.name).map(|field| format!("it is `data_type: {}`", field.data_type));
        let mut told = Diagnostic::error(Code::MissingKey, message).at(column.location.clone());
        told.help = found;
        wrong.push(told);
    }
    for field in schema.fields.iter().filter(|field| item.declared(&field.name).is_none()) {
        let message = format!("the column `{}` is not in the contract of `{}`", field.name, item.name);
        let help =
            format!("declare it: `- {{ name: {}, data_type: {} }}`, or leave it out", field.name, field.data_type);
        wrong.push(Diagnostic::error(Code::ContractMismatch, message).at(item.location.clone()).help(help));
    }
    wrong
}

/// What tells of constraints that nothing checks, as dbt does where its warehouse takes no notice of them.
fn not_enforced(item: &Item<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for column in item.columns {
        for constraint in &column.dbt_constraints {
            let kind = constraint.get("type").and_then(serde_json::Value::as_str).unwrap_or("custom");
            let message = format!("the constraint `{kind}` of the column `{}` is not enforced", column.name);
            let help = match kind {
                "not_null" | "unique" => format!("write a test: `data_tests: [{kind}]`"),
                "foreign_key" => "write a test: `data_tests: [relationships: …]`".to_owned(),
                _ => "write a test in `tests/`, or of your own in `tests/generic/`".to_owned(),
            };
            told.push(Diagnostic::warning(Code::Unsupported, message).at(column.location.clone()).help(help));
        }
    }
    told
}
