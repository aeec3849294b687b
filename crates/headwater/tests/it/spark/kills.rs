//! What is killed while Spark works, and the run after it: everything is there once, and nothing is left running.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Spark;
use crate::project::Project;

/// A run on Spark, and the folder of its job once there is one.
struct Running {
    process: Child,
    job: PathBuf,
}

fn shop(spark: &Spark) -> Project {
    let project = Project::shop();
    spark.environment(&project, "./lake");
    project
}

/// Starts a run, and waits until its job has ended a node.
fn start(project: &Project) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.args(["run", "--env", "spark"]).current_dir(project.path("."));
    let output = File::create(project.path("said.log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
    let mut process = command.spawn().unwrap();
    loop {
        let ended = process.try_wait().unwrap();
        assert!(ended.is_none(), "{}", fs::read_to_string(project.path("said.log")).unwrap());
        let jobs = project.path(".headwater/spark");
        let runs = fs::read_dir(jobs).into_iter().flatten().map(|entry| entry.unwrap().path().join("1"));
        let job =
            runs.into_iter().find(|job| fs::metadata(job.join("progress.jsonl")).is_ok_and(|file| file.len() > 0));
        if let Some(job) = job {
            return Running { process, job };
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Running {
    fn is_alive(&self) -> bool {
        File::open(self.job.join("alive")).unwrap().try_lock_shared().is_err()
    }

    fn signal(&self, name: &str, process: &str) {
        assert!(Command::new("kill").args(["-s", name, "--", process]).status().unwrap().success());
    }

    /// The process group of the job.
    fn group(&self) -> String {
        format!("-{}", fs::read_to_string(self.job.join("process")).unwrap().trim())
    }
}

/// Everything is there, once.
fn check(project: &Project) {
    let rows = |sql: &str| project.output(&["query", sql, "--format", "csv"]);
    assert_eq!(rows("select count(*), count(distinct order_id) from bronze.orders").lines().nth(1).unwrap(), "4,4");
    assert_eq!(rows("select count(*) from bronze.customers").lines().nth(1).unwrap(), "3");
    assert_eq!(rows("select country, orders from gold.revenue order by 1"), "country,orders\nDK,1\nNO,3\n");
    let again = project.output(&["run", "--env", "spark"]);
    assert!(again.contains("nothing to do"), "{again}");
}

#[test]
fn the_job_of_a_headwater_that_was_killed_is_adopted() {
    let Some(spark) = Spark::newest("the_job_of_a_headwater_that_was_killed_is_adopted") else { return };
    let project = shop(&spark);
    let mut running = start(&project);
    running.process.kill().unwrap();
    running.process.wait().unwrap();
    let was_alive = running.is_alive();
    let vacuum = project.command(&["tables", "vacuum", "--env", "spark"]).output().unwrap();
    let said = String::from_utf8_lossy(&vacuum.stderr);
    let is_refused = said.contains("error[lake-in-use]: a job of an earlier run writes to the lake, on Spark since");
    assert!(is_refused || !running.is_alive(), "{said}");
    let next = project.command(&["run", "--env", "spark"]).output().unwrap();
    let said = String::from_utf8_lossy(&next.stderr);
    assert!(next.status.success(), "{said}");
    assert!(!was_alive || said.contains("waiting for the job of an earlier run"), "{said}");
    assert!(!running.is_alive());
    assert!(running.job.join("taken").exists());
    // What the job did is not done again.
    let jobs = fs::read_dir(project.path(".headwater/spark")).unwrap().count();
    assert_eq!(jobs, 1, "{said}");
    check(&project);
}

#[test]
fn a_spark_that_was_killed_is_run_again() {
    let Some(spark) = Spark::newest("a_spark_that_was_killed_is_run_again") else { return };
    let project = shop(&spark);
    let mut running = start(&project);
    running.signal("KILL", &running.group());
    let status = running.process.wait().unwrap();
    let said = fs::read_to_string(project.path("said.log")).unwrap();
    assert_eq!(status.code(), Some(4), "{said}");
    assert!(said.contains("error[engine-failed]: Spark ended without a result"), "{said}");
    assert!(said.contains("spark.log"), "{said}");
    assert!(!running.is_alive());
    project.output(&["run", "--env", "spark"]);
    check(&project);
}

#[test]
fn a_run_that_is_stopped_leaves_no_job() {
    let Some(spark) = Spark::newest("a_run_that_is_stopped_leaves_no_job") else { return };
    let project = shop(&spark);
    let mut running = start(&project);
    running.signal("INT", &running.process.id().to_string());
    let status = running.process.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{}", fs::read_to_string(project.path("said.log")).unwrap());
    assert!(!running.is_alive());
    assert!(running.job.join("taken").exists());
    // Its settings may hold secrets.
    assert!(!running.job.join("spark.conf").exists());
    project.output(&["run", "--env", "spark"]);
    check(&project);
}
