//! `headwater generate`: test data from the contracts and hints of the YAML.
//!
//! The risk first: a user's own files. Nothing is written over unless asked, and every table's file is complete under
//! another name before the first one gets its own. The bytes depend on the project, the rows and the seed alone: not on
//! the machine, the day or the number of threads.
//!
//! | module | owns |
//! |---|---|
//! | `resolve` | hints to what makes cells, everything checked |
//! | `file` | which file a pattern means |
//! | `slots` | values that can be counted: unique ones, and references to them |
//! | `row` | one row's cells |
//! | `dirty` | rows spoiled on request |
//! | `write` | rows to a file, blocks side by side |
//! | `random`, `datetime`, `words` | what the above draw from |

mod datetime;
mod dirty;
mod error;
mod file;
mod random;
mod resolve;
mod row;
mod slots;
mod words;
mod write;

use std::fs;
use std::path::{Path, PathBuf};

use headwater_plan::Cancel;
use headwater_project::generate::GenerateTable;
use serde::Serialize;

pub use dirty::{Defect, DefectCounts};
pub use error::GenerateError;

use resolve::Resolver;
use write::{TableFile, Writing};

/// What to generate.
#[derive(Debug, Clone)]
pub struct GenerateRequest {
    /// The tables: all of the project, so that references between them resolve.
    pub tables: Vec<GenerateTable>,
    /// The rows of the greatest table that scales, the others that scale in proportion; `None` for what the YAML says.
    pub rows: Option<u64>,
    /// Where the randomness begins.
    pub seed: u64,
    /// The share of rows to spoil, 0 to 1.
    pub dirty: f64,
    /// Whether to write over files that are there.
    pub force: bool,
    /// How many threads make rows.
    pub threads: usize,
}

/// How far a table is.
#[derive(Debug, Clone, Copy)]
pub struct GenerateProgress<'a> {
    /// The table, as `source.table`.
    pub table: &'a str,
    /// Rows written so far.
    pub rows: u64,
    /// Rows in all, those that come twice not counted.
    pub total_rows: u64,
    /// Bytes written so far.
    pub bytes: u64,
}

/// What was generated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GenerateReport {
    /// The seed.
    pub seed: u64,
    /// The files.
    pub files: Vec<GeneratedFile>,
}

/// A generated file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GeneratedFile {
    /// The table, as `source.table`.
    pub table: String,
    /// The file.
    pub path: PathBuf,
    /// Its rows, the header not counted.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// How many rows were spoiled in which way.
    pub dirty: DefectCounts,
}

/// A table's file before it is written.
struct Planned {
    path: PathBuf,
    file: TableFile,
}

