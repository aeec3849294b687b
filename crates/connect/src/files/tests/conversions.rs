//! The types of Parquet and Avro to those of a contract.

use std::collections::HashMap;

use arrow::array::types::Int32Type;
use arrow::array::{
    Array, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, FixedSizeBinaryArray,
    Float32Array, Float64Array, Int8Array, Int32Array, Int64Array, StringArray, TimestampMillisecondArray,
    TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Schema as ArrowSchema};
use headwater_plan::Code;

use super::columnar::{parquet, read, refused, with};
use super::*;

/// The values of one column, `-` for null, `!` for refused.
fn column(array: ArrayRef, data_type: &str) -> String {
    let rows = array.len();
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
    let batch = RecordBatch::try_from_iter_with_nullable([("v", array, true), ("n", numbers, false)]).unwrap();
    let columns: &[Declared<'_>] = &[("v", data_type, &[]), ("n", "bigint", &[])];
    let loaded = match read(&parquet(&batch, 3), with(FileFormat::Parquet, columns)) {
        Ok(loaded) => loaded,
        Err(error) => return error.diagnostic().code.to_string(),
    };
    let mut found = vec!["!".to_owned(); rows];
    for row in loaded.rows {
        found[row[1].as_ref().unwrap().parse::<usize>().unwrap()] = row[0].clone().unwrap_or("-".into());
    }
    assert!(loaded.rejected.iter().all(|rejected| rejected.reasons[0].code == Code::InvalidCell));
    found.join(" ")
}

#[test]
fn numbers_that_are_wider_or_narrower() {
    let longs: ArrayRef =
        Arc::new(Int64Array::from(vec![Some(1), None, Some(300), Some(3_000_000_000), Some(-5), Some(i64::MAX)]));
    assert_eq!(column(longs.clone(), "bigint"), "1 - 300 3000000000 -5 9223372036854775807");
    assert_eq!(column(longs.clone(), "int"), "1 - 300 ! -5 !");
    assert_eq!(column(longs.clone(), "tinyint"), "1 - ! ! -5 !");
    assert_eq!(column(longs.clone(), "double"), "1.0 - 300.0 3000000000.0 -5.0 !");
    assert_eq!(column(longs.clone(), "decimal(12,2)"), "1.00 - 300.00 3000000000.00 -5.00 !");
    assert_eq!(column(longs.clone(), "string"), "1 - 300 3000000000 -5 9223372036854775807");
    assert_eq!(column(longs.clone(), "date"), "type-mismatch");
    assert_eq!(column(longs, "boolean"), "type-mismatch");
    let bytes: ArrayRef = Arc::new(Int8Array::from(vec![Some(1), None, Some(-7)]));
    assert_eq!(column(bytes, "bigint"), "1 - -7");
    let unsigned: ArrayRef = Arc::new(UInt32Array::from(vec![1, u32::MAX]));
    assert_eq!((column(unsigned.clone(), "bigint"), column(unsigned, "int")), ("1 4294967295".into(), "1 !".into()));
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![1, u64::MAX]));
    assert_eq!(column(unsigned.clone(), "bigint"), "1 !");
    assert_eq!(column(unsigned, "decimal(20,0)"), "1 18446744073709551615");
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 1.5, f64::NAN, 1e300, 0.1]));
    assert_eq!(column(floats.clone(), "double"), "1.0 1.5 NaN 1e300 0.1");
    assert_eq!(column(floats.clone(), "float"), "1.0 1.5 NaN ! 0.1");
    assert_eq!(column(floats.clone(), "int"), "1 ! ! ! !");
    assert_eq!(column(floats.clone(), "decimal(5,1)"), "1.0 1.5 ! ! 0.1");
    assert_eq!(column(floats, "string"), "type-mismatch");
    let floats: ArrayRef = Arc::new(Float32Array::from(vec![1.5, f32::INFINITY]));
    assert_eq!(column(floats, "double"), "1.5 inf");
    let decimals: ArrayRef = Arc::new(
        Decimal128Array::from(vec![Some(1005), Some(-1005), Some(1000), Some(99_999), None])
            .with_precision_and_scale(8, 3)
            .unwrap(),
    );
    assert_eq!(column(decimals.clone(), "decimal(10,3)"), "1.005 -1.005 1.000 99.999 -");
    assert_eq!(column(decimals.clone(), "decimal(4,2)"), "1.01 -1.01 1.00 ! -");
    assert_eq!(column(decimals.clone(), "int"), "! ! 1 ! -");
    assert_eq!(column(decimals.clone(), "double"), "1.005 -1.005 1.0 99.999 -");
    assert_eq!(column(decimals, "string"), "1.005 -1.005 1.000 99.999 -");
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
    assert_eq!(
        (column(flags.clone(), "boolean"), column(flags, "string")),
        ("true - false".into(), "true - false".into())
    );
}

