//! What the user sees when the lake cannot do what it was asked.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch};
use headwater_lake::{Lake, LakeError, WriteMode};
use headwater_plan::{Code, DataType, Diagnostic, Fault, Field, Schema, TableName};

use crate::fixture::{Fixture, batch, options, write};

fn shown(diagnostic: &Diagnostic, fixture: &Fixture) -> String {
    let mut lines = vec![format!("{} [{}]", diagnostic.message, diagnostic.code)];
    lines.extend(diagnostic.causes.iter().map(|cause| format!("  because {cause}")));
    lines.extend(diagnostic.help.iter().map(|help| format!("  help: {help}")));
    lines.join("\n").replace(&fixture.folder.path().display().to_string(), "[folder]")
}

#[tokio::test]
async fn every_refusal_says_what_to_do() {
    let fixture = Fixture::new().await;
    let folder = fixture.folder.path();
    fs::write(folder.join("file"), "").unwrap();
    let mut seen = Vec::new();

    for uri in [folder.join("file"), folder.join("file/inside")] {
        seen.push(Lake::open(&uri.display().to_string(), "./file", None).await.unwrap_err());
    }
    seen.push(Lake::open("gs://bucket/lake", "gs://bucket/lake", None).await.unwrap_err());
    seen.push(Lake::open("lake", "lake", None).await.unwrap_err());
    seen.push(Lake::open(&folder.join("50%25").display().to_string(), "./50%25", None).await.unwrap_err());
    for wrong in [("_headwater", "x"), ("gold", "../x"), ("gold", ""), (".gold", "x")] {
        seen.push(fixture.lake.relation(&TableName::new(wrong.0, wrong.1)).await.unwrap_err());
    }

    let begin = async |schema: Schema| {
        let wanted = options(WriteMode::Append, None);
        fixture.lake.begin_write(headwater_lake::WriteOptions { schema, ..wanted }).await.unwrap_err()
    };
    for field in [
        Field::new("at", DataType::TimestampNtz),
        Field::new("nothing", DataType::Array(Box::new(DataType::Null))),
        Field::new("count(1)", DataType::Long),
    ] {
        seen.push(begin(Schema::new(vec![field])).await);
    }
    seen.push(begin(Schema::new(vec![Field::new("a", DataType::Long), Field::new("A", DataType::Long)])).await);
    seen.push(begin(Schema::default()).await);

    fixture.write(WriteMode::Append, &[1]).await;
    let other = vec![Field::new("ID", DataType::Int), Field::new("extra", DataType::Date)];
    seen.push(begin(Schema::new(other)).await);

    fs::create_dir_all(fixture.root().join("gold/mine")).unwrap();
    fs::write(fixture.root().join("gold/mine/thesis.odt"), "").unwrap();
    let mine =
        headwater_lake::WriteOptions { target: TableName::new("gold", "mine"), ..options(WriteMode::Append, None) };
    seen.push(fixture.lake.begin_write(mine).await.unwrap_err());

    let texts: Vec<String> = seen.iter().map(|error| shown(&error.diagnostic(), &fixture)).collect();
    insta::assert_snapshot!(texts.join("\n"));
    assert!(seen.iter().all(|error| error.diagnostic().fault == Fault::User));
}

#[tokio::test]
async fn every_refusal_of_another_run_or_version_says_what_to_do() {
    let fixture = Fixture::new().await;
    let table = || TableName::new("gold", "things");
    let file = || "part-1.snappy.parquet".to_string();
    let seen = [
        LakeError::OutOfTurn { table: table(), batch: 3, follows: 1, found: 2 },
        LakeError::FilesReplaced { table: table(), file: file() },
        LakeError::Contended { table: table(), attempts: 100 },
        LakeError::OtherPartitions { table: table(), there: vec!["day".to_string()], wanted: Vec::new() },
        LakeError::PartitionColumn {
            table: table(),
            column: "ratio".to_string(),
            why: "it is named twice".to_string(),
        },
        LakeError::NoTable { table: table() },
        LakeError::NoColumn { table: table(), column: "colour".to_string() },
        LakeError::NoVersion { table: table(), wanted: "version 7".to_string(), newest: 3 },
        LakeError::FilesGone { table: table(), version: 1, count: 12, files: vec![file(), file()] },
    ];
    let texts: Vec<String> = seen.iter().map(|error| shown(&error.diagnostic(), &fixture)).collect();
    insta::assert_snapshot!(texts.join("\n"));
    for error in &seen {
        let another_run = error.diagnostic().code == Code::LakeInUse;
        assert_eq!(error.diagnostic().retryable, another_run, "{error}");
    }
}

