//! Spark beside the embedded engine: which of the two a run takes, what stands in its way, what an earlier run left of it.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use headwater_lake::Lake;
use headwater_plan::{Code, Diagnostic, Diagnostics, Engine, EngineKind, Environment, Node, Spark};
use headwater_project::Request;
use headwater_run::{Action, Decision};
use headwater_spark::SparkEngine;
use headwater_spark::doctor::{self, Examination, Installation, Machine};
use headwater_spark::engine::estimate::{self, Reading};
use headwater_spark::engine::{Adopted, Earlier, Parts};
pub use headwater_spark::launch::Author;
use headwater_spark::launch::{Processes, Properties, Setting, Sizes, SparkSubmit};
use serde::Serialize;

use crate::project::Project;
use crate::{Context, wiring};

/// The engine that a run takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineTaken {
    /// Its name: `embedded`, `spark`.
    pub name: &'static str,
    /// Why, where the environment leaves it open.
    pub weighed: Option<Weighed>,
    /// The settings of its Spark; the values of secrets are hidden.
    pub settings: Vec<Setting>,
}

/// What decides between the engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Weighed {
    /// The bytes that the run reads, about.
    pub reads: u64,
    /// From more than so many on, it runs on Spark.
    pub above: u64,
}

/// What is needed to take an engine.
pub(crate) struct Taking<'a> {
    pub(crate) context: &'a Context,
    pub(crate) project: &'a Project,
    pub(crate) lake: &'a Lake,
}

/// A Spark on which nothing stands in the way of a job.
pub(crate) struct Ready {
    spark: Spark,
    installation: Installation,
    machine: Machine,
}

/// The folder of jobs.
fn jobs(request: &Request) -> PathBuf {
    request.dir.join(".headwater").join("spark")
}

/// Refuses while a job that an earlier run left goes on to write to the lake.
pub(crate) fn idle(request: &Request, lake: &Lake) -> Result<(), Diagnostic> {
    for (folder, job) in headwater_spark::launch::running(&jobs(request), lake.uri())? {
        if folder.is_alive()? {
            let since = job.submitted_at.format("%Y-%m-%d %H:%M:%S UTC");
            let message = format!("a job of an earlier run writes to the lake, on Spark since {since}");
            let told = Diagnostic::error(Code::LakeInUse, message).retryable();
            return Err(told.help("`headwater run` waits for it and takes over what it did"));
        }
    }
    Ok(())
}

/// The machine, as a job of Spark finds it.
pub(crate) fn machine(request: &Request) -> Machine {
    let environ = request.environ.clone();
    Machine {
        variables: Arc::new(move |name| environ.get(name).map(str::to_owned)),
        cores: std::thread::available_parallelism().map_or(1, NonZero::get),
        memory: memory(),
    }
}

/// The machine's memory, where the system tells of it in a file.
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Looks at all that a job needs.
pub(crate) async fn examine(spark: &Spark, machine: &Machine, lake: &str) -> Result<Examination, Diagnostic> {
    let (spark, machine, lake) = (spark.clone(), machine.clone(), lake.to_owned());
    // It asks other programs for their versions.
    let looking = tokio::task::spawn_blocking(move || doctor::examine(&spark, &machine, &lake));
    looking.await.map_err(crate::error::fell)
}

