//! What of the machine a Spark depends on, passed in.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Tells the value of an environment variable.
pub type Variables = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The machine that Spark is started on.
#[derive(Clone)]
pub struct Machine {
    /// The environment variables, those of the project's `.env` included.
    pub variables: Arc<Variables>,
    /// Its processor's cores.
    pub cores: usize,
    /// Its memory in bytes, if that is known.
    pub memory: Option<u64>,
}

impl Machine {
    /// A variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|value| !value.trim().is_empty())
    }

    /// The file that a command's name means, as a shell finds it.
    pub(crate) fn program(&self, name: &Path) -> Option<PathBuf> {
        if name.components().count() > 1 {
            return name.is_file().then(|| name.to_owned());
        }
        let path = self.variable("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
    }
}

/// Both outputs of a program that succeeds; else what it or the system said.
pub(crate) fn said(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(text.trim().to_owned()) }
}
