//! Any contract and any values: nothing panics; what is refused comes out of the quarantine as it went in, or as a row
//! once its column is text.

#![no_main]

use headwater_connect::files::{QuarantinedRow, check_contract, replay};
use headwater_fuzz::{Choices, options};
use headwater_plan::{Contract, ContractColumn, CsvOptions, DataType, FileFormat, Location, OnSchemaChange};
use libfuzzer_sys::fuzz_target;

fn column(name: &str, choices: &mut Choices<'_>) -> ContractColumn {
    let types = [
        DataType::String,
        DataType::Boolean,
        DataType::Byte,
        DataType::Short,
        DataType::Int,
        DataType::Long,
        DataType::Float,
        DataType::Double,
        DataType::Decimal { precision: 38, scale: 38 },
        DataType::Decimal { precision: 1, scale: 0 },
        DataType::Decimal { precision: 10, scale: 2 },
        DataType::Date,
        DataType::Timestamp,
        DataType::TimestampNtz,
    ];
    let formats = (0..choices.byte() % 3).map(|_| choices.text()).collect();
    ContractColumn {
        format: formats,
        nullable: !choices.flag(),
        default: choices.flag().then(|| choices.text()),
        trim: choices.flag(),
        null_values: (0..choices.byte() % 3).map(|_| choices.text()).collect(),
        decimal_sep: choices.one(&['.', ',', '\'', '\u{a0}']),
        group_sep: choices.one(&[None, Some(','), Some('.'), Some(' '), Some('\u{202f}')]),
        ..ContractColumn::new(name, choices.one(&types), Location::line("fuzz.yml", 1))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let contract =
        Contract { columns: vec![column("a", &mut choices), column("b", &mut choices)], constraints: Vec::new() };
    let format = FileFormat::Csv(CsvOptions { quote: None, ..CsvOptions::default() });
    if let Err(problems) = check_contract(&contract, &format) {
        problems.iter().for_each(|problem| drop(problem.diagnostic()));
        return;
    }
    let text = String::from_utf8_lossy(choices.rest()).into_owned();
    let row = |(number, raw): (usize, &str)| QuarantinedRow {
        file: "fuzz.csv".to_owned(),
        line: number as u64 + 2,
        raw: raw.to_owned(),
        raw_bytes: None,
        file_columns: Some(vec!["b".to_owned(), "a".to_owned()]),
        format: "csv".to_owned(),
    };
    let rows: Vec<QuarantinedRow> = text.split(['\n', '\r']).enumerate().map(row).collect();
    let count = rows.len() as u64;
    let strict = options(format.clone(), contract, OnSchemaChange::Fail);
    let decoded = replay(rows, strict).expect("a contract that was checked");
    let loaded: usize = decoded.batches.iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(decoded.records, (loaded + decoded.rejected.len()) as u64);
    assert_eq!(decoded.records + decoded.skipped.total(), count, "each record comes out once");
    decoded.rejected.iter().for_each(|record| drop(record.diagnostic()));

    // As text, every record with two cells is a row.
    let again = decoded.rejected.into_iter().map(|record| QuarantinedRow {
        file: record.file,
        line: record.line,
        raw: record.raw,
        raw_bytes: record.raw_bytes,
        file_columns: record.file_columns.map(|columns| columns.to_vec()),
        format: "csv".to_owned(),
    });
    let again: Vec<QuarantinedRow> = again.collect();
    let whole = again.iter().filter(|row| row.raw.matches(',').count() == 1).count();
    let text = |name: &str| ContractColumn::new(name, DataType::String, Location::line("fuzz.yml", 1));
    let contract = Contract { columns: vec![text("a"), text("b")], constraints: Vec::new() };
    let decoded = replay(again, options(format, contract, OnSchemaChange::Fail)).expect("a contract of strings");
    assert_eq!(decoded.batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), whole);
});
