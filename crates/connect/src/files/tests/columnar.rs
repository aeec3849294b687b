//! Parquet and Avro: types that fit and types that do not, damage, packing, and rows that are refused and replayed.

use arrow::array::types::Int32Type;
use arrow::array::{
    BinaryArray, Float64Array, Int32Builder, Int64Array, ListArray, MapBuilder, StringArray, StringBuilder,
    StructArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType as ArrowType, Field as ArrowField};
use arrow_avro::writer::AvroWriter;
use headwater_plan::{Code, Field};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;

pub(super) fn parquet(batch: &RecordBatch, group: usize) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn avro(batch: &RecordBatch, rows: usize) -> Vec<u8> {
    let mut writer = AvroWriter::new(Vec::new(), batch.schema().as_ref().clone()).unwrap();
    let mut at = 0;
    while at < batch.num_rows() {
        let length = rows.min(batch.num_rows() - at);
        writer.write(&batch.slice(at, length)).unwrap();
        at += length;
    }
    writer.finish().unwrap();
    writer.into_inner()
}

pub(super) fn with(format: FileFormat, columns: &[Declared<'_>]) -> LoadOptions {
    LoadOptions { format, ..options(columns) }
}

pub(super) fn read(content: &[u8], options: LoadOptions) -> Result<Loaded, FilesError> {
    let (_folder, listed) = files(&[content]);
    let size = listed[0].size;
    let loaded = drain(&load_files(listed, options)?)?;
    assert_eq!(loaded.bytes, size);
    Ok(loaded)
}

pub(super) fn refused(content: &[u8], options: LoadOptions) -> String {
    let (folder, listed) = files(&[content]);
    let error = load_files(listed, options).and_then(|load| drain(&load)).unwrap_err();
    told(error.diagnostics(), &folder)
}

fn batch() -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
    let names: ArrayRef =
        Arc::new(StringArray::from_iter((0..100).map(|n| (n % 10 != 3).then(|| format!("name {n}")))));
    RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("name", names, true)]).unwrap()
}

const COLUMNS: &[Declared<'_>] = &[("name", "string", &[]), ("ID", "int", &[])];

#[test]
fn rows_keep_their_order_and_numbers_over_groups_and_blocks() {
    let batch = batch();
    for (format, content) in [(FileFormat::Parquet, parquet(&batch, 7)), (FileFormat::Avro, avro(&batch, 7))] {
        let stamped = LoadOptions { stamp: true, ..with(format.clone(), COLUMNS) };
        let (folder, listed) = files(&[&content, b"", &content]);
        let sizes = listed.iter().map(|file| file.size).sum::<u64>();
        let load = load_files(listed, stamped).unwrap().with_limits(64, 1 << 20);
        let loaded = drain(&load).unwrap();
        assert_eq!((loaded.records, loaded.bytes, loaded.skipped.total()), (200, sizes, 0), "{}", format.word());
        let last = &loaded.rows[199];
        assert_eq!(
            (last[0].as_deref(), last[1].as_deref(), last[3].as_deref()),
            (Some("name 99"), Some("99"), Some("100"))
        );
        assert!(last[2].as_ref().unwrap().ends_with("2.csv"), "{last:?} in {}", folder.path().display());
        let numbers: Vec<_> = loaded.rows[..100].iter().map(|row| row[3].clone().unwrap()).collect();
        assert_eq!(numbers, (1..=100).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn workers_share_row_groups() {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..50_000));
    let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    for (format, content) in [(FileFormat::Parquet, parquet(&batch, 5_000)), (FileFormat::Avro, avro(&batch, 500))] {
        let (_folder, listed) = files(&[&content, &content]);
        let load = load_files(listed, with(format, &[("id", "bigint", &[])])).unwrap().with_limits(4_000, 1 << 20);
        let drained: Vec<Loaded> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| drain(&load).unwrap())).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        let mut found: Vec<u64> = drained
            .iter()
            .flat_map(|loaded| &loaded.rows)
            .map(|row| row[0].as_ref().unwrap().parse().unwrap())
            .collect();
        found.sort_unstable();
        assert!(found.into_iter().eq((0..50_000).flat_map(|n| [n, n])));
    }
}

