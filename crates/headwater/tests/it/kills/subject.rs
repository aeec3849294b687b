//! A project with one seed and one table that is built from it, here or on S3.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::kind::Asked;
use crate::s3::intake::{Place, words};
use crate::s3::weed::{BUCKET, Weed};

/// The instant of minute 0 of what the rows say: 2024-01-01.
const MINUTE_ZERO: i64 = 1_704_067_200_000_000;

const MICROS_OF_A_MINUTE: i64 = 60_000_000;

/// The types of the seed's columns.
const SEED: &str = "\
seeds:
  - name: events
    config:
      event_time: at
      column_types: { id: bigint, at: timestamp, year: int, edit: bigint, changed: timestamp, name: string }
";

/// Now. The binary reads the same clock.
#[expect(clippy::disallowed_methods, reason = "what a run that was started now wrote is known by the time of day")]
pub(super) fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// When the runs of each round were going.
#[derive(Default)]
pub(super) struct Moments(Vec<(i64, i64, usize)>);

impl Moments {
    /// A run of a round is over, which began then.
    pub(super) fn ran(&mut self, round: usize, began: DateTime<Utc>) {
        self.0.push((began.timestamp_micros(), now().timestamp_micros(), round));
    }

    /// The round that was run at an instant.
    pub(super) fn round(&self, micros: i64) -> usize {
        let found = self.0.iter().find(|(began, ended, _)| (began..=ended).contains(&&micros));
        found.unwrap_or_else(|| panic!("no run was going at {micros}: {:?}", self.0)).2
    }

    /// The minute that a row told, if the instant is one of those.
    pub(super) fn minute(&self, micros: i64) -> Option<i64> {
        let is_before_all = self.0.first().is_none_or(|(began, ..)| micros < *began);
        is_before_all.then(|| (micros - MINUTE_ZERO) / MICROS_OF_A_MINUTE)
    }
}

/// What of a run's commits is to be seen in the lake.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Traces {
    /// Versions of the seed's table.
    pub(super) seed_versions: usize,
    /// Versions of the table.
    pub(super) versions: usize,
    /// The table's data files, those of no version too.
    pub(super) data: BTreeSet<String>,
}

/// The project.
pub(super) struct Subject {
    folder: TempDir,
    place: Place,
    prefix: String,
    table: &'static str,
    pub(super) moments: Moments,
}

impl Subject {
    /// One with a table that a file declares.
    pub(super) fn new(place: Place, declared: (&'static str, &'static str, String)) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("kills-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        let folder = tempfile::tempdir().unwrap();
        let subject = Self { folder, place, prefix, table: declared.0, moments: Moments::default() };
        let lake = match place {
            Place::Local => "./lake".to_owned(),
            Place::S3(_) => format!("s3://{BUCKET}/{}/lake", subject.prefix),
        };
        subject.write("headwater.yml", &format!("name: kills\nenvironments:\n  local: {{ lake: '{lake}' }}\n"));
        subject.write("seeds/seeds.yml", SEED);
        subject.declare(declared);
        subject
    }

    /// Declares the table, as it may have been or otherwise.
    pub(super) fn declare(&self, (_, file, text): (&'static str, &'static str, String)) {
        self.write(file, &text);
    }

    /// Where its lake is.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// The table.
    pub(super) fn table(&self) -> &'static str {
        self.table
    }

    /// A path in the project.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes the seed's file anew.
    pub(super) fn seed(&self, csv: &str) {
        self.write("seeds/events.csv", csv);
    }

    /// A run of the binary.
    pub(super) fn run(&self, asked: Asked) -> Command {
        let mut command = self.command(&["run"]);
        match asked {
            Asked::Plain => {}
            Asked::Refresh => _ = command.arg("--full-refresh"),
            Asked::Years(from, to) => {
                command.arg("--event-time-start").arg(format!("{from}-01-01"));
                command.arg("--event-time-end").arg(format!("{to}-01-01"));
            }
        }
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in Weed::variables("") {
            command.env_remove(name);
        }
        command.env_remove("AWS_PROFILE").env_remove("AWS_REGION");
        if let Place::S3(weed) = self.place {
            command.envs(Weed::variables(&weed.endpoint()));
        }
        command
    }

    /// The rows that a query gives, as text.
    pub(super) fn rows(&self, sql: &str, told: &str) -> Vec<Vec<String>> {
        let output = self.command(&["query", sql, "--format", "csv"]).output().unwrap();
        assert!(output.status.success(), "{told}: {sql}\n{}", words(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    /// What is to be seen of commits.
    pub(super) fn traces(&self) -> Traces {
        let versions = |files: &[String]| {
            files.iter().filter(|file| file.starts_with("_delta_log/") && file.ends_with(".json")).count()
        };
        let (seed, table) = (self.files_of("seeds/events"), self.files());
        let is_data = |file: &String| !file.starts_with("_delta_log/") && file.ends_with(".parquet");
        Traces {
            seed_versions: versions(&seed),
            versions: versions(&table),
            data: table.into_iter().filter(is_data).collect(),
        }
    }

    /// The files of the table's folder.
    pub(super) fn files(&self) -> Vec<String> {
        self.files_of(&self.table.replace('.', "/"))
    }

    fn files_of(&self, table: &str) -> Vec<String> {
        match self.place {
            Place::S3(weed) => {
                let folder = format!("{}/lake/{table}/", self.prefix);
                let keys = weed.list(folder.trim_end_matches('/'));
                keys.iter().filter_map(|key| key.strip_prefix(&folder).map(str::to_owned)).collect()
            }
            Place::Local => {
                let folder = self.path("lake").join(table);
                let mut files = Vec::new();
                walk(&folder, &mut files);
                let name = |path: PathBuf| path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
                files.into_iter().map(name).collect()
            }
        }
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    // A folder that nothing was written into yet is an empty one.
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}
