use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, StringArray};
use futures::stream;
use headwater_plan::{Code, DataType, Diagnostic, Field, Schema};

use super::*;

fn batch() -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["a, b", "say \"c\""]));
    RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
}

fn rows(batches: Vec<Result<RecordBatch, Diagnostic>>) -> Rows {
    let schema = Schema::new(vec![Field::new("id", DataType::Int), Field::new("name", DataType::String)]);
    Rows { schema, arrow_schema: batch().schema(), stream: stream::iter(batches).boxed() }
}

async fn written(format: RowsFormat, batches: Vec<Result<RecordBatch, Diagnostic>>) -> String {
    let mut sink = Vec::new();
    write(rows(batches), format, &mut sink, &Cancel::default()).await.unwrap();
    String::from_utf8(sink).unwrap()
}

#[tokio::test]
async fn csv_quotes_and_always_has_a_header() {
    let csv = "id,name\n1,\"a, b\"\n,\"say \"\"c\"\"\"\n";
    assert_eq!(written(RowsFormat::Csv, vec![Ok(batch())]).await, csv);
    assert_eq!(written(RowsFormat::Csv, Vec::new()).await, "id,name\n");
}

#[tokio::test]
async fn json_is_one_array_with_nulls() {
    let json = "[{\"id\":1,\"name\":\"a, b\"},{\"id\":null,\"name\":\"say \\\"c\\\"\"}]\n";
    assert_eq!(written(RowsFormat::Json, vec![Ok(batch())]).await, json);
    assert_eq!(written(RowsFormat::Json, Vec::new()).await, "[]\n");
}

#[tokio::test]
async fn a_file_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let failing = vec![Ok(batch()), Err(Diagnostic::error(Code::ExecutionFailed, "division by zero"))];
    let error = write_file(rows(failing), RowsFormat::Parquet, &path, &Cancel::default()).await.unwrap_err();
    assert_eq!(error.0[0].code, Code::ExecutionFailed);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no half of a file stays");

    std::fs::write(&path, "older").unwrap();
    let count = write_file(rows(vec![Ok(batch())]), RowsFormat::Parquet, &path, &Cancel::default()).await.unwrap();
    assert_eq!(count, 2);
    assert!(std::fs::read(&path).unwrap().starts_with(b"PAR1"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_without_a_folder_is_refused() {
    let path = Path::new("/nowhere/at/all/rows.csv");
    let error = write_file(rows(Vec::new()), RowsFormat::Csv, path, &Cancel::default()).await.unwrap_err();
    assert_eq!(error.0[0].code, Code::UnwritableOutput);
}