#[test]
fn texts_bytes_days_and_instants() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("1"), Some("x"), Some(""), None, Some("2024-01-05")]));
    assert_eq!(column(texts.clone(), "string"), "1 x  - 2024-01-05");
    assert_eq!(column(texts.clone(), "int"), "1 ! - - !");
    assert_eq!(column(texts, "date"), "! ! - - 2024-01-05");
    let keys = Int32Array::from(vec![Some(0), Some(1), None, Some(0)]);
    let words: ArrayRef =
        Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::new(StringArray::from(vec!["a", "7"]))));
    assert_eq!(column(words.clone(), "string"), "a 7 - a");
    assert_eq!(column(words, "int"), "! 7 - !");
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(b"hi".as_slice()), Some(b"\xff"), None]));
    assert_eq!(column(bytes.clone(), "string"), "hi ! -");
    assert_eq!(column(bytes, "binary"), "6869 ff -");
    let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(19_727), None]));
    assert_eq!(column(days.clone(), "date"), "2024-01-05 -");
    assert_eq!(column(days.clone(), "timestamp"), "2024-01-05T00:00:00Z -");
    assert_eq!(column(days, "string"), "2024-01-05 -");
    let millis = TimestampMillisecondArray::from(vec![Some(1_704_416_523_500), Some(-1), Some(i64::MAX)]);
    let zoned: ArrayRef = Arc::new(millis.clone().with_timezone("UTC"));
    assert_eq!(column(zoned.clone(), "timestamp"), "2024-01-05T01:02:03.500Z 1969-12-31T23:59:59.999Z !");
    assert_eq!(column(zoned.clone(), "date"), "type-mismatch");
    assert_eq!(column(zoned, "timestamp_ntz"), "type-mismatch");
    assert_eq!(column(Arc::new(millis), "timestamp_ntz"), "2024-01-05T01:02:03.500 1969-12-31T23:59:59.999 !");
    let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_704_416_523_123_456_789, -1]));
    assert_eq!(column(nanos, "timestamp"), "2024-01-05T01:02:03.123456Z 1969-12-31T23:59:59.999999Z");
}

/// An Avro file of one block, by hand: the writer of arrow-avro writes no unions of several types.
fn avro_by_hand(schema: &str, rows: u64, data: &[u8]) -> Vec<u8> {
    let long = |value: u64| {
        let mut bits = value << 1;
        let mut bytes = Vec::new();
        while bits >= 0x80 {
            bytes.push((bits & 0x7f) as u8 | 0x80);
            bits >>= 7;
        }
        bytes.push(bits as u8);
        bytes
    };
    let text = |text: &str| [long(text.len() as u64), text.as_bytes().to_vec()].concat();
    let sync = [7_u8; 16];
    let mut file = b"Obj\x01".to_vec();
    file.extend(long(1));
    file.extend(text("avro.schema"));
    file.extend(text(schema));
    file.push(0);
    file.extend(sync);
    file.extend(long(rows));
    file.extend(long(data.len() as u64));
    file.extend(data);
    file.extend(sync);
    file
}

