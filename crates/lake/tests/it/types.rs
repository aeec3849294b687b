//! Every type through a table, and the statistics that are written of it.

use std::fs;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray, ListArray, RecordBatch, StringArray,
    StringViewArray, StructArray, TimestampMicrosecondArray, TimestampMillisecondArray,
};
use arrow::datatypes::{Fields, Int32Type};
use headwater_lake::{TableWriter, WriteMode, WriteOptions};
use headwater_plan::{DataType, Field, Schema};

use crate::fixture::{Fixture, ids_of, options, query, text};

const MICROSECOND: i64 = 1_715_000_000_123_456;

async fn begin(fixture: &Fixture, fields: Vec<(&str, DataType)>) -> TableWriter {
    let schema = Schema::new(fields.into_iter().map(|(name, data_type)| Field::new(name, data_type)).collect());
    fixture.lake.begin_write(WriteOptions { schema, ..options(WriteMode::Replace, None) }).await.unwrap()
}

async fn write(writer: TableWriter, columns: Vec<ArrayRef>) {
    let batch = RecordBatch::try_new(writer.arrow_schema(), columns).unwrap();
    let mut part = writer.part();
    part.write(&batch).unwrap();
    let part = part.finish().unwrap();
    writer.commit(vec![part]).await.unwrap();
}

fn stats(fixture: &Fixture, version: u64) -> serde_json::Value {
    let log = fixture.table_folder().join(format!("_delta_log/{version:020}.json"));
    let log = fs::read_to_string(log).unwrap();
    let line = log.lines().find(|line| line.starts_with("{\"add\"")).unwrap();
    let add: serde_json::Value = serde_json::from_str(line).unwrap();
    serde_json::from_str(add["add"]["stats"].as_str().unwrap()).unwrap()
}

fn scalars() -> (Vec<(&'static str, DataType)>, Vec<ArrayRef>) {
    let decimal = |values: Vec<Option<i128>>, precision: u8, scale: i8| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap())
    };
    let largest = 10_i128.pow(38) - 1;
    let all: Vec<(&'static str, DataType, ArrayRef)> = vec![
        ("boolean", DataType::Boolean, Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("byte", DataType::Byte, Arc::new(Int8Array::from(vec![Some(i8::MIN), None, Some(i8::MAX)]))),
        ("short", DataType::Short, Arc::new(Int16Array::from(vec![Some(i16::MIN), None, Some(i16::MAX)]))),
        ("int", DataType::Int, Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX)]))),
        ("long", DataType::Long, Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)]))),
        ("float", DataType::Float, Arc::new(Float32Array::from(vec![Some(-1.1), None, Some(0.1)]))),
        ("double", DataType::Double, Arc::new(Float64Array::from(vec![Some(-0.1), None, Some(1e300)]))),
        ("small", DataType::Decimal { precision: 9, scale: 2 }, decimal(vec![Some(-999_999_999), None, Some(5)], 9, 2)),
        (
            "middle",
            DataType::Decimal { precision: 18, scale: 4 },
            decimal(vec![Some(1), None, Some(10_i128.pow(18) - 1)], 18, 4),
        ),
        (
            "large",
            DataType::Decimal { precision: 38, scale: 10 },
            decimal(vec![Some(-largest), None, Some(largest)], 38, 10),
        ),
        ("whole", DataType::Decimal { precision: 38, scale: 0 }, decimal(vec![Some(7), None, Some(largest)], 38, 0)),
        ("string", DataType::String, Arc::new(StringArray::from(vec![Some("é"), None, Some("a\"\n")]))),
        ("binary", DataType::Binary, Arc::new(BinaryArray::from(vec![Some(&b"\xff\x00"[..]), None, Some(b"")]))),
        ("date", DataType::Date, Arc::new(Date32Array::from(vec![Some(-1), None, Some(19_849)]))),
        (
            "instant",
            DataType::Timestamp,
            Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), None, Some(MICROSECOND)]).with_timezone("UTC")),
        ),
    ];
    let fields = all.iter().map(|(name, data_type, _)| (*name, data_type.clone())).collect();
    (fields, all.into_iter().map(|(_, _, column)| column).collect())
}

