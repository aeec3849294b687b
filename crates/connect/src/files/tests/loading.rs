//! Whole loads: stamps, lines, several files, blocks, what stops a load.

use std::io::Write;

use super::*;

#[test]
fn stamps_and_lines() {
    let (folder, listed) = files(&[b"a,b\n1,x\n\n2,\"y\nz\"\r\n3,w\r4,v", b"\xef\xbb\xbf\n\nB,A\nq,5\n"]);
    let mut stamped = options(&[("a", "int", &[]), ("b", "string", &[])]);
    stamped.stamp = true;
    let load = load_files(listed.clone(), stamped).unwrap();
    let names: Vec<_> =
        load.arrow_schema().fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
    assert_eq!(
        names.join(", "),
        "a Int32, b Utf8, _source_file Utf8, _source_line Int64, _ingested_at Timestamp(µs, \"UTC\"), _run_id Utf8"
    );
    let loaded = drain(&load).unwrap();
    assert_eq!((loaded.records, loaded.skipped), (5, Skipped { blank: 3, header: 2, ..Skipped::default() }));
    assert_eq!(loaded.bytes, listed.iter().map(|file| file.size).sum::<u64>());
    let found: Vec<String> =
        loaded.rows.iter().map(|row| row.iter().flatten().cloned().collect::<Vec<_>>().join("|")).collect();
    let prefix = format!("{}/", folder.path().display());
    assert_eq!(
        found.join("\n").replace(&prefix, ""),
        "1|x|0.csv|2|2024-05-06T07:08:09.123456Z|run-1\n\
         2|y\nz|0.csv|4|2024-05-06T07:08:09.123456Z|run-1\n\
         3|w|0.csv|6|2024-05-06T07:08:09.123456Z|run-1\n\
         4|v|0.csv|7|2024-05-06T07:08:09.123456Z|run-1\n\
         5|q|1.csv|4|2024-05-06T07:08:09.123456Z|run-1"
    );
}

#[test]
fn a_header_alone_is_no_rows() {
    for content in ["a,b", "a,b\n", "a,b\r\n\r\n\n"] {
        let loaded = load(content, &[("a", "int", &[]), ("b", "string", &[])]);
        assert_eq!((loaded.rows.len(), loaded.records, loaded.bytes), (0, 0, content.len() as u64));
    }
}

#[test]
fn no_files_are_no_rows() {
    let load = load_files(Vec::new(), options(&[("a", "int", &[])])).unwrap();
    assert_eq!(drain(&load).unwrap(), Loaded::default());
}

#[test]
fn other_separators_and_quotes() {
    let (_folder, listed) = files(&[b"a\tb\n'x\ty'\tit''s\n'it''s'\t\"z\"\n"]);
    let mut tabs = options(&[("a", "string", &[]), ("b", "string", &[])]);
    tabs.format = FileFormat::Csv(CsvOptions { sep: "\t".into(), quote: Some('\''), ..CsvOptions::default() });
    let loaded = drain(&load_files(listed, tabs).unwrap()).unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(loaded.rows, [[text("x\ty"), text("it''s")], [text("it's"), text("\"z\"")]]);
}

#[test]
fn many_rows_come_in_several_batches_and_bad_ones_leave_no_hole() {
    let mut content = String::from("n,s\n");
    for n in 0..50_000 {
        content += &if n % 7_001 == 3 { format!("x{n},bad\n") } else { format!("{n},value {n}\n") };
    }
    let (_folder, listed) = files(&[content.as_bytes()]);
    let load = load_files(listed, options(&[("n", "int", &[]), ("s", "string", &[])])).unwrap();
    let block = load.next_block().unwrap().unwrap();
    let decoded = load.decode(block).unwrap();
    assert!(load.next_block().unwrap().is_none());
    assert!(decoded.batches.len() > 2 && decoded.batches.iter().all(|batch| batch.num_rows() <= 17_408));
    let rows: Vec<_> = decoded.batches.iter().flat_map(texts).collect();
    let expected =
        (0..50_000).filter(|n| n % 7_001 != 3).map(|n| vec![Some(n.to_string()), Some(format!("value {n}"))]);
    assert!(rows.into_iter().eq(expected));
    let lines: Vec<u64> = decoded.rejected.iter().map(|rejected| rejected.line).collect();
    assert_eq!(lines, (0..8).map(|k| k * 7_001 + 3 + 2).collect::<Vec<u64>>());
    assert_eq!(decoded.records, 50_000);
}

