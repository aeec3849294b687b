//! How a column is read from files: what a contract says beside names, types and constraints.

use headwater_plan::{Code, DataType, Diagnostics};

use super::Reading;
use super::at::At;
use super::file::OneOrMany;
use super::file::column::ColumnFile;

/// The keys of a column that mean something only where it is loaded from files.
const KEYS: [&str; 8] =
    ["nullable", "source_name", "default", "trim", "null_values", "decimal_sep", "group_sep", "constraints"];

/// Tells of each key that a column which is not loaded from files has in vain.
pub(super) fn refuse(at: At<'_>, found: &mut Diagnostics) {
    for key in KEYS.into_iter().filter(|key| at.get(key).is_some()) {
        let message = format!("`{key}` is for tables that are loaded from files");
        let help = match key {
            "constraints" => "write `tests:`, which look at the finished table",
            "nullable" => "write `tests: [not_null]`",
            _ => "write it in SQL",
        };
        found.push(headwater_plan::Diagnostic::error(Code::Unsupported, message).at(at.key_location(key)).help(help));
    }
}

/// How the column of that type is read.
pub(super) fn resolve(at: At<'_>, file: &ColumnFile, data_type: Option<&DataType>, found: &mut Diagnostics) -> Reading {
    let default = Reading::default();
    let mut separator = |key: &str, text: &Option<String>| {
        let text = text.as_deref()?;
        if let Some(other) = data_type.filter(|kind| !kind.is_numeric()) {
            let message = format!("`{key}` is for numbers: `{}` is of the type `{other}`", file.name);
            found.push(at.at(key).error(Code::InvalidValue, message));
            return None;
        }
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) if !letter.is_alphanumeric() && !['+', '-'].contains(&letter) => Some(letter),
            _ => {
                let message = format!("`{key}` must be one character that no number holds, not `{text}`");
                found.push(at.at(key).error(Code::InvalidValue, message));
                None
            }
        }
    };
    let group_sep = separator("group_sep", &file.group_sep);
    let decimal_sep = separator("decimal_sep", &file.decimal_sep).unwrap_or(default.decimal_sep);
    if ![',', '.'].contains(&decimal_sep) {
        let message = format!("`decimal_sep` must be `.` or `,`, not `{decimal_sep}`");
        found.push(at.at("decimal_sep").error(Code::InvalidValue, message));
    } else if group_sep == Some(decimal_sep) {
        let message = format!("`{decimal_sep}` cannot both group the digits and stand before the fraction");
        let wrong = at.at("group_sep").error(Code::InvalidValue, message);
        let other = if decimal_sep == '.' { "," } else { "." };
        found.push(wrong.help(format!("write `decimal_sep: \"{other}\"` as well, or another `group_sep`")));
    }
    Reading {
        nullable: file.nullable.unwrap_or(default.nullable),
        source_name: file.source_name.clone(),
        // As it is written: `1.10` stays `1.10`.
        default: at.get("default").map(|at| at.text().to_owned()),
        trim: file.trim.unwrap_or(default.trim),
        null_values: file.null_values.clone().map(OneOrMany::into_vec).unwrap_or_default(),
        decimal_sep,
        group_sep,
    }
}
