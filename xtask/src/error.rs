//! What can go wrong in a task.

use std::path::PathBuf;

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    #[error("`HOME` is not set, so there is no place for `~/.cache/headwater`")]
    NoHome,
    #[error("cannot start `{program}`")]
    Start { program: String, source: std::io::Error },
    #[error("`{command}` failed ({status})")]
    Failed { command: String, status: std::process::ExitStatus },
    #[error("cannot {action} `{}`", path.display())]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("cannot read the workspace with `cargo metadata`")]
    Metadata(#[from] cargo_metadata::Error),
    #[error("what `{command}` answered is not what was expected")]
    Answer { command: String, source: serde_json::Error },
    #[error(
        "java 17 or newer is needed for the Spark tests, and {found}: install the Debian package `{package}` \
             (`apt-get install {package}`)"
    )]
    NoJava { found: String, package: &'static str },
    #[error(
        "python 3.10 or newer with `venv` is needed for the tests: install the Debian packages `{packages}` \
             (`apt-get install {packages}`)"
    )]
    NoPython { packages: &'static str },
    #[error(
        "maven is needed to fetch Delta Lake for the Spark tests: install the Debian package `{package}` \
             (`apt-get install {package}`)"
    )]
    NoMaven { package: &'static str },
    #[error("{}", complaints.join("\n"))]
    Complaints { complaints: Vec<String> },
    #[error("{} failed: {}", if parts.len() == 1 { "a part" } else { "parts" }, parts.join(", "))]
    Parts { parts: Vec<String> },
}

impl TaskError {
    /// An error of the file system, for `map_err`.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

/// Complaints as an error; none is no error.
pub(crate) fn complain(complaints: Vec<String>) -> Result<(), TaskError> {
    if complaints.is_empty() { Ok(()) } else { Err(TaskError::Complaints { complaints }) }
}
