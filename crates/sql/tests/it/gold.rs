//! The answers of a real Spark (`tests/gold.py` asked it), and where this engine does not give them.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, TimestampMicrosecondType};
use headwater_plan::Code;

use crate::tables::{Tables, run, session};

const GOLD: &str = include_str!("../spark_gold.txt");

/// What became of a case.
enum Outcome {
    Same,
    /// Refused by name: never wrong, and a gap to close.
    Refused(String),
    /// Both fail, or both answer, and not alike.
    Differs(String),
}

#[test]
fn every_answer_is_sparks_or_is_refused() {
    let (mut same, mut refused, mut differs) = (0, String::new(), String::new());
    for line in GOLD.lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        let [case, data_type, value] = parts[..] else { panic!("`{line}` has not three parts") };
        match compare(case, data_type, value) {
            Outcome::Same => same += 1,
            Outcome::Refused(why) => writeln!(refused, "{case}\n    {why}").unwrap(),
            Outcome::Differs(how) => {
                writeln!(differs, "{case}\n    spark: {value} ({data_type})\n    here:  {how}").unwrap()
            }
        }
    }
    assert!(same > 400, "{same}");
    // Closing a gap, or opening one, changes these.
    insta::assert_snapshot!("spark_refused", refused);
    insta::assert_snapshot!("spark_differs", differs);
}

fn compare(case: &str, data_type: &str, value: &str) -> Outcome {
    let first = case.split_whitespace().next().unwrap_or_default().to_lowercase();
    let is_query = matches!(first.as_str(), "select" | "with" | "values");
    let query = if is_query { case.to_owned() } else { format!("select {case}") };
    let sql = session();
    let planned = match sql.plan(&query, &Tables::default()) {
        Ok(planned) => planned,
        Err(errors) => {
            let error = &errors[0];
            let refusal = matches!(error.code, Code::UnsupportedSql | Code::UnknownFunction);
            return match error.code {
                Code::Internal => Outcome::Differs(format!("internal: {error}")),
                _ if data_type == "error" => Outcome::Same,
                _ if refusal => Outcome::Refused(error.message.clone()),
                // Spark finds this out as it runs; finding it out earlier is no other answer.
                _ if data_type.ends_with('!') => Outcome::Same,
                _ => Outcome::Differs(error.message.clone()),
            };
        }
    };
    let types: Vec<String> = planned.schema.fields.iter().map(|field| field.data_type.to_string()).collect();
    let found = types.join("|");
    match run(&sql, &planned) {
        Err(_) if data_type.strip_suffix('!') == Some(found.as_str()) => Outcome::Same,
        Err(error) => Outcome::Differs(format!("{} ({found}!)", error.lines().next().unwrap_or_default())),
        Ok(batches) => {
            let row = |batch: &RecordBatch, row: usize| -> Vec<String> {
                batch.columns().iter().map(|column| show(column, row)).collect()
            };
            let ours: Vec<Vec<String>> =
                batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |index| row(batch, index))).collect();
            let theirs: Vec<Vec<&str>> =
                value.split(';').filter(|row| !row.is_empty()).map(|row| row.split('|').collect()).collect();
            let same_rows = ours.len() == theirs.len()
                && ours.iter().zip(&theirs).all(|(ours, theirs)| {
                    ours.len() == theirs.len()
                        && types.iter().zip(ours.iter().zip(theirs)).all(|(ty, (ours, theirs))| equal(ty, ours, theirs))
                });
            if found == data_type && same_rows {
                Outcome::Same
            } else {
                let rows: Vec<String> = ours.iter().map(|row| row.join("|")).collect();
                Outcome::Differs(format!("{} ({found})", rows.join(";")))
            }
        }
    }
}

fn equal(data_type: &str, ours: &str, theirs: &str) -> bool {
    if matches!(data_type, "double" | "float")
        && let (Ok(ours), Ok(theirs)) = (ours.parse::<f64>(), theirs.parse::<f64>())
    {
        // Python shows a float as the double that it is; transcendental functions may differ in the last bit.
        let near = (ours - theirs).abs() <= theirs.abs() * 4e-16;
        return near || (ours.is_nan() && theirs.is_nan()) || ours == theirs;
    }
    ours == theirs
}

/// A value as `gold.py` shows it.
fn show(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "null".into();
    }
    match array.data_type() {
        DataType::Null => "null".into(),
        DataType::Decimal128(_, _) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Float64 => format!("{:?}", array.as_primitive::<arrow::datatypes::Float64Type>().value(row)),
        DataType::Float32 => {
            format!("{:?}", f64::from(array.as_primitive::<arrow::datatypes::Float32Type>().value(row)))
        }
        DataType::Timestamp(..) => {
            let instant = array.as_primitive::<TimestampMicrosecondType>().value_as_datetime(row).unwrap();
            instant.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
        }
        DataType::Utf8 => quoted(array.as_string::<i32>().value(row)),
        DataType::Utf8View => quoted(array.as_string_view().value(row)),
        DataType::Binary => {
            let bytes = array.as_binary::<i32>().value(row).iter().map(|byte| format!("{byte:02x}"));
            format!("0x{}", bytes.collect::<String>())
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().zip(fields);
            let shown: Vec<String> =
                columns.map(|(column, field)| format!("{}: {}", field.name(), show(column, row))).collect();
            format!("{{{}}}", shown.join(", "))
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let entry = |index| format!("{} -> {}", show(entries.column(0), index), show(entries.column(1), index));
            format!("{{{}}}", (0..entries.len()).map(entry).collect::<Vec<_>>().join(", "))
        }
        DataType::List(_) => {
            let values = array.as_list::<i32>().value(row);
            let values: Vec<String> = (0..values.len()).map(|index| show(&values, index)).collect();
            format!("[{}]", values.join(", "))
        }
        _ => arrow::util::display::array_value_to_string(array, row).unwrap(),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}
