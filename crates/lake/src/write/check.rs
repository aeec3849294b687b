//! Whether a table, as it is, can take a write, and what its columns are after it.

use deltalake_core::kernel::{EagerSnapshot, StructField, StructType};
use headwater_plan::{Schema, TableName};

use super::{WriteMode, WriteOptions, part};
use crate::relation::LOG_FOLDER;
use crate::types::from_delta;
use crate::{Lake, LakeError};

/// What a write means by its columns, in the table's own spelling where the table has them.
pub(super) fn spelled(options: &WriteOptions, snapshot: Option<&EagerSnapshot>) -> Schema {
    let mut schema = options.schema.clone();
    let (Some(snapshot), WriteMode::Append, true) = (snapshot, options.mode, options.merge_schema) else {
        return schema;
    };
    let there = snapshot.schema();
    for field in &mut schema.fields {
        let lower = field.name.to_lowercase();
        if let Some(known) = there.fields().find(|known| known.name().to_lowercase() == lower) {
            field.name.clone_from(known.name());
        }
    }
    schema
}

/// The table's columns after the write; refuses a table that cannot take it.
pub(super) fn columns_after(
    options: &WriteOptions,
    schema: &StructType,
    snapshot: &EagerSnapshot,
) -> Result<StructType, LakeError> {
    let table = &options.target;
    check_protocol(table, snapshot)?;
    if options.mode == WriteMode::Replace {
        if snapshot.table_properties().append_only == Some(true) {
            return Err(unsupported(table, "it is append-only (`delta.appendOnly`)".to_string()));
        }
        return Ok(schema.clone());
    }
    let partitions = snapshot.metadata().partition_columns();
    if *partitions != options.partition_by {
        return Err(LakeError::OtherPartitions {
            table: table.clone(),
            there: partitions.to_vec(),
            wanted: options.partition_by.clone(),
        });
    }
    let there = snapshot.schema();
    if !options.merge_schema && there.as_ref() == schema {
        return Ok(schema.clone());
    }
    let found =
        if options.merge_schema { conflicts(there.as_ref(), schema) } else { differences(there.as_ref(), schema) };
    if !found.is_empty() {
        return Err(LakeError::SchemaMismatch { table: table.clone(), differences: found });
    }
    let added = schema.fields().filter(|field| there.field(field.name()).is_none()).cloned();
    StructType::try_new(there.fields().cloned().chain(added))
        .map_err(|error| LakeError::SchemaMismatch { table: table.clone(), differences: vec![error.to_string()] })
}

/// Refuses a table with features that Headwater does not write.
pub(crate) fn check_protocol(table: &TableName, snapshot: &EagerSnapshot) -> Result<(), LakeError> {
    let protocol = snapshot.protocol();
    let (reader, writer) = (protocol.min_reader_version(), protocol.min_writer_version());
    if reader > 1 || writer > 2 {
        let why = format!("it needs Delta reader {reader} and writer {writer}, headwater writes 1 and 2");
        return Err(unsupported(table, why));
    }
    Ok(())
}

fn unsupported(table: &TableName, why: String) -> LakeError {
    LakeError::UnsupportedTable { table: table.clone(), why }
}

/// Why columns cannot be merged, in words.
pub(super) fn conflicts(there: &StructType, wanted: &StructType) -> Vec<String> {
    let mut found = Vec::new();
    for field in wanted.fields() {
        let Some(known) = there.field(field.name()) else {
            let lower = field.name().to_lowercase();
            if let Some(other) = there.fields().find(|other| other.name().to_lowercase() == lower) {
                found.push(format!("`{}` is `{}` in the table", field.name(), other.name()));
            }
            continue;
        };
        if known.data_type() != field.data_type() {
            found.push(type_difference(known, field));
        } else if known.metadata().keys().any(|key| key.starts_with("delta.")) {
            found.push(format!("`{}` has rules of another engine", field.name()));
        }
    }
    let missing = there.fields().filter(|known| !known.is_nullable() && wanted.field(known.name()).is_none());
    found.extend(missing.map(|known| format!("`{}` must not be null in the table", known.name())));
    found
}

/// What is different, in words; order, nullability or metadata if it is nothing else.
fn differences(there: &StructType, wanted: &StructType) -> Vec<String> {
    let mut found = Vec::new();
    for field in wanted.fields() {
        let lower = field.name().to_lowercase();
        match there.fields().find(|old| old.name().to_lowercase() == lower) {
            None => found.push(format!("`{}` is not in the table", field.name())),
            Some(old) if old.data_type() != field.data_type() => found.push(type_difference(old, field)),
            Some(_) => {}
        }
    }
    for old in there.fields() {
        let lower = old.name().to_lowercase();
        if wanted.fields().all(|field| field.name().to_lowercase() != lower) {
            found.push(format!("`{}` is only in the table", old.name()));
        }
    }
    if found.is_empty() {
        found.push("they differ in order, in the case of a name or in what may be null".to_string());
    }
    found
}

fn type_difference(there: &StructField, wanted: &StructField) -> String {
    let spelled = |field: &StructField| {
        let schema = StructType::try_new([field.clone()]).ok().and_then(|schema| from_delta(&schema).ok());
        let spark = schema.and_then(|schema| schema.fields.into_iter().next());
        spark.map_or_else(|| field.data_type().to_string(), |field| field.data_type.to_string())
    };
    format!("`{}` is `{}` in the table, not `{}`", wanted.name(), spelled(there), spelled(wanted))
}

/// Refuses a folder that is not a table and holds something that a dead write of ours did not leave.
pub(super) async fn check_folder(lake: &Lake, table: &TableName) -> Result<(), LakeError> {
    let folder = lake.table_path(table)?;
    let foreign = |file: String| Err(LakeError::ForeignFiles { table: table.clone(), file });
    if lake.local(&folder).is_some_and(|folder| folder.is_file()) {
        return foreign(lake.shown(&folder));
    }
    let doing = "list the folder";
    // Partitions lie below `column=value`.
    let is_ours = |path: &str| {
        let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
        path.starts_with(LOG_FOLDER)
            || part::is_part_name(file) && folders.split('/').all(|folder| folder.is_empty() || folder.contains('='))
    };
    for file in lake.list(doing, &folder).await? {
        let inside = file.location.as_ref().strip_prefix(folder.as_ref()).unwrap_or_default().trim_start_matches('/');
        if !is_ours(inside) {
            // A table that another task is just creating is no stranger either.
            return if lake.has_commits(table).await? { Ok(()) } else { foreign(lake.shown(&file.location)) };
        }
    }
    Ok(())
}
