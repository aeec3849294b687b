//! `generate`: test data where the project's sources look for their files.

use std::sync::Arc;

use headwater_plan::Diagnostics;

use crate::generate::{GenerateError, GenerateProgress, GenerateReport, GenerateRequest, generate};
use crate::{Context, error, project};

/// How much to generate, and how clean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleOptions {
    /// The rows of the greatest tables that scale; `None` for what the YAML says.
    pub rows: Option<u64>,
    /// Where the randomness begins.
    pub seed: u64,
    /// The share of rows to spoil, 0 to 1.
    pub dirty: f64,
    /// Whether to write over files that are there.
    pub force: bool,
}

/// Told how far a table is, from whatever thread.
pub type Told = Arc<dyn Fn(&GenerateProgress<'_>) + Send + Sync>;

/// Generates the files of all sources.
///
/// # Errors
/// Mistakes in the project, hints that cannot be met, files that are there already or cannot be written.
pub async fn sample(context: &Context, options: SampleOptions, told: Told) -> Result<GenerateReport, Diagnostics> {
    let outcome = try_sample(context, options, told).await?;
    outcome.map_err(|errors| Diagnostics(errors.iter().map(GenerateError::diagnostic).collect()))
}

/// As [`sample`]; `None` when every file that would be generated is there already.
pub(crate) async fn sample_once(
    context: &Context,
    options: SampleOptions,
    told: Told,
) -> Result<Option<GenerateReport>, Diagnostics> {
    match try_sample(context, options, told).await? {
        Ok(report) => Ok(Some(report)),
        Err(errors) if errors.iter().all(|error| matches!(error, GenerateError::Exists { .. })) => Ok(None),
        Err(errors) => Err(Diagnostics(errors.iter().map(GenerateError::diagnostic).collect())),
    }
}

async fn try_sample(
    context: &Context,
    options: SampleOptions,
    told: Told,
) -> Result<Result<GenerateReport, Vec<GenerateError>>, Diagnostics> {
    let project = project::compile(context).await?;
    let SampleOptions { rows, seed, dirty, force } = options;
    let threads = project.plan.environment.threads;
    let request = GenerateRequest { tables: project.generators, rows, seed, dirty, force, threads };
    let cancel = context.cancel.clone();
    let generating = tokio::task::spawn_blocking(move || generate(&request, &cancel, told.as_ref()));
    Ok(generating.await.map_err(error::fell)?)
}
