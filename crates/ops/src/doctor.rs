//! `doctor`: what stands in the way of a run on this machine: the lake, the disk, and all that the engine needs.
//!
//! It reads the project's settings and none of its models, so that it has an answer where nothing else works yet. It
//! leaves nothing behind: what it writes to see whether it may, it removes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use headwater_plan::{Code, Diagnostic, Diagnostics, EngineKind, Environment};
pub use headwater_spark::doctor::{Check, Outcome};
use serde::Serialize;

use crate::{Context, spark, wiring};

/// Less room than this is gone with the first load.
const LITTLE: u64 = 1_000_000_000;

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoctorReport {
    /// The environment.
    pub environment: String,
    /// Its engine: `embedded`, `spark`, `auto`.
    pub engine: &'static str,
    /// Its lake, as the user wrote it.
    pub lake: String,
    /// Every check.
    pub checks: Vec<Check>,
}

impl DoctorReport {
    /// Whether anything stands in the way of a run.
    pub fn has_problems(&self) -> bool {
        self.checks.iter().any(|check| check.problem().is_some())
    }
}

/// Looks at everything.
///
/// # Errors
/// No project here, or settings that do not read. What stands in the way of a run is no error of this kind: the report
/// tells of it.
pub async fn doctor(context: &Context) -> Result<DoctorReport, Diagnostics> {
    let request = context.request()?;
    let environment = headwater_project::environment(&request)?;
    let machine = spark::machine(&request);
    let mut checks = vec![Check::sound("headwater", env!("CARGO_PKG_VERSION"))];
    checks.extend(lake(&environment, &request).await);
    checks.push(memory(&environment, machine.memory));
    if let Some(spark) = environment.engine.spark() {
        checks.extend(spark::examine(spark, &machine, &environment.lake).await?.checks);
    }
    Ok(DoctorReport {
        engine: match environment.engine {
            EngineKind::Embedded => "embedded",
            EngineKind::Spark(_) => "spark",
            EngineKind::Auto(_) => "auto",
        },
        environment: environment.name,
        lake: environment.lake_written,
        checks,
    })
}

/// Whether the lake can be read and written, and how much room it has.
async fn lake(environment: &Environment, request: &headwater_project::Request) -> Vec<Check> {
    let opened = wiring::lake(environment, &request.environ).await;
    let seen = match opened {
        Ok(lake) => lake.views().await.map(|_| ()).map_err(|error| error.diagnostic()),
        Err(problem) => Err(problem),
    };
    let at_lake = |mut told: Diagnostic| {
        told.location.get_or_insert_with(|| environment.lake_location.clone());
        told
    };
    if let Err(problem) = seen {
        return vec![Check::of("lake", at_lake(problem))];
    }
    let written = &environment.lake_written;
    if environment.lake.contains("://") {
        return vec![Check::sound("lake", format!("`{written}` can be listed"))];
    }
    let Some(folder) = there(Path::new(&environment.lake)) else {
        let told = Diagnostic::error(Code::InvalidLake, format!("no folder on the way to `{written}` is there"));
        return vec![Check::of("lake", at_lake(told))];
    };
    let mut checks = vec![match writable(&folder) {
        Ok(()) => Check::sound("lake", format!("`{written}` can be written")),
        Err(error) => {
            let told = Diagnostic::error(Code::LakeUnavailable, format!("cannot write to the lake `{written}`"));
            let help = format!("`{}` must be writable and have room", folder.display());
            Check::of("lake", at_lake(told.help(help).caused_by(&error)))
        }
    }];
    if let Some(room) = room(&folder) {
        let gigabytes = format!("{:.1} GB", room as f64 / 1e9);
        checks.push(if room < LITTLE {
            let told = Diagnostic::warning(Code::LakeUnavailable, format!("the lake's disk has {gigabytes} left"));
            Check::of("disk", at_lake(told.help("a load writes its rows, and what it sorts, before it commits")))
        } else {
            Check::sound("disk", format!("{gigabytes} free"))
        });
    }
    checks
}

/// The memory that the engine may hold before it spills, beside what there is.
fn memory(environment: &Environment, there: Option<u64>) -> Check {
    let limit = environment.memory_limit;
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    match there {
        Some(there) if limit > there => {
            let message = format!("`memory_limit` is {}, and this machine has {}", gigabytes(limit), gigabytes(there));
            let told = Diagnostic::warning(Code::EngineSetting, message).at(environment.lake_location.clone());
            Check::of("memory limit", told.help("a limit beyond the memory lets the system end the run"))
        }
        _ => Check::sound("memory limit", gigabytes(limit)),
    }
}

/// The folder itself, or the nearest above it that is there.
fn there(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.is_dir()).map(Path::to_path_buf)
}

fn writable(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".headwater-doctor-{}", std::process::id()));
    File::create(&probe)?;
    fs::remove_file(&probe)
}

/// The bytes that are free. The standard library does not tell; every Unix has the program.
fn room(folder: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(folder).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let free: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(free * 1024)
}
