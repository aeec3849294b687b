//! A contract as YAML: a line for each column, quotes where YAML needs them, and nothing that is the default.

use headwater_plan::{Contract, ContractColumn, CsvOptions, FileFormat, JsonOptions, OnSchemaChange, Quotes, Ragged};

use super::InferNote;

/// What stands around the columns.
pub(super) struct Yaml<'a> {
    pub(super) source: &'a str,
    pub(super) table: &'a str,
    pub(super) files: &'a str,
    pub(super) format: &'a FileFormat,
    pub(super) on_schema_change: OnSchemaChange,
}

impl Yaml<'_> {
    /// The whole text.
    pub(super) fn write(&self, contract: &Contract, notes: &[InferNote]) -> String {
        let mut text = String::new();
        for note in notes.iter().filter(|note| note.column.is_none()) {
            text += &format!("# {}\n", one_line(&note.text));
        }
        text +=
            &format!("sources:\n  - name: {}\n    tables:\n      - name: {}\n", plain(self.source), plain(self.table));
        text += &format!("        ingest:\n          files: {}\n", plain(self.files));
        text += &format!("          format: {}\n", self.format.word());
        let options = options(self.format);
        if !options.is_empty() {
            text += &format!("          options: {{ {} }}\n", options.join(", "));
        }
        if let Some(word) = schema_change(self.on_schema_change) {
            text += &format!("          on_schema_change: {word}\n");
        }
        text += "        columns:\n";
        for column in &contract.columns {
            for note in notes.iter().filter(|note| note.column.as_deref() == Some(column.name.as_str())) {
                text += &format!("          # {}\n", one_line(&note.text));
            }
            text += &format!("          - {{ {} }}\n", keys(column).join(", "));
        }
        text
    }
}

fn schema_change(change: OnSchemaChange) -> Option<&'static str> {
    match change {
        OnSchemaChange::Fail => None,
        OnSchemaChange::Ignore => Some("ignore"),
        OnSchemaChange::AddColumns => Some("add_columns"),
        OnSchemaChange::Rescue => Some("rescue"),
    }
}

fn keys(column: &ContractColumn) -> Vec<String> {
    let mut keys =
        vec![format!("name: {}", plain(&column.name)), format!("data_type: {}", plain(&column.data_type.to_string()))];
    let mut key = |name: &str, value: String| keys.push(format!("{name}: {value}"));
    if let Some(source_name) = &column.source_name {
        key("source_name", plain(source_name));
    }
    if !column.format.is_empty() {
        key("format", one_or_many(&column.format));
    }
    if !column.nullable {
        key("nullable", "false".to_owned());
    }
    if let Some(default) = &column.default {
        key("default", plain(default));
    }
    if column.trim {
        key("trim", "true".to_owned());
    }
    if !column.null_values.is_empty() {
        key("null_values", one_or_many(&column.null_values));
    }
    if column.decimal_sep != '.' {
        key("decimal_sep", quoted(&column.decimal_sep.to_string()));
    }
    if let Some(group_sep) = column.group_sep {
        key("group_sep", quoted(&group_sep.to_string()));
    }
    keys
}

/// The options that are not the default.
fn options(format: &FileFormat) -> Vec<String> {
    match format {
        FileFormat::Csv(csv) => csv_options(csv),
        FileFormat::Json(json) => {
            let default = JsonOptions::default();
            let mut options = Vec::new();
            if json.encoding != default.encoding {
                options.push(format!("encoding: {}", plain(&json.encoding)));
            }
            if !json.null_values.is_empty() {
                options.push(format!("nullValue: {}", one_or_many(&json.null_values)));
            }
            options
        }
        FileFormat::Parquet | FileFormat::Avro => Vec::new(),
    }
}

