//! Random files against a reader that goes one byte at a time: nothing panics, nothing is lost, and what is read does not
//! depend on where blocks end.

use headwater_plan::ingest::{Quotes, Ragged};
use proptest::prelude::*;

use super::super::csv::dialect::{Dialect, Limited, Tokenize};
use super::super::csv::token::{Cell, Record, line_ends};
use super::*;

/// A record as the slow reader sees it.
#[derive(Debug, PartialEq)]
struct Slow {
    line: u64,
    /// The record as it stands.
    raw: Vec<u8>,
    /// The cells, quotes undone, and whether each was quoted.
    cells: Vec<(Vec<u8>, bool)>,
    /// Whether a quote in it is in the wrong place.
    wrong: bool,
}

/// Reads records the plainest way.
fn slow(bytes: &[u8], first_line: u64) -> Vec<Slow> {
    let ends_line = |at: usize| matches!(bytes.get(at), None | Some(b'\n' | b'\r'));
    let ends = |at: usize| ends_line(at) || bytes.get(at) == Some(&b',');
    let (mut records, mut line, mut at) = (Vec::new(), first_line, 0);
    while at < bytes.len() {
        let mut record = Slow { line, raw: Vec::new(), cells: Vec::new(), wrong: false };
        let start = at;
        loop {
            let mut cell = Vec::new();
            let quoted = bytes.get(at) == Some(&b'"');
            if quoted {
                let (open, line_of_open) = (at, line);
                at += 1;
                let closed = loop {
                    match (bytes.get(at), bytes.get(at + 1)) {
                        (None, _) => break false,
                        (Some(b'"'), Some(b'"')) => {
                            cell.push(b'"');
                            at += 2;
                        }
                        (Some(b'"'), _) => break true,
                        (Some(byte), next) => {
                            line += u64::from(*byte == b'\n' || *byte == b'\r' && next != Some(&b'\n'));
                            cell.push(*byte);
                            at += 1;
                        }
                    }
                };
                at += 1;
                while matches!(bytes.get(at), Some(b' ' | b'\t')) {
                    at += 1;
                }
                let trailing = !ends(at);
                record.wrong |= !closed || trailing;
                if !closed || trailing && line > line_of_open {
                    (at, line) = (open, line_of_open);
                    while !ends_line(at) {
                        at += 1;
                    }
                    break;
                }
                while !ends(at) {
                    at += 1;
                }
            } else {
                while !ends(at) {
                    cell.push(bytes[at]);
                    at += 1;
                }
            }
            record.cells.push((cell, quoted));
            if bytes.get(at) != Some(&b',') {
                break;
            }
            at += 1;
        }
        let blank = at == start;
        record.raw = bytes[start..at].to_vec();
        line += 1;
        at += if bytes[at.min(bytes.len())..].starts_with(b"\r\n") { 2 } else { 1 };
        if !blank {
            records.push(record);
        }
    }
    records
}

fn stamped() -> LoadOptions {
    LoadOptions { stamp: true, ..options(&[("a", "string", &[]), ("b", "string", &[])]) }
}

fn load_in_blocks(bytes: &[u8], block_size: usize) -> Result<Loaded, FilesError> {
    let (_folder, listed) = files(&[bytes]);
    let mut loaded = drain(&load_files(listed, stamped())?.with_limits(block_size, 1 << 20))?;
    // The folder is another each time.
    loaded.rejected.iter_mut().for_each(|rejected| rejected.file.clear());
    loaded.rows.iter_mut().for_each(|row| row[2] = None);
    Ok(loaded)
}

fn all_records(tokenizer: &impl Tokenize, bytes: &[u8]) -> Vec<(Record, Vec<Cell>)> {
    let (mut records, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let mut cells = Vec::new();
        let record = tokenizer.record(bytes, at, &mut cells);
        at = record.next;
        records.push((record, cells));
    }
    records
}

fn any_content() -> impl Strategy<Value = Vec<u8>> {
    let meaning = b",,;;||\"\"''\\\\##\n\n\r\t  ab1\xc2\xa7\xff\0".to_vec();
    let body = prop_oneof![
        3 => prop::collection::vec(prop::sample::select(meaning), 0..150),
        1 => prop::collection::vec(any::<u8>(), 0..150),
    ];
    let header = prop::sample::select(vec!["", "a,b\n", "x\n\na;b;c\n", "a||b\n", "a\u{a7}b\r\n", "\u{feff}a,b|\n"]);
    (header, body).prop_map(|(header, body)| [header.as_bytes(), &body].concat())
}

