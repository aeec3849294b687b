//! Diagnostics as the user sees the project: a file inside it is told by its path from the project's folder.
//!
//! An engine knows files by their absolute paths only, so what it tells is changed here, on its way to reports, the run
//! store and the console alike.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use headwater_plan::{Agenda, Diagnostic, Engine, Node, NodeState, StepContext, StepReport};

/// An engine whose diagnostics name the files of a project from its folder.
pub(crate) struct Placed<E> {
    engine: E,
    project: PathBuf,
}

impl<E: Engine> Placed<E> {
    pub(crate) fn new(engine: E, project: &Path) -> Self {
        Self { engine, project: project.to_owned() }
    }

    fn place(&self, diagnostic: Diagnostic) -> Diagnostic {
        place(&self.project, diagnostic)
    }
}

#[async_trait]
impl<E: Engine> Engine for Placed<E> {
    fn name(&self) -> &str {
        self.engine.name()
    }

    async fn prepare(&self, agenda: &Agenda) {
        self.engine.prepare(agenda).await;
    }

    async fn conclude(&self) {
        self.engine.conclude().await;
    }

    async fn state(&self, node: &Node) -> Result<NodeState, Diagnostic> {
        self.engine.state(node).await.map_err(|diagnostic| self.place(diagnostic))
    }

    async fn execute(&self, node: &Node, context: &StepContext) -> Result<StepReport, Diagnostic> {
        let mut report = self.engine.execute(node, context).await.map_err(|diagnostic| self.place(diagnostic))?;
        report.diagnostics = report.diagnostics.into_iter().map(|diagnostic| self.place(diagnostic)).collect();
        Ok(report)
    }
}

/// The help keeps its absolute paths: it says where something was looked for.
pub(crate) fn place(project: &Path, mut diagnostic: Diagnostic) -> Diagnostic {
    if let Some(location) = &mut diagnostic.location
        && let Ok(inside) = location.file.strip_prefix(project)
    {
        location.file = inside.to_owned();
    }
    let quoted = format!("`{}/", project.display());
    diagnostic.message = diagnostic.message.replace(&quoted, "`");
    for cause in &mut diagnostic.causes {
        *cause = cause.replace(&quoted, "`");
    }
    diagnostic
}

#[cfg(test)]
mod tests {
    use headwater_plan::{Code, Location};

    use super::*;

    #[test]
    fn a_file_of_the_project_is_told_from_its_folder() {
        let told = Diagnostic::error(Code::MissingColumn, "`/home/me/shop/in/a.csv` has no column `id`")
            .at(Location::line("/home/me/shop/in/a.csv", 1))
            .help("looked in `/home/me/shop/in`");
        let placed = place(Path::new("/home/me/shop"), told.clone());
        assert_eq!(placed.message, "`in/a.csv` has no column `id`");
        assert_eq!(placed.location.unwrap().file, Path::new("in/a.csv"));
        assert_eq!(placed.help, told.help);
        assert_eq!(place(Path::new("/home/me/sho"), told.clone()), told);
    }
}
