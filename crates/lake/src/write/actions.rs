//! A log entry, as a value: everything that one commit says.

use std::collections::HashMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::{
    Action, Add, CommitInfo, EagerSnapshot, Metadata, Protocol, Remove, StructType, Transaction,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::AppTransaction;
use crate::LakeError;
use crate::provenance::{KEY, Provenance};

/// A log entry.
#[derive(Debug)]
pub(crate) struct LogEntry {
    pub(crate) version: u64,
    pub(crate) table_id: String,
    pub(crate) bytes: Bytes,
}

/// What an entry says.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    /// The table's columns from now on.
    pub(crate) schema: &'a StructType,
    /// Its partition columns.
    pub(crate) partition_by: &'a [String],
    /// Its properties, where they change.
    pub(crate) configuration: Option<HashMap<String, String>>,
    pub(crate) transactions: Vec<AppTransaction>,
    pub(crate) removes: Vec<Remove>,
    pub(crate) adds: Vec<Add>,
    pub(crate) operation: &'a str,
    pub(crate) parameters: Vec<(&'static str, Value)>,
    pub(crate) metrics: Vec<(&'static str, u64)>,
    pub(crate) provenance: Provenance,
    /// Whether nothing of the table was read to make it: then it conflicts with nothing.
    pub(crate) blind: bool,
    pub(crate) at: DateTime<Utc>,
}

impl Draft<'_> {
    /// Makes the entry that follows `snapshot`; without one, the entry that creates the table.
    pub(crate) fn entry(mut self, snapshot: Option<&EagerSnapshot>) -> Result<LogEntry, LakeError> {
        self.actions(snapshot).map_err(|source| LakeError::Json { what: "a log entry", source })
    }

    fn actions(&mut self, snapshot: Option<&EagerSnapshot>) -> serde_json::Result<LogEntry> {
        let mut actions = vec![Action::CommitInfo(self.commit_info(snapshot)?)];
        let old = snapshot.map(EagerSnapshot::metadata);
        let table_id = old.map_or_else(|| Uuid::new_v4().to_string(), |old| old.id().to_string());
        if snapshot.is_none() {
            let protocol: Protocol = serde_json::from_value(json!({ "minReaderVersion": 1, "minWriterVersion": 2 }))?;
            actions.push(Action::Protocol(protocol));
        }
        let is_same = snapshot.is_some_and(|snapshot| {
            snapshot.schema().as_ref() == self.schema
                && snapshot.metadata().partition_columns() == self.partition_by
                && self.configuration.as_ref().is_none_or(|wanted| wanted == snapshot.metadata().configuration())
        });
        if !is_same {
            actions.push(Action::Metadata(self.metadata(&table_id, old)?));
        }
        for transaction in &self.transactions {
            let at = Some(self.at.timestamp_millis());
            let txn = Transaction::new_with_last_update(&transaction.app_id, transaction.version, at);
            actions.push(Action::Txn(txn));
        }
        for mut remove in self.removes.drain(..) {
            remove.deletion_timestamp = Some(self.at.timestamp_millis());
            actions.push(Action::Remove(remove));
        }
        actions.extend(self.adds.drain(..).map(Action::Add));
        let mut bytes = Vec::new();
        for action in &actions {
            serde_json::to_writer(&mut bytes, action)?;
            bytes.push(b'\n');
        }
        let version = snapshot.map_or(0, |snapshot| snapshot.version() + 1);
        Ok(LogEntry { version, table_id, bytes: bytes.into() })
    }

    fn commit_info(&self, snapshot: Option<&EagerSnapshot>) -> serde_json::Result<CommitInfo> {
        // Strings, as Spark writes them and `describe history` shows them.
        let metrics: Map<String, Value> =
            self.metrics.iter().map(|(name, count)| ((*name).to_string(), count.to_string().into())).collect();
        let info = [
            (KEY.to_string(), self.provenance.to_json()?),
            ("operationMetrics".to_string(), Value::from(metrics)),
            // No two attempts write the same entry, so that each is known again by its bytes.
            ("txnId".to_string(), Value::from(Uuid::new_v4().to_string())),
        ];
        let parameters = self.parameters.iter().map(|(name, value)| ((*name).to_string(), value.clone()));
        Ok(CommitInfo {
            timestamp: Some(self.at.timestamp_millis()),
            operation: Some(self.operation.to_string()),
            operation_parameters: Some(parameters.collect()),
            read_version: snapshot.map(EagerSnapshot::version),
            is_blind_append: Some(self.blind),
            engine_info: Some(concat!("headwater/", env!("CARGO_PKG_VERSION")).to_string()),
            info: info.into(),
            ..CommitInfo::default()
        })
    }

    /// The table's metadata; what is not said here stays as it was.
    fn metadata(&self, id: &str, old: Option<&Metadata>) -> serde_json::Result<Metadata> {
        let configuration = self.configuration.clone().or_else(|| old.map(Metadata::configuration).cloned());
        // The kernel's type has no constructor, so that it is made from what it looks like in the log.
        serde_json::from_value(json!({
            "id": id,
            "name": old.and_then(Metadata::name),
            "description": old.and_then(Metadata::description),
            "format": { "provider": "parquet", "options": {} },
            "schemaString": serde_json::to_string(self.schema)?,
            "partitionColumns": self.partition_by,
            "configuration": configuration.unwrap_or_default(),
            "createdTime": old.and_then(Metadata::created_time).unwrap_or(self.at.timestamp_millis()),
        }))
    }
}
