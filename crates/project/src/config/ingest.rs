//! `ingest:` of a table, resolved.

use std::path::Path;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::ingest::SETTLE_MS;
use headwater_plan::{
    AfterLoad, BadRowLimit, BatchLimits, Code, Compression, DataType, Diagnostics, FileSet, OnBadRow, OnFileChange,
    OnSchemaChange, TableLayout,
};

use super::at::At;
use super::file::OneOrMany;
use super::file::ingest::{
    AfterLoadFile, AfterLoadName, BadRow, CompressionName, FileChange, FormatName, IngestFile, SchemaChange,
};
use super::{ColumnDecl, IngestDecl, options, paths, size};

/// The columns of the table that is loaded.
pub(super) struct Columns<'a> {
    pub(super) declared: &'a [ColumnDecl],
    /// Whether no column was left out with a message.
    pub(super) complete: bool,
}

/// The ingest that stands at `at`, in a project at `dir`.
pub(super) fn resolve(
    at: At<'_>,
    file: IngestFile,
    dir: &Path,
    columns: &Columns<'_>,
    found: &mut Diagnostics,
) -> Option<IngestDecl> {
    let before = found.0.len();
    found.extend(paths::check_pattern(at.at("files"), &file.files));
    let format = file.format.unwrap_or_else(|| format_of(&file.files));
    let options = at.get("options");
    let format = match options {
        Some(options) => options::resolve(options, format, file.options, found),
        None => options::resolve(At { node: &nothing(), ..at }, format, file.options, found),
    };
    let on_bad_row = match file.on_bad_row {
        BadRow::Quarantine => OnBadRow::Quarantine,
        BadRow::Fail => OnBadRow::Fail,
    };
    let max_bad_rows = at.get("max_bad_rows").and_then(|at| bad_row_limit(at, found));
    if max_bad_rows.is_some() && on_bad_row == OnBadRow::Fail {
        let wrong = at.at("max_bad_rows").error(Code::InvalidValue, "`max_bad_rows` with `on_bad_row: fail`");
        found.push(wrong.help("one bad row fails the batch already: leave one of the two out"));
    }
    let after_load = after_load(at, file.after_load, &file.files, dir, found);
    let default = BatchLimits::default();
    let batch = BatchLimits {
        max_files: file.max_files_per_batch.unwrap_or(default.max_files),
        max_bytes: at.get("max_bytes_per_batch").and_then(|at| bytes(at, found)).unwrap_or(default.max_bytes),
    };
    let settle_ms = at.get("settle").and_then(|at| settle(at, found)).unwrap_or(SETTLE_MS);
    let layout = TableLayout {
        partition_by: listed(at, "partition_by", columns, file.partition_by, found),
        cluster_by: listed(at, "cluster_by", columns, file.cluster_by, found),
        compact_after_files: file.compact_after_files,
    };
    if let Some(both) = layout.cluster_by.iter().find(|column| layout.partition_by.contains(column)) {
        let message = format!("`{both}` is in `partition_by` already: all rows of a file have the same value");
        found.push(at.at("cluster_by").error(Code::InvalidValue, message).help("take it out of `cluster_by`"));
    }
    (found.0.len() == before).then_some(())?;
    Some(IngestDecl {
        files: FileSet {
            pattern: paths::absolute_pattern(dir, &file.files),
            written: file.files,
            location: at.at("files").location(),
        },
        format: format?,
        compression: match file.compression {
            CompressionName::Auto => Compression::Auto,
            CompressionName::None => Compression::None,
            CompressionName::Gzip => Compression::Gzip,
            CompressionName::Zstd => Compression::Zstd,
            CompressionName::Bzip2 => Compression::Bzip2,
            CompressionName::Zip => Compression::Zip,
        },
        on_schema_change: match file.on_schema_change {
            SchemaChange::Fail => OnSchemaChange::Fail,
            SchemaChange::Ignore => OnSchemaChange::Ignore,
            SchemaChange::AddColumns => OnSchemaChange::AddColumns,
            SchemaChange::Rescue => OnSchemaChange::Rescue,
        },
        on_bad_row,
        max_bad_rows,
        on_file_change: match file.on_file_change {
            FileChange::Fail => OnFileChange::Fail,
            FileChange::Ignore => OnFileChange::Ignore,
            FileChange::LoadAgain => OnFileChange::LoadAgain,
        },
        after_load: after_load?,
        settle_ms,
        batch,
        layout,
    })
}

/// `options:` that are not there.
fn nothing() -> super::yaml::Node {
    super::yaml::Node::new(super::source::Span::START, super::yaml::Data::Map(Vec::new()))
}

/// What the end of a pattern says of the format, the ending of a compression left aside.
fn format_of(pattern: &str) -> FormatName {
    const PACKED: [&str; 7] = ["gz", "gzip", "zst", "zstd", "bz2", "bzip2", "zip"];
    let name = pattern.rsplit(['/', '\\']).next().unwrap_or_default();
    for ending in name.split('.').skip(1).collect::<Vec<_>>().into_iter().rev() {
        // `rentals.json*` is JSON as well.
        let ending = ending.split(['*', '?', '[']).next().unwrap_or_default().to_lowercase();
        match ending.as_str() {
            "json" | "jsonl" | "ndjson" => return FormatName::Json,
            "parquet" => return FormatName::Parquet,
            "avro" => return FormatName::Avro,
            "" => {}
            packed if PACKED.contains(&packed) => {}
            _ => break,
        }
    }
    FormatName::Csv
}

