//! Files as they come: each loads to the rows, the refused records and the counts of its snapshot, or is refused as a
//! whole, whatever the size of the blocks that it is read in.

use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use headwater_connect::files::{FilesError, Load};
use headwater_plan::ingest::{INGESTED_AT, RUN_ID};
use headwater_plan::{Diagnostic, Location, Skipped};

use crate::fixture::Fixture;

/// How many malformed files there must be at least.
const FIXTURES: usize = 60;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/malformed");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut fixtures: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
    fixtures.sort();
    fixtures
}

#[test]
fn every_malformed_file_loads_to_its_snapshot() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= FIXTURES, "only {} fixtures", fixtures.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("malformed");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _bound = settings.bind_to_scope();
    let mut wrong = Vec::new();
    for path in fixtures {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let fixture = Fixture::read(&path);
        let whole = outcome(&fixture, 4 << 20);
        assert_eq!(outcome(&fixture, 7), whole, "{name} depends on the size of blocks");
        let compared = std::panic::catch_unwind(|| insta::assert_snapshot!(name.as_str(), whole));
        if compared.is_err() {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "not as their snapshots: {}", wrong.join(", "));
}

/// What becomes of a file.
fn outcome(fixture: &Fixture, block_size: usize) -> String {
    let folder = tempfile::tempdir().unwrap();
    let outcome = fixture.load(folder.path()).and_then(|load| {
        let load = load.with_limits(block_size, fixture.max_record);
        loaded(&load, fixture)
    });
    let text = outcome.unwrap_or_else(|error| {
        let told: Vec<String> = error.diagnostics().0.iter().map(told).collect();
        format!("refused\n{}", told.concat())
    });
    text.replace(&format!("{}/", folder.path().display()), "")
}

fn loaded(load: &Load, fixture: &Fixture) -> Result<String, FilesError> {
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    let (mut records, mut bytes, mut skipped) = (0, 0, Skipped::default());
    while let Some(block) = load.next_block()? {
        let mut decoded = load.decode(block)?;
        decoded.batches.iter().for_each(|batch| rows.extend(lines(batch)));
        rejected.append(&mut decoded.rejected);
        records += decoded.records;
        bytes += decoded.bytes;
        skipped += decoded.skipped;
    }
    assert_eq!(records, (rows.len() + rejected.len()) as u64, "records in are rows and refused records out");
    assert_eq!(bytes, fixture.size(), "every byte is accounted for");
    let schema = load.arrow_schema();
    let names = schema.fields().iter().map(|field| field.name().as_str()).filter(|name| !is_constant(name));
    let mut text = format!("{}\n", names.collect::<Vec<_>>().join(" | "));
    rows.iter().for_each(|row| text += &format!("{row}\n"));
    for record in rejected {
        text += &format!("\nline {} of {}: {:?}\n", record.line, record.file, record.raw);
        if let Some(bytes) = record.raw_bytes {
            text += &format!("  bytes: {}\n", bytes.escape_ascii());
        }
        for reason in record.reasons {
            text += &format!("  {}: {}\n", reason.code, reason.message);
            reason.help.text().iter().for_each(|help| text += &format!("    help: {help}\n"));
        }
    }
    let kinds = [
        ("blank", skipped.blank),
        ("comment", skipped.comment),
        ("preamble", skipped.preamble),
        ("header", skipped.header),
        ("footer", skipped.footer),
    ];
    let counted: Vec<String> =
        kinds.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| format!("{count} {kind}")).collect();
    Ok(text
        + &format!(
            "\n{records} records; passed over: {}\n",
            if counted.is_empty() { "nothing".into() } else { counted.join(", ") }
        ))
}

/// Columns that say nothing here.
fn is_constant(name: &str) -> bool {
    matches!(name, INGESTED_AT | RUN_ID)
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let format = FormatOptions::default().with_null("NULL");
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).filter(|(field, _)| !is_constant(field.name()));
    let columns: Vec<ArrayRef> = columns.map(|(_, column)| without_zone(column)).collect();
    let columns: Vec<_> =
        columns.iter().map(|column| (column, ArrayFormatter::try_new(column.as_ref(), &format).unwrap())).collect();
    let cell = |row: usize| {
        columns.iter().map(move |(column, formatter)| {
            let text = formatter.value(row).to_string();
            let is_text = column.as_string_opt::<i32>().is_some() && column.is_valid(row);
            if is_text { format!("{text:?}") } else { text }
        })
    };
    (0..batch.num_rows()).map(|row| cell(row).collect::<Vec<_>>().join(" | ")).collect()
}

/// Arrow knows zones by name only with chrono-tz.
fn without_zone(column: &ArrayRef) -> ArrayRef {
    match column.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(micros) => std::sync::Arc::new(micros.clone().with_timezone_opt(None::<&str>)),
        None => std::sync::Arc::clone(column),
    }
}

fn told(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.location.as_ref().map_or("-".to_owned(), Location::to_string);
    let mut text = format!("{} at {place}\n  {}\n", diagnostic.code, diagnostic.message);
    diagnostic.causes.iter().for_each(|cause| text += &format!("  cause: {cause}\n"));
    diagnostic.help.iter().for_each(|help| text += &format!("  help: {help}\n"));
    text
}