impl Taking<'_> {
    fn environment(&self) -> &Environment {
        &self.project.plan.environment
    }

    /// The Spark that the decided nodes are to run on, and why where that was left open; `None` for the embedded engine.
    pub(crate) async fn chosen(&self, decisions: &[Decision]) -> Result<(Option<&Spark>, Option<Weighed>), Diagnostic> {
        match &self.environment().engine {
            EngineKind::Embedded => Ok((None, None)),
            EngineKind::Spark(spark) => Ok((Some(spark), None)),
            EngineKind::Auto(auto) => {
                let weighed = Weighed { reads: self.sizes(decisions).await?.total, above: auto.above };
                Ok(((weighed.reads > weighed.above).then_some(&auto.spark), Some(weighed)))
            }
        }
    }

    /// How much the decided nodes read.
    async fn sizes(&self, decisions: &[Decision]) -> Result<Sizes, Diagnostic> {
        let plan = &self.project.plan;
        let to_run = decisions.iter().filter(|decision| decision.action != Action::UpToDate);
        let reading: Vec<Reading<'_>> = to_run
            .filter_map(|decision| {
                let node: &Node = plan.nodes.get(&decision.node)?;
                Some(Reading { node, pending_bytes: decision.pending.bytes })
            })
            .collect();
        estimate::measure(plan, &reading, self.lake, self.environment().memory_limit).await
    }

    /// What `plan` says of the engine; nothing where there is no choice. What stands in Spark's way is a warning there.
    pub(crate) async fn told(&self, decisions: &[Decision]) -> Result<(Option<EngineTaken>, Diagnostics), Diagnostic> {
        if self.environment().engine == EngineKind::Embedded {
            return Ok((None, Diagnostics::default()));
        }
        let (spark, weighed) = self.chosen(decisions).await?;
        let Some(spark) = spark else {
            return Ok((Some(EngineTaken { name: "embedded", weighed, settings: Vec::new() }), Diagnostics::default()));
        };
        let machine = machine(&self.project.request);
        let lake = &self.environment().lake;
        let examination = examine(spark, &machine, lake).await?;
        let as_warning =
            |problem: &Diagnostic| Diagnostic { severity: headwater_plan::Severity::Warning, ..problem.clone() };
        let warnings = Diagnostics(examination.problems().map(as_warning).collect());
        let sizes = self.sizes(decisions).await?;
        let settings = examination.installation.map(|installation| {
            Properties::of(spark, &installation, &machine).for_lake(lake, &machine).for_sizes(&sizes, &machine).shown()
        });
        Ok((Some(EngineTaken { name: "spark", weighed, settings: settings.unwrap_or_default() }), warnings))
    }

    /// The Spark that the decided nodes are to run on, once nothing stands in its way; `None` for the embedded engine.
    ///
    /// # Errors
    /// All that stands in its way.
    pub(crate) async fn ready(&self, decisions: &[Decision]) -> Result<Option<Ready>, Diagnostics> {
        let Some(spark) = self.chosen(decisions).await?.0 else { return Ok(None) };
        let machine = machine(&self.project.request);
        let examination = examine(spark, &machine, &self.environment().lake).await?;
        let problems: Vec<Diagnostic> = examination.problems().cloned().collect();
        match examination.installation {
            Some(installation) if problems.is_empty() => {
                Ok(Some(Ready { spark: spark.clone(), installation, machine }))
            }
            _ => Err(Diagnostics(problems)),
        }
    }

    /// Waits for the jobs that earlier runs left on Spark, whichever engine this one takes: two at once would work
    /// against each other.
    pub(crate) async fn adopt(&self, told: &(dyn Fn(&str) + Send + Sync)) -> Result<Adopted, Diagnostic> {
        let processes = Processes::default();
        let earlier = Earlier {
            folder: &jobs(&self.project.request),
            jobs: &processes,
            lake: self.lake,
            timeout_ms: self.environment().engine.spark().and_then(|spark| spark.timeout_ms),
            told,
        };
        earlier.adopt(&self.project.plan, &self.context.cancel).await
    }

    /// The engine on that Spark.
    pub(crate) fn engine(&self, ready: Ready, embedded: Arc<dyn Engine>, adopted: Adopted) -> Arc<dyn Engine> {
        let Ready { spark, installation, machine } = ready;
        let environment = self.environment();
        let parts = Parts {
            lake: self.lake.clone(),
            lake_url: environment.lake.clone(),
            embedded,
            launcher: Arc::new(SparkSubmit::new(installation.clone(), machine.clone())),
            installation,
            machine,
            spark,
            memory_limit: environment.memory_limit,
            jobs: jobs(&self.project.request),
            native: self.native(),
            clock: Arc::clone(&self.context.clock),
        };
        wiring::placed(SparkEngine::new(parts, adopted), &self.project.request.dir)
    }

    /// The command that executes a step natively, on this project and environment.
    fn native(&self) -> Vec<String> {
        let request = &self.project.request;
        let Some(program) = &self.context.program else { return Vec::new() };
        let mut command = vec![program.display().to_string(), "execute-step".to_owned()];
        command.extend(["--project-dir".to_owned(), request.dir.display().to_string()]);
        command.extend(["--env".to_owned(), self.environment().name.clone()]);
        if !request.vars.is_empty() {
            command.extend(["--vars".to_owned(), serde_json::Value::from(request.vars.clone()).to_string()]);
        }
        command
    }
}
