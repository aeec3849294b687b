//! `constraints:` of tables that are loaded from files and of their columns, resolved.

use chrono::NaiveDate;
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, DataType, Diagnostics, Location};

use super::at::At;
use super::file::constraints::{ColumnConstraintFile, ConstraintKind, TableConstraintFile};
use super::{ColumnDecl, ConstraintDecl, Rule, hints};

/// The rules below `constraints:` of a column, and whether one of them forbids nulls.
pub(super) fn of_column(
    column: At<'_>,
    files: Vec<ColumnConstraintFile>,
    data_type: Option<&DataType>,
    found: &mut Diagnostics,
) -> (Vec<ConstraintDecl>, bool) {
    let (mut rules, mut not_null) = (Vec::new(), false);
    for (at, file) in column.items("constraints").zip(files) {
        let kinds: Vec<&str> =
            ["between", "matches", "in", "type"].into_iter().filter(|key| at.get(key).is_some()).collect();
        let [kind] = kinds.as_slice() else {
            // With something wrong below, the message about that is the better one.
            if at.node.told.is_empty() {
                found.push(kinds_message(at, &kinds));
            }
            continue;
        };
        let name = file.name.clone();
        let rule = match (*kind, file.kind) {
            ("type", Some(ConstraintKind::NotNull)) => {
                not_null = true;
                no_expression(at, found);
                None
            }
            ("type", _) => check(at, file.expression, found),
            (key, _) => {
                no_expression(at, found);
                of_values(at.at(key), key, file, data_type, found).map(|rule| (rule, at.at(key).location()))
            }
        };
        rules.extend(rule.map(|(rule, location)| ConstraintDecl { rule, name, location }));
    }
    (rules, not_null)
}

fn kinds_message(at: At<'_>, kinds: &[&str]) -> headwater_plan::Diagnostic {
    if kinds.is_empty() && at.get("expression").is_some() {
        let wrong = at.error(Code::MissingKey, "a constraint with an `expression` needs the key `type`");
        return wrong.help("write `type: check`");
    }
    let have = if kinds.is_empty() { "none".to_owned() } else { format!("`{}`", kinds.join("`, `")) };
    at.error(Code::InvalidValue, format!("a constraint says exactly one thing, not {have}"))
        .help("one of `between`, `matches`, `in` and `type`; write several constraints below each other")
}

fn no_expression(at: At<'_>, found: &mut Diagnostics) {
    if let Some(expression) = at.get("expression") {
        let wrong = expression.error(Code::InvalidValue, "`expression` is for `type: check` alone");
        found.push(wrong.help("write it as a constraint of its own"));
    }
}

/// A condition in SQL, and where its text begins.
fn check(at: At<'_>, expression: Option<String>, found: &mut Diagnostics) -> Option<(Rule, Location)> {
    let Some(expression) = expression else {
        if at.node.told.is_empty() {
            let wrong = at.error(Code::MissingKey, "a constraint of `type: check` needs the key `expression`");
            found.push(wrong.help("a condition in Spark SQL: `expression: \"amount >= 0\"`"));
        }
        return None;
    };
    let place = text_place(at.at("expression"), &expression);
    Some((Rule::Check(expression), place))
}

/// Where a scalar's own characters stand, quotes left aside; the whole scalar where they are written in another way.
fn text_place(at: At<'_>, text: &str) -> Location {
    let whole = at.location();
    let line: Vec<char> = whole.text.as_deref().unwrap_or_default().chars().collect();
    let text: Vec<char> = text.chars().collect();
    let begin = (whole.column as usize).saturating_sub(1);
    let quoted = line.get(begin).is_some_and(|first| ['"', '\''].contains(first));
    let begin = begin + usize::from(quoted);
    if line.get(begin..begin + text.len()) != Some(text.as_slice()) {
        return whole;
    }
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    Location { column: whole.column + u32::from(quoted), length, ..whole }
}

