//! The reports of past runs, and what each test passed on last, in SQLite under the project's `.headwater/`.
//!
//! The risk is a report that is lost with its process. So a run is written when it begins, each node when it ends, and
//! the outcome at the end: after SIGKILL all finished nodes are there, and the next reader sees that the process is
//! gone ([`alive`]) and marks the run as failed, without an end.

mod alive;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use headwater_plan::{Built, NodeId, NodeReport, NodeStatus, RunId, RunReport, RunStatus};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use self::alive::SignOfLife;
use crate::RunError;

/// How long a write waits for another process that holds the database.
const BUSY: Duration = Duration::from_secs(10);

/// The run store of a project.
pub struct RunStore {
    path: PathBuf,
    running: PathBuf,
    connection: Mutex<Connection>,
    /// The runs of this process.
    ours: Mutex<HashMap<RunId, SignOfLife>>,
}

/// A run's line in the list of runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The run.
    pub run_id: RunId,
    /// The command, as typed after `headwater`.
    pub command: String,
    /// The environment.
    pub environment: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; `None` while it runs, and for a run whose process died.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it ended. A run that failed without an end is one whose process died.
    pub status: RunStatus,
    /// How many nodes ended in which way.
    pub nodes: BTreeMap<String, u64>,
}

impl RunStore {
    /// Opens the store of a project, making it if there is none.
    pub fn open(project_dir: &Path) -> Result<Self, RunError> {
        let folder = project_dir.join(".headwater");
        fs::create_dir_all(&folder).map_err(|source| RunError::Io { doing: "create", path: folder.clone(), source })?;
        Self::open_in(&folder)
    }

    /// Opens the store of a project if there is one: for commands that only look and should leave nothing behind.
    pub fn open_existing(project_dir: &Path) -> Result<Option<Self>, RunError> {
        let folder = project_dir.join(".headwater");
        if folder.join("runs.db").is_file() { Self::open_in(&folder).map(Some) } else { Ok(None) }
    }

    fn open_in(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join("runs.db");
        let sqlite = |source| RunError::Sqlite { doing: "open what is kept", path: path.clone(), source };
        let mut connection = Connection::open(&path).map_err(sqlite)?;
        connection.busy_timeout(BUSY).map_err(sqlite)?;
        let found = schema::format(&connection).map_err(sqlite)?;
        if found > schema::FORMAT {
            return Err(RunError::Newer { path, found, known: schema::FORMAT });
        }
        // WAL, so that a reader never waits for a run. With it, NORMAL loses nothing when a process dies.
        connection.pragma_update(None, "journal_mode", "WAL").map_err(sqlite)?;
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(sqlite)?;
        schema::upgrade(&mut connection).map_err(sqlite)?;
        Ok(Self {
            running: folder.join("running"),
            path,
            connection: Mutex::new(connection),
            ours: Mutex::new(HashMap::new()),
        })
    }

    /// Writes that a run begins. Its nodes, if it has any, are not written.
    pub fn begin(&self, report: &RunReport) -> Result<(), RunError> {
        let sign = SignOfLife::give(&self.running, &report.run_id)?;
        lock(&self.ours).insert(report.run_id.clone(), sign);
        self.settle_dead()?;
        let json = self.json(&without_nodes(report))?;
        self.sqlite("record a run", |connection| {
            connection.execute(
                "INSERT INTO runs (run_id, started_at, status, report) VALUES (?1, ?2, ?3, ?4)",
                params![report.run_id.0, sortable(report.started_at), word(report.status), json],
            )
        })?;
        Ok(())
    }

    /// Writes that a node of a run ended.
    pub fn node_finished(&self, run_id: &RunId, node: &NodeReport) -> Result<(), RunError> {
        let json = self.json(node)?;
        self.sqlite("record a node", |connection| {
            connection.execute(
                "INSERT INTO nodes (run_id, position, status, report)
                 VALUES (?1, (SELECT count(*) FROM nodes WHERE run_id = ?1), ?2, ?3)",
                params![run_id.0, node_word(node.status), json],
            )
        })?;
        Ok(())
    }

    /// Writes how a run ended.
    pub fn finish(&self, report: &RunReport) -> Result<(), RunError> {
        self.replace(report)?;
        lock(&self.ours).remove(&report.run_id);
        Ok(())
    }

    fn replace(&self, report: &RunReport) -> Result<(), RunError> {
        let json = self.json(&without_nodes(report))?;
        self.sqlite("record the end of a run", |connection| {
            connection.execute(
                "UPDATE runs SET status = ?2, report = ?3 WHERE run_id = ?1",
                params![report.run_id.0, word(report.status), json],
            )
        })?;
        Ok(())
    }