fn bad_row_limit(at: At<'_>, found: &mut Diagnostics) -> Option<BadRowLimit> {
    let text = at.text().trim();
    let limit = match text.strip_suffix('%') {
        None => text.parse().ok().map(BadRowLimit::Rows),
        Some(share) => millionths(share.trim_end()).map(BadRowLimit::Millionths),
    };
    if limit.is_none() {
        let message = format!("`max_bad_rows` must be a number of rows or a share of them, not `{text}`");
        let help = "such as `100` or `1%`; a share has at most four digits behind the point";
        found.push(at.error(Code::InvalidValue, message).help(help));
    }
    limit
}

/// Percents in millionths, without a detour through floats.
fn millionths(percents: &str) -> Option<u32> {
    let (whole, part) = percents.split_once('.').unwrap_or((percents, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 4 || !digits(whole) || !digits(part) {
        return None;
    }
    let millionths: u32 = format!("{whole}{part:0<4}").parse().ok()?;
    (millionths <= 1_000_000).then_some(millionths)
}

fn bytes(at: At<'_>, found: &mut Diagnostics) -> Option<u64> {
    let bytes = size::bytes(at.text()).filter(|bytes| *bytes > 0);
    if bytes.is_none() {
        let message =
            format!("`max_bytes_per_batch` must be a number with a unit, such as `10GB`, not `{}`", at.text());
        let wrong = at.error(Code::InvalidValue, message);
        found.push(wrong.help("the units are `B`, `KB`, `MB`, `GB`, `TB`, `KiB`, `MiB`, `GiB`, `TiB`"));
    }
    bytes
}

fn settle(at: At<'_>, found: &mut Diagnostics) -> Option<u64> {
    let settle = size::duration(at.text()).and_then(|time| u64::try_from(time.num_milliseconds()).ok());
    if settle.is_none() {
        let message = format!("`settle` must be a duration such as `5s`, not `{}`", at.text());
        let help = "the units are `ms`, `s`, `m`, `h` and `d`; `0s` loads a file as soon as it is there";
        found.push(at.error(Code::InvalidValue, message).help(help));
    }
    settle
}

fn after_load(at: At<'_>, file: AfterLoadFile, files: &str, dir: &Path, found: &mut Diagnostics) -> Option<AfterLoad> {
    let archive = match file {
        AfterLoadFile::Name(AfterLoadName::Keep) => return Some(AfterLoad::Keep),
        AfterLoadFile::Name(AfterLoadName::Delete) => return Some(AfterLoad::Delete),
        AfterLoadFile::Archive(file) => file.archive,
    };
    let place = at.at("after_load").at("archive");
    match paths::check_archive(place, &archive, files, dir) {
        Some(wrong) => {
            found.push(wrong);
            None
        }
        None => Some(AfterLoad::Archive(paths::absolute(dir, &archive))),
    }
}

/// The columns below a key, in the case of their declaration; each is there, once, and of a type with an order.
fn listed(
    at: At<'_>,
    key: &str,
    columns: &Columns<'_>,
    names: Option<OneOrMany>,
    found: &mut Diagnostics,
) -> Vec<String> {
    let mut listed: Vec<String> = Vec::new();
    for (number, name) in names.map(OneOrMany::into_vec).unwrap_or_default().into_iter().enumerate() {
        let list = at.at(key);
        let place = list.node.items().get(number).map_or(list, |node| At { node, ..list });
        let Some(column) = columns.declared.iter().find(|column| column.name.eq_ignore_ascii_case(&name)) else {
            if columns.complete {
                let wrong = place.error(Code::UnknownColumn, format!("the table has no column `{name}`"));
                let known = columns.declared.iter().map(|column| column.name.as_str());
                found.push(match did_you_mean(&name, known) {
                    Some(near) => wrong.help(format!("did you mean `{near}`?")),
                    None => wrong.help(format!("`{key}` names columns of `columns:`")),
                });
            }
            continue;
        };
        if listed.contains(&column.name) {
            found.push(place.error(Code::DuplicateName, format!("`{key}` names `{name}` twice")));
            continue;
        }
        if let Some(data_type) = column.data_type.as_ref().filter(|kind| !has_order(kind)) {
            let message = format!("`{key}` cannot name `{name}`: values of the type `{data_type}` have no order");
            found.push(place.error(Code::InvalidValue, message));
            continue;
        }
        listed.push(column.name.clone());
    }
    listed
}

fn has_order(data_type: &DataType) -> bool {
    !matches!(data_type, DataType::Binary | DataType::Array(_) | DataType::Map(..) | DataType::Struct(_))
}

#[cfg(test)]
mod tests;
