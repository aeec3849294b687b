//! A job while it goes on: what it has answered so far, whether it lives, and whether it must be ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use headwater_plan::{Cancel, Code, Diagnostic, NodeId, NodeStatus};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::JoinSet;

use super::progress::Progress;
use crate::error::SparkError;
use crate::launch::{Cancelling, JobId, JobState, Launcher};
use crate::result::NodeResult;

/// How often a job is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// How long a job that is asked to end may take before it is ended.
const GRACE: Duration = Duration::from_secs(20);
/// How long a job may take to end once nobody asks it for anything.
const LEAVING: Duration = Duration::from_secs(60);
/// The last lines of a job that died that are shown.
const SHOWN: usize = 12;

/// What is known of a job.
#[derive(Default)]
struct Known {
    results: HashMap<NodeId, NodeResult>,
    /// Why nodes without a result have none; `None` as long as the job goes on.
    ended: Option<Box<Diagnostic>>,
}

/// A job that is watched.
pub(super) struct Watched {
    launcher: Arc<dyn Launcher>,
    id: JobId,
    known: Arc<Mutex<Known>>,
    /// Changes whenever something new is known.
    news: watch::Receiver<u64>,
    watching: AsyncMutex<JoinSet<()>>,
    /// Up once nobody will ask for anything more.
    leaving: Cancel,
}

impl Watched {
    /// Begins to watch a job.
    pub(super) fn begin(launcher: Arc<dyn Launcher>, id: JobId, cancel: Cancel, timeout_ms: Option<u64>) -> Self {
        let known: Arc<Mutex<Known>> = Arc::default();
        let (sender, news) = watch::channel(0);
        let leaving = Cancel::default();
        let watcher = Watcher {
            launcher: Arc::clone(&launcher),
            progress: Progress::of(&id.0),
            id: id.clone(),
            known: Arc::clone(&known),
            sender,
            cancel,
            leaving: leaving.clone(),
            timeout: timeout_ms.map(Duration::from_millis),
        };
        let mut watching = JoinSet::new();
        watching.spawn(watcher.watch());
        Self { launcher, id, known, news, watching: AsyncMutex::new(watching), leaving }
    }

    /// What the job says of a node, as soon as it does.
    pub(super) async fn answer(&self, node: &NodeId) -> Result<NodeResult, Diagnostic> {
        let mut news = self.news.clone();
        loop {
            // Seen before it is looked at, so that nothing that comes in between is missed.
            news.borrow_and_update();
            {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(result) = known.results.get(node) {
                    return Ok(result.clone());
                }
                if let Some(ended) = &mut known.ended {
                    // What it said last is told once; every node tells why it has no result.
                    let rest = Diagnostic { causes: Vec::new(), ..(**ended).clone() };
                    return Err(std::mem::replace(&mut **ended, rest));
                }
            }
            if news.changed().await.is_err() {
                return Err(Diagnostic::internal("nobody watches the job any more"));
            }
        }
    }

    /// Adds where all that Spark said is kept.
    pub(super) fn with_log(&self, mut told: Diagnostic) -> Diagnostic {
        if matches!(told.code, Code::ExecutionFailed | Code::EngineFailed) {
            told.causes.push(format!("spark's log is `{}`", self.launcher.log(&self.id).display()));
        }
        told
    }

    /// Waits for the end of a job that has nothing more to do, and remembers that its results were reported.
    pub(super) async fn conclude(&self) {
        self.leaving.cancel();
        let mut watching = self.watching.lock().await;
        while watching.join_next().await.is_some() {}
        // Best effort: a job that is found again is looked at again, which harms nothing.
        let _ = self.id.0.take();
        let _ = std::fs::remove_file(self.id.0.properties());
    }
}

/// Looks at a job until it ends.
struct Watcher {
    launcher: Arc<dyn Launcher>,
    id: JobId,
    progress: Progress,
    known: Arc<Mutex<Known>>,
    sender: watch::Sender<u64>,
    cancel: Cancel,
    leaving: Cancel,
    timeout: Option<Duration>,
}

impl Watcher {
    async fn watch(mut self) {
        let ended = self.follow().await;
        let why = match ended {
            Ok(why) => why,
            Err(error) => {
                // A job that cannot be watched must not go on by itself.
                let _ = self.launcher.cancel(&self.id, Cancelling::Force).await;
                error.diagnostic()
            }
        };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).ended = Some(Box::new(why));
        self.tell();
    }

    /// Follows the job; the answer is why nodes that it did not answer have none.
    async fn follow(&mut self) -> Result<Diagnostic, SparkError> {
        let mut ending = Ending::new(self.timeout);
        let mut left = None;
        loop {
            let state = self.launcher.state(&self.id).await?;
            let news = self.progress.read()?;
            self.learn(news, &ending);
            if state == JobState::Ended {
                break;
            }
            if self.leaving.is_cancelled() {
                left.get_or_insert_with(Instant::now);
            }
            let is_stuck = left.is_some_and(|since: Instant| since.elapsed() >= LEAVING);
            if let Some(how) = ending.next(self.cancel.is_cancelled() || is_stuck) {
                self.launcher.cancel(&self.id, how).await?;
            }
            tokio::time::sleep(LOOK).await;
        }
        let result = self.id.0.read_result()?;
        if let Some(result) = &result {
            self.learn(result.nodes.clone(), &ending);
        }
        let log = self.launcher.log(&self.id);
        Ok(match result.and_then(|result| result.failure) {
            _ if ending.timed_out => {
                SparkError::TimedOut { after: ending.timeout.unwrap_or_default(), log }.diagnostic()
            }
            _ if self.cancel.is_cancelled() => Diagnostic::error(Code::Cancelled, "stopped before it was done"),
            Some(failure) => failure.started(),
            None => SparkError::Died { said: self.id.0.log_tail(SHOWN), log }.diagnostic(),
        })
    }

    fn learn(&self, mut results: Vec<NodeResult>, ending: &Ending) {
        if ending.timed_out {
            // They did not get to their end because of that, which is told of them in place of a stop.
            results.retain(|result| result.status != NodeStatus::Cancelled);
        }
        if results.is_empty() {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for result in results {
            known.results.entry(result.id.clone()).or_insert(result);
        }
        drop(known);
        self.tell();
    }

    fn tell(&self) {
        self.sender.send_modify(|number| *number += 1);
    }
}

/// Whether, and how, a job is to be ended now.
pub(super) struct Ending {
    began: Instant,
    pub(super) timeout: Option<Duration>,
    asked: Option<Instant>,
    forced: bool,
    pub(super) timed_out: bool,
}

impl Ending {
    pub(super) fn new(timeout: Option<Duration>) -> Self {
        Self { began: Instant::now(), timeout, asked: None, forced: false, timed_out: false }
    }

    /// What to do now, if anything; `cancelled` tells whether the user wants the end.
    pub(super) fn next(&mut self, cancelled: bool) -> Option<Cancelling> {
        match self.asked {
            None => {
                let over = self.timeout.is_some_and(|timeout| self.began.elapsed() >= timeout);
                self.timed_out |= over && !cancelled;
                if !over && !cancelled {
                    return None;
                }
                self.asked = Some(Instant::now());
                Some(Cancelling::Ask)
            }
            Some(asked) if !self.forced && asked.elapsed() >= GRACE => {
                self.forced = true;
                Some(Cancelling::Force)
            }
            Some(_) => None,
        }
    }
}