#[tokio::test]
async fn every_scalar_type_comes_back() {
    let fixture = Fixture::new().await;
    let (fields, columns) = scalars();
    let writer = begin(&fixture, fields.clone()).await;
    let expected_schema = writer.arrow_schema();
    write(writer, columns.clone()).await;
    let table = fixture.table().await;
    assert_eq!(table.schema().fields.len(), fields.len());
    for ((name, data_type), field) in fields.iter().zip(&table.schema().fields) {
        assert_eq!((field.name.as_str(), &field.data_type, field.nullable), (*name, data_type, true));
    }
    let read = query(&table, "select * from t").await;
    let read = arrow::compute::concat_batches(&read[0].schema(), &read).unwrap();
    for (position, column) in columns.iter().enumerate() {
        let field = expected_schema.field(position);
        let found = arrow::compute::cast(read.column(position), field.data_type()).unwrap();
        assert_eq!(&found, column, "{}", field.name());
        let found = read.schema().field(position).data_type().clone();
        let expected = match field.data_type() {
            arrow::datatypes::DataType::Utf8 => arrow::datatypes::DataType::Utf8View,
            arrow::datatypes::DataType::Binary => arrow::datatypes::DataType::BinaryView,
            other => other.clone(),
        };
        assert_eq!(found, expected, "DataFusion sees {}", field.name());
    }
}

#[tokio::test]
async fn statistics_are_deltas() {
    let fixture = Fixture::new().await;
    let (fields, columns) = scalars();
    write(begin(&fixture, fields).await, columns).await;
    let log = fs::read_to_string(fixture.table_folder().join("_delta_log/00000000000000000000.json")).unwrap();
    let line = log.lines().find(|line| line.starts_with("{\"add\"")).unwrap();
    let add: serde_json::Value = serde_json::from_str(line).unwrap();
    // The text, since a number in it may have more digits than a float holds.
    let stats = add["add"]["stats"].as_str().unwrap().replace(",\"", ",\n\"").replace(":{", ":{\n");
    insta::assert_snapshot!(stats);
}

#[tokio::test]
async fn long_text_is_cut_and_still_found() {
    let fixture = Fixture::new().await;
    let low = format!("{}-low", "a".repeat(40));
    let high = format!("{}{}", "é".repeat(40), "\u{10ffff}".repeat(40));
    let column = StringArray::from(vec![low.as_str(), high.as_str()]);
    let ids = Int64Array::from(vec![1, 2]);
    let writer = begin(&fixture, vec![("id", DataType::Long), ("name", DataType::String)]).await;
    write(writer, vec![Arc::new(ids), Arc::new(column)]).await;
    let stats = stats(&fixture, 0);
    assert_eq!(stats["minValues"]["name"], "a".repeat(32));
    assert_eq!(stats["maxValues"]["name"], format!("{}ê", "é".repeat(31)));
    let table = fixture.table().await;
    assert_eq!(ids_of(&table, &format!("where name = '{high}'")).await, [2]);
    assert_eq!(ids_of(&table, &format!("where name >= '{high}'")).await, [2]);
    assert_eq!(ids_of(&table, &format!("where name <= '{low}'")).await, [1]);
    let extremes = text(&table, &format!("select max(name) = '{high}' h, min(name) l from t")).await;
    assert!(extremes.contains(&format!("| true | {low} |")), "bounds are not answers");
}

#[tokio::test]
async fn cut_instants_are_still_found_and_never_answers() {
    let fixture = Fixture::new().await;
    let instants = TimestampMicrosecondArray::from(vec![MICROSECOND - 1, MICROSECOND]).with_timezone("UTC");
    let writer = begin(&fixture, vec![("id", DataType::Long), ("at", DataType::Timestamp)]).await;
    write(writer, vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(instants)]).await;
    let table = fixture.table().await;
    assert_eq!(ids_of(&table, "where at >= '2024-05-06T12:53:20.123456Z'").await, [2]);
    assert_eq!(ids_of(&table, "where at > '2024-05-06T12:53:20.123456Z'").await, Vec::<i64>::new());
    assert_eq!(ids_of(&table, "where at <= '2024-05-06T12:53:20.123455Z'").await, [1]);
    for sql in ["select max(at) m from t", "select max(at) m from t where at > '2020-01-01T00:00:00Z'"] {
        assert!(text(&table, sql).await.contains("12:53:20.123456"), "{sql}");
    }
}

