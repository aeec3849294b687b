//! `execute-step`: one step of a bundle, natively, for the job of Spark that the bundle is. The job holds the lake for it,
//! so that no lock is taken here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_plan::{Diagnostic, Diagnostics, Engine, NodeId, StepContext};
use headwater_spark::bundle::Bundle;
use headwater_spark::result::NativeAnswer;

use crate::placed::Placed;
use crate::{Context, OpsError, wiring};

/// Which step, and where its answer goes.
pub struct StepOptions {
    /// The bundle.
    pub bundle: PathBuf,
    /// The node.
    pub node: String,
    /// The file of the answer.
    pub answer: PathBuf,
}

/// Executes the step and writes its answer; whether it was done.
///
/// # Errors
/// A bundle that cannot be read or has no such step, an answer that cannot be written. A step that fails is no error of
/// this kind: the answer tells of it.
pub async fn execute_step(context: &Context, options: &StepOptions) -> Result<bool, Diagnostics> {
    let request = context.request()?;
    let environment = headwater_project::environment(&request)?;
    let bundle = read(&options.bundle)?;
    let id = NodeId(options.node.clone());
    let Some(node) = bundle.node(&id).and_then(|entry| entry.native.as_deref()) else {
        return Err(Diagnostic::internal(format!("the bundle has no native step for `{}`", id.0)).into());
    };
    let lake = wiring::lake(&environment, &request.environ).await?;
    let engine = Placed::new(wiring::embedded(&environment, lake, &request, &context.clock), &request.dir);
    let step = StepContext {
        run_id: bundle.run_id.clone(),
        full_refresh: bundle.full_refresh,
        clock: Arc::clone(&context.clock),
        cancel: context.cancel.clone(),
        progress: Arc::new(|_| {}),
    };
    let answer = match engine.execute(node, &step).await {
        Ok(report) => NativeAnswer::Report(Box::new(report)),
        Err(diagnostic) => NativeAnswer::Error(Box::new(diagnostic)),
    };
    write(&options.answer, &answer)?;
    Ok(matches!(answer, NativeAnswer::Report(_)))
}

fn read(path: &Path) -> Result<Bundle, Diagnostic> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| OpsError::Unreadable { path: path.to_owned(), source }.diagnostic())?;
    Bundle::from_json(&text)
        .map_err(|error| Diagnostic::internal(format!("`{}` is no bundle", path.display())).caused_by(&error))
}

fn write(path: &Path, answer: &NativeAnswer) -> Result<(), Diagnostic> {
    let text = serde_json::to_string(answer)
        .map_err(|error| Diagnostic::internal("an answer has no form in JSON").caused_by(&error))?;
    std::fs::write(path, text).map_err(|source| OpsError::Unwritable { path: path.to_owned(), source }.diagnostic())
}
