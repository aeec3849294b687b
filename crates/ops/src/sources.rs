//! `sources`: what of each source has arrived, is loaded, waits; and the acts by which files are loaded again.
//!
//! The risk is rows that are loaded twice because somebody asked for it without knowing. So a file is forgotten only by
//! name, all that was asked for is found before anything is written, and the ledger keeps the act.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use headwater_embedded::EmbeddedEngine;
use headwater_embedded::sources::Forget;
pub use headwater_embedded::sources::{
    Account, BatchKind, BatchLine, BatchState, FileLine, FileStatus, ForgottenLine, SourceHistory, SourceState,
};
pub use headwater_lake::FileCount;
use headwater_lake::{Lake, LedgerFile};
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Diagnostics, Ingest, Node, RunId, Step, TableName};
use serde::Serialize;

use crate::maintain::Work;
use crate::placed::place;
use crate::project::{Project, compile};
use crate::{Context, OpsError, wiring};

/// All sources that the project loads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceList {
    /// The lake, as the user wrote it.
    pub lake: String,
    /// The sources, in the plan's order.
    pub sources: Vec<SourceSummary>,
}

/// A source and what is loaded of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceSummary {
    /// Its name: `rental.rentals`.
    pub name: String,
    /// Its table.
    pub table: TableName,
    /// Its files, as the user wrote them.
    pub pattern: String,
    /// What has arrived, is loaded, waits.
    #[serde(flatten)]
    pub state: SourceState,
}

/// A source with its files and batches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceDetails {
    /// Its name: `rental.rentals`.
    pub name: String,
    /// Its table.
    pub table: TableName,
    /// Its files, as the user wrote them.
    pub pattern: String,
    /// What is there, and what was done with it.
    #[serde(flatten)]
    pub history: SourceHistory,
}

/// The files that count as never loaded now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// The act's name in the ledger.
    pub run_id: RunId,
    /// The files; never empty.
    pub files: Vec<ForgottenFile>,
}

/// A file that counts as never loaded now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForgottenFile {
    /// Its source.
    pub source: String,
    /// Where it is, or was.
    pub path: String,
    /// Its size when it was loaded.
    pub size: u64,
}

/// Every source that the project loads. What stands in the way of one is told with it.
///
/// # Errors
/// A mistake in the project, or an unusable lake.
pub async fn list(context: &Context) -> Result<SourceList, Diagnostics> {
    let sources = Sources::open(context).await?;
    let mut list = Vec::new();
    for (node, ingest) in sources.all() {
        let mut state = sources.engine.source(node).await;
        state.problem = state.problem.map(|problem| place(sources.dir(), problem));
        list.push(SourceSummary {
            name: node.name.clone(),
            table: ingest.target.clone(),
            pattern: ingest.files.written.clone(),
            state,
        });
    }
    Ok(SourceList { lake: sources.lake.written().to_owned(), sources: list })
}

/// One source: by its name, its table's name, or its table.
///
/// # Errors
/// As [`list`], and a source that is not there or whose files cannot be listed.
pub async fn show(context: &Context, name: &str) -> Result<SourceDetails, Diagnostics> {
    let sources = Sources::open(context).await?;
    let (node, ingest) = sources.find(name)?;
    let mut history = sources.engine.source_history(node).await.map_err(|error| place(sources.dir(), error))?;
    history.state.problem = history.state.problem.map(|problem| place(sources.dir(), problem));
    for file in &mut history.files {
        file.path = sources.shown(&file.path);
    }
    for file in &mut history.forgotten {
        file.path = sources.shown(&file.path);
    }
    Ok(SourceDetails {
        name: node.name.clone(),
        table: ingest.target.clone(),
        pattern: ingest.files.written.clone(),
        history,
    })
}

/// Lets files count as never loaded, in every source that has loaded them: by their paths, or the last parts of them.
///
/// # Errors
/// As [`list`]; a file that no source has loaded, or a name that several have; a lake that cannot be written.
pub async fn forget(context: &Context, files: &[String]) -> Result<Forgotten, Diagnostics> {
    let sources = Sources::open(context).await?;
    let mut found: Vec<(&Node, String)> = Vec::new();
    let mut wrong = Diagnostics::default();
    for asked in files {
        match sources.loaded_by(context, asked).await {
            Ok(of) => found.extend(of),
            Err(error) => wrong.push(error),
        }
    }
    if wrong.has_errors() {
        return Err(wrong);
    }
    let work = Work::begin(context, &sources.lake, "sources forget", false)?;
    let mut forgotten = Vec::new();
    for (node, path) in found {
        let files = sources.engine.forget(node, Forget::File(&path), &work.run_id, work.at).await;
        forgotten.extend(sources.told(node, files.map_err(|error| place(sources.dir(), error))?));
    }
    Ok(Forgotten { run_id: work.run_id.clone(), files: forgotten })
}

