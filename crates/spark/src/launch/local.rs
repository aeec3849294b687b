//! `spark-submit` on this machine: a process group of its own, so that Ctrl-C reaches Headwater and not Spark, and so that
//! whatever the job started ends with it.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Cancelling, Folder, JobId, JobState, Jobs, Launcher, Submission, storage};
use crate::doctor::{Installation, Machine};
use crate::error::SparkError;
use crate::runner;

/// Writes its own process id and then becomes the program that follows, so that there is no moment in which a job runs
/// and nobody can tell which process it is.
const SHELL: &str = "echo $$ > \"$0\" && exec \"$@\"";

/// The jobs that are processes of this machine.
#[derive(Default)]
pub struct Processes {
    /// Those that this one started; they hold their ids until they are waited for.
    children: Mutex<HashMap<PathBuf, Child>>,
}

/// A Spark of this machine.
pub struct SparkSubmit {
    installation: Installation,
    machine: Machine,
    processes: Processes,
}

impl SparkSubmit {
    /// Jobs of this Spark.
    pub fn new(installation: Installation, machine: Machine) -> Self {
        Self { installation, machine, processes: Processes::default() }
    }

    fn command(&self, folder: &Folder, life: File) -> Result<Command, SparkError> {
        let log = folder.log();
        let failed = |source| SparkError::file("write", &log, source);
        let output = File::create(&log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SHELL]).arg(folder.process_file()).arg(self.installation.submit());
        command.arg("--properties-file").arg(folder.properties());
        command
            .arg(folder.runner())
            .arg("--bundle")
            .arg(uri(&folder.bundle()))
            .arg("--result")
            .arg(uri(&folder.result()));
        command.arg("--progress").arg(uri(&folder.progress()));
        command.stdin(life).stdout(Stdio::from(output)).stderr(Stdio::from(errors)).current_dir(folder.path());
        command.env("SPARK_HOME", &self.installation.home);
        command.env("PYSPARK_PYTHON", &self.installation.python);
        command.env("PYSPARK_DRIVER_PYTHON", &self.installation.python);
        for name in storage::VARIABLES.iter().copied().chain(["JAVA_HOME", "SPARK_CONF_DIR", "SPARK_LOCAL_IP"]) {
            if let Some(value) = self.machine.variable(name) {
                command.env(name, value);
            }
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(command)
    }
}

impl Processes {
    fn with_children<T>(&self, act: impl FnOnce(&mut HashMap<PathBuf, Child>) -> T) -> T {
        act(&mut self.children.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a job that has ended left behind is ended too. Its process is not waited for before that, so that nobody else
    /// has its id by then.
    fn bury(&self, folder: &Folder) {
        let Some(mut child) = self.with_children(|children| children.remove(folder.path())) else { return };
        // Best effort: most often there is nothing.
        let _ = signal(child.id(), "KILL");
        let _ = child.wait();
    }
}

#[async_trait]
impl Launcher for SparkSubmit {
    async fn submit(&self, submission: Submission) -> Result<JobId, SparkError> {
        let Submission { folder, job, properties } = submission;
        if folder.read_job()?.is_some_and(|there| there.token == job.token)
            && (folder.is_alive()? || folder.result().exists())
        {
            return Ok(JobId(folder));
        }
        folder.write(&folder.runner(), runner::PROGRAM)?;
        folder.write(&folder.properties(), &properties.file())?;
        folder.write_job(&job)?;
        let Some(life) = folder.begin_life()? else { return Ok(JobId(folder)) };
        let submit = self.installation.submit();
        let started = self.command(&folder, life)?.spawn();
        let child = started.map_err(|source| SparkError::Start { program: submit, source })?;
        self.processes.with_children(|children| children.insert(folder.path().to_owned(), child));
        Ok(JobId(folder))
    }
}

#[async_trait]
impl Jobs for SparkSubmit {
    async fn state(&self, job: &JobId) -> Result<JobState, SparkError> {
        self.processes.state(job).await
    }

    async fn cancel(&self, job: &JobId, how: Cancelling) -> Result<(), SparkError> {
        self.processes.cancel(job, how).await
    }

    fn log(&self, job: &JobId) -> PathBuf {
        self.processes.log(job)
    }
}

#[async_trait]
impl Jobs for Processes {
    async fn state(&self, job: &JobId) -> Result<JobState, SparkError> {
        if job.0.is_alive()? {
            return Ok(JobState::Running);
        }
        self.bury(&job.0);
        Ok(JobState::Ended)
    }

    async fn cancel(&self, job: &JobId, how: Cancelling) -> Result<(), SparkError> {
        if !job.0.is_alive()? {
            self.bury(&job.0);
            return Ok(());
        }
        let Some(process) = job.0.process_id()? else { return Ok(()) };
        let name = match how {
            Cancelling::Ask => "TERM",
            Cancelling::Force => "KILL",
        };
        signal(process, name).map_err(|source| SparkError::Start { program: PathBuf::from("kill"), source })
    }

    fn log(&self, job: &JobId) -> PathBuf {
        job.0.log()
    }
}

/// Sends a signal to a process group. The standard library has no call for it, and every Unix has the program.
fn signal(group: u32, name: &str) -> std::io::Result<()> {
    let mut command = Command::new("kill");
    command.args(["-s", name, "--", &format!("-{group}")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().map(|_| ())
}

/// A file as Hadoop names it, whatever file system is its default.
fn uri(path: &std::path::Path) -> String {
    format!("file://{}", path.display())
}