#[test]
fn unions_of_avro() {
    let schema = r#"{"type":"record","name":"r","fields":[
        {"name":"u","type":["null","long","string","boolean"]},
        {"name":"e","type":{"type":"enum","name":"e","symbols":["A","B"]}},
        {"name":"id","type":{"type":"fixed","name":"f","size":16,"logicalType":"uuid"}}]}"#;
    let id: Vec<u8> = (0..16).collect();
    let mut data = Vec::new();
    for (member, value, symbol) in
        [(2, vec![14], 0), (4, vec![4, b'1', b'2'], 2), (4, vec![2, b'x'], 0), (0, vec![], 0), (6, vec![1], 2)]
    {
        data.push(member);
        data.extend(value);
        data.push(symbol);
        data.extend(&id);
    }
    let content = avro_by_hand(schema, 5, &data);
    let texts = with(FileFormat::Avro, &[("u", "string", &[]), ("e", "string", &[]), ("id", "string", &[])]);
    let loaded = read(&content, texts).unwrap();
    let uuid = Some("00010203-0405-0607-0809-0a0b0c0d0e0f".to_owned());
    let row = |u: Option<&str>, e: &str| vec![u.map(str::to_owned), Some(e.to_owned()), uuid.clone()];
    assert_eq!(
        loaded.rows,
        [row(Some("7"), "A"), row(Some("12"), "B"), row(Some("x"), "A"), row(None, "A"), row(Some("true"), "B")]
    );
    let numbers = with(FileFormat::Avro, &[("u", "int", &[]), ("e", "string", &[]), ("id", "string", &[])]);
    let loaded = read(&content, numbers).unwrap();
    assert_eq!(loaded.rows.iter().map(|row| row[0].as_deref()).collect::<Vec<_>>(), [Some("7"), Some("12"), None]);
    let told: Vec<_> = loaded.rejected.iter().map(|rejected| (rejected.line, rejected.raw.clone())).collect();
    assert_eq!(told[0], (3, "{\"u\":\"x\",\"e\":\"A\",\"id\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\"}".to_owned()));
    assert_eq!(told[1].0, 5);
    // Blocks that say more or fewer rows than they hold.
    for rows in [4, 6] {
        let told = refused(
            &avro_by_hand(schema, rows, &data),
            with(FileFormat::Avro, &[("u", "string", &[]), ("e", "string", &[]), ("id", "string", &[])]),
        );
        assert!(told.starts_with("damaged-file"), "{rows}: {told}");
    }
}

#[test]
fn uuids_of_parquet() {
    let id = FixedSizeBinaryArray::try_from_iter([[1_u8; 16]].into_iter()).unwrap();
    let metadata = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())]);
    let field = ArrowField::new("id", ArrowType::FixedSizeBinary(16), true).with_metadata(metadata);
    let batch = RecordBatch::try_new(Arc::new(ArrowSchema::new(vec![field])), vec![Arc::new(id)]).unwrap();
    let loaded = read(&parquet(&batch, 9), with(FileFormat::Parquet, &[("id", "binary", &[])])).unwrap();
    assert_eq!(loaded.rows[0][0].as_deref(), Some("01010101010101010101010101010101"));
}

