//! Where the project is: the nearest folder, here or above, with a `headwater.yml`.

use std::path::{Path, PathBuf};

use headwater_plan::{Code, Diagnostic};

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "headwater.yml";

/// The project's folder: `start` or the nearest folder above it that holds a `headwater.yml`.
///
/// # Errors
/// [`Code::NoProject`] when there is none.
pub fn find(start: &Path) -> Result<PathBuf, Diagnostic> {
    let found = start.ancestors().find(|folder| folder.join(PROJECT_FILE).is_file());
    if let Some(folder) = found {
        return Ok(folder.to_path_buf());
    }
    Err(no_project(start))
}

/// What to say where no project is.
pub(super) fn no_project(start: &Path) -> Diagnostic {
    let message =
        format!("no project here: neither `{}` nor a folder above it has a `{PROJECT_FILE}`", start.display());
    let dbt = start.ancestors().find(|folder| folder.join("dbt_project.yml").is_file());
    let help = match dbt {
        Some(folder) => format!(
            "`{}` is a dbt project: give it a `{PROJECT_FILE}` with a `name:`; reading `dbt_project.yml` itself is not \
             supported yet",
            folder.display()
        ),
        None => "`headwater init` makes a project; `--project-dir` names the folder of one".to_string(),
    };
    Diagnostic::error(Code::NoProject, message).help(help)
}
