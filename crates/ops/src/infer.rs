//! `infer`: a contract from sampled files, as the YAML that a person would have written.
//!
//! The risk is a contract that looks right and is not. So what the files do not tell for sure stands in it as a comment,
//! and nothing is written to the project: the text is the answer, and whoever keeps it has read it.

mod pattern;
mod text;

use std::path::{Path, PathBuf};

use headwater_connect::files::{self, Inferred, Note, SourceFile};
use headwater_plan::{Code, Contract, Diagnostic, Diagnostics, FileFormat, FileSet, Location};
use headwater_project::Environ;
use serde::Serialize;

use crate::{Context, wiring};

/// What to look into.
#[derive(Debug, Clone)]
pub struct InferRequest {
    /// Absolute paths, folders, patterns, or URLs.
    pub files: Vec<String>,
    /// The source's name; `None`: the folder's.
    pub source: Option<String>,
    /// The table's name; `None`: what the files' names begin with.
    pub table: Option<String>,
}

/// A contract.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InferReport {
    /// The source's name in the YAML.
    pub source: String,
    /// The table's name in the YAML.
    pub table: String,
    /// The pattern that takes the files.
    pub files: String,
    /// How they are written.
    pub format: FileFormat,
    /// The contract.
    pub contract: Contract,
    /// What a person should look at, because the files do not tell.
    pub notes: Vec<InferNote>,
    /// How many files were looked into.
    pub sampled_files: usize,
    /// How many records were looked at.
    pub sampled_records: u64,
    /// All of it as a source's YAML.
    pub yaml: String,
}

/// Something that the files do not tell for sure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InferNote {
    /// The column, if it is about one.
    pub column: Option<String>,
    /// What it is.
    pub text: String,
}

/// Looks into files and proposes a contract. Needs no project; inside one, paths are written from its folder.
///
/// # Errors
/// No such file, or one that cannot be read.
pub async fn infer(context: &Context, request: &InferRequest) -> Result<InferReport, Diagnostics> {
    let dir = headwater_project::find(&context.start).ok();
    let base = dir.clone().unwrap_or_else(|| context.start.clone());
    let environ = Environ::read(&base, context.process.iter().cloned())?;
    let stores = wiring::stores(&environ);
    let mut found: Vec<SourceFile> = Vec::new();
    for written in &request.files {
        let set = file_set(written);
        let listed = files::list(&set, &stores).await.map_err(|error| error.diagnostics())?;
        if listed.is_empty() {
            let help = "name files, folders, patterns or `s3://` URLs";
            let none = Diagnostic::error(Code::NoFiles, format!("no file matches `{}`", shown(written, &base)));
            return Err(none.help(help).into());
        }
        found.extend(listed.into_iter().filter(|file| !found.contains(file)).collect::<Vec<_>>());
    }
    found.sort();
    let paths: Vec<String> = found.iter().map(|file| file.path.clone()).collect();
    let inferring = tokio::task::spawn_blocking(move || files::infer(found, None, &stores));
    let inferred = inferring.await.map_err(crate::error::fell)?;
    let inferred = inferred.map_err(|error| error.diagnostics())?;
    let Inferred { format, contract, on_schema_change, notes, files: sampled_files, records: sampled_records } =
        inferred;
    let taken = match request.files.as_slice() {
        // A pattern of the user's own says better than we could which files belong together.
        [one] if is_pattern(one) => one.clone(),
        _ => pattern::of(&paths),
    };
    let source = request.source.clone().unwrap_or_else(|| pattern::source_name(&taken));
    let table = request.table.clone().unwrap_or_else(|| pattern::table_name(&taken));
    let pattern = shown(&taken, &base);
    let notes: Vec<InferNote> = notes.into_iter().map(|Note { column, text }| InferNote { column, text }).collect();
    let yaml = text::Yaml { source: &source, table: &table, files: &pattern, format: &format, on_schema_change };
    let yaml = yaml.write(&contract, &notes);
    Ok(InferReport { source, table, files: pattern, format, contract, notes, sampled_files, sampled_records, yaml })
}

/// The files that a text means: a folder stands for all files in it, and a file that is there is never a pattern.
fn file_set(written: &str) -> FileSet {
    let path = Path::new(written);
    let pattern = if is_url(written) {
        written.to_owned()
    } else if path.is_dir() {
        format!("{}/*", pattern::escaped(written.trim_end_matches('/')))
    } else if path.exists() {
        pattern::escaped(written)
    } else {
        written.to_owned()
    };
    FileSet { pattern, written: written.to_owned(), location: Location::line("infer", 1) }
}

fn is_url(written: &str) -> bool {
    written.contains("://")
}

/// Whether a text is a pattern, and not the name of a file that is there.
fn is_pattern(written: &str) -> bool {
    written.contains(['*', '?', '[']) && !Path::new(written).exists()
}

/// A path from the base folder, if it lies there.
fn shown(path: &str, base: &Path) -> String {
    let inside = PathBuf::from(path).strip_prefix(base).ok().map(|path| path.display().to_string());
    inside.filter(|path| !path.is_empty()).unwrap_or_else(|| path.to_owned())
}
