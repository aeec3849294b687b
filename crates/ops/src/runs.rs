//! `runs`: what earlier runs did.

use headwater_plan::{Code, Diagnostic, Diagnostics, RunReport};
use headwater_run::RunStore;
pub use headwater_run::RunSummary;

use crate::Context;

/// The last runs of the project, newest first.
///
/// # Errors
/// No project here, or an unreadable run store.
pub fn list(context: &Context, limit: usize) -> Result<Vec<RunSummary>, Diagnostics> {
    match open(context)? {
        Some(store) => Ok(store.list(limit).map_err(|error| error.diagnostic())?),
        None => Ok(Vec::new()),
    }
}

/// One run: by its id, by the first digits of it, or `latest`.
///
/// # Errors
/// As [`list`], and a run that is not there.
pub fn show(context: &Context, run: &str) -> Result<RunReport, Diagnostics> {
    match open(context)? {
        Some(store) => Ok(store.show(run).map_err(|error| error.diagnostic())?),
        None => Err(Diagnostic::error(Code::UnknownRun, "the project has not run yet")
            .help("`headwater run` makes the first run")
            .into()),
    }
}

fn open(context: &Context) -> Result<Option<RunStore>, Diagnostics> {
    let project = headwater_project::find(&context.start)?;
    Ok(RunStore::open_existing(&project).map_err(|error| error.diagnostic())?)
}