/// Lets all files of a source count as never loaded that were loaded by batches planned at or after an instant.
///
/// # Errors
/// As [`show`]; no such file; a lake that cannot be written.
pub async fn reload(context: &Context, name: &str, since: DateTime<Utc>) -> Result<Forgotten, Diagnostics> {
    let sources = Sources::open(context).await?;
    let (node, _) = sources.find(name)?;
    let work = Work::begin(context, &sources.lake, "sources reload", false)?;
    let files = sources.engine.forget(node, Forget::Since(since), &work.run_id, work.at).await;
    let files = sources.told(node, files.map_err(|error| place(sources.dir(), error))?);
    if files.is_empty() {
        return Err(OpsError::NothingSince { source_name: node.name.clone(), since }.into());
    }
    Ok(Forgotten { run_id: work.run_id.clone(), files })
}

/// The sources of a project beside its lake.
pub(crate) struct Sources {
    project: Project,
    pub(crate) lake: Lake,
    pub(crate) engine: EmbeddedEngine,
}

impl Sources {
    pub(crate) async fn open(context: &Context) -> Result<Self, Diagnostics> {
        let project = compile(context).await?;
        let environment = &project.plan.environment;
        let lake = wiring::lake(environment, &project.request.environ).await?;
        let engine = wiring::embedded(environment, lake.clone(), &project.request, &context.clock);
        Ok(Self { project, lake, engine })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.project.request.dir
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&Node, &Ingest)> {
        self.project.plan.nodes.values().filter_map(|node| match &node.step {
            Step::Ingest(ingest) => Some((node, ingest)),
            _ => None,
        })
    }

    /// A source by its name, its table's name, or its table.
    pub(crate) fn find(&self, asked: &str) -> Result<(&Node, &Ingest), Diagnostics> {
        let lower = asked.to_lowercase().replace('`', "");
        let is_it = |(node, ingest): &(&Node, &Ingest)| {
            node.name.to_lowercase() == lower
                || ingest.target.to_string() == lower
                || ingest.quarantine.to_string() == lower
                || ingest.target.name == lower
        };
        let matching: Vec<_> = self.all().filter(is_it).collect();
        if let [found] = matching.as_slice() {
            return Ok(*found);
        }
        let known: Vec<String> = self.all().map(|(node, _)| node.name.clone()).collect();
        let meant = did_you_mean(&lower, known.iter().map(String::as_str)).map(str::to_owned);
        Err(OpsError::UnknownSource { asked: asked.to_owned(), meant, known }.into())
    }

    /// The sources that have loaded a file, with its path in each.
    async fn loaded_by(&self, context: &Context, asked: &str) -> Result<Vec<(&Node, String)>, Diagnostic> {
        let mut found = Vec::new();
        let mut help = None;
        for (node, _) in self.all() {
            // As the user stands, else by the last parts of it.
            for path in [absolute(&context.start, asked), asked.to_owned()] {
                match self.engine.find_loaded(node, Forget::File(&path)).await {
                    Ok(_) => {
                        found.push((node, path));
                        break;
                    }
                    Err(error) if error.code == Code::UnknownFile && !error.causes.is_empty() => {
                        return Err(place(self.dir(), error));
                    }
                    Err(error) if error.code == Code::UnknownFile => {
                        help = error.help.filter(|help| help.starts_with("did you mean")).or(help);
                    }
                    Err(error) => return Err(place(self.dir(), error)),
                }
            }
        }
        if found.is_empty() { Err(OpsError::UnknownFile { asked: asked.to_owned(), help }.into()) } else { Ok(found) }
    }

    /// A path as the user writes it: from the project's folder, if it lies there.
    pub(crate) fn shown(&self, path: &str) -> String {
        let inside = Path::new(path).strip_prefix(self.dir()).ok().and_then(Path::to_str);
        inside.unwrap_or(path).to_owned()
    }

    fn told(&self, node: &Node, files: Vec<LedgerFile>) -> Vec<ForgottenFile> {
        let line = |file: LedgerFile| ForgottenFile {
            source: node.name.clone(),
            path: self.shown(&file.path),
            size: file.size,
        };
        files.into_iter().map(line).collect()
    }
}

/// A path from where the user stands, without the `.` in it; a URL as it is.
fn absolute(start: &Path, asked: &str) -> String {
    if asked.contains("://") {
        return asked.to_owned();
    }
    let path: PathBuf = start.join(asked).components().collect();
    // The ledger knows files without links in their folders.
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name).display().to_string(),
        _ => path.display().to_string(),
    }
}
