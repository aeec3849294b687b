//! JSON lines and arrays: what becomes a row, and what a broken record costs.

use headwater_plan::{Code, Field, JsonOptions};
use proptest::prelude::*;

use super::super::base64;
use super::super::json::scan;
use super::*;

fn json(columns: &[Declared<'_>]) -> LoadOptions {
    LoadOptions { format: FileFormat::Json(JsonOptions::default()), ..options(columns) }
}

fn read(content: &str, options: LoadOptions) -> Result<Loaded, FilesError> {
    let (_folder, listed) = files(&[content.as_bytes()]);
    let size = listed[0].size;
    let whole = drain(&load_files(listed.clone(), options.clone())?)?;
    assert_eq!(whole.bytes, size);
    // What is read does not depend on how much is read at once.
    for block in [1, 7, 64] {
        let load = load_files(listed.clone(), options.clone())?.with_limits(block, 1 << 20);
        assert_eq!(drain(&load)?, whole, "in blocks of {block}");
    }
    Ok(whole)
}

/// The rows, and the rejected as `line: raw`.
fn outcome(loaded: &Loaded) -> String {
    let mut text = String::new();
    for row in &loaded.rows {
        let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect();
        text += &format!("{}\n", cells.join(" | "));
    }
    for rejected in &loaded.rejected {
        text += &format!("! {}: {}\n", rejected.line, rejected.raw);
        rejected.reasons.iter().for_each(|reason| text += &format!("    {} {}\n", reason.code, reason.message));
    }
    text
}

const COLUMNS: &[Declared<'_>] = &[("id", "int", &[]), ("name", "string", &[])];

#[test]
fn lines_and_arrays_are_read_alike() {
    let records = ["{\"id\":1,\"name\":\"a\"}", "{ \"NAME\" : \"b\" , \"Id\" : \"2\" }", "{\"name\":null}", "{}"];
    let lines = records.join("\n");
    let expected = "1 | a\n2 | b\n- | -\n- | -\n";
    for content in [
        lines.clone(),
        lines.clone() + "\r\n",
        lines.replace('\n', "\r\n\r\n  \n"),
        format!("\u{feff}{lines}"),
        format!("[{}]", records.join(",")),
        format!("\n [\n{}\n]\n", records.join(",\n")),
        format!("[{}", records.join(" , ")) + "]\n\n",
        format!("[{}]\n[{}]", records[..2].join(","), records[2..].join(",")),
        format!("[{}]", records.join(",\n").replace('{', "{\n\t").replace(',', ",\n")),
    ] {
        let loaded = read(&content, json(COLUMNS)).unwrap();
        assert_eq!((outcome(&loaded).as_str(), loaded.records), (expected, 4), "{content}");
    }
}

#[test]
fn files_without_a_record() {
    for (content, blank) in [("", 0), ("\n \n\n", 3), ("[]", 0), ("[\n]\n", 0), (" ", 1), ("[\n,\n]", 0)] {
        let loaded = read(content, json(COLUMNS)).unwrap();
        assert_eq!((loaded.records, loaded.skipped.blank), (0, blank), "{content:?}");
    }
}

#[test]
fn lines_that_are_no_records_cost_themselves() {
    let content = "{\"id\":1}\n{\"id\":tru}\nnot json\n{\"id\":2}}\n[1,2]\n{\"id\":3\n{\"id\":4}\n{\"id\":\"5\n\
                   {\"id\":01}\n{\"id\":\"\\ud800\"}\n{\"id\":6,\"ID\":7}\n\"text\"\n{\"id\":8,}\n{'id':9}\n\
                   {\"id\":10} {\"id\":11}\n{\"id\":\"x\",\"name\":12}\n{\"id\":13}";
    let loaded = read(content, json(COLUMNS)).unwrap();
    insta::assert_snapshot!(outcome(&loaded));
}

#[test]
fn broken_elements_of_an_array_cost_themselves() {
    // An element by line: the next line that begins as it does is the next element, broken or not.
    let by_line = "[\n  {\"id\": 1},\n  {\"id\": \"2},\n  {\"id\": 3},\n  {\"id\": [4},\n  {\"id\": 5,\n  {\"id\": 6}},\n  {\"id\": 7},\n  nonsense,\n  {\"id\": 8}\n]\n";
    // On one line: the next whole object behind a comma.
    let one_line =
        "[{\"id\":1},{\"id\":\"2},{\"id\":3},{\"id\":tru},{\"id\":4},7,\"x,y\",[{\"id\":5}],{\"id\":6} {\"id\":7},nul]";
    let pretty = "[\n  {\n    \"id\": 1,\n    \"name\": \"a\"\n  },\n  {\n    \"id\": 2,\n    \"name\": \"b\n  },\n  {\n    \"id\": 3\n  }\n]";
    let cut = "[{\"id\":1},\n{\"id\":2},\n{\"id\":3,\"na";
    let unclosed = "[{\"id\":1},\n{\"id\":2},\n";
    let mut text = String::new();
    for content in [by_line, one_line, pretty, cut, unclosed] {
        let loaded = read(content, json(COLUMNS)).unwrap();
        text += &format!("{}---\n", outcome(&loaded));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn values_go_through_the_parsers_of_every_format() {
    let columns: &[Declared<'_>] = &[
        ("i", "int", &[]),
        ("d", "decimal(6,2)", &[]),
        ("f", "double", &[]),
        ("b", "boolean", &[]),
        ("s", "string", &[]),
        ("day", "date", &["dd.MM.yyyy", "yyyy-MM-dd"]),
        ("at", "timestamp", &[]),
    ];
    let content = "{\"i\":7,\"d\":1.005,\"f\":1e3,\"b\":true,\"s\":\"x\\n\\u00e4\\ud83d\\ude00\\/\",\"day\":\"05.01.2024\",\"at\":\"2024-01-05T01:02:03Z\"}\n\
                   {\"i\":\"7\",\"d\":\"2\",\"f\":\"NaN\",\"b\":\"FALSE\",\"s\":{\"a\":[1, 2]},\"day\":\"2024-01-05\",\"at\":\"2024-01-05\"}\n\
                   {\"i\":\"\",\"s\":\"\",\"b\":null}\n{\"s\":1.50}\n{\"s\":true}\n\
                   {\"i\":1.0}\n{\"i\":3000000000}\n{\"d\":99999}\n{\"b\":1}\n{\"day\":20240105}\n{\"i\":true,\"f\":[1]}\n";
    insta::assert_snapshot!(outcome(&read(content, json(columns)).unwrap()));
}

#[test]
fn the_rules_of_columns() {
    let mut ruled = json(&[("id", "int", &[]), ("name", "string", &[]), ("city", "string", &[]), ("n", "int", &[])]);
    let columns = &mut ruled.contract.columns;
    columns[0].nullable = false;
    (columns[1].trim, columns[1].null_values) = (true, vec!["N/A".into()]);
    columns[2].source_name = Some("address.City".into());
    (columns[3].source_name, columns[3].default) = (Some("The Number".into()), Some("9".into()));
    ruled.format = FileFormat::Json(JsonOptions { null_values: vec!["NULL".into()], ..JsonOptions::default() });
    ruled.on_schema_change = OnSchemaChange::Ignore;
    let content = "{\"id\":1,\"name\":\" x \",\"address\":{\"zip\":1,\"city\":\"Ulm\"},\"the number\":3}\n\
                   {\"id\":2,\"name\":\"N/A\",\"address\":\"?\"}\n{\"id\":3,\"name\":\"NULL\",\"The Number\":null,\"address\":null}\n\
                   {\"name\":\"no id\"}\n{\"id\":null,\"name\":\"no id\"}\n{\"id\":\"NULL\"}\n";
    insta::assert_snapshot!(outcome(&read(content, ruled).unwrap()));
}

#[test]
fn nested_types() {
    let field = |name: &str, data_type| Field::new(name, data_type);
    let point = DataType::Struct(vec![field("x", DataType::Double), field("Y", DataType::Int)]);
    let declared = |name: &str, data_type| ContractColumn::new(name, data_type, Location::line("s.yml", 1));
    let mut nested = json(&[("id", "int", &[])]);
    nested.contract.columns.extend([
        declared("tags", DataType::Array(Box::new(DataType::String))),
        declared("points", DataType::Array(Box::new(point.clone()))),
        declared(
            "prices",
            DataType::Map(Box::new(DataType::String), Box::new(DataType::Decimal { precision: 5, scale: 2 })),
        ),
        declared("days", DataType::Map(Box::new(DataType::Date), Box::new(DataType::Array(Box::new(DataType::Int))))),
        declared("bytes", DataType::Binary),
    ]);
    nested.contract.columns[1].nullable = false;
    let content = "{\"id\":1,\"tags\":[\"a\",null,\"b\\\"c\"],\"points\":[{\"x\":1,\"y\":2},null,{}],\"prices\":{\"a\":1.5,\"b\":null},\"days\":{\"2024-01-05\":[1,2]},\"bytes\":\"aGk=\"}\n\
                   {\"id\":2,\"tags\":[]}\n{\"id\":3,\"tags\":[],\"points\":[],\"prices\":{},\"days\":null,\"bytes\":\"\"}\n\
                   {\"id\":4,\"tags\":[],\"points\":[{\"x\":1},{\"y\":1.5}]}\n{\"id\":5,\"tags\":\"a\"}\n{\"id\":6,\"tags\":[],\"prices\":{\"a\":1,\"a\":2}}\n\
                   {\"id\":7,\"tags\":[],\"days\":{\"soon\":[]}}\n{\"id\":8}\n{\"id\":9,\"tags\":[],\"bytes\":\"?\"}\n{\"id\":10,\"tags\":[],\"points\":[{\"y\":\"3\",\"z\":{}}]}\n";
    insta::assert_snapshot!(outcome(&read(content, nested).unwrap()));
}

#[test]
fn fields_that_the_contract_has_not() {
    let content = "{\"id\":1,\"name\":\"a\",\"extra\":{\"x\": 1},\"Other\":\"o\"}\n{\"id\":2}\n{\"id\":3,\"EXTRA\":7,\"late\":null}\n";
    // Wrong ones at the beginning of a file are told before anything is loaded, all of them.
    let (folder, listed) = files(&[content.as_bytes(), b"[{\"id\":1},{\"idd\":1}]"]);
    let error = load_files(listed, json(COLUMNS)).unwrap_err();
    insta::assert_snapshot!(told(error.diagnostics(), &folder));

    let ignoring = LoadOptions { on_schema_change: OnSchemaChange::Ignore, ..json(COLUMNS) };
    assert_eq!(outcome(&read(content, ignoring).unwrap()), "1 | a\n2 | -\n3 | -\n");

    let rescuing = LoadOptions { on_schema_change: OnSchemaChange::Rescue, rescue: true, ..json(COLUMNS) };
    assert_eq!(
        outcome(&read(content, rescuing).unwrap()),
        "1 | a | {\"extra\":{\"x\": 1},\"Other\":\"o\"}\n2 | - | -\n3 | - | {\"EXTRA\":7,\"late\":null}\n"
    );

    let adding = LoadOptions { on_schema_change: OnSchemaChange::AddColumns, ..json(COLUMNS) };
    let (_folder, listed) = files(&[content.as_bytes()]);
    let load = load_files(listed, adding.clone()).unwrap();
    let added: Vec<&str> = load.added_columns().iter().map(|field| field.name.as_str()).collect();
    assert_eq!(added, ["extra", "Other", "late"]);
    assert_eq!(
        outcome(&read(content, adding).unwrap()),
        "1 | a | {\"x\": 1} | o | -\n2 | - | - | - | -\n3 | - | 7 | - | -\n"
    );
}

#[test]
fn a_wrong_field_far_behind_stops_the_load() {
    let mut content = String::new();
    (0..20_000).for_each(|n| content += &format!("{{\"id\":{n}}}\n"));
    content += "{\"id\":1,\"surprise\":true}\n";
    let (folder, listed) = files(&[content.as_bytes()]);
    let error = drain(&load_files(listed, json(COLUMNS)).unwrap()).unwrap_err();
    let told = told(error.diagnostics(), &folder);
    assert!(told.starts_with("unexpected-column at 0.csv:20001:1"), "{told}");
}

#[test]
fn other_encodings_and_bytes_that_are_none() {
    let utf_16: Vec<u8> =
        "\u{feff}{\"id\":1,\"name\":\"ä😀\"}\n{\"id\":2}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (_folder, listed) = files(&[&utf_16]);
    assert_eq!(outcome(&drain(&load_files(listed, json(COLUMNS)).unwrap()).unwrap()), "1 | ä😀\n2 | -\n");

    let (_folder, listed) =
        files(&[b"{\"id\":1,\"name\":\"\xe4\"}\n{\"id\":2,\"name\":\"\xc3\xa4\"}\n\xff\xfe{\n{\"id\":3}\n"]);
    let loaded = drain(&load_files(listed.clone(), json(COLUMNS)).unwrap()).unwrap();
    assert_eq!(loaded.rejected[0].raw_bytes.as_deref(), Some(b"{\"id\":1,\"name\":\"\xe4\"}".as_slice()));
    insta::assert_snapshot!(outcome(&loaded));

    let latin = FileFormat::Json(JsonOptions { encoding: "latin1".into(), ..JsonOptions::default() });
    let rows = loaded.rejected.iter().take(1).map(|rejected| quarantined(rejected, "json")).collect();
    let replayed = replay(rows, LoadOptions { format: latin, ..json(COLUMNS) }).unwrap();
    assert_eq!(replayed.batches.iter().flat_map(texts).collect::<Vec<_>>(), [[Some("1".into()), Some("ä".into())]]);
}

fn quarantined(rejected: &Rejected, format: &str) -> QuarantinedRow {
    QuarantinedRow {
        file: rejected.file.clone(),
        line: rejected.line,
        raw: rejected.raw.clone(),
        raw_bytes: rejected.raw_bytes.clone(),
        file_columns: None,
        format: format.to_owned(),
    }
}

#[test]
fn replayed_records_are_as_if_the_contract_had_been_right() {
    let content =
        "{\"id\":\"x1\",\"name\":\"a\"}\n{\"id\":2,\"name\":\"b\"}\nbroken\n{\"id\":3,\"day\":\"5.1.2024\"}\n";
    let mut wrong = json(&[("id", "int", &[]), ("name", "string", &[]), ("day", "date", &[])]);
    wrong.stamp = true;
    let loaded = read(content, wrong.clone()).unwrap();
    assert_eq!((loaded.rows.len(), loaded.rejected.len()), (1, 3));
    let mut right = wrong;
    right.contract = contract(&[("id", "string", &[]), ("name", "string", &[]), ("day", "date", &["d.M.yyyy"])]);
    let rows = loaded.rejected.iter().map(|rejected| quarantined(rejected, "json")).collect();
    let replayed = replay(rows, right).unwrap();
    assert_eq!((replayed.records, replayed.rejected.len()), (3, 1));
    assert_eq!((replayed.rejected[0].line, replayed.rejected[0].raw.as_str()), (3, "broken"));
    let rows: Vec<_> = replayed.batches.iter().flat_map(texts).collect();
    let cells = |row: &[Option<String>]| row.iter().map(|cell| cell.clone().unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(cells(&rows[0])[..3], ["x1", "a", ""]);
    assert_eq!(cells(&rows[1])[..3], ["3", "", "2024-01-05"]);
    assert!(rows[1][3].as_ref().unwrap().ends_with("0.csv") && rows[1][4].as_deref() == Some("4"));
}

#[test]
fn records_past_the_limit_cost_themselves() {
    let long = "x".repeat(500);
    for (content, records) in [
        (format!("{{\"id\":1}}\n{{\"id\":2,\"name\":\"{long}\"}}\n{{\"id\":3}}\n"), 3),
        (format!("[{{\"id\":1}},\n{{\"id\":2,\"name\":\"{long}\"}},\n{{\"id\":3}}]"), 3),
    ] {
        let (_folder, listed) = files(&[content.as_bytes()]);
        for block in [16, 64, 1 << 20] {
            let load = load_files(listed.clone(), json(COLUMNS)).unwrap().with_limits(block, 100);
            let loaded = drain(&load).unwrap();
            let ids: Vec<_> = loaded.rows.iter().map(|row| row[0].clone().unwrap()).collect();
            assert_eq!((ids.join(" ").as_str(), loaded.records), ("1 3", records), "{content} in {block}");
            assert_eq!((loaded.rejected[0].reasons[0].code, loaded.rejected[0].line), (Code::RecordTooLong, 2));
        }
    }
}

#[test]
fn rules_over_rows() {
    #[derive(Debug)]
    struct Even;
    impl RowCheck for Even {
        fn check(&self, batch: &RecordBatch) -> Result<Vec<BrokenRule>, arrow::error::ArrowError> {
            let ids = batch.column(0).as_primitive::<arrow::array::types::Int32Type>();
            let odd = (0..ids.len()).filter(|row| ids.is_valid(*row) && ids.value(*row) % 2 == 1);
            Ok(odd.map(|row| BrokenRule { row, constraint: 0 }).collect())
        }
    }
    use arrow::array::Array;
    let mut checked = json(COLUMNS);
    checked.check = Some(Arc::new(Even));
    checked.contract.constraints = vec![headwater_plan::Constraint {
        written: "id % 2 = 0".into(),
        column: Some("id".into()),
        sql: "id % 2 = 0".into(),
        location: Location::line("s.yml", 1),
    }];
    let content = "{\"id\":1}\n{\"id\":2}\n{\"id\":\"x\"}\n{\"id\":null}\n{\"id\":3}";
    insta::assert_snapshot!(outcome(&read(content, checked).unwrap()));
}

#[test]
fn folders_are_columns_where_a_record_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("day=2024-01-05/region=__HIVE_DEFAULT_PARTITION__");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(
        below.join("a.json"),
        "{\"id\":1}\n{\"id\":2,\"day\":\"2023-01-01\",\"region\":\"x\\\"y\"}\n{\"id\":3,\"day\":null}\n",
    )
    .unwrap();
    let mut with_root = json(&[("id", "int", &[]), ("day", "date", &[]), ("region", "string", &[])]);
    with_root.root = Some(folder.path().to_str().unwrap().to_owned());
    let loaded = drain(&load_files(vec![source_file(&below.join("a.json"))], with_root).unwrap()).unwrap();
    assert_eq!(outcome(&loaded), "1 | 2024-01-05 | -\n2 | 2023-01-01 | x\"y\n3 | - | -\n");
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}

proptest! {
    /// What the scanner takes for JSON, serde_json does too, and the other way round; but for lone surrogates, which both
    /// refuse, and depth.
    #[test]
    fn the_scanner_and_serde_agree(text in r#"[\[\]{}",:0-9eE+\-.\\ u/ntrfalse\n\u{e4}]{0,24}"#) {
        let bytes = text.as_bytes();
        let at = scan::skip_blanks(bytes, 0);
        let found = scan::value(bytes, at, 0).is_ok_and(|span| scan::skip_blanks(bytes, span.end) == bytes.len());
        // A number too large for a double is JSON all the same.
        if found != is_json(&text) {
            prop_assert!(found && text.contains(['e', 'E']), "{:?}", text);
        }
    }

    #[test]
    fn texts_are_those_of_serde(value: String, key: String) {
        prop_assume!(key != "n");
        let record = serde_json::json!({ &key: &value, "n": { "deep": [value.clone()] } }).to_string();
        let mut members = Vec::new();
        scan::object(record.as_bytes(), 0, record.len(), &mut members).unwrap();
        prop_assert_eq!(&members[0].name.text(&record), &key);
        prop_assert_eq!(&members[0].value.text(&record), &value);
    }

    /// Rows in are rows out and rejected, whatever the bytes, and in whatever steps they are read.
    #[test]
    fn any_bytes_are_accounted_for(parts in proptest::collection::vec(prop_oneof![
        Just("{\"id\":1}".to_owned()), Just("{\"id\":\"".to_owned()), Just(",".to_owned()), Just("\n".to_owned()),
        Just("[".to_owned()), Just("]".to_owned()), Just("}".to_owned()), Just("{\"id\":2,\"name\":\"x\"},\n".to_owned()),
        Just("\u{ff}".to_owned()), "[ -~\n]{0,8}",
    ], 0..12), raw in proptest::collection::vec(any::<u8>(), 0..6), block in 1..40_usize) {
        let mut content = parts.concat().into_bytes();
        content.extend(raw);
        let (_folder, listed) = files(&[&content]);
        let ignoring = LoadOptions { on_schema_change: OnSchemaChange::Ignore, ..json(COLUMNS) };
        // `drain` holds records against rows and rejected.
        let whole = drain(&load_files(listed.clone(), ignoring.clone()).unwrap()).unwrap();
        let stepwise = drain(&load_files(listed, ignoring).unwrap().with_limits(block, 1 << 20)).unwrap();
        prop_assert_eq!(whole.bytes, content.len() as u64);
        prop_assert_eq!(whole, stepwise);
    }

    /// Whole records beside a broken one are read, in lines as in arrays by line.
    #[test]
    fn the_next_record_is_read_right(broken in "[ -~]{1,30}", array: bool) {
        let (open, comma, close) = if array { ("[\n", ",", "\n]") } else { ("", "", "") };
        let content = format!("{open}{{\"id\":1}}{comma}\n{{{broken}{comma}\n{{\"id\":2}}{comma}\n{{\"id\":3}}{close}\n");
        let (_folder, listed) = files(&[content.as_bytes()]);
        let ignoring = LoadOptions { on_schema_change: OnSchemaChange::Ignore, ..json(COLUMNS) };
        let loaded = drain(&load_files(listed, ignoring).unwrap()).unwrap();
        let ids: Vec<String> = loaded.rows.iter().filter_map(|row| row[0].clone()).collect();
        prop_assert!(ids.starts_with(&["1".into()]) && ids.ends_with(&["2".into(), "3".into()]), "{:?} of {}", ids, content);
    }

    #[test]
    fn base64_goes_and_comes_back(bytes: Vec<u8>) {
        prop_assert_eq!(base64::decode(&base64::encode(&bytes)), Some(bytes));
    }
}

#[test]
fn base64_is_that_of_the_standard() {
    for (text, bytes) in
        [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmFy", "foobar")]
    {
        assert_eq!((base64::encode(bytes.as_bytes()).as_str(), base64::decode(text)), (text, Some(bytes.into())));
    }
    assert_eq!(base64::decode("Zg"), Some(b"f".to_vec()));
    for wrong in ["Z", "Zg=", "Zg===", "Z-==", "Zg==Zg=="] {
        assert!(wrong == "Zg=" || base64::decode(wrong).is_none(), "{wrong}");
    }
}