#[test]
fn workers_share_a_load() {
    let mut content = String::from("n\n");
    (0..20_000).for_each(|n| content += &format!("{n}\n"));
    let (_folder, listed) = files(&[content.as_bytes(), content.as_bytes()]);
    let load = load_files(listed, options(&[("n", "bigint", &[])])).unwrap().with_limits(1000, 1 << 20);
    let drained: Vec<Loaded> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| drain(&load).unwrap())).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let mut found: Vec<u64> =
        drained.iter().flat_map(|loaded| &loaded.rows).map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect();
    found.sort_unstable();
    assert!(found.into_iter().eq((0..20_000).flat_map(|n| [n, n])));
}

#[test]
fn bytes_that_are_not_text_cost_their_record_only() {
    let (folder, listed) = files(&[b"n,s\n1,\xc3\xa4\n2,\xe4\n3,z\n\n4,\"\xff\n\"\n5,\xc3\xa4\n6,\xf0\x9f\x98"]);
    let loaded = drain(&load_files(listed, options(&[("n", "int", &[]), ("s", "string", &[])])).unwrap()).unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(loaded.rows, [[text("1"), text("ä")], [text("3"), text("z")], [text("5"), text("ä")]]);
    assert_eq!((loaded.records, loaded.skipped.blank), (6, 1));
    insta::assert_snapshot!(told(loaded.rejected.iter().map(Rejected::diagnostic), &folder));
}

/// The rows, and what is told of the others, of a file that is read 16 bytes at a time and whose records may have so many.
fn limited(content: &[u8], max_record: usize) -> String {
    let (folder, listed) = files(&[content, b"a,b\n8,9\n"]);
    let options = LoadOptions { stamp: true, ..options(&[("a", "string", &[]), ("b", "string", &[])]) };
    let load = load_files(listed.clone(), options).unwrap().with_limits(16, max_record);
    let loaded = drain(&load).unwrap();
    assert_eq!(loaded.bytes, listed.iter().map(|file| file.size).sum::<u64>());
    let rows = loaded.rows.iter().map(|row| [0, 1, 3].map(|cell| row[cell].as_deref().unwrap_or("NULL")).join(" "));
    let rows: Vec<String> = rows.collect();
    rows.join("\n") + "\n" + &told(loaded.rejected.iter().map(Rejected::diagnostic), &folder)
}

#[test]
fn records_without_end_cost_their_line_only() {
    let unclosed = limited(b"a,b\n1,2\n3,\"x\n\n4,5\n", 1000);
    let long_quote = limited(format!("a,b\n1,2\n3,\"{}\"\n4,5\n", "x,y\n".repeat(9)).as_bytes(), 20);
    let long = limited(format!("a,b\n1,2\n3,{}\r\n4,5\n6,7", "x".repeat(2000)).as_bytes(), 100);
    let last = limited(format!("a,b\n1,2\n3,{}", "x".repeat(200)).as_bytes(), 100);
    insta::assert_snapshot!([unclosed, long_quote, long, last].join("---\n"));
}

#[test]
fn a_file_that_changed_is_not_loaded() {
    let (_folder, listed) = files(&[b"a\n1\n"]);
    std::fs::File::options().append(true).open(&listed[0].path).unwrap().write_all(b"2\n").unwrap();
    let error = load_files(listed, options(&[("a", "int", &[])])).unwrap_err();
    assert!(matches!(error, FilesError::Changed { size: 6, .. }), "{error}");
    assert_eq!(error.diagnostic().code, headwater_plan::Code::FileChanged);

    // It grows while it is read.
    let (_folder, listed) = files(&[b"a\n1\n"]);
    let load = load_files(listed.clone(), options(&[("a", "int", &[])])).unwrap().with_limits(1, 1000);
    let first = load.next_block().unwrap();
    std::fs::File::options().append(true).open(&listed[0].path).unwrap().write_all(b"2\n").unwrap();
    drop(first);
    let error = drain(&load).unwrap_err();
    assert!(matches!(error, FilesError::Changed { size: 6, .. }), "{error}");
}

#[test]
fn a_file_that_went_is_named() {
    let (_folder, listed) = files(&[b"a\n1\n"]);
    std::fs::remove_file(&listed[0].path).unwrap();
    let error = load_files(listed, options(&[("a", "int", &[])])).unwrap_err();
    assert_eq!(error.diagnostic().code, headwater_plan::Code::UnreadableInput);
    assert_eq!(error.diagnostic().causes.len(), 1);
}