fn of_values(
    at: At<'_>,
    key: &str,
    file: ColumnConstraintFile,
    data_type: Option<&DataType>,
    found: &mut Diagnostics,
) -> Option<Rule> {
    if let Some(pattern) = file.matches.filter(|_| key == "matches") {
        if let Some(other) = data_type.filter(|kind| **kind != DataType::String) {
            let message = format!("`matches` is for texts, and the column is of the type `{other}`");
            found.push(at.error(Code::TypeMismatch, message).help("use `between`, `in` or `type: check`"));
            return None;
        }
        return Some(Rule::Matches(pattern));
    }
    let values: Vec<(At<'_>, String)> =
        at.node.items().iter().map(|node| At { node, ..at }).map(|at| (at, at.text().to_owned())).collect();
    let misfits: Vec<_> = values.iter().filter(|(_, text)| data_type.is_some_and(|kind| !fits(text, kind))).collect();
    if let Some(data_type) = data_type.filter(|_| !misfits.is_empty()) {
        for (at, text) in misfits {
            let message = format!("`{text}` is not a value of the type `{data_type}`, which the column has");
            found.push(at.error(Code::TypeMismatch, message).help(example(data_type)));
        }
        return None;
    }
    let texts: Vec<String> = values.into_iter().map(|(_, text)| text).collect();
    if key == "in" {
        return Some(Rule::In(texts));
    }
    let [low, high] = texts.as_slice() else {
        let message = format!("`between` needs the least and the greatest value, not {} values", texts.len());
        found.push(at.error(Code::InvalidValue, message).help("such as `between: [0, 100]`"));
        return None;
    };
    let number = |text: &str| text.parse::<f64>().ok().filter(|_| data_type.is_some_and(DataType::is_numeric));
    if let (Some(least), Some(greatest)) = (number(low), number(high))
        && least > greatest
    {
        let message = format!("no value is between {low} and {high}: the least comes first");
        found.push(at.error(Code::InvalidValue, message));
        return None;
    }
    Some(Rule::Between { low: low.clone(), high: high.clone() })
}

/// Whether a text is a value of a type; what only SQL can say is left to it.
fn fits(text: &str, data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean => matches!(text, "true" | "false"),
        whole if whole.is_integral() => text.parse::<i64>().is_ok(),
        // What Rust also reads, `nan` and `inf`, would be a column in SQL.
        fraction if fraction.is_fractional() => text.parse::<f64>().is_ok_and(f64::is_finite),
        DataType::Date => NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok(),
        DataType::Timestamp | DataType::TimestampNtz => hints::instant(text).is_some(),
        _ => true,
    }
}

fn example(data_type: &DataType) -> String {
    let example = match data_type {
        DataType::Boolean => "`true` or `false`",
        DataType::Date => "a day such as `2024-12-31`",
        DataType::Timestamp | DataType::TimestampNtz => "an instant such as `\"2024-12-31 08:30:00\"`",
        DataType::Float | DataType::Double | DataType::Decimal { .. } => "a number such as `1.5`",
        _ => "a whole number such as `42`",
    };
    format!("expected {example}")
}

/// The rules below `constraints:` of a table; those that forbid nulls go to their columns. `complete` says that no column
/// was left out with a message.
pub(super) fn of_table(
    table: At<'_>,
    files: Vec<TableConstraintFile>,
    columns: &mut [ColumnDecl],
    complete: bool,
    found: &mut Diagnostics,
) -> Vec<ConstraintDecl> {
    let mut rules = Vec::new();
    for (at, file) in table.items("constraints").zip(files) {
        if file.kind == ConstraintKind::NotNull {
            no_expression(at, found);
            if file.columns.is_none() && at.node.told.is_empty() {
                let wrong = at.error(Code::MissingKey, "`type: not_null` of a table needs the key `columns`");
                found.push(wrong.help("such as `columns: [id]`; or write `nullable: false` under the column"));
            }
            for (at, name) in at.items("columns").zip(file.columns.unwrap_or_default()) {
                let column = columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(&name));
                match column {
                    Some(column) => column.reading.nullable = false,
                    None if !complete => {}
                    None => {
                        let known = columns.iter().map(|column| column.name.as_str());
                        let wrong = at.error(Code::UnknownColumn, format!("the table has no column `{name}`"));
                        found.push(match did_you_mean(&name, known) {
                            Some(near) => wrong.help(format!("did you mean `{near}`?")),
                            None => wrong,
                        });
                    }
                }
            }
            continue;
        }
        let rule = check(at, file.expression, found);
        rules.extend(rule.map(|(rule, location)| ConstraintDecl { rule, name: file.name, location }));
    }
    rules
}
