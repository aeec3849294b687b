//! The only place that picks an engine, a lake, the stores of its files and a run store.

use std::path::Path;
use std::sync::Arc;

use headwater_aws::S3;
use headwater_connect::files::Stores;
use headwater_embedded::{EmbeddedEngine, Settings};
use headwater_lake::Lake;
use headwater_plan::{Clock, Diagnostic, Engine, Environment};
use headwater_project::{Environ, Request};
use tokio::runtime::Handle;

use crate::placed::Placed;

/// Opens the environment's lake. Nothing is written; a lake that is not there yet is empty.
pub(crate) async fn lake(environment: &Environment, environ: &Environ) -> Result<Lake, Diagnostic> {
    open(environment, environ).await.map_err(|mut diagnostic| {
        diagnostic.location.get_or_insert_with(|| environment.lake_location.clone());
        diagnostic
    })
}

async fn open(environment: &Environment, environ: &Environ) -> Result<Lake, Diagnostic> {
    let Environment { lake: uri, lake_written: written, .. } = environment;
    let store = match uri.split_once("://") {
        Some(("s3", _)) => Some(buckets(environ).bucket_of(uri)?),
        _ => None,
    };
    Ok(Lake::open(uri, written, store).await?)
}

/// The buckets that the environment variables give access to.
fn buckets(environ: &Environ) -> S3 {
    S3::new(|name| environ.get(name).map(str::to_owned))
}

/// The stores of the sources' files: this machine, and the buckets. To be called on the runtime.
pub(crate) fn stores(environ: &Environ) -> Stores {
    Stores::new(Arc::new(buckets(environ)), Handle::current())
}

/// The engine that looks at the lake, and executes the environment's steps unless Spark does.
pub(crate) fn engine(
    environment: &Environment,
    lake: Lake,
    request: &Request,
    clock: &Arc<dyn Clock>,
) -> Arc<dyn Engine> {
    placed(embedded(environment, lake, request, clock), &request.dir)
}

/// An engine whose diagnostics name the files of a project from its folder.
pub(crate) fn placed(engine: impl Engine + 'static, project: &Path) -> Arc<dyn Engine> {
    Arc::new(Placed::new(engine, project))
}

/// The engine that answers queries, whichever engine builds the tables: it reads the same lake.
pub(crate) fn embedded(
    environment: &Environment,
    lake: Lake,
    request: &Request,
    clock: &Arc<dyn Clock>,
) -> EmbeddedEngine {
    let settings = Settings {
        threads: environment.threads,
        memory_limit: environment.memory_limit,
        spill_dir: request.dir.join(".headwater").join("spill"),
        clock: Arc::clone(clock),
    };
    EmbeddedEngine::new(lake, stores(&request.environ), settings)
}
