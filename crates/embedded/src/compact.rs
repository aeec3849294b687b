//! Few files of many small ones, after a step that writes a table again and again, if its layout wants that.
//!
//! Risk: none. The rows are there with or without it, so that a failure is only told.

use headwater_lake::OptimizeOptions;
use headwater_plan::{Diagnostic, Severity, StepContext, TableLayout, TableName};

use crate::EmbeddedEngine;

/// Compacts the table once enough of a partition's files are small; a warning if that fails.
pub(crate) async fn compact(
    engine: &EmbeddedEngine,
    table: &TableName,
    layout: &TableLayout,
    context: &StepContext,
) -> Option<Diagnostic> {
    let options = OptimizeOptions {
        cluster_by: layout.cluster_by.clone(),
        small_bytes: OptimizeOptions::SMALL_BYTES_OF_A_LOAD,
        at_least: usize::try_from(layout.compact_after_files?).unwrap_or(usize::MAX),
        memory_limit: engine.settings.memory_limit,
        spill_dir: Some(engine.settings.spill_dir.clone()),
        run_id: context.run_id.clone(),
        at: context.clock.now(),
    };
    let told = engine.lake.optimize(table, &options).await.err()?.diagnostic();
    let message = format!("the rows are in `{table}`, and its files were not compacted: {}", told.message);
    Some(Diagnostic { severity: Severity::Warning, message, ..told })
}
