//! What every verb is handed: where the user stands, what they asked for, and the world outside.

use std::path::PathBuf;
use std::sync::Arc;

use headwater_plan::{Cancel, Clock, Diagnostic};
use headwater_project::{Environ, Invocation, Request};
use serde_json::{Map, Value};

/// Everything that a verb takes from outside, so that nothing below asks the process for it.
#[derive(Clone)]
pub struct Context {
    /// The folder that the user stands in or named; the project is there or above.
    pub start: PathBuf,
    /// The environment of `--env`; `None` for the project's default.
    pub environment: Option<String>,
    /// The variables of `--vars`.
    pub vars: Map<String, Value>,
    /// The threads of `--threads`.
    pub threads: Option<usize>,
    /// The process's environment variables.
    pub process: Vec<(String, String)>,
    /// This program's file, for a job that calls it again.
    pub program: Option<PathBuf>,
    /// The machine's name, for those who find the lake held.
    pub host: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Asks the verb to stop.
    pub cancel: Cancel,
}

impl Context {
    /// The same, in another folder.
    #[must_use]
    pub fn in_folder(&self, start: PathBuf) -> Self {
        Self { start, ..self.clone() }
    }

    /// This call of the program, named by when it began, so that calls sort.
    pub(crate) fn invocation(&self) -> Invocation {
        let started_at = self.clock.now();
        let seconds = u64::try_from(started_at.timestamp()).unwrap_or_default();
        let time = uuid::Timestamp::from_unix(uuid::NoContext, seconds, started_at.timestamp_subsec_nanos());
        Invocation { id: uuid::Uuid::new_v7(time).hyphenated().to_string(), started_at, ..Invocation::default() }
    }

    /// Finds the project and reads its `.env`.
    ///
    /// # Errors
    /// No project here, or a `.env` that does not read.
    pub(crate) fn request(&self) -> Result<Request, Diagnostic> {
        let dir = headwater_project::find(&self.start)?;
        let environ = Environ::read(&dir, self.process.iter().cloned())?;
        Ok(Request {
            environment: self.environment.clone(),
            vars: self.vars.clone(),
            threads: self.threads,
            environ,
            dir,
            invocation: self.invocation(),
        })
    }
}