#[test]
fn damage_is_refused_by_name() {
    let batch = batch();
    let (one, other) = (parquet(&batch, 40), avro(&batch, 40));
    for (format, what, content) in [(FileFormat::Parquet, "Parquet", one), (FileFormat::Avro, "Avro", other)] {
        for cut in (1..content.len()).step_by(13) {
            let told = refused(&content[..cut], with(format.clone(), COLUMNS));
            assert!(
                told.contains(&format!("damaged-file at -\n  `0.csv` is no {what} file, or it is damaged")),
                "{cut}: {told}"
            );
        }
        let told = refused(b"id,name\n1,x\n", with(format.clone(), COLUMNS));
        assert!(told.starts_with("damaged-file"), "{told}");
        // A flipped byte may be in a value, where nobody can know; it never makes rows more or fewer, or a panic.
        for at in (0..content.len()).step_by(7) {
            let mut flipped = content.clone();
            flipped[at] ^= 0x41;
            let (_folder, listed) = files(&[&flipped]);
            if let Ok(loaded) = load_files(listed, with(format.clone(), COLUMNS)).and_then(|load| drain(&load)) {
                assert_eq!(loaded.records, 100, "{what}, byte {at}");
            }
        }
    }
}

#[test]
fn packed_and_in_archives() {
    use std::io::Write;
    for (format, content) in [(FileFormat::Parquet, parquet(&batch(), 30)), (FileFormat::Avro, avro(&batch(), 30))] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&content).unwrap();
        let mut archive = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for name in ["a", "b/c"] {
            archive.start_file(name, ::zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(&content).unwrap();
        }
        let archive = archive.finish().unwrap().into_inner();
        let (_folder, listed) = files(&[&gzip.finish().unwrap(), &archive, &content]);
        let loaded = drain(&load_files(listed, with(format, COLUMNS)).unwrap()).unwrap();
        assert_eq!(loaded.records, 400);
    }
}

#[test]
fn columns_that_do_not_fit() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let places: ArrayRef = Arc::new(StructArray::from(vec![
        (Arc::new(ArrowField::new("x", ArrowType::Int64, true)), Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        (Arc::new(ArrowField::new("more", ArrowType::Int64, true)), Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
    ]));
    let at: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![1, 2]).with_timezone("UTC"));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("idd", ids.clone(), true),
        ("place", places, true),
        ("at", at, true),
        ("extra", ids.clone(), true),
        ("twice", ids.clone(), true),
        ("TWICE", ids, true),
    ])
    .unwrap();
    let mut wrong = with(
        FileFormat::Parquet,
        &[("id", "int", &[]), ("at", "date", &[]), ("Twice", "int", &[]), ("folder", "int", &[])],
    );
    let place = DataType::Struct(vec![Field::new("x", DataType::Boolean)]);
    wrong.contract.columns.push(ContractColumn::new("place", place, Location::line("s.yml", 1)));
    wrong.contract.columns[3].default = Some("3".into());
    insta::assert_snapshot!(refused(&parquet(&batch, 9), wrong));
}