#[test]
fn the_packings_of_avro() {
    use arrow_avro::compression::CompressionCodec;
    use arrow_avro::writer::WriterBuilder;
    use arrow_avro::writer::format::AvroOcfFormat;
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..200));
    let names: ArrayRef = Arc::new(StringArray::from_iter_values((0..200).map(|n| "repeated ".repeat(n % 50))));
    let batch = RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap();
    let columns: &[Declared<'_>] = &[("id", "bigint", &[]), ("name", "string", &[])];
    let pack = |codec| {
        let builder = WriterBuilder::new(batch.schema().as_ref().clone()).with_compression(Some(codec));
        let mut writer = builder.build::<_, AvroOcfFormat>(Vec::new()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        writer.into_inner()
    };
    use CompressionCodec::{Bzip2, Deflate, Snappy, Xz, ZStandard};
    for codec in [Deflate, Snappy, ZStandard, Bzip2] {
        let content = pack(codec);
        let loaded = read(&content, with(FileFormat::Avro, columns)).unwrap();
        for (n, row) in loaded.rows.iter().enumerate() {
            assert_eq!(row, &[Some(n.to_string()), Some("repeated ".repeat(n % 50))], "{codec:?}");
        }
        assert_eq!(loaded.records, 200);
        // A block of Avro has no checksum, but for Snappy's. What is noticed is refused as a whole.
        for at in (0..content.len()).step_by(37) {
            let mut flipped = content.clone();
            flipped[at] ^= 0x10;
            let (_folder, listed) = files(&[&flipped]);
            match load_files(listed, with(FileFormat::Avro, columns)).and_then(|load| drain(&load)) {
                Ok(loaded) => assert_eq!(loaded.records, 200, "{codec:?}, byte {at}"),
                Err(error) => assert!(!matches!(error, FilesError::Batch { .. }), "{codec:?}, byte {at}: {error}"),
            }
        }
    }
    let told = refused(&pack(Xz), with(FileFormat::Avro, columns));
    assert!(told.contains("packed by `Xz`"), "{told}");
}

/// The decoder has no column for them; what must not be is that they get lost, or that a large number makes it run on.
#[test]
fn records_of_avro_that_take_no_bytes_are_refused() {
    let schema =
        r#"{"type":"record","name":"r","fields":[{"name":"u","type":{"type":"record","name":"n","fields":[]}}]}"#;
    for (rows, data) in [(3, b"".as_slice()), (3, b"x"), (0, b"x"), (u64::MAX >> 1, b""), (1 << 40, b"")] {
        let ignoring = LoadOptions { on_schema_change: OnSchemaChange::Ignore, ..with(FileFormat::Avro, &[]) };
        let told = refused(&avro_by_hand(schema, rows, data), ignoring);
        assert!(told.starts_with("damaged-file"), "{rows}: {told}");
    }
}

#[test]
fn values_of_avro_that_are_no_records() {
    for schema in [r#""string""#, r#"{"type":"array","items":"int"}"#, r#"{"type":"record"}"#, "not a schema"] {
        let told = refused(&avro_by_hand(schema, 0, &[]), with(FileFormat::Avro, &[("u", "int", &[])]));
        assert!(told.starts_with("damaged-file"), "{schema}: {told}");
    }
}

#[test]
fn the_old_instants_of_parquet_are_not_cut_to_nanoseconds() {
    use parquet::data_type::{Int96, Int96Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    let schema = Arc::new(parse_message_type("message m { optional int96 at; }").unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::default())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    // The Julian days of 2024-01-05 and of 9999-12-31, which no 64 bits of nanoseconds reach.
    let instant = |day: u32, nanos: u64| {
        let mut value = Int96::new();
        value.set_data(nanos as u32, (nanos >> 32) as u32, day);
        value
    };
    let values = [instant(2_460_315, 3_723_000_000_000), instant(5_373_484, 0)];
    column.typed::<Int96Type>().write_batch(&values, Some(&[1, 0, 1]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    let content = writer.into_inner().unwrap();
    let loaded = read(&content, with(FileFormat::Parquet, &[("at", "timestamp", &[])])).unwrap();
    let at: Vec<Option<&str>> = loaded.rows.iter().map(|row| row[0].as_deref()).collect();
    assert_eq!(at, [Some("2024-01-05T01:02:03Z"), None, Some("9999-12-31T00:00:00Z")]);
}