fn any_csv() -> impl Strategy<Value = CsvOptions> {
    let cells = (
        prop::sample::select(vec![",", ",", ";", "||", "\u{a7}", "\t", "ab"]),
        prop::sample::select(vec![Some('"'), Some('"'), Some('\''), None]),
        prop::sample::select(vec![None, Some('\\')]),
        prop::sample::select(vec![None, None, Some("\n"), Some("\r\n"), Some("|\n"), Some("1 ")]),
        prop::sample::select(vec![None, Some('#')]),
        any::<[bool; 4]>(),
    );
    let records = (
        prop::sample::select(vec!["UTF-8", "UTF-8", "windows-1252", "utf-16le", "shift_jis", "gb18030"]),
        0u64..3,
        any::<bool>(),
        1u32..3,
        0u64..3,
        prop::sample::select(vec![Ragged::Quarantine, Ragged::Pad, Ragged::Rescue]),
    );
    (cells, records).prop_map(|((sep, quote, escape, line_sep, comment, flags), records)| {
        let (encoding, skip_rows, header, header_rows, footer_rows, ragged) = records;
        CsvOptions {
            sep: sep.into(),
            quote,
            escape,
            line_sep: line_sep.map(str::to_owned),
            comment,
            multi_line: flags[0],
            ignore_leading_white_space: flags[1],
            ignore_trailing_white_space: flags[2],
            quotes: if flags[3] { Quotes::Lenient } else { Quotes::Strict },
            encoding: encoding.into(),
            skip_rows,
            header,
            header_rows,
            footer_rows,
            ragged,
            ..CsvOptions::default()
        }
    })
}

fn text(cell: &(Vec<u8>, bool)) -> Option<String> {
    let text = String::from_utf8(cell.0.clone()).unwrap();
    (cell.1 || !text.is_empty()).then_some(text)
}