/// Generates the files of all tables; on an error no file is left or changed.
pub fn generate(
    request: &GenerateRequest,
    cancel: &Cancel,
    told: &dyn Fn(&GenerateProgress<'_>),
) -> Result<GenerateReport, Vec<GenerateError>> {
    let planned = plan(request)?;
    let mut report = GenerateReport { seed: request.seed, files: Vec::new() };
    let mut partials = Partials::default();
    for table in &planned {
        let file = write_partial(table, request, cancel, told).map_err(|error| vec![error]);
        partials.0.push(partial_path(&table.path));
        report.files.push(file?);
    }
    for table in &planned {
        let partial = partial_path(&table.path);
        fs::rename(&partial, &table.path).map_err(GenerateError::write("write", &table.path)).map_err(|e| vec![e])?;
    }
    Ok(report)
}

/// Decides everything before anything is written.
fn plan(request: &GenerateRequest) -> Result<Vec<Planned>, Vec<GenerateError>> {
    if request.tables.is_empty() {
        return Err(vec![GenerateError::NoTables]);
    }
    if !(0.0..=1.0).contains(&request.dirty) {
        return Err(vec![GenerateError::Share { share: request.dirty }]);
    }
    let rows = rows(&request.tables, request.rows);
    let resolver = Resolver { tables: &request.tables, rows: &rows, seed: request.seed, dirty: request.dirty };
    let mut planned = Vec::new();
    let mut taken: Vec<(PathBuf, String)> = Vec::new();
    let mut errors = Vec::new();
    for (position, table) in request.tables.iter().enumerate() {
        let name = format!("{}.{}", table.source, table.table);
        let path = match file::path(&table.files, &table.table) {
            Ok(path) => path,
            Err(problem) => {
                let location = Box::new(table.files.location.clone());
                errors.push(GenerateError::Pattern { table: name, problem, location });
                continue;
            }
        };
        if let Some((_, first)) = taken.iter().find(|(other, _)| *other == path) {
            let location = Box::new(table.files.location.clone());
            errors.push(GenerateError::SameFile { first: first.clone(), second: name, path, location });
            continue;
        }
        taken.push((path.clone(), name.clone()));
        if !request.force && path.exists() {
            errors.push(GenerateError::Exists { path: path.clone() });
        }
        let csv = match Writing::of(&table.format) {
            Ok(csv) => csv,
            Err(problem) => {
                let location = Box::new(table.files.location.clone());
                errors.push(GenerateError::Pattern { table: name, problem, location });
                continue;
            }
        };
        match resolver.resolve(position) {
            Ok((columns, order, dirt)) => {
                let contract = || table.columns.iter().map(|column| &column.column);
                let header = contract().map(|column| column.name_in_file().to_owned()).collect();
                let commas = contract().map(|column| column.decimal_sep == ',').collect();
                let file = TableFile { name, csv, header, columns, commas, order, rows: rows[position], dirt };
                planned.push(Planned { path, file });
            }
            Err(more) => errors.extend(more),
        }
    }
    if errors.is_empty() { Ok(planned) } else { Err(errors) }
}

/// The rows of each table: `wanted` for the greatest of those that scale, the others that scale in proportion. When
/// none says that it scales, the greatest ones do.
fn rows(tables: &[GenerateTable], wanted: Option<u64>) -> Vec<u64> {
    let any = tables.iter().any(|table| table.rows.scale);
    let greatest =
        tables.iter().filter(|table| table.rows.scale || !any).map(|table| table.rows.rows).max().unwrap_or_default();
    let of = |table: &GenerateTable| match wanted {
        Some(wanted) if table.rows.scale || (!any && table.rows.rows == greatest) => {
            let scaled = u128::from(table.rows.rows) * u128::from(wanted) / u128::from(greatest.max(1));
            u64::try_from(scaled).unwrap_or(u64::MAX)
        }
        _ => table.rows.rows,
    };
    tables.iter().map(of).collect()
}

fn write_partial(
    table: &Planned,
    request: &GenerateRequest,
    cancel: &Cancel,
    told: &dyn Fn(&GenerateProgress<'_>),
) -> Result<GeneratedFile, GenerateError> {
    if let Some(folder) = table.path.parent() {
        fs::create_dir_all(folder).map_err(GenerateError::write("create the folder", folder))?;
    }
    let name = &table.file.name;
    let total_rows = table.file.rows;
    let written =
        table.file.write(&partial_path(&table.path), (request.seed, request.threads), cancel, &|rows, bytes| {
            told(&GenerateProgress { table: name, rows, total_rows, bytes })
        })?;
    Ok(GeneratedFile {
        table: name.clone(),
        path: table.path.clone(),
        rows: written.rows,
        bytes: written.bytes,
        dirty: written.dirty,
    })
}

/// Where a file grows: beside its place, under a name that no pattern of a source should find.
fn partial_path(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.partial"))
}

/// Files that are not finished; what is left of them goes when this goes.
#[derive(Default)]
struct Partials(Vec<PathBuf>);

impl Drop for Partials {
    fn drop(&mut self) {
        for path in &self.0 {
            // Renamed by now unless something failed, and that error is the one to tell.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests;
