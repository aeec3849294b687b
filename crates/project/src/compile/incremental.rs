//! What the settings of incremental models and snapshots come to: a strategy, or what is wrong with them.

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{
    Code, DataType, Diagnostic, Field, HardDeletes, Microbatch, Query, Schema, Snapshot, SnapshotStrategy, Strategy,
    TableName,
};

use super::item::Item;
use super::settings::{IncrementalSettings, StrategyName, Wrong};

/// The strategy of an incremental model, whose columns are these. `inputs` are the relations that it reads, each with its
/// own column of event time if it has one.
pub(super) fn strategy(
    item: &Item<'_>,
    schema: &Schema,
    inputs: Vec<(TableName, String)>,
) -> Result<Strategy, Vec<Wrong>> {
    let settings = &item.settings.incremental;
    let mut wrong = Vec::new();
    let name = settings.strategy.unwrap_or(match settings.unique_key.is_empty() {
        true => StrategyName::Append,
        false => StrategyName::Merge,
    });
    for (key, columns) in [
        ("unique_key", &settings.unique_key),
        ("merge_update_columns", settings.update_columns.as_ref().unwrap_or(&Vec::new())),
        ("merge_exclude_columns", &settings.exclude_columns),
        ("partition_by", &item.settings.partition_by),
    ] {
        wrong.extend(columns.iter().filter_map(|column| absent(item, schema, key, column)));
    }
    let strategy = match name {
        StrategyName::Append => Strategy::Append,
        // dbt adds rows where there is no key to merge by.
        StrategyName::Merge if settings.unique_key.is_empty() => Strategy::Append,
        StrategyName::Merge => merge(settings, &mut wrong),
        StrategyName::DeleteInsert => {
            if settings.unique_key.is_empty() {
                wrong.push(missing("incremental_strategy", "delete+insert", "unique_key", "unique_key='id'"));
            }
            Strategy::DeleteInsert { unique_key: settings.unique_key.clone(), predicates: settings.predicates.clone() }
        }
        StrategyName::InsertOverwrite => Strategy::InsertOverwrite,
        StrategyName::Microbatch => match microbatch(item, schema, inputs, &mut wrong) {
            Some(microbatch) => Strategy::Microbatch(microbatch),
            None => return Err(wrong),
        },
    };
    if wrong.is_empty() { Ok(strategy) } else { Err(wrong) }
}

fn merge(settings: &IncrementalSettings, wrong: &mut Vec<Wrong>) -> Strategy {
    if settings.update_columns.is_some() && !settings.exclude_columns.is_empty() {
        let message = "`merge_update_columns` and `merge_exclude_columns` exclude each other";
        wrong.push((
            "merge_exclude_columns".into(),
            Diagnostic::error(Code::InvalidValue, message).help("keep one of the two"),
        ));
    }
    Strategy::Merge {
        unique_key: settings.unique_key.clone(),
        update_columns: settings.update_columns.clone(),
        exclude_columns: settings.exclude_columns.clone(),
        predicates: settings.predicates.clone(),
    }
}

fn microbatch(
    item: &Item<'_>,
    schema: &Schema,
    filtered: Vec<(TableName, String)>,
    wrong: &mut Vec<Wrong>,
) -> Option<Microbatch> {
    let settings = &item.settings.incremental;
    let mut needed = |key: &str, there: bool, example: &str| {
        if !there {
            wrong.push(missing("incremental_strategy", "microbatch", key, example));
        }
    };
    needed("event_time", item.settings.event_time.is_some(), "event_time='ordered_at'");
    needed("batch_size", settings.batch_size.is_some(), "batch_size='day'");
    needed("begin", settings.begin.is_some(), "begin='2024-01-01'");
    let event_time = item.settings.event_time.clone()?;
    wrong.extend(absent(item, schema, "event_time", &event_time));
    if let Some(field) = schema.field(&event_time)
        && !matches!(field.data_type, DataType::Timestamp | DataType::TimestampNtz | DataType::Date)
    {
        let message =
            format!("`event_time` must be a timestamp or a date, and `{event_time}` is `{}`", field.data_type);
        wrong.push(("event_time".into(), Diagnostic::error(Code::TypeMismatch, message)));
    }
    Some(Microbatch {
        event_time,
        batch_size: settings.batch_size?,
        lookback: settings.lookback,
        begin: settings.begin?,
        filtered,
        asked: None,
    })
}

