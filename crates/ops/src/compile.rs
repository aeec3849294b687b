//! Compiles the project beside its lake. What the user wrote is checked against contracts; the lake is asked only for
//! the columns of a table that something else writes and that the project does not describe.

use std::sync::{Arc, Mutex, PoisonError};

use headwater_lake::Lake;
use headwater_plan::{Diagnostic, Diagnostics, Environment, Plan, TableName};
use headwater_project::generate::GenerateTable;
use headwater_project::{Environ, Request};
use headwater_sql::{RelationSource, Relations};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::{Context, wiring};

/// A project that holds no error.
pub(crate) struct Project {
    pub(crate) request: Request,
    pub(crate) plan: Arc<Plan>,
    /// What the user should know and need not mend.
    pub(crate) warnings: Diagnostics,
    /// The tables that can be generated.
    pub(crate) generators: Vec<GenerateTable>,
}

/// Finds and compiles the project.
pub(crate) async fn compile(context: &Context) -> Result<Project, Diagnostics> {
    let request = context.request()?;
    let environment = headwater_project::environment(&request)?;
    let lake = OutsideTables {
        environment,
        environ: request.environ.clone(),
        lake: OnceCell::new(),
        failure: Mutex::default(),
        runtime: Handle::current(),
    };
    // Compiling is all CPU work, and deep: it gets a thread of its own.
    let compiling = tokio::task::spawn_blocking(move || {
        let compiled = headwater_project::compile(&request, &lake);
        (request, compiled, lake.failure.into_inner().unwrap_or_else(PoisonError::into_inner))
    });
    let (request, compiled, failure) = compiling.await.map_err(crate::error::fell)?;
    if let Some(failure) = failure {
        // First: a table that is said not to be there may well be there.
        let mut told = Diagnostics::from(failure);
        told.extend(compiled.diagnostics);
        return Err(told);
    }
    match compiled.plan {
        Some(plan) if !compiled.diagnostics.has_errors() => Ok(Project {
            request,
            plan: Arc::new(plan),
            warnings: compiled.diagnostics,
            generators: compiled.generators,
        }),
        _ if compiled.diagnostics.has_errors() => Err(compiled.diagnostics),
        _ => Err(headwater_plan::Diagnostic::internal("the project compiled to no plan and no error").into()),
    }
}

/// The tables of the lake, opened when the compiler first asks: most projects never do.
struct OutsideTables {
    environment: Environment,
    environ: Environ,
    lake: OnceCell<Option<Lake>>,
    /// Why a table could not be looked up.
    failure: Mutex<Option<Diagnostic>>,
    runtime: Handle,
}

impl OutsideTables {
    /// The compiler asks from its own thread, so that waiting here stops nobody.
    fn lake(&self) -> Option<Lake> {
        let open = || async { self.kept(wiring::lake(&self.environment, &self.environ).await) };
        self.runtime.block_on(self.lake.get_or_init(open)).clone()
    }

    /// The answer, or none and the first reason why kept.
    fn kept<T>(&self, answer: Result<T, Diagnostic>) -> Option<T> {
        answer
            .map_err(|failure| self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure).code)
            .ok()
    }
}

impl Relations for OutsideTables {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        let lake = self.lake()?;
        let relation = self.kept(self.runtime.block_on(lake.relation(name)).map_err(Diagnostic::from))??;
        Some(RelationSource::Schema(relation.schema()))
    }

    fn names(&self) -> Vec<TableName> {
        let Some(lake) = self.lake() else { return Vec::new() };
        let relations = self.kept(self.runtime.block_on(lake.relations()).map_err(Diagnostic::from));
        relations.unwrap_or_default().into_iter().map(|relation| relation.name).collect()
    }
}