    /// The last runs, newest first.
    pub fn list(&self, limit: usize) -> Result<Vec<RunSummary>, RunError> {
        self.settle_dead()?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let reports = self.texts(
            "list the runs",
            "SELECT report FROM runs ORDER BY started_at DESC, run_id DESC LIMIT ?1",
            params![limit],
        )?;
        let mut summaries = Vec::with_capacity(reports.len());
        for json in reports {
            let report: RunReport = self.read(&json)?;
            let nodes = self.sqlite("count the nodes of a run", |connection| {
                connection
                    .prepare_cached("SELECT status, count(*) FROM nodes WHERE run_id = ?1 GROUP BY status")?
                    .query_map([&report.run_id.0], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?
                    .collect()
            })?;
            summaries.push(RunSummary {
                run_id: report.run_id,
                command: report.command,
                environment: report.environment,
                started_at: report.started_at,
                finished_at: report.finished_at,
                status: report.status,
                nodes,
            });
        }
        Ok(summaries)
    }

    /// A whole run: by its id, by the first digits of it, or `latest`.
    pub fn show(&self, run: &str) -> Result<RunReport, RunError> {
        self.settle_dead()?;
        let found = if run == "latest" {
            self.texts("find a run", "SELECT report FROM runs ORDER BY started_at DESC, run_id DESC LIMIT 1", [])?
        } else {
            // A comparison of prefixes, not LIKE: the text may hold `%`.
            self.texts("find a run", "SELECT report FROM runs WHERE substr(run_id, 1, length(?1)) = ?1", [run])?
        };
        let mut report: RunReport = match found.as_slice() {
            [one] if !run.is_empty() => self.read(one)?,
            [] => return Err(RunError::UnknownRun { asked: run.to_owned(), any: self.any()? }),
            many => return Err(RunError::AmbiguousRun { asked: run.to_owned(), count: many.len() }),
        };
        let nodes = "SELECT report FROM nodes WHERE run_id = ?1 ORDER BY position";
        for json in self.texts("read the nodes of a run", nodes, [&report.run_id.0])? {
            report.nodes.push(self.read(&json)?);
        }
        Ok(report)
    }

    /// For every test that passed before in an environment, what it passed on.
    pub fn passed(&self, environment: &str) -> Result<BTreeMap<NodeId, Built>, RunError> {
        let rows: Vec<(String, String)> = self.sqlite("read the passed tests", |connection| {
            connection
                .prepare("SELECT node, built FROM test_passes WHERE environment = ?1")?
                .query_map([environment], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })?;
        rows.into_iter().map(|(node, json)| Ok((NodeId(node), self.read(&json)?))).collect()
    }

    /// Writes what a test passed on.
    pub fn record_pass(&self, environment: &str, node: &NodeId, built: &Built) -> Result<(), RunError> {
        let json = self.json(built)?;
        self.sqlite("record a passed test", |connection| {
            connection.execute(
                "INSERT INTO test_passes (environment, node, built) VALUES (?1, ?2, ?3)
                 ON CONFLICT (environment, node) DO UPDATE SET built = excluded.built",
                params![environment, node.0, json],
            )
        })?;
        Ok(())
    }

    /// Marks the runs whose process died as failed. They stay without an end, because nobody knows it.
    fn settle_dead(&self) -> Result<(), RunError> {
        for json in self.texts("find the runs that go on", "SELECT report FROM runs WHERE status = 'running'", [])? {
            let mut report: RunReport = self.read(&json)?;
            let is_ours = lock(&self.ours).contains_key(&report.run_id);
            if !is_ours && !alive::is_alive(&self.running, &report.run_id)? {
                report.status = RunStatus::Failed;
                self.replace(&report)?;
            }
        }
        Ok(())
    }

    fn any(&self) -> Result<bool, RunError> {
        self.sqlite("find a run", |connection| {
            Ok(connection.query_row("SELECT 1 FROM runs LIMIT 1", [], |_| Ok(())).optional()?.is_some())
        })
    }

    fn texts(
        &self,
        doing: &'static str,
        query: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<String>, RunError> {
        self.sqlite(doing, |connection| connection.prepare(query)?.query_map(parameters, |row| row.get(0))?.collect())
    }

    fn sqlite<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, RunError> {
        work(&lock(&self.connection)).map_err(|source| RunError::Sqlite { doing, path: self.path.clone(), source })
    }

    fn json(&self, value: &impl Serialize) -> Result<String, RunError> {
        serde_json::to_string(value).map_err(|source| RunError::Damaged { path: self.path.clone(), source })
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, json: &str) -> Result<T, RunError> {
        serde_json::from_str(json).map_err(|source| RunError::Damaged { path: self.path.clone(), source })
    }
}

/// A panic while the lock was held leaves the database as its last statement left it, which is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn without_nodes(report: &RunReport) -> RunReport {
    RunReport { nodes: Vec::new(), ..report.clone() }
}

/// Text that sorts as the instants do.
fn sortable(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)
}

fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Success => "success",
        RunStatus::Failed => "failed",
        RunStatus::Cancelled => "cancelled",
    }
}

fn node_word(status: NodeStatus) -> &'static str {
    match status {
        NodeStatus::Success => "success",
        NodeStatus::UpToDate => "up_to_date",
        NodeStatus::Warned => "warned",
        NodeStatus::Failed => "failed",
        NodeStatus::Skipped => "skipped",
        NodeStatus::Cancelled => "cancelled",
    }
}