/// The snapshot of a query with these columns.
pub(super) fn snapshot(item: &Item<'_>, schema: &Schema, query: Query) -> Result<Snapshot, Vec<Wrong>> {
    let settings = &item.settings.snapshot;
    let mut wrong = Vec::new();
    let unique_key = item.settings.incremental.unique_key.clone();
    if unique_key.is_empty() {
        wrong.push(lacks("unique_key", "a snapshot needs a `unique_key`", "unique_key='id'"));
    }
    let strategy = match settings.strategy.as_deref() {
        Some("timestamp") => {
            if settings.updated_at.is_none() {
                wrong.push(missing("strategy", "timestamp", "updated_at", "updated_at='updated_at'"));
            }
            SnapshotStrategy::Timestamp { updated_at: settings.updated_at.clone().unwrap_or_default() }
        }
        Some("check") => {
            if settings.check_columns.is_none() {
                wrong.push(missing("strategy", "check", "check_cols", "check_cols=['status'] or 'all'"));
            }
            let columns = settings.check_columns.clone().unwrap_or_default();
            wrong.extend(columns.iter().filter_map(|column| absent(item, schema, "check_cols", column)));
            SnapshotStrategy::Check { columns, updated_at: settings.updated_at.clone() }
        }
        Some(other) => {
            let message = format!("no snapshot strategy is named `{other}`");
            let help = match did_you_mean(other, ["timestamp", "check"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "it is `timestamp` or `check`".into(),
            };
            wrong.push(("strategy".into(), Diagnostic::error(Code::InvalidValue, message).help(help)));
            return Err(wrong);
        }
        None => {
            wrong.push(lacks("strategy", "a snapshot needs a `strategy`", "strategy='timestamp'"));
            return Err(wrong);
        }
    };
    if !wrong.is_empty() {
        return Err(wrong);
    }
    Ok(Snapshot {
        query,
        strategy,
        unique_key,
        hard_deletes: settings.hard_deletes,
        valid_to_current: settings.valid_to_current.clone(),
        columns: settings.columns.clone(),
    })
}

/// The columns of a snapshot's table: those of its query, then its own.
pub(super) fn snapshot_schema(snapshot: &Snapshot, query: &Schema, updated_at: &DataType) -> Schema {
    let names = &snapshot.columns;
    let mut fields = query.fields.clone();
    fields.push(Field::new(&names.scd_id, DataType::String));
    fields.push(Field::new(&names.updated_at, updated_at.clone()));
    fields.push(Field::new(&names.valid_from, updated_at.clone()));
    fields.push(Field::new(&names.valid_to, updated_at.clone()));
    if snapshot.hard_deletes == HardDeletes::NewRecord {
        fields.push(Field::new(&names.is_deleted, DataType::String));
    }
    Schema::new(fields)
}

/// What is wrong with a setting that names a column which is not there. What is no bare name is an expression.
fn absent(item: &Item<'_>, schema: &Schema, key: &str, column: &str) -> Option<Wrong> {
    let bare = column.trim_matches('`');
    if schema.field(bare).is_some() || !bare.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let message = format!("`{}` has no column `{bare}`, which its `{key}` names", item.name);
    let mut wrong = Diagnostic::error(Code::UnknownColumn, message);
    wrong.help = did_you_mean(bare, schema.names()).map(|near| format!("did you mean `{near}`?"));
    Some((key.to_owned(), wrong))
}

fn missing(key: &str, value: &str, needed: &str, example: &str) -> Wrong {
    lacks(key, &format!("`{key}='{value}'` needs a `{needed}`"), example)
}

fn lacks(key: &str, message: &str, example: &str) -> Wrong {
    (key.to_owned(), Diagnostic::error(Code::MissingKey, message.to_owned()).help(format!("such as `{example}`")))
}
