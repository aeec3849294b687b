//! A lake in a temporary folder, and the shortest ways to write and read a table of `id bigint, name string`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Schema as ArrowSchema};
use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;
use headwater_lake::{
    AppTransaction, Committed, Lake, LakeError, Relation, Table, TableWriter, WriteMode, WriteOptions,
};
use headwater_plan::engine::Built;
use headwater_plan::{DataType, Field, RunId, Schema, TableName};

pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) lake: Lake,
}

pub(crate) fn at() -> DateTime<Utc> {
    "2024-05-06T07:08:09.123456Z".parse().unwrap()
}

pub(crate) fn name() -> TableName {
    TableName::new("gold", "things")
}

pub(crate) fn built(fingerprint: &str) -> Built {
    Built { fingerprint: fingerprint.to_string(), inputs: std::collections::BTreeMap::new() }
}

pub(crate) fn schema() -> Schema {
    Schema::new(vec![Field::new("id", DataType::Long), Field::new("name", DataType::String)])
}

/// Rows as DataFusion gives them: text as a view.
pub(crate) fn batch(ids: &[i64]) -> RecordBatch {
    let schema = ArrowSchema::new(vec![
        ArrowField::new("id", ArrowType::Int64, true),
        ArrowField::new("name", ArrowType::Utf8View, true),
    ]);
    let names = ids.iter().map(|id| (id % 3 != 0).then(|| format!("name {id}"))).collect::<StringViewArray>();
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(names)]).unwrap()
}

pub(crate) fn options(mode: WriteMode, transaction: Option<i64>) -> WriteOptions {
    WriteOptions {
        target: name(),
        schema: schema(),
        mode,
        transaction: transaction.map(|version| AppTransaction { app_id: "app".to_string(), version }),
        follows: None,
        retires: Vec::new(),
        sets: Vec::new(),
        attempt: None,
        merge_schema: false,
        partition_by: Vec::new(),
        built: Some(built("f1")),
        run_id: RunId("run-1".to_string()),
        operation: "WRITE".to_string(),
        at: at(),
    }
}

pub(crate) async fn write(writer: TableWriter, ids: &[i64]) -> Result<Committed, LakeError> {
    let mut part = writer.part();
    part.write(&batch(ids))?;
    let part = part.finish()?;
    writer.commit(vec![part]).await
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(&folder.path().join("lake").display().to_string(), "lake", None).await.unwrap();
        Self { folder, lake }
    }

    pub(crate) async fn write(&self, mode: WriteMode, ids: &[i64]) -> Committed {
        write(self.lake.begin_write(options(mode, None)).await.unwrap(), ids).await.unwrap()
    }

    pub(crate) async fn table(&self) -> Table {
        match self.lake.relation(&name()).await.unwrap() {
            Some(Relation::Table(table)) => table,
            other => panic!("not a table: {other:?}"),
        }
    }

    pub(crate) async fn ids(&self) -> Vec<i64> {
        ids_of(&self.table().await, "").await
    }

    /// The lake's folder.
    pub(crate) fn root(&self) -> PathBuf {
        self.lake.folder().unwrap().to_path_buf()
    }

    pub(crate) fn table_folder(&self) -> PathBuf {
        self.root().join("gold").join("things")
    }

    pub(crate) fn data_files(&self) -> Vec<String> {
        names_in(&self.table_folder()).into_iter().filter(|name| name.ends_with(".parquet")).collect()
    }
}

pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) async fn query(table: &Table, sql: &str) -> Vec<RecordBatch> {
    let context = SessionContext::new();
    context.register_table("t", table.provider().await.unwrap()).unwrap();
    context.sql(sql).await.unwrap().collect().await.unwrap()
}

pub(crate) async fn text(table: &Table, sql: &str) -> String {
    arrow::util::pretty::pretty_format_batches(&query(table, sql).await).unwrap().to_string()
}

pub(crate) async fn ids_of(table: &Table, condition: &str) -> Vec<i64> {
    let batches = query(table, &format!("select id from t {condition} order by id")).await;
    let column = |batch: &RecordBatch| batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec();
    batches.iter().flat_map(column).collect()
}
