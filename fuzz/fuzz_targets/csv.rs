//! Any bytes as a CSV file, with any options: nothing panics, each record is a row or refused once, every byte is
//! accounted for, and the size of blocks changes nothing.

#![no_main]

use headwater_connect::files::SourceFile;
use headwater_fuzz::{Choices, file, load, options};
use headwater_plan::ingest::{Quotes, Ragged};
use headwater_plan::{Contract, ContractColumn, CsvOptions, DataType, FileFormat, Location, OnSchemaChange};
use libfuzzer_sys::fuzz_target;

fn csv(choices: &mut Choices<'_>) -> CsvOptions {
    let text = |texts: &[&str], choices: &mut Choices<'_>| choices.one(texts).to_owned();
    CsvOptions {
        sep: text(&[",", ";", "||", "\u{a7}", "\t", "ab", " "], choices),
        quote: choices.one(&[Some('"'), Some('\''), None]),
        escape: choices.one(&[None, Some('\\'), Some('"')]),
        header: !choices.flag(),
        encoding: text(
            &["UTF-8", "windows-1252", "utf-16le", "utf-16be", "shift_jis", "gb18030", "iso-2022-jp"],
            choices,
        ),
        line_sep: choices.one(&[None, Some("\n"), Some("\r\n"), Some("|\n"), Some("aab")]).map(str::to_owned),
        comment: choices.one(&[None, Some('#'), Some('\u{a7}')]),
        multi_line: !choices.flag(),
        null_values: if choices.flag() { vec!["NA".to_owned(), "a".to_owned()] } else { Vec::new() },
        empty_value: choices.flag().then(|| "empty".to_owned()),
        ignore_leading_white_space: choices.flag(),
        ignore_trailing_white_space: choices.flag(),
        skip_rows: u64::from(choices.byte() % 4),
        header_rows: u32::from(choices.byte() % 3),
        footer_rows: u64::from(choices.byte() % 4),
        ragged: choices.one(&[Ragged::Quarantine, Ragged::Pad, Ragged::Rescue]),
        quotes: choices.one(&[Quotes::Strict, Quotes::Lenient]),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let csv = csv(&mut choices);
    let change = choices.one(&[OnSchemaChange::Ignore, OnSchemaChange::AddColumns, OnSchemaChange::Rescue]);
    let max_record = choices.one(&[1 << 20, 8, 30]);
    let (first, second) = (usize::from(choices.byte()) + 1, usize::from(choices.byte()) + 1);
    let column = |name: &str, data_type| ContractColumn::new(name, data_type, Location::line("fuzz.yml", 1));
    let columns = vec![column("a", DataType::String), column("b", DataType::Long)];
    let contract = Contract { columns, constraints: Vec::new() };
    let options = options(FileFormat::Csv(csv), contract, change);
    let content = choices.rest();
    let (_file, listed): (_, SourceFile) = file(content);
    let one = load(listed.clone(), options.clone(), first, max_record).map_err(|error| error.to_string());
    let other = load(listed, options, second, max_record).map_err(|error| error.to_string());
    assert_eq!(one, other, "blocks of {first} and of {second} bytes");
    if let Ok(loaded) = one {
        assert_eq!(loaded.bytes, content.len() as u64);
        assert!(loaded.rejected.is_sorted_by_key(|(line, ..)| *line));
    }
});
