//! Files with options, one option after another.

use headwater_plan::ingest::{Quotes, Ragged};

use super::*;

const AB: &[Declared<'_>] = &[("a", "string", &[]), ("b", "string", &[])];

/// What a file gives: each row as its cells with `|` between, then each rejected record with its reasons, then what was
/// passed over.
fn read(content: impl AsRef<[u8]>, csv: CsvOptions, columns: &[Declared<'_>]) -> String {
    read_with(content, written(csv, columns))
}

fn read_with(content: impl AsRef<[u8]>, options: LoadOptions) -> String {
    let (folder, listed) = files(&[content.as_ref()]);
    let load = match load_files(listed, options) {
        Ok(load) => load,
        Err(error) => return told(error.diagnostics(), &folder),
    };
    let loaded = drain(&load.with_limits(16, 1 << 20)).unwrap();
    let mut text = String::new();
    for row in &loaded.rows {
        let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
        text += &format!("{}\n", cells.join("|"));
    }
    for rejected in &loaded.rejected {
        let reasons: Vec<String> =
            rejected.reasons.iter().map(|reason| format!("{}: {}", reason.code, reason.message)).collect();
        text += &format!("{} {:?} {}\n", rejected.line, rejected.raw, reasons.join("; "));
    }
    let skipped = loaded.skipped;
    let kinds = [
        ("blank", skipped.blank),
        ("comment", skipped.comment),
        ("preamble", skipped.preamble),
        ("header", skipped.header),
        ("footer", skipped.footer),
    ];
    let counted: Vec<String> =
        kinds.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| format!("{count} {kind}")).collect();
    text + &counted.join(", ")
}

#[test]
fn separators() {
    let with = |sep: &str| CsvOptions { sep: sep.into(), ..CsvOptions::default() };
    assert_eq!(read("a||b\n1||2\n|||\n\"x||y\"||\"z\"\n", with("||"), AB), "1|2\nNULL||\nx||y|z\n1 header");
    assert_eq!(read("a§b\n1§2\n", with("§"), AB), "1|2\n1 header");
    assert_eq!(
        read("a\tb\n1\t2\n\" \"\t\"x\" \t\n", with("\t"), AB),
        "1|2\n3 \"\\\" \\\"\\t\\\"x\\\" \\t\" ragged-record: it has 3 cells, expected 2\n1 header"
    );
    assert_eq!(read("a, b\n1, 2\n", with(", "), AB), "1|2\n1 header");
}

#[test]
fn quotes_and_escapes() {
    let none = CsvOptions { quote: None, ..CsvOptions::default() };
    assert_eq!(read("a,b\n\"1,2\"\n", none, AB), "\"1|2\"\n1 header");
    let escape = CsvOptions { escape: Some('\\'), ..CsvOptions::default() };
    assert_eq!(
        read(
            r#"a,b
"1 \"of\" 2","c:\\"
"\n",\"x
"#,
            escape,
            AB
        ),
        "1 \"of\" 2|c:\\\n\\n|\\\"x\n1 header"
    );
    let same = CsvOptions { escape: Some('"'), ..CsvOptions::default() };
    assert_eq!(read("a,b\n\"1 \"\"of\"\" 2\",\n", same, AB), "1 \"of\" 2|NULL\n1 header");
}

#[test]
fn line_ends() {
    let with = |line_sep: &str| CsvOptions { line_sep: Some(line_sep.into()), ..CsvOptions::default() };
    assert_eq!(read("a,b\n1,2\r\n3,4\n", with("\n"), AB), "1|2\r\n3|4\n1 header");
    assert_eq!(read("a,b|\n1,2|\n\n3,4|5|\n", with("|\n"), AB), "1|2\n\n3|4|5\n1 header");
    assert_eq!(read("a,b\r1,2\n\r3,4", with("\r"), AB), "1|2\n\n3|4\n1 header");
}

#[test]
fn comments_and_blanks() {
    let comment = CsvOptions { comment: Some('#'), ..CsvOptions::default() };
    assert_eq!(
        read("# one\na,b\n#\"two\n1,#2\n\n \n#", comment, AB),
        "1|#2\n6 \" \" ragged-record: it has 1 cell, expected 2\n1 blank, 3 comment, 1 header"
    );
    let blanks =
        CsvOptions { ignore_leading_white_space: true, ignore_trailing_white_space: true, ..CsvOptions::default() };
    assert_eq!(read("a , b\n 1\t, 2 \n  \" 3 \" ,\t\n   \n", blanks.clone(), AB), "1|2\n 3 |NULL\n1 blank, 1 header");
    let leading = CsvOptions { ignore_trailing_white_space: false, ..blanks.clone() };
    assert_eq!(read("a,b\n 1 , \"2\"\n", leading, AB), "1 |2\n1 header");
    let trailing = CsvOptions { ignore_leading_white_space: false, ..blanks };
    assert_eq!(read("a,b\n 1 , \"2\"\n", trailing, AB), " 1| \"2\"\n1 header");
}

#[test]
fn nulls_and_empty_texts() {
    let nulls = CsvOptions {
        null_values: vec!["NA".into(), "-".into()],
        empty_value: Some("(empty)".into()),
        ..CsvOptions::default()
    };
    let columns: &[Declared<'_>] = &[("s", "string", &[]), ("n", "int", &[])];
    assert_eq!(
        read("s,n\nNA,NA\n\"NA\",\"NA\"\n,\n\"\",\"\"\n-,-\n", nulls, columns),
        "NULL|NULL\nNA|NULL\nNULL|NULL\n(empty)|NULL\nNULL|NULL\n1 header"
    );
}

#[test]
fn preambles_headers_and_footers() {
    let all = CsvOptions { skip_rows: 2, header_rows: 2, footer_rows: 2, ..CsvOptions::default() };
    let columns: &[Declared<'_>] = &[("trip id", "int", &[]), ("km", "int", &[])];
    let content = "Report \"of\nMay\n\ntrip,\nid,km\n1,2\n3,4\n\ntrip,\nid,km\n5,6\n\ntotal,6\nend\n\n";
    assert_eq!(read(content, all, columns), "1|2\n3|4\n5|6\n4 blank, 2 preamble, 4 header, 2 footer");
    let footer = CsvOptions { footer_rows: 3, ..CsvOptions::default() };
    assert_eq!(read("a,b\n1,2\n3,4\n", footer.clone(), AB), "1 header, 2 footer");
    assert_eq!(read("a,b\n1,2\n\"3\n\",4\n5,6\n7,8", footer, AB), "1|2\n1 header, 3 footer");
    let skip = CsvOptions { skip_rows: 9, ..CsvOptions::default() };
    assert_eq!(read("a,b\n1,2\n", skip, AB), "2 preamble");
}

#[test]
fn no_header() {
    let without = CsvOptions { header: false, ..CsvOptions::default() };
    assert_eq!(
        read("1,2\n\n3\n", without.clone(), AB),
        "1|2\n3 \"3\" ragged-record: it has 1 cell, expected 2\n1 blank"
    );
    assert_eq!(read("", without, AB), "");
}

#[test]
fn no_rows_and_no_bytes() {
    for content in ["", "\n", "\u{feff}", "\u{feff}\r\n"] {
        let blanks = if content.contains('\n') { "1 blank" } else { "" };
        assert_eq!(read(content, CsvOptions::default(), AB), blanks, "{content:?}");
    }
    assert_eq!(read("a,b\n", CsvOptions::default(), AB), "1 header");
}

#[test]
fn a_header_inside_a_file_is_passed_over() {
    assert_eq!(read("\u{feff}a,b\n1,2\n\u{feff}a,b\n3,4\n", CsvOptions::default(), AB), "1|2\n3|4\n2 header");
    assert_eq!(read("a,b\n1,2\na,b\n\"a\",b\n3,4\n", CsvOptions::default(), AB), "1|2\na|b\n3|4\n2 header");
}

#[test]
fn encodings() {
    let with = |encoding: &str| CsvOptions { encoding: encoding.into(), ..CsvOptions::default() };
    assert_eq!(read(b"a,b\n\xe4,\x80\n", with("windows-1252"), AB), "ä|€\n1 header");
    assert_eq!(read(b"a,b\n\xe4,\xa4\n", with("ISO-8859-15"), AB), "ä|€\n1 header");
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    assert_eq!(read(utf_16("a,b\nä,😀\n"), with("utf-16le"), AB), "ä|😀\n1 header");
    assert_eq!(read(utf_16("\u{feff}a,b\nä,😀\n"), CsvOptions::default(), AB), "ä|😀\n1 header");
    let big: Vec<u8> = "\u{feff}a,b\n1,ö\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(read(big, with("windows-1252"), AB), "1|ö\n1 header");
    // Half a surrogate pair costs its record; so does a byte at the end that is half a unit.
    let mut half = utf_16("a,b\n1,");
    half.extend([0x00, 0xD8]);
    half.extend(utf_16("\n2,3\n4,"));
    half.push(b'5');
    assert_eq!(
        read(half, with("UTF-16LE"), AB),
        "2|3\n2 \"1,\u{fffd}\" invalid-encoding: it is not UTF-16LE: byte 5 is 00 D8 in hexadecimal\n\
         4 \"4,\u{fffd}\" invalid-encoding: it is not UTF-16LE: byte 5 is 35 in hexadecimal\n1 header"
    );
    // The second byte of a character in Shift_JIS may be one that means something in ASCII.
    assert_eq!(read(b"a,b\n\x83\x5c,\x95\x5c\n\x83,x\n", with("shift_jis"), AB).lines().next(), Some("ソ|表"));
}

#[test]
fn what_was_malformed_can_be_had_back() {
    let line = b"2,\x83\x5c\xff\xa0";
    let content = [b"a,b\n".as_slice(), line, b"\n"].concat();
    let (_folder, listed) = files(&[&content]);
    let csv = CsvOptions { encoding: "shift_jis".into(), ..CsvOptions::default() };
    let loaded = drain(&load_files(listed, written(csv, AB)).unwrap()).unwrap();
    assert_eq!(loaded.rejected[0].raw_bytes.as_deref(), Some(line.as_slice()));
}

#[test]
fn ragged_records() {
    let with = |ragged| CsvOptions { ragged, ..CsvOptions::default() };
    let content = "a,b\n1\n2,3,4\n\n5,6\n";
    assert_eq!(
        read(content, with(Ragged::Quarantine), AB),
        "5|6\n2 \"1\" ragged-record: it has 1 cell, expected 2\n3 \"2,3,4\" ragged-record: it has 3 cells, expected 2\n\
         1 blank, 1 header"
    );
    assert_eq!(
        read(content, with(Ragged::Pad), AB),
        "1|NULL\n5|6\n3 \"2,3,4\" ragged-record: it has 3 cells, expected 2\n1 blank, 1 header"
    );
    let rescue = LoadOptions { rescue: true, ..written(with(Ragged::Rescue), AB) };
    assert_eq!(
        read_with("a,b\n1\n2,3,4,,\"5\"\"\"\n6,7,\n", rescue),
        "1|NULL|NULL\n2|3|{\"_c2\":\"4\",\"_c4\":\"5\\\"\"}\n6|7|NULL\n1 header"
    );
}

#[test]
fn one_line_a_record() {
    let with = |quotes| CsvOptions { multi_line: false, quotes, ..CsvOptions::default() };
    assert_eq!(
        read("a,b\n\"1,\"\"\",2\n\"3\n4,5\"\n", with(Quotes::Strict), AB),
        "1,\"|2\n4|5\"\n3 \"\\\"3\" unclosed-quote: column `a` opens a quote that does not close\n1 header"
    );
    assert_eq!(
        read("a,b\n1,\"x,y\n\"3\n", with(Quotes::Lenient), AB),
        "1|x,y\n3 \"\\\"3\" ragged-record: it has 1 cell, expected 2\n1 header"
    );
}

#[test]
fn a_quote_that_does_not_close_costs_its_line() {
    assert_eq!(
        read("a,b\n1,\"x\n2,\"y\"\n3,z\n\"4\",\"two\nlines\"\n5,\"\n6,w", CsvOptions::default(), AB),
        "2|y\n3|z\n4|two\nlines\n6|w\n\
         2 \"1,\\\"x\" unclosed-quote: column `b` opens a quote that does not close\n\
         7 \"5,\\\"\" unclosed-quote: column `b` opens a quote that does not close\n1 header"
    );
}

#[test]
fn lenient_quotes() {
    let lenient = CsvOptions { quotes: Quotes::Lenient, ..CsvOptions::default() };
    let content = "a,b\n\"He said \"hi\" there\",1\n2,\"x\n3,\"y\"\n4,\"two\nlines\"\n\"\"5\"\",6\n7,\"\"\n8,\"\"\"9\"\"\"\n5\" pipe,x\n";
    assert_eq!(
        read(content, lenient, AB),
        "He said \"hi\" there|1\n2|x\n3|y\n4|two\nlines\n\"\"5\"\"|6\n7|\n8|\"9\"\n5\" pipe|x\n1 header"
    );
}

#[test]
fn options_that_cannot_be() {
    let refused = |csv: CsvOptions| {
        let error = load_files(Vec::new(), written(csv, AB)).unwrap_err();
        assert_eq!(error.diagnostic().code, headwater_plan::Code::InvalidValue);
        error.to_string()
    };
    let default = CsvOptions::default;
    let all = [
        refused(CsvOptions { sep: String::new(), ..default() }),
        refused(CsvOptions { sep: "a\nb".into(), ..default() }),
        refused(CsvOptions { sep: "\"".into(), ..default() }),
        refused(CsvOptions { quote: Some('ä'), ..default() }),
        refused(CsvOptions { escape: Some(','), ..default() }),
        refused(CsvOptions { line_sep: Some(String::new()), ..default() }),
        refused(CsvOptions { line_sep: Some("\"\n".into()), ..default() }),
        refused(CsvOptions { comment: Some('"'), ..default() }),
        refused(CsvOptions { encoding: "utf-32".into(), ..default() }),
        refused(CsvOptions { footer_rows: 1_000_000, ..default() }),
    ];
    insta::assert_snapshot!(all.join("\n"));
}