#[tokio::test]
async fn rows_of_other_types_are_the_engines_mistake() {
    let fixture = Fixture::new().await;
    let writer = fixture.lake.begin_write(options(WriteMode::Append, None)).await.unwrap();
    let mut part = writer.part();
    let names = batch(&[1]).column(1).clone();
    let of = |id: ArrayRef| RecordBatch::try_from_iter([("id", id), ("name", names.clone())]).unwrap();
    for wrong in [Arc::new(Int32Array::from(vec![1])) as ArrayRef, Arc::new(Float64Array::from(vec![1.5]))] {
        let error = part.write(&of(wrong)).unwrap_err();
        assert!(matches!(error, LakeError::BatchMismatch { .. }), "{error}");
        assert_eq!(error.diagnostic().code, Code::Internal);
    }
    let nulls = arrow::array::new_null_array(&arrow::datatypes::DataType::Null, 1);
    part.write(&of(nulls)).unwrap();
    let part = part.finish().unwrap();
    assert_eq!(writer.commit(vec![part]).await.unwrap().rows, 1);
}

#[tokio::test]
async fn a_table_with_features_that_are_not_written_is_refused_by_name() {
    for (from, to, mode, word) in [
        (
            r#""minReaderVersion":1,"minWriterVersion":2"#,
            r#""minReaderVersion":1,"minWriterVersion":3"#,
            WriteMode::Replace,
            "writer 3",
        ),
        (r#""partitionColumns":[]"#, r#""partitionColumns":["id"]"#, WriteMode::Append, "partitioned by `id`"),
        (r#""configuration":{}"#, r#""configuration":{"delta.appendOnly":"true"}"#, WriteMode::Replace, "append-only"),
    ] {
        let fixture = Fixture::new().await;
        fixture.write(WriteMode::Append, &[]).await;
        let log = fixture.table_folder().join("_delta_log/00000000000000000000.json");
        let text = fs::read_to_string(&log).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&log, text.replace(from, to)).unwrap();
        let error = fixture.lake.begin_write(options(mode, None)).await.unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        let code = if word.starts_with("part") { Code::SchemaMismatch } else { Code::Unsupported };
        assert_eq!(error.diagnostic().code, code);
    }
}

#[tokio::test]
async fn columns_that_change_between_begin_and_commit_are_noticed() {
    let fixture = Fixture::new().await;
    let writer = fixture.lake.begin_write(options(WriteMode::Append, None)).await.unwrap();
    let mut other = options(WriteMode::Append, None);
    other.schema.fields.truncate(1);
    let first = fixture.lake.begin_write(other).await.unwrap();
    first.commit(Vec::new()).await.unwrap();
    let error = write(writer, &[1]).await.unwrap_err();
    assert!(matches!(error, LakeError::SchemaMismatch { .. }), "{error}");
    assert_eq!(fixture.data_files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_failing_disk_names_the_operation_and_the_table() {
    let fixture = Fixture::new().await;
    fixture.write(WriteMode::Append, &[1]).await;
    let writer = fixture.lake.begin_write(options(WriteMode::Append, None)).await.unwrap();
    let mut part = writer.part();
    part.write(&batch(&[2])).unwrap();
    let part = part.finish().unwrap();
    // A file where the log's folder belongs makes the put fail, for root too.
    let log = fixture.table_folder().join("_delta_log");
    let aside = fixture.table_folder().join("aside");
    fs::rename(&log, &aside).unwrap();
    fs::write(&log, "not a folder").unwrap();
    let error = writer.commit(vec![part]).await.unwrap_err();
    let diagnostic = error.diagnostic();
    assert_eq!((diagnostic.code, diagnostic.fault), (Code::LakeUnavailable, Fault::Outside));
    assert_eq!(diagnostic.message, "cannot commit to table `gold.things`");
    fs::remove_file(&log).unwrap();
    fs::rename(&aside, &log).unwrap();
    assert_eq!(fixture.ids().await, [1]);
    assert_eq!(fixture.data_files().len(), 2, "nobody could tell whether the commit is there, so its file stays");
}

#[tokio::test]
async fn a_commit_that_is_surely_not_there_leaves_no_files() {
    let fixture = Fixture::new().await;
    fixture.write(WriteMode::Append, &[1]).await;
    // A folder of that name takes the place of the next entry and is none.
    fs::create_dir(fixture.table_folder().join("_delta_log/00000000000000000001.json")).unwrap();
    let writer = fixture.lake.begin_write(options(WriteMode::Append, None)).await.unwrap();
    let error = write(writer, &[2]).await.unwrap_err();
    assert!(matches!(error, LakeError::Contended { .. }), "{error}");
    assert_eq!(fixture.data_files().len(), 1);
}

#[test]
fn a_full_disk_and_a_missing_right_are_told_apart() {
    let of = |kind: std::io::ErrorKind| {
        let source = parquet::errors::ParquetError::External(Box::new(std::io::Error::from(kind)));
        LakeError::Parquet { path: "/lake/gold/x/part-1.parquet".into(), source }.diagnostic()
    };
    let full = of(std::io::ErrorKind::StorageFull);
    assert_eq!((full.code, full.fault, full.retryable), (Code::LakeUnavailable, Fault::Outside, true));
    assert!(full.help.unwrap().contains("space"));
    let denied = of(std::io::ErrorKind::PermissionDenied);
    assert_eq!((denied.fault, denied.retryable), (Fault::User, false));
}