#[tokio::test]
async fn a_nan_takes_away_the_bounds_of_its_column() {
    let fixture = Fixture::new().await;
    let fields = vec![("id", DataType::Long), ("nan", DataType::Double), ("inf", DataType::Float)];
    let nan = Float64Array::from(vec![Some(1.0), Some(f64::NAN), None]);
    let inf = Float32Array::from(vec![Some(1.5), Some(f32::INFINITY), None]);
    let ids = Int64Array::from(vec![1, 2, 3]);
    write(begin(&fixture, fields).await, vec![Arc::new(ids), Arc::new(nan), Arc::new(inf)]).await;
    let stats = stats(&fixture, 0);
    assert_eq!(stats["maxValues"], serde_json::json!({ "id": 3 }));
    assert_eq!(stats["minValues"], serde_json::json!({ "id": 1, "inf": 1.5 }));
    assert_eq!(stats["nullCount"], serde_json::json!({ "id": 0, "nan": 1, "inf": 1 }));
}

#[tokio::test]
async fn structs_have_statistics_and_lists_come_back() {
    let fixture = Fixture::new().await;
    let place = DataType::Struct(vec![Field::new("city", DataType::String), Field::new("zip", DataType::Int)]);
    let fields = vec![
        ("id", DataType::Long),
        ("place", place),
        ("tags", DataType::Array(Box::new(DataType::String))),
        ("nothing", DataType::Int),
    ];
    let writer = begin(&fixture, fields).await;
    let schema = writer.arrow_schema();
    let arrow::datatypes::DataType::Struct(inside) = schema.field(1).data_type() else { panic!("no struct") };
    let city: ArrayRef = Arc::new(StringArray::from(vec![Some("Ulm"), None]));
    let zip: ArrayRef = Arc::new(Int32Array::from(vec![89_073, 89_075]));
    let place = StructArray::new(Fields::clone(inside), vec![city, zip], None);
    let arrow::datatypes::DataType::List(element) = schema.field(2).data_type() else { panic!("no list") };
    let offsets = arrow::buffer::OffsetBuffer::from_lengths([2, 0]);
    let tags = ListArray::new(element.clone(), offsets, Arc::new(StringArray::from(vec!["a", "b"])), None);
    let nothing = Int32Array::from(vec![None, None]);
    let ids = Int64Array::from(vec![1, 2]);
    write(writer, vec![Arc::new(ids), Arc::new(place), Arc::new(tags), Arc::new(nothing)]).await;
    let stats = stats(&fixture, 0);
    assert_eq!(stats["minValues"], serde_json::json!({ "id": 1, "place": { "city": "Ulm", "zip": 89_073 } }));
    assert_eq!(stats["nullCount"], serde_json::json!({ "id": 0, "place": { "city": 1, "zip": 0 }, "nothing": 2 }));
    let table = fixture.table().await;
    assert_eq!(ids_of(&table, "where place['zip'] = 89075").await, [2]);
    assert_eq!(ids_of(&table, "where cardinality(tags) = 2").await, [1]);
    assert_eq!(ids_of(&table, "where nothing is null").await, [1, 2]);
}

#[tokio::test]
async fn text_and_instants_come_in_any_form() {
    let fixture = Fixture::new().await;
    let fields = vec![("id", DataType::Long), ("text", DataType::String), ("at", DataType::Timestamp)];
    let writer = begin(&fixture, fields).await;
    let mut part = writer.part();
    let forms: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["x"])),
        Arc::new(LargeStringArray::from(vec!["x"])),
        Arc::new(StringViewArray::from(vec!["x"])),
        Arc::new(DictionaryArray::<Int32Type>::from_iter(["x"])),
    ];
    let count = forms.len();
    for text in forms {
        let at: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![5]).with_timezone("+00:00"));
        let id: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        part.write(&RecordBatch::try_from_iter([("ID", id), ("text", text), ("at", at)]).unwrap()).unwrap();
    }
    let part = part.finish().unwrap();
    writer.commit(vec![part]).await.unwrap();
    let found = ids_of(&fixture.table().await, "where text = 'x' and at = '1970-01-01T00:00:00.005Z'").await;
    assert_eq!(found.len(), count);
}
