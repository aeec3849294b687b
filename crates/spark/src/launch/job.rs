//! A job's folder, `.headwater/spark/<run>/<stage>/`, and the files in it.
//!
//! Whether a job of this machine still runs is told by a lock that its process holds on `alive`: the kernel lets go of it
//! whatever way the process ends, and a process id alone would tell of whoever has it by then.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use headwater_plan::RunId;
use serde::{Deserialize, Serialize};

use crate::error::SparkError;
use crate::result::JobResult;

/// The version of `job.json`.
pub const VERSION: u32 = 1;

/// What a job is: `job.json`, written before it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    /// [`VERSION`].
    pub version: u32,
    /// The run and the stage: a second submission of the same is the first.
    pub token: String,
    /// The run.
    pub run_id: RunId,
    /// The environment.
    pub environment: String,
    /// The lake.
    pub lake: String,
    /// When it was to begin.
    pub submitted_at: DateTime<Utc>,
}

/// A job's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder of a stage of a run, below the project's `.headwater/spark`.
    pub fn new(jobs: &Path, run_id: &RunId, stage: u32) -> Self {
        Self(jobs.join(&run_id.0).join(stage.to_string()))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What the job executes.
    pub fn bundle(&self) -> PathBuf {
        self.0.join("bundle.json")
    }

    /// What it answers in the end.
    pub fn result(&self) -> PathBuf {
        self.0.join("result.json")
    }

    /// A line for every node that has ended.
    pub fn progress(&self) -> PathBuf {
        self.0.join("progress.jsonl")
    }

    /// The program that executes the bundle.
    pub fn runner(&self) -> PathBuf {
        self.0.join("runner.py")
    }

    /// What Spark says.
    pub fn log(&self) -> PathBuf {
        self.0.join("spark.log")
    }

    /// The settings of its Spark, secrets included: readable by its owner alone.
    pub fn properties(&self) -> PathBuf {
        self.0.join("spark.conf")
    }

    fn job(&self) -> PathBuf {
        self.0.join("job.json")
    }

    fn alive(&self) -> PathBuf {
        self.0.join("alive")
    }

    fn process(&self) -> PathBuf {
        self.0.join("process")
    }

    fn taken(&self) -> PathBuf {
        self.0.join("taken")
    }

    /// Makes it.
    pub fn create(&self) -> Result<(), SparkError> {
        private_folder(&self.0).map_err(|source| SparkError::file("create", &self.0, source))
    }

    /// Writes a file of it whole or not at all.
    pub fn write(&self, path: &Path, text: &str) -> Result<(), SparkError> {
        let failed = |source| SparkError::file("write", path, source);
        let beside = path.with_extension("new");
        let mut file = private(&beside).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&beside, path).map_err(failed)
    }

    /// Says what the job is.
    pub(super) fn write_job(&self, job: &JobFile) -> Result<(), SparkError> {
        let text = serde_json::to_string_pretty(job).map_err(|source| SparkError::Json { path: self.job(), source })?;
        self.write(&self.job(), &text)
    }

    /// What the job is; `None` if there is none.
    pub fn read_job(&self) -> Result<Option<JobFile>, SparkError> {
        let path = self.job();
        let Some(text) = read(&path)? else { return Ok(None) };
        let job: JobFile =
            serde_json::from_str(&text).map_err(|source| SparkError::Json { path: path.clone(), source })?;
        if job.version == VERSION { Ok(Some(job)) } else { Err(SparkError::NewerJob { path, version: job.version }) }
    }

    /// What the job answered; `None` if it did not, or not whole.
    pub fn read_result(&self) -> Result<Option<JobResult>, SparkError> {
        Ok(read(&self.result())?.and_then(|text| JobResult::from_json(&text).ok()))
    }

    /// The file whose lock is the job's life, locked: to be handed to its process.
    pub(super) fn begin_life(&self) -> Result<Option<File>, SparkError> {
        let path = self.alive();
        let failed = |source| SparkError::file("lock", &path, source);
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Whether its process lives.
    pub fn is_alive(&self) -> Result<bool, SparkError> {
        let path = self.alive();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(SparkError::file("open", &path, source)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(SparkError::file("lock", &path, source)),
        }
    }

    /// The file into which the job's process writes its own id before it becomes Spark.
    pub(super) fn process_file(&self) -> PathBuf {
        self.process()
    }

    /// The id of its process, which leads a group of its own.
    pub(super) fn process_id(&self) -> Result<Option<u32>, SparkError> {
        Ok(read(&self.process())?.and_then(|text| text.trim().parse().ok()))
    }

    /// Remembers that somebody has reported what the job did.
    pub fn take(&self) -> Result<(), SparkError> {
        self.write(&self.taken(), "")
    }

    /// Whether somebody has reported what it did.
    pub fn is_taken(&self) -> bool {
        self.taken().exists()
    }

    /// The last lines of its log that say anything.
    pub fn log_tail(&self, lines: usize) -> Vec<String> {
        tail(&self.log(), lines).unwrap_or_default()
    }
}

