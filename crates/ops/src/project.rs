//! The project, compiled beside its lake.

use std::sync::Arc;

use headwater_plan::{Diagnostic, Diagnostics, Plan};
use headwater_project::generate::GenerateTable;
use headwater_project::{Outside, Request};

use crate::Context;
use crate::outside::OutsideLake;

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
    compile_for(context, context.request()?).await
}

/// Compiles the project for a command.
pub(crate) async fn compile_for(context: &Context, request: Request) -> Result<Project, Diagnostics> {
    let outside = request.clone();
    compile_beside(context, request, &outside).await
}

/// Compiles a project beside the lake of another, which is a later state of it.
pub(crate) async fn compile_beside(
    context: &Context,
    request: Request,
    of_lake: &Request,
) -> Result<Project, Diagnostics> {
    let compiling = move |outside: &Arc<dyn Outside>| {
        let compiled = headwater_project::compile(&request, outside);
        (request, compiled)
    };
    let ((request, compiled), failure) = beside_lake(context, of_lake, compiling).await?;
    if let Some(failure) = failure {
        return Err(told_first(failure, compiled.diagnostics));
    }
    match compiled.plan {
        Some(plan) if !compiled.diagnostics.has_errors() => Ok(Project {
            request,
            plan: Arc::new(plan),
            warnings: compiled.diagnostics,
            generators: compiled.generators,
        }),
        _ if compiled.diagnostics.has_errors() => Err(compiled.diagnostics),
        _ => Err(Diagnostic::internal("the project compiled to no plan and no error").into()),
    }
}

/// Does what asks about a lake, and why the lake could not answer, if it could not.
pub(crate) async fn beside_lake<T: Send + 'static>(
    context: &Context,
    of_lake: &Request,
    compile: impl FnOnce(&Arc<dyn Outside>) -> T + Send + 'static,
) -> Result<(T, Option<Diagnostic>), Diagnostics> {
    let lake = Arc::new(OutsideLake::new(of_lake, &context.clock)?);
    // Compiling is all CPU work, and deep: it gets a thread of its own.
    let compiling = tokio::task::spawn_blocking(move || {
        let outside: Arc<dyn Outside> = lake.clone();
        (compile(&outside), lake.failure())
    });
    Ok(compiling.await.map_err(crate::error::fell)?)
}

/// A lake that did not answer comes first: a table that is said not to be there may well be there.
pub(crate) fn told_first(failure: Diagnostic, others: Diagnostics) -> Diagnostics {
    let mut told = Diagnostics::from(failure);
    told.extend(others);
    told
}
