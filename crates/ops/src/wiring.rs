//! The only place that picks an engine, a lake and a run store.

use std::path::Path;
use std::sync::Arc;

use headwater_embedded::{EmbeddedEngine, Settings};
use headwater_lake::Lake;
use headwater_plan::node::EngineKind;
use headwater_plan::{Diagnostic, Engine, Environment};

use crate::placed::Placed;

/// Opens the environment's lake. Nothing is written; a lake that is not there yet is empty.
pub(crate) async fn lake(environment: &Environment) -> Result<Lake, Diagnostic> {
    Lake::open(&environment.lake, &environment.lake_written).await.map_err(|error| {
        let mut diagnostic = error.diagnostic();
        diagnostic.location.get_or_insert_with(|| environment.lake_location.clone());
        diagnostic
    })
}

/// The engine that executes the environment's steps.
pub(crate) fn engine(environment: &Environment, lake: Lake, project: &Path) -> Arc<dyn Engine> {
    match environment.engine {
        EngineKind::Embedded => Arc::new(Placed::new(embedded(environment, lake, project), project)),
    }
}

/// The engine that answers queries, whichever engine builds the tables: it reads the same lake.
pub(crate) fn embedded(environment: &Environment, lake: Lake, project: &Path) -> EmbeddedEngine {
    let settings = Settings {
        threads: environment.threads,
        memory_limit: environment.memory_limit,
        spill_dir: project.join(".headwater").join("spill"),
    };
    EmbeddedEngine::new(lake, settings)
}
