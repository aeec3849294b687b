//! The log entry of a write, as a value: everything that one commit says.

use bytes::Bytes;
use deltalake_core::kernel::{Action, Add, CommitInfo, EagerSnapshot, Metadata, Protocol, StructType, Transaction};
use serde_json::{Value, json};

use super::part::DataFile;
use super::{WriteMode, WriteOptions};
use crate::LakeError;
use crate::provenance::{KEY, Provenance};

/// A log entry.
pub(super) struct LogEntry {
    pub(super) version: u64,
    pub(super) table_id: String,
    pub(super) bytes: Bytes,
}

/// Makes the entry that follows `snapshot`; without one, the entry that creates the table.
pub(super) fn log_entry(
    options: &WriteOptions,
    schema: &StructType,
    snapshot: Option<&EagerSnapshot>,
    files: &[DataFile],
) -> Result<LogEntry, LakeError> {
    let json_error = |source| LakeError::Json { what: "a log entry", source };
    let mut actions = vec![Action::CommitInfo(commit_info(options, snapshot, files).map_err(json_error)?)];
    let table_id = match snapshot {
        None => {
            let id = uuid::Uuid::new_v4().to_string();
            let protocol: Protocol =
                serde_json::from_value(json!({ "minReaderVersion": 1, "minWriterVersion": 2 })).map_err(json_error)?;
            actions.push(Action::Protocol(protocol));
            actions.push(Action::Metadata(metadata(options, schema, &id, None).map_err(json_error)?));
            id
        }
        Some(snapshot) => {
            let old = snapshot.metadata();
            if snapshot.schema().as_ref() != schema {
                actions.push(Action::Metadata(metadata(options, schema, old.id(), Some(old)).map_err(json_error)?));
            }
            old.id().to_string()
        }
    };
    if let Some(transaction) = &options.transaction {
        let at = Some(options.at.timestamp_millis());
        let txn = Transaction::new_with_last_update(&transaction.app_id, transaction.version, at);
        actions.push(Action::Txn(txn));
    }
    if let (WriteMode::Replace, Some(snapshot)) = (options.mode, snapshot) {
        for file in snapshot.log_data().iter() {
            let mut remove = file.remove_action(true);
            remove.deletion_timestamp = Some(options.at.timestamp_millis());
            actions.push(Action::Remove(remove));
        }
    }
    actions.extend(files.iter().map(|file| Action::Add(add(file))));
    let mut bytes = Vec::new();
    for action in &actions {
        serde_json::to_writer(&mut bytes, action).map_err(json_error)?;
        bytes.push(b'\n');
    }
    let version = snapshot.map_or(0, |snapshot| snapshot.version() + 1);
    Ok(LogEntry { version, table_id, bytes: bytes.into() })
}

fn commit_info(
    options: &WriteOptions,
    snapshot: Option<&EagerSnapshot>,
    files: &[DataFile],
) -> serde_json::Result<CommitInfo> {
    let mode = match options.mode {
        WriteMode::Append => "Append",
        WriteMode::Replace => "Overwrite",
    };
    let provenance = Provenance { run_id: options.run_id.clone(), built: options.built.clone() };
    let rows: u64 = files.iter().map(|file| file.rows).sum();
    let bytes: u64 = files.iter().map(|file| file.size).sum();
    // Strings, as Spark writes them and `describe history` shows them.
    let metrics = json!({
        "numFiles": files.len().to_string(),
        "numOutputRows": rows.to_string(),
        "numOutputBytes": bytes.to_string(),
    });
    Ok(CommitInfo {
        timestamp: Some(options.at.timestamp_millis()),
        operation: Some(options.operation.clone()),
        operation_parameters: Some([("mode".to_string(), Value::from(mode))].into()),
        read_version: snapshot.map(EagerSnapshot::version),
        // It tells other writers that an append conflicts with nothing that they read.
        is_blind_append: Some(options.mode == WriteMode::Append),
        engine_info: Some(concat!("headwater/", env!("CARGO_PKG_VERSION")).to_string()),
        info: [(KEY.to_string(), provenance.to_json()?), ("operationMetrics".to_string(), metrics)].into(),
        ..CommitInfo::default()
    })
}

/// The table's metadata; what is not the schema stays as it was.
fn metadata(
    options: &WriteOptions,
    schema: &StructType,
    id: &str,
    old: Option<&Metadata>,
) -> serde_json::Result<Metadata> {
    // The kernel's type has no constructor, so that it is made from what it looks like in the log.
    serde_json::from_value(json!({
        "id": id,
        "name": old.and_then(Metadata::name),
        "description": old.and_then(Metadata::description),
        "format": { "provider": "parquet", "options": {} },
        "schemaString": serde_json::to_string(schema)?,
        "partitionColumns": [],
        "configuration": old.map(Metadata::configuration).cloned().unwrap_or_default(),
        "createdTime": old.and_then(Metadata::created_time).unwrap_or(options.at.timestamp_millis()),
    }))
}

fn add(file: &DataFile) -> Add {
    Add {
        path: file.name.clone(),
        partition_values: std::collections::HashMap::new(),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        modification_time: file.modified.timestamp_millis(),
        data_change: true,
        stats: Some(file.stats.clone()),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }
}
