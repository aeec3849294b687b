//! The process's surroundings, read once and handed down: nothing below the binary asks for them itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use headwater_ops::{Context, vars};
use headwater_plan::{Cancel, Clock, Code, Diagnostic};

use crate::cli::ProjectArgs;

/// What the process was started with.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// The folder that the user stands in.
    pub(crate) folder: PathBuf,
    /// The environment variables that are text.
    pub(crate) environ: Vec<(String, String)>,
    /// This program's file.
    program: Option<PathBuf>,
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's time comes in")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

impl World {
    /// Reads the process's surroundings.
    #[expect(clippy::disallowed_methods, reason = "the one place where the process's folder comes in")]
    pub(crate) fn of_process() -> Self {
        let environ =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        // A folder that was removed under us has no name; what is asked for in it is then not found by its name.
        Self {
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            environ: environ.collect(),
            program: std::env::current_exe().ok(),
        }
    }

    /// What to type so that `headwater` is this program; `None` if it is already, as it is once installed.
    pub(crate) fn alias(&self) -> Option<String> {
        let program = self.program.as_ref()?;
        let path = self.environ.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_str());
        let known = std::env::split_paths(path.unwrap_or_default()).any(|folder| folder.join("headwater").is_file());
        (!known).then(|| format!("alias headwater={}", program.display()))
    }

    /// A path as the user wrote it, made absolute.
    pub(crate) fn path(&self, written: &Path) -> PathBuf {
        let path = self.folder.join(written);
        let mut clean = PathBuf::new();
        // `demo ./x` should not be told as `/home/me/./x`.
        for part in path.components().filter(|part| *part != std::path::Component::CurDir) {
            clean.push(part);
        }
        clean
    }

    /// The surroundings of a verb on the project that the flags name.
    pub(crate) fn context(&self, project: &ProjectArgs, threads: Option<usize>) -> Result<Context, Diagnostic> {
        let start = match &project.project_dir {
            None => self.folder.clone(),
            Some(written) => {
                let unknown = |error: &std::io::Error| {
                    Diagnostic::error(Code::NoProject, format!("there is no folder `{}`", written.display()))
                        .help("`--project-dir` names the folder of a project")
                        .caused_by(error)
                };
                std::fs::canonicalize(self.path(written)).map_err(|error| unknown(&error))?
            }
        };
        let variables = project.vars.as_deref().map(vars::parse).transpose()?.unwrap_or_default();
        Ok(Context { environment: project.environment.clone(), vars: variables, threads, ..self.bare_context(start) })
    }

    /// The surroundings of a verb without a project's flags.
    pub(crate) fn bare_context(&self, start: PathBuf) -> Context {
        Context {
            start,
            environment: None,
            vars: serde_json::Map::new(),
            threads: None,
            process: self.environ.clone(),
            program: self.program.clone(),
            host: self.host(),
            clock: Arc::new(SystemClock),
            cancel: Cancel::default(),
        }
    }

    /// The machine's name, for those who find the lake held.
    fn host(&self) -> String {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let variable = |name: &str| self.environ.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        kernel
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .or_else(|| variable("HOSTNAME"))
            .or_else(|| variable("COMPUTERNAME"))
            .unwrap_or_else(|| "this machine".to_owned())
    }
}