/// The jobs of this lake that nobody has reported yet, running or ended, oldest first.
pub fn running(jobs: &Path, lake: &str) -> Result<Vec<(Folder, JobFile)>, SparkError> {
    let mut found = Vec::new();
    for run in folders(jobs)? {
        for stage in folders(&run)? {
            let folder = Folder(stage);
            if folder.is_taken() {
                continue;
            }
            // A folder that another version wrote, or that is half made, is nobody's job.
            let Ok(Some(job)) = folder.read_job() else { continue };
            if job.lake == lake {
                found.push((folder, job));
            }
        }
    }
    found.sort_by_key(|(folder, job)| (job.submitted_at, folder.0.clone()));
    Ok(found)
}

/// Removes the folders of all but the newest runs. One that nobody has reported stays.
pub fn tidy(jobs: &Path, keep: usize) -> Result<(), SparkError> {
    // The names of runs are in the order of their time.
    let mut runs = folders(jobs)?;
    runs.sort();
    runs.truncate(runs.len().saturating_sub(keep));
    for run in runs {
        let stages = folders(&run)?;
        if stages.into_iter().all(|stage| Folder(stage).is_taken()) {
            fs::remove_dir_all(&run).map_err(|source| SparkError::file("remove", &run, source))?;
        }
    }
    Ok(())
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, SparkError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(SparkError::file("list", folder, source)),
    };
    Ok(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| path.is_dir()).collect())
}

fn read(path: &Path) -> Result<Option<String>, SparkError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SparkError::file("read", path, source)),
    }
}

/// A folder, and those that it lies in, that its owner alone may look into: the statements of a job may hold what is
/// secret, and its log the rows that failed.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A new file that its owner alone may read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What Spark says whenever it starts, and what is no cause of an end.
const TALK: &[&str] =
    &[" INFO ", " WARN ", "WARNING:", "Using Spark's default", "Setting default log level", "To adjust logging"];

/// The last lines of a text of any length that tell a cause; what Spark tells of its stack is left out.
fn tail(path: &Path, lines: usize) -> io::Result<Vec<String>> {
    const END: u64 = 64 * 1024;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let tells = |line: &&str| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with("at ") && !TALK.iter().any(|talk| line.contains(talk))
    };
    let said: Vec<&str> = text.lines().map(str::trim_end).filter(tells).collect();
    Ok(said.iter().skip(said.len().saturating_sub(lines)).map(|line| (*line).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(token: &str, lake: &str) -> JobFile {
        JobFile {
            version: VERSION,
            token: token.to_owned(),
            run_id: RunId(token.to_owned()),
            environment: "local".to_owned(),
            lake: lake.to_owned(),
            submitted_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn jobs_of_this_lake_that_nobody_reported_are_found() {
        let dir = tempfile::tempdir().unwrap();
        for (run, lake) in [("a", "/lake"), ("b", "/other"), ("c", "/lake")] {
            let folder = Folder::new(dir.path(), &RunId(run.to_owned()), 1);
            folder.create().unwrap();
            folder.write_job(&job(run, lake)).unwrap();
        }
        Folder::new(dir.path(), &RunId("c".to_owned()), 1).take().unwrap();
        fs::create_dir_all(dir.path().join("d/1")).unwrap();
        let found = running(dir.path(), "/lake").unwrap();
        assert_eq!(found.iter().map(|(_, job)| job.token.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(running(&dir.path().join("nowhere"), "/lake").unwrap(), []);
    }

    #[test]
    fn only_the_newest_jobs_that_were_reported_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for run in ["a", "b", "c", "d"] {
            let folder = Folder::new(dir.path(), &RunId(run.to_owned()), 1);
            folder.create().unwrap();
            if run != "b" {
                folder.take().unwrap();
            }
        }
        tidy(dir.path(), 1).unwrap();
        let mut left = folders(dir.path()).unwrap();
        left.sort();
        assert_eq!(left, [dir.path().join("b"), dir.path().join("d")]);
    }

    #[test]
    fn the_end_of_a_log_is_its_causes() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path(), &RunId("a".to_owned()), 1);
        folder.create().unwrap();
        assert!(folder.log_tail(2).is_empty());
        let log = "26/11/21 20:13:16 WARN NativeCodeLoader: Unable to load\n\nException in thread \"main\"\n\tat a.b(C:1)\nCaused by: d\n";
        fs::write(folder.log(), log).unwrap();
        assert_eq!(folder.log_tail(2), ["Exception in thread \"main\"", "Caused by: d"]);
    }

    #[test]
    fn a_job_lives_as_long_as_its_lock_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path(), &RunId("a".to_owned()), 1);
        folder.create().unwrap();
        assert!(!folder.is_alive().unwrap());
        let life = folder.begin_life().unwrap().unwrap();
        assert!(folder.is_alive().unwrap());
        assert!(folder.begin_life().unwrap().is_none());
        drop(life);
        assert!(!folder.is_alive().unwrap());
    }
}
