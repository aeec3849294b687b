//! Where the project is: the nearest folder, here or above, with a `headwater.yml` or a `dbt_project.yml`.

use std::path::{Path, PathBuf};

use headwater_plan::{Code, Diagnostic};

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "headwater.yml";
/// dbt's file that makes a folder a project.
pub const DBT_PROJECT_FILE: &str = "dbt_project.yml";

/// The project's folder: `start` or the nearest folder above it that holds a `headwater.yml` or a `dbt_project.yml`.
///
/// # Errors
/// [`Code::NoProject`] when there is none.
pub fn find(start: &Path) -> Result<PathBuf, Diagnostic> {
    let is_project = |folder: &&Path| [PROJECT_FILE, DBT_PROJECT_FILE].iter().any(|file| folder.join(file).is_file());
    start.ancestors().find(is_project).map(Path::to_path_buf).ok_or_else(|| no_project(start))
}

/// What to say where no project is.
pub(super) fn no_project(start: &Path) -> Diagnostic {
    let message = format!(
        "no project here: neither `{}` nor a folder above it has a `{PROJECT_FILE}` or a `{DBT_PROJECT_FILE}`",
        start.display()
    );
    let help = "`headwater init` makes a project; `--project-dir` names the folder of one";
    Diagnostic::error(Code::NoProject, message).help(help)
}