#[test]
fn columns_that_the_contract_has_not() {
    let batch = batch();
    let columns: &[Declared<'_>] = &[("id", "int", &[])];
    for (format, content) in [(FileFormat::Parquet, parquet(&batch, 40)), (FileFormat::Avro, avro(&batch, 40))] {
        let told = refused(&content, with(format.clone(), columns));
        assert!(told.contains("unexpected-column"), "{told}");
        let ignoring = LoadOptions { on_schema_change: OnSchemaChange::Ignore, ..with(format.clone(), columns) };
        assert_eq!(read(&content, ignoring).unwrap().rows[4], [Some("4".to_owned())]);
        let rescuing =
            LoadOptions { on_schema_change: OnSchemaChange::Rescue, rescue: true, ..with(format.clone(), columns) };
        let loaded = read(&content, rescuing).unwrap();
        assert_eq!(
            loaded.rows[3..5],
            [[Some("3".into()), None], [Some("4".into()), Some("{\"name\":\"name 4\"}".into())]]
        );
        let adding = LoadOptions { on_schema_change: OnSchemaChange::AddColumns, ..with(format.clone(), columns) };
        // A second file without the column, and one in which it has another type.
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![500]));
        let without = RecordBatch::try_from_iter([("id", ids.clone())]).unwrap();
        let other = RecordBatch::try_from_iter([("id", ids.clone()), ("NAME", ids)]).unwrap();
        let write = |batch: &RecordBatch| if format == FileFormat::Avro { avro(batch, 9) } else { parquet(batch, 9) };
        let (_folder, listed) = files(&[&content, &write(&without), &write(&other)]);
        let load = load_files(listed, adding).unwrap();
        assert_eq!(load.added_columns(), [Field::new("name", DataType::String)]);
        let loaded = drain(&load).unwrap();
        assert_eq!(loaded.rows[4], [Some("4".to_owned()), Some("name 4".to_owned())]);
        assert_eq!(
            loaded.rows[100..],
            [[Some("500".to_owned()), None], [Some("500".to_owned()), Some("500".to_owned())]]
        );
    }
}