fn csv_options(csv: &CsvOptions) -> Vec<String> {
    let default = CsvOptions::default();
    let character = |letter: Option<char>| quoted(&letter.map(String::from).unwrap_or_default());
    let word = |yes: bool| yes.to_string();
    let all = [
        (csv.sep != default.sep, "sep", quoted(&csv.sep)),
        (csv.quote != default.quote, "quote", character(csv.quote)),
        (csv.escape != default.escape, "escape", character(csv.escape)),
        (csv.header != default.header, "header", word(csv.header)),
        (csv.encoding != default.encoding, "encoding", plain(&csv.encoding)),
        (csv.line_sep != default.line_sep, "lineSep", quoted(csv.line_sep.as_deref().unwrap_or_default())),
        (csv.comment != default.comment, "comment", character(csv.comment)),
        (csv.multi_line != default.multi_line, "multiLine", word(csv.multi_line)),
        (csv.null_values != default.null_values, "nullValue", one_or_many(&csv.null_values)),
        (csv.empty_value != default.empty_value, "emptyValue", quoted(csv.empty_value.as_deref().unwrap_or_default())),
        (csv.ignore_leading_white_space, "ignoreLeadingWhiteSpace", word(true)),
        (csv.ignore_trailing_white_space, "ignoreTrailingWhiteSpace", word(true)),
        (csv.skip_rows != default.skip_rows, "skip_rows", csv.skip_rows.to_string()),
        (csv.header_rows != default.header_rows, "header_rows", csv.header_rows.to_string()),
        (csv.footer_rows != default.footer_rows, "footer_rows", csv.footer_rows.to_string()),
        (csv.ragged == Ragged::Pad, "ragged", "pad".to_owned()),
        (csv.ragged == Ragged::Rescue, "ragged", "rescue".to_owned()),
        (csv.quotes == Quotes::Lenient, "quotes", "lenient".to_owned()),
    ];
    let differs = all.into_iter().filter(|(differs, ..)| *differs);
    differs.map(|(_, key, value)| format!("{key}: {value}")).collect()
}

fn one_or_many(texts: &[String]) -> String {
    match texts {
        [one] => plain(one),
        many => format!("[{}]", many.iter().map(|text| plain(text)).collect::<Vec<_>>().join(", ")),
    }
}

/// A text without quotes where it is one to every reader of YAML, in a list or mapping on one line too.
fn plain(text: &str) -> String {
    // YAML 1.1, which other tools read, has more words for booleans than 1.2.
    const WORDS: [&str; 11] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"];
    let begins = text.starts_with(|first: char| first.is_alphabetic() || ['_', '/'].contains(&first));
    let inside = |letter: char| letter.is_alphanumeric() || "_-./= ".contains(letter);
    let is_plain = begins && text.chars().all(inside) && !text.ends_with(' ');
    if is_plain && !WORDS.contains(&text.to_lowercase().as_str()) { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use headwater_plan::{DataType, Location};

    use super::*;

    #[test]
    fn only_what_is_not_the_default_is_written() {
        let column = |name: &str, data_type| ContractColumn::new(name, data_type, Location::line("a.csv", 1));
        let mut amount = column("amount", DataType::Decimal { precision: 12, scale: 2 });
        amount.source_name = Some("Total: Amount".into());
        amount.decimal_sep = ',';
        amount.group_sep = Some('.');
        amount.null_values = vec!["N/A".into(), "-".into()];
        let mut day = column("day", DataType::Date);
        day.format = vec!["d/M/yyyy".into()];
        day.nullable = false;
        let contract = Contract { columns: vec![column("id", DataType::Long), amount, day], constraints: Vec::new() };
        let csv = CsvOptions {
            sep: "\t".into(),
            quote: None,
            encoding: "windows-1252".into(),
            null_values: vec!["null".into()],
            skip_rows: 2,
            ..CsvOptions::default()
        };
        let format = FileFormat::Csv(csv);
        let yaml = Yaml {
            source: "crm",
            table: "sales",
            files: "in/sales*.csv",
            format: &format,
            on_schema_change: OnSchemaChange::Ignore,
        };
        let notes = [
            InferNote { column: None, text: "look at\nthe header".into() },
            InferNote { column: Some("day".into()), text: "the month may come first".into() },
        ];
        insta::assert_snapshot!(yaml.write(&contract, &notes), @r#"
        # look at the header
        sources:
          - name: crm
            tables:
              - name: sales
                ingest:
                  files: "in/sales*.csv"
                  format: csv
                  options: { sep: "\t", quote: "", encoding: windows-1252, nullValue: "null", skip_rows: 2 }
                  on_schema_change: ignore
                columns:
                  - { name: id, data_type: bigint }
                  - { name: amount, data_type: "decimal(12,2)", source_name: "Total: Amount", null_values: [N/A, "-"], decimal_sep: ",", group_sep: "." }
                  # the month may come first
                  - { name: day, data_type: date, format: d/M/yyyy, nullable: false }
        "#);
    }
}