fn check(body: &[u8], block_size: usize) -> Result<(), TestCaseError> {
    let bytes = [b"a,b\n", body].concat();
    let found = load_in_blocks(&bytes, block_size).unwrap();
    let (repeated, expected): (Vec<Slow>, Vec<Slow>) =
        slow(body, 2).into_iter().partition(|record| record.raw == b"a,b");
    prop_assert_eq!(found.skipped.header, 1 + repeated.len() as u64);
    prop_assert_eq!(found.records, expected.len() as u64);
    prop_assert_eq!(found.records, (found.rows.len() + found.rejected.len()) as u64);
    prop_assert_eq!(found.bytes, bytes.len() as u64);
    let good = |record: &&Slow| record.cells.len() == 2 && !record.wrong && std::str::from_utf8(&record.raw).is_ok();
    let rows: Vec<Vec<Option<String>>> = expected
        .iter()
        .filter(good)
        .map(|record| {
            let stamps =
                [None, Some(record.line.to_string()), Some("2024-05-06T07:08:09.123456Z".into()), Some("run-1".into())];
            [text(&record.cells[0]), text(&record.cells[1])].into_iter().chain(stamps).collect()
        })
        .collect();
    prop_assert_eq!(&found.rows, &rows);
    let refused: Vec<(u64, &str)> =
        found.rejected.iter().map(|rejected| (rejected.line, rejected.raw.as_str())).collect();
    let raws: Vec<(u64, String)> = expected
        .iter()
        .filter(|record| !good(record))
        .map(|record| (record.line, super::super::encoding::Encoding::UTF_8.shown(&record.raw)))
        .collect();
    prop_assert_eq!(refused, raws.iter().map(|(line, raw)| (*line, raw.as_str())).collect::<Vec<_>>());
    prop_assert_eq!(found, load_in_blocks(&bytes, 4 << 20).unwrap());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes(
        body in prop::collection::vec(prop::sample::select(b",,,\"\"\"\n\n\r a1\xc3\xa4\xff".to_vec()), 0..120),
        block_size in 1usize..40,
    ) {
        check(&body, block_size)?;
    }

    #[test]
    fn really_any_bytes(body in prop::collection::vec(any::<u8>(), 0..300), block_size in 1usize..40) {
        check(&body, block_size)?;
    }

    #[test]
    fn what_is_written_is_read(
        table in prop::collection::vec(prop::collection::vec("[a-c,;\"'\n\r\\ äß😀]{0,12}", 2), 0..40),
        quote_all in any::<bool>(),
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        block_size in prop::sample::select(vec![1usize, 7, 16, 64, 1000]),
    ) {
        // That would be the header again.
        prop_assume!(!table.contains(&vec!["a".to_owned(), "b".to_owned()]));
        let mut content = String::from("a,b\n");
        for row in &table {
            let cells: Vec<String> = row.iter().map(|cell| {
                if quote_all || cell.is_empty() || cell.contains([',', '"', '\n', '\r']) {
                    format!("\"{}\"", cell.replace('"', "\"\""))
                } else {
                    cell.clone()
                }
            }).collect();
            content += &cells.join(",");
            content += line_end;
        }
        let loaded = load_in_blocks(content.as_bytes(), block_size).unwrap();
        prop_assert!(loaded.rejected.is_empty());
        let found: Vec<Vec<String>> =
            loaded.rows.iter().map(|row| row[..2].iter().flatten().cloned().collect()).collect();
        prop_assert_eq!(found, table);
        check(&content.as_bytes()[4..], block_size)?;
    }

    #[test]
    fn any_options_and_any_bytes(
        content in any_content(),
        csv in any_csv(),
        sizes in (1usize..64, 1usize..64),
        max_record in prop::sample::select(vec![8usize, 30, 1 << 20]),
        change in prop::sample::select(vec![OnSchemaChange::Ignore, OnSchemaChange::AddColumns, OnSchemaChange::Rescue]),
    ) {
        let (_folder, listed) = files(&[&content]);
        let read = |block_size| {
            let options = LoadOptions {
                on_schema_change: change,
                rescue: change == OnSchemaChange::Rescue || csv.ragged == Ragged::Rescue,
                format: FileFormat::Csv(csv.clone()),
                ..stamped()
            };
            let load = load_files(listed.clone(), options).map_err(|error| error.to_string())?;
            // Records and rows are held against each other in `drain`.
            drain(&load.with_limits(block_size, max_record)).map_err(|error| error.to_string())
        };
        let one = read(sizes.0);
        if let Ok(loaded) = &one {
            prop_assert_eq!(loaded.bytes, content.len() as u64);
            prop_assert!(loaded.rejected.iter().all(|rejected| !rejected.reasons.is_empty()));
            let mut lines: Vec<u64> = loaded.rejected.iter().map(|rejected| rejected.line).collect();
            let stamp = 3 - usize::from(change != OnSchemaChange::Rescue && csv.ragged != Ragged::Rescue);
            lines.extend(loaded.rows.iter().map(|row| row[stamp + 1].as_ref().unwrap().parse::<u64>().unwrap()));
            let count = lines.len();
            lines.sort_unstable();
            lines.dedup();
            prop_assert_eq!(lines.len(), count, "two records on one line");
        }
        prop_assert_eq!(one, read(sizes.1));
    }

    #[test]
    fn tokenizers_agree_and_account_for_every_line(
        body in prop::collection::vec(prop::sample::select(b",,,\"\"\"\n\n\r a1\xc3\xa4\xff".to_vec()), 0..120),
    ) {
        let dialect = Dialect::new(&CsvOptions::default()).unwrap();
        let plain = all_records(&dialect.plain.unwrap(), &body);
        let limited = Limited { general: &dialect.general, max_record: 1 << 20 };
        prop_assert_eq!(&plain, &all_records(&limited, &body));
        let lines: u64 = plain.iter().map(|(record, _)| record.lines).sum();
        let open = u64::from(!body.is_empty() && !matches!(body.last(), Some(b'\n' | b'\r')));
        prop_assert_eq!(lines, line_ends(&body) + open);
    }

    #[test]
    fn every_line_of_any_dialect_is_accounted_for(content in any_content(), csv in any_csv()) {
        let dialect = Dialect::new(&csv).unwrap();
        let limited = Limited { general: &dialect.general, max_record: 1 << 20 };
        let records = all_records(&limited, &content);
        let lines: u64 = records.iter().map(|(record, _)| record.lines).sum();
        let ends = dialect.general.line_ends(&content);
        prop_assert!(lines == ends || lines == ends + 1, "{} of {}", lines, ends);
        prop_assert!(records.windows(2).all(|pair| pair[0].0.next == pair[1].0.start));
    }

    #[test]
    fn what_is_proposed_for_any_bytes_can_be_loaded(content in any_content()) {
        let (_folder, listed) = files(&[&content]);
        let Ok(inferred) = infer(listed.clone(), None, &Stores::local()) else { return Ok(()) };
        let proposed = LoadOptions {
            format: inferred.format,
            contract: inferred.contract,
            on_schema_change: inferred.on_schema_change,
            ..options(&[])
        };
        let load = load_files(listed, proposed);
        prop_assert!(load.is_ok(), "{:?}", load.err().map(|error| error.diagnostics()));
        drain(&load.unwrap()).unwrap();
    }

    #[test]
    fn decimals_are_those_of_their_digits(unscaled in any::<i64>(), scale in 0u8..=18, exponent in -3i32..3) {
        use super::super::value::number::decimal;
        let sign = if unscaled < 0 { "-" } else { "" };
        let digits = format!("{:0>20}", unscaled.unsigned_abs());
        let (before, behind) = digits.split_at(20 - usize::from(scale));
        let written = format!("{sign}{before}.{behind}");
        prop_assert_eq!(decimal(written.as_bytes(), 38, scale), Some(i128::from(unscaled)));
        prop_assert_eq!(decimal(format!("{written}e0").as_bytes(), 38, scale), Some(i128::from(unscaled)));
        let shifted = format!("{written}E{exponent}");
        let value = i128::from(unscaled) * 1000 * 10i128.pow((exponent + 3) as u32);
        prop_assert_eq!(decimal(shifted.as_bytes(), 38, scale + 6), Some(value));
    }

    #[test]
    fn integers_are_those_of_rust(text in "[+-]?[0-9]{0,22}") {
        let expected = text.parse::<i64>().ok();
        prop_assert_eq!(super::super::value::number::integer(text.as_bytes()), expected);
    }
}