#[test]
fn refused_rows_are_kept_whole_and_can_be_replayed() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 5_000_000_000, 3]));
    let rest: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.5), Some(0.1), Some(f64::INFINITY)]));
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(b"a".as_slice()), Some(b"b\xff"), None]));
    let at: ArrayRef =
        Arc::new(TimestampMillisecondArray::from(vec![Some(1_704_416_523_500), Some(0), None]).with_timezone("UTC"));
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1)]),
        Some(vec![None, Some(2)]),
        None,
    ]));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", ids, true),
        ("rest", rest, true),
        ("bytes", bytes, true),
        ("at", at, true),
        ("list", lists, true),
    ])
    .unwrap();
    let narrow: &[Declared<'_>] = &[("id", "int", &[])];
    let wide: &[Declared<'_>] =
        &[("id", "bigint", &[]), ("rest", "double", &[]), ("bytes", "binary", &[]), ("at", "timestamp", &[])];
    for (format, content) in [(FileFormat::Parquet, parquet(&batch, 2)), (FileFormat::Avro, avro(&batch, 2))] {
        let mut ignoring = LoadOptions { on_schema_change: OnSchemaChange::Ignore, ..with(format.clone(), narrow) };
        ignoring.stamp = true;
        let loaded = read(&content, ignoring.clone()).unwrap();
        let [rejected] = loaded.rejected.as_slice() else { panic!("{loaded:?}") };
        assert_eq!(
            (rejected.line, rejected.raw.as_str()),
            (
                2,
                "{\"id\":5000000000,\"rest\":0.1,\"bytes\":\"Yv8=\",\"at\":\"1970-01-01T00:00:00Z\",\"list\":[null,2]}"
            )
        );
        assert_eq!(rejected.reasons[0].message, "column `id`: `5000000000` is not a valid `int`");
        let row = QuarantinedRow {
            file: rejected.file.clone(),
            line: rejected.line,
            raw: rejected.raw.clone(),
            raw_bytes: None,
            file_columns: None,
            format: format.word().to_owned(),
        };
        let mut widened = LoadOptions { contract: contract(wide), ..ignoring };
        let list = DataType::Array(Box::new(DataType::Int));
        widened.contract.columns.push(ContractColumn::new("list", list, Location::line("s.yml", 1)));
        let direct = read(&content, widened.clone()).unwrap();
        assert!(direct.rejected.is_empty());
        let replayed = replay(vec![row], widened).unwrap();
        let rows: Vec<_> = replayed.batches.iter().flat_map(texts).collect();
        assert_eq!(rows.len(), 1);
        // Apart from the name of the temporary file, the row is the one that a right contract would have given at once.
        assert_eq!((&rows[0][..5], &rows[0][6..]), (&direct.rows[1][..5], &direct.rows[1][6..]));
    }
}

#[test]
fn nested_types() {
    let element = Arc::new(ArrowField::new("item", ArrowType::Int64, true));
    let lists: ArrayRef = Arc::new(
        ListArray::try_new(
            element,
            arrow::buffer::OffsetBuffer::from_lengths([2, 0, 1, 1]),
            Arc::new(Int64Array::from(vec![Some(1), None, Some(3_000_000_000), Some(4)])),
            Some(vec![true, false, true, true].into()),
        )
        .unwrap(),
    );
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for row in 0..4 {
        maps.keys().append_value(format!("k{row}"));
        maps.values().append_value(row);
        maps.append(row != 3).unwrap();
    }
    let structs: ArrayRef = Arc::new(StructArray::from(vec![
        (
            Arc::new(ArrowField::new("Y", ArrowType::Utf8, true)),
            Arc::new(StringArray::from(vec!["1.5", "x", "2", "3"])) as ArrayRef,
        ),
        (
            Arc::new(ArrowField::new("z", ArrowType::Int64, true)),
            Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef,
        ),
    ]));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("lists", lists, true),
        ("maps", Arc::new(maps.finish()) as ArrayRef, true),
        ("structs", structs, true),
    ])
    .unwrap();
    let declared = |name: &str, data_type| ContractColumn::new(name, data_type, Location::line("s.yml", 1));
    let nested = |format| {
        let mut options = LoadOptions { on_schema_change: OnSchemaChange::Ignore, ..with(format, &[]) };
        options.contract.columns = vec![
            declared("lists", DataType::Array(Box::new(DataType::Int))),
            declared("maps", DataType::Map(Box::new(DataType::String), Box::new(DataType::Long))),
            declared(
                "structs",
                DataType::Struct(vec![Field::new("x", DataType::Int), Field::new("y", DataType::Double)]),
            ),
        ];
        options
    };
    let mut text = String::new();
    for (format, content) in [(FileFormat::Parquet, parquet(&batch, 3)), (FileFormat::Avro, avro(&batch, 3))] {
        let loaded = read(&content, nested(format)).unwrap();
        for row in &loaded.rows {
            text += &format!("{row:?}\n");
        }
        for rejected in &loaded.rejected {
            text += &format!("! {} {}\n", rejected.line, rejected.raw);
            rejected.reasons.iter().for_each(|reason| text += &format!("    {}\n", reason.message));
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_rules_of_columns() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some(" a "), Some("N/A"), None]));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("The Id", ids.clone(), true),
        ("name", names, true),
        ("n", ids, true),
    ])
    .unwrap();
    let mut ruled = with(
        FileFormat::Parquet,
        &[("id", "int", &[]), ("name", "string", &[]), ("n", "bigint", &[]), ("missing", "int", &[])],
    );
    let columns = &mut ruled.contract.columns;
    (columns[0].source_name, columns[0].nullable) = (Some("the id".into()), false);
    (columns[1].trim, columns[1].null_values, columns[1].default) = (true, vec!["N/A".into()], Some("none".into()));
    columns[2].default = Some("-1".into());
    columns[3].default = Some("7".into());
    let loaded = read(&parquet(&batch, 9), ruled).unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        loaded.rows,
        [[text("1"), text("a"), text("1"), text("7")], [text("3"), text("none"), text("3"), text("7")]]
    );
    assert_eq!((loaded.rejected[0].line, loaded.rejected[0].reasons[0].code), (2, Code::NullValue));
}
