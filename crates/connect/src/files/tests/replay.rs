//! Records from quarantine, read again.

use headwater_plan::ingest::{Quotes, Ragged};

use super::*;

/// The records that a load refused, as the quarantine gives them back.
fn quarantined(content: impl AsRef<[u8]>, options: LoadOptions) -> Vec<QuarantinedRow> {
    let (_folder, listed) = files(&[content.as_ref()]);
    let loaded = drain(&load_files(listed, options).unwrap().with_limits(64, 400)).unwrap();
    let row = |rejected: Rejected| QuarantinedRow {
        file: "in/day=2024-05-06/a.csv".into(),
        line: rejected.line,
        raw: rejected.raw,
        raw_bytes: rejected.raw_bytes,
        file_columns: rejected.file_columns.map(|columns| columns.to_vec()),
        format: "csv".into(),
    };
    loaded.rejected.into_iter().map(row).collect()
}

fn again(rows: Vec<QuarantinedRow>, options: LoadOptions) -> String {
    let count = rows.len();
    let decoded = super::super::replay(rows, LoadOptions { stamp: true, ..options }).unwrap();
    let loaded: Vec<Vec<Option<String>>> = decoded.batches.iter().flat_map(texts).collect();
    assert_eq!(decoded.records, (loaded.len() + decoded.rejected.len()) as u64);
    assert_eq!(decoded.records + decoded.skipped.total(), count as u64, "each record comes out once");
    let mut text = String::new();
    for row in loaded {
        let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
        text += &format!("{}\n", cells.join("|").replace("|2024-05-06T07:08:09.123456Z|run-1", ""));
    }
    for rejected in decoded.rejected {
        let reasons: Vec<&str> = rejected.reasons.iter().map(|reason| reason.message.as_str()).collect();
        text += &format!("{} {:?} {}\n", rejected.line, rejected.raw, reasons.join("; "));
    }
    text
}

const NARROW: &[Declared<'_>] = &[("a", "int", &[]), ("b", "int", &[])];
const WIDE: &[Declared<'_>] = &[("b", "string", &[]), ("a", "int", &[])];

#[test]
fn a_corrected_contract_takes_them() {
    let rows = quarantined("a,b\n1,2\n2,x\nx,3\n4,\"two\nlines\"\n5,\"5\n", options(NARROW));
    assert_eq!(rows.len(), 4);
    let file = "in/day=2024-05-06/a.csv";
    assert_eq!(
        again(rows, options(WIDE)),
        format!("x|2|{file}|3\ntwo\nlines|4|{file}|5\n")
            + "4 \"x,3\" column `a`: `x` is not a valid `int`\n7 \"5,\\\"5\" column `b` opens a quote that does not close\n"
    );
}

#[test]
fn corrected_options_take_them() {
    let rows = quarantined("a,b\n1\n2,3,4\n5,\"6\n#7\n", options(WIDE));
    assert_eq!(rows.len(), 4);
    let csv =
        CsvOptions { ragged: Ragged::Rescue, quotes: Quotes::Lenient, comment: Some('#'), ..CsvOptions::default() };
    let file = "in/day=2024-05-06/a.csv";
    assert_eq!(
        again(rows, LoadOptions { rescue: true, ..written(csv, WIDE) }),
        format!("NULL|1|NULL|{file}|2\n3|2|{{\"_c2\":\"4\"}}|{file}|3\n6|5|NULL|{file}|4\n")
    );
}

#[test]
fn bytes_are_read_in_the_encoding_of_today() {
    let rows = quarantined(b"a,b\n1,\xe4\n2,\xfc\xff\n3,x\n", options(WIDE));
    assert_eq!(rows.len(), 2);
    let csv = CsvOptions { encoding: "windows-1252".into(), ..CsvOptions::default() };
    let file = "in/day=2024-05-06/a.csv";
    assert_eq!(again(rows, written(csv, WIDE)), format!("ä|1|{file}|2\nüÿ|2|{file}|3\n"));

    // Half a surrogate pair, where the file's mark and not the source said that it is UTF-16.
    let mut content: Vec<u8> = "\u{feff}a,b\n1,".encode_utf16().flat_map(u16::to_le_bytes).collect();
    content.extend(b"\x00\xd8\n\0");
    let rows = quarantined(content, options(WIDE));
    assert_eq!(rows[0].raw_bytes.as_deref(), Some(b"\xff\xfe1\0,\0\x00\xd8".as_slice()));
    let told = again(rows, options(WIDE));
    assert_eq!(told, "2 \"1,\u{fffd}\" it is not UTF-16LE: byte 5 is 00 D8 in hexadecimal\n");
}

#[test]
fn what_is_several_records_today_or_was_cut_is_refused() {
    let rows = quarantined("a,b\nx,\"two\nlines\"\n", options(NARROW));
    let csv = CsvOptions { quote: None, ..CsvOptions::default() };
    assert_eq!(
        again(rows, written(csv, WIDE)),
        "2 \"x,\\\"two\\nlines\\\"\" by the options of today it is not one record\n"
    );
    let rows = quarantined(format!("a,b\n1,{}\n2,3\n", "x".repeat(1000)), options(WIDE));
    assert_eq!(rows.len(), 1);
    assert!(again(rows, options(WIDE)).ends_with("only its beginning was kept\n"));
}

#[test]
fn columns_of_the_file_that_no_longer_fit_are_told() {
    let rows = quarantined("a,b\n1,x\n2,x\n", options(NARROW));
    let three: &[Declared<'_>] = &[("a", "int", &[]), ("b", "string", &[]), ("c", "string", &[])];
    let told = again(rows.clone(), options(three));
    assert_eq!(told.matches("has no column `c`").count(), 2);

    let mut with_day = options(&[("a", "int", &[]), ("b", "string", &[]), ("day", "date", &[])]);
    with_day.root = Some("in".into());
    assert!(again(rows.clone(), with_day).starts_with("1|x|2024-05-06|"));

    let narrow = LoadOptions { on_schema_change: OnSchemaChange::AddColumns, ..options(&[("a", "int", &[])]) };
    assert!(again(rows.clone(), narrow).starts_with("1|in/day=2024-05-06/a.csv|2|x\n"));

    let json = LoadOptions { format: FileFormat::Json(Default::default()), ..options(WIDE) };
    assert_eq!(again(rows, json).matches("it was set aside as csv, and the source is json today").count(), 2);
}
