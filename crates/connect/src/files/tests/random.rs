//! Random files against a reader that goes one byte at a time: nothing panics, nothing is lost, and what is read does not
//! depend on where blocks end.

use proptest::prelude::*;

use super::*;

/// A record as the slow reader sees it.
#[derive(Debug, PartialEq)]
struct Slow {
    line: u64,
    /// The cells, quotes undone, and whether each was quoted.
    cells: Vec<(Vec<u8>, bool)>,
    trailing_text: bool,
}

/// Reads records the plainest way. `None` if a quote does not close.
fn slow(bytes: &[u8], first_line: u64) -> Option<Vec<Slow>> {
    let ends = |at: usize| matches!(bytes.get(at), None | Some(b',' | b'\n' | b'\r'));
    let (mut records, mut line, mut at) = (Vec::new(), first_line, 0);
    while at < bytes.len() {
        let mut record = Slow { line, cells: Vec::new(), trailing_text: false };
        let start = at;
        loop {
            let mut cell = Vec::new();
            let quoted = bytes.get(at) == Some(&b'"');
            if quoted {
                at += 1;
                loop {
                    match (bytes.get(at)?, bytes.get(at + 1)) {
                        (b'"', Some(b'"')) => {
                            cell.push(b'"');
                            at += 2;
                        }
                        (b'"', _) => break,
                        (byte, next) => {
                            line += u64::from(*byte == b'\n' || *byte == b'\r' && next != Some(&b'\n'));
                            cell.push(*byte);
                            at += 1;
                        }
                    }
                }
                at += 1;
                while matches!(bytes.get(at), Some(b' ' | b'\t')) {
                    at += 1;
                }
                record.trailing_text |= !ends(at);
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
        line += 1;
        at += if bytes[at.min(bytes.len())..].starts_with(b"\r\n") { 2 } else { 1 };
        if !blank {
            records.push(record);
        }
    }
    Some(records)
}

fn stamped() -> LoadOptions {
    LoadOptions { stamp: true, ..options(&[("a", "string", &[]), ("b", "string", &[])]) }
}

fn load_in_blocks(bytes: &[u8], block_size: usize) -> Result<Loaded, FilesError> {
    let (_folder, listed) = files(&[bytes]);
    let mut loaded = drain(&Load::new(listed, stamped())?.with_limits(block_size, 1 << 20))?;
    // The folder is another each time.
    loaded.rejected.iter_mut().for_each(|rejected| rejected.file.clear());
    loaded.rows.iter_mut().for_each(|row| row[2] = None);
    Ok(loaded)
}

fn text(cell: &(Vec<u8>, bool)) -> Option<String> {
    let text = String::from_utf8(cell.0.clone()).unwrap();
    (cell.1 || !text.is_empty()).then_some(text)
}

fn check(body: &[u8], block_size: usize) -> Result<(), TestCaseError> {
    let bytes = [b"a,b\n", body].concat();
    let (found, expected) = match (load_in_blocks(&bytes, block_size), slow(body, 2)) {
        (Ok(found), Some(expected)) => (found, expected),
        (Err(FilesError::UnclosedQuote { .. }), None) => return Ok(()),
        (found, expected) => return Err(TestCaseError::fail(format!("{found:?} but {expected:?}"))),
    };
    prop_assert_eq!(found.records, expected.len() as u64);
    prop_assert_eq!(found.records, (found.rows.len() + found.rejected.len()) as u64);
    prop_assert_eq!(found.bytes, bytes.len() as u64);
    let is_text = |record: &Slow| record.cells.iter().all(|(cell, _)| std::str::from_utf8(cell).is_ok());
    let good = |record: &&Slow| record.cells.len() == 2 && !record.trailing_text && is_text(record);
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
    // What follows a closing quote is no cell, so bytes there that are not text show only in the kind of refusal.
    let refused: Vec<u64> = found.rejected.iter().map(|rejected| rejected.line).collect();
    let lines: Vec<u64> = expected.iter().filter(|record| !good(record)).map(|record| record.line).collect();
    prop_assert_eq!(refused, lines);
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
    fn decimals_are_those_of_their_digits(unscaled in any::<i64>(), scale in 0u8..=18, exponent in -3i32..3) {
        use super::super::number::decimal;
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
        prop_assert_eq!(super::super::number::integer(text.as_bytes()), expected);
    }
}
