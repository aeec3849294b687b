//! A source of orders and a lake, on this machine or on S3, and what must be in the lake at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use super::weed::{BUCKET, Weed};

/// Records of a file, of which every tenth is bad.
const RECORDS: u64 = 200;

/// Where files and lake lie.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// In the project's folder.
    Local,
    /// In a bucket.
    S3(&'static Weed),
}

/// A project with one source.
pub(crate) struct Intake {
    folder: TempDir,
    place: Place,
    /// Where files and lake lie if they lie here; shared with the same from elsewhere.
    home: Arc<TempDir>,
    /// What the keys of this one begin with.
    prefix: String,
    /// The source's files.
    pattern: String,
    /// The files that arrived.
    files: BTreeSet<u64>,
    /// The environment of its commands.
    variables: BTreeMap<String, String>,
}

/// A row or a quarantined record: its file's name and its line.
type Origin = (String, u64);

impl Intake {
    /// A project without files. `options` are lines of the source's `ingest:`.
    pub(crate) fn new(place: Place, options: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let mut intake = Self {
            folder: tempfile::tempdir().unwrap(),
            place,
            home: Arc::new(tempfile::tempdir().unwrap()),
            prefix: format!("{}-{number}", std::process::id()),
            pattern: String::new(),
            files: BTreeSet::new(),
            variables: match place {
                Place::Local => BTreeMap::new(),
                Place::S3(weed) => variables(&weed.endpoint()),
            },
        };
        intake.pattern = intake.at("incoming/orders*.csv");
        let lake = intake.at("lake");
        intake.write("headwater.yml", &format!("name: intake\nenvironments:\n  local: {{ lake: '{lake}' }}\n"));
        intake.options(options);
        intake
    }

    /// A project with a lake here that reads other files, from S3 at an endpoint.
    pub(crate) fn reading(pattern: &str, endpoint: &str) -> Self {
        let mut intake = Self::new(Place::Local, &[]);
        intake.through(endpoint);
        pattern.clone_into(&mut intake.pattern);
        intake.options(&[]);
        intake
    }

    /// The same lake and source, from a project in another folder, as on another machine.
    pub(crate) fn elsewhere(&self) -> Self {
        let twin = Self {
            folder: tempfile::tempdir().unwrap(),
            place: self.place,
            home: Arc::clone(&self.home),
            prefix: self.prefix.clone(),
            pattern: self.pattern.clone(),
            files: self.files.clone(),
            variables: self.variables.clone(),
        };
        for file in ["headwater.yml", "models/bronze/sources.yml"] {
            twin.write(file, &fs::read_to_string(self.folder.path().join(file)).unwrap());
        }
        twin
    }

    /// Declares the source, with other options than before. `ARCHIVE` is a folder beside that of the files.
    pub(crate) fn options(&self, options: &[&str]) {
        self.declare(options, "");
    }

    /// Mends the contract, so that no record breaks it.
    pub(crate) fn mend(&self) {
        self.declare(&[], ", null_values: [much]");
    }

    fn declare(&self, options: &[&str], of_amount: &str) {
        let mut ingest = String::new();
        for option in options {
            writeln!(ingest, "          {}", option.replace("ARCHIVE", &format!("'{}'", self.at("archive")))).unwrap();
        }
        let files = &self.pattern;
        self.write(
            "models/bronze/sources.yml",
            &format!(
                "\
sources:
  - name: shop
    tables:
      - name: orders
        ingest:
          files: '{files}'
          settle: 0s
{ingest}        columns:
          - {{ name: order_id, data_type: int }}
          - {{ name: region, data_type: string }}
          - {{ name: amount, data_type: 'decimal(10,2)'{of_amount} }}
"
            ),
        );
    }

    /// Sets an environment variable of its commands.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Leaves its commands without environment variables for S3.
    pub(crate) fn forget_variables(&mut self) {
        self.variables.clear();
    }

    /// Uses S3 at another endpoint.
    pub(crate) fn through(&mut self, endpoint: &str) {
        self.variables.extend(variables(endpoint));
    }

    /// A file arrives.
    pub(crate) fn arrive(&mut self, number: u64) {
        let mut text = String::from("order_id,region,amount\n");
        for record in 0..RECORDS {
            let amount = if record % 10 == 7 { "much".to_owned() } else { format!("{record}.25") };
            writeln!(text, "{},{},{amount}", number * RECORDS + record, ["north", "south"][record as usize % 2])
                .unwrap();
        }
        let name = name(number);
        match self.place {
            Place::S3(weed) => weed.put(&format!("{}/incoming/{name}", self.prefix), text.into_bytes()),
            Place::Local => {
                let folder = self.home.path().join("incoming");
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(format!(".{name}")), text).unwrap();
                fs::rename(folder.join(format!(".{name}")), folder.join(&name)).unwrap();
            }
        }
        self.files.insert(number);
    }

    /// The files that lie in a folder, by name.
    pub(crate) fn in_folder(&self, folder: &str) -> Vec<String> {
        match self.place {
            Place::S3(weed) => {
                below(weed.list(&format!("{}/{folder}", self.prefix)), &format!("{}/{folder}/", self.prefix))
            }
            Place::Local => {
                let folder = self.home.path().join(folder);
                let mut files = Vec::new();
                walk(&folder, &mut files);
                let names = files.into_iter().map(|path| path.to_str().unwrap().to_owned()).collect();
                below(names, &format!("{}/", folder.display()))
            }
        }
    }

    /// The files of the project's own folder.
    pub(crate) fn in_project(&self) -> Vec<String> {
        let mut files = Vec::new();
        walk(self.folder.path(), &mut files);
        let names = files.into_iter().map(|path| path.to_str().unwrap().to_owned()).collect();
        below(names, &format!("{}/", self.folder.path().display()))
    }

    /// What the keys of this one begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The names of all files that arrived.
    pub(crate) fn arrived(&self) -> Vec<String> {
        self.files.iter().map(|number| name(*number)).collect()
    }

    /// A command of the binary.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in Weed::variables("") {
            command.env_remove(name);
        }
        command.env_remove("AWS_PROFILE").env_remove("AWS_REGION").envs(&self.variables);
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the binary, which must succeed; its standard output.
    pub(crate) fn succeed(&self, arguments: &[&str], told: &str) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{told}: headwater {arguments:?}\n{}", words(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Every record of the files is where it belongs, once.
    pub(crate) fn verify(&self, told: &str) {
        let (rows, bad) = self.origins(told);
        let is_bad = |(_, line): &Origin| (line - 2) % 10 == 7;
        let (wanted_bad, wanted_rows): (Vec<Origin>, Vec<Origin>) = self.all().into_iter().partition(is_bad);
        compare(&rows, &wanted_rows, &format!("{told}: rows"));
        compare(&bad, &wanted_bad, &format!("{told}: quarantined records"));
    }

    /// Every record of the files is in the table, once, and the quarantine is empty.
    pub(crate) fn verify_mended(&self, told: &str) {
        let (rows, bad) = self.origins(told);
        compare(&rows, &self.all(), &format!("{told}: rows"));
        compare(&bad, &[], &format!("{told}: quarantined records"));
    }

    /// Where all records of the files stand.
    fn all(&self) -> Vec<Origin> {
        self.files.iter().flat_map(|number| (0..RECORDS).map(|record| (name(*number), record + 2))).collect()
    }

    /// Of every file all is there, once, or nothing is: what another run left behind is no half of anything.
    pub(crate) fn verify_whole_files(&self, told: &str) {
        if !self.in_folder("lake").iter().any(|file| file.starts_with("bronze/orders/_delta_log/")) {
            return;
        }
        let rows = self.rows("SELECT _source_file, _source_line FROM bronze.orders", told);
        let mut files: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        for (file, line) in &rows {
            assert!(files.entry(file).or_default().insert(*line), "{told}: line {line} of {file} is there twice");
        }
        for (file, lines) in files {
            assert_eq!(lines.len() as u64, RECORDS / 10 * 9, "{told}: rows of {file}");
        }
    }

    /// The rows of the table, and those of the quarantine, sorted.
    fn origins(&self, told: &str) -> (Vec<Origin>, Vec<Origin>) {
        let rows = self.rows("SELECT _source_file, _source_line FROM bronze.orders", told);
        let bad = self.rows("SELECT _source_file, _source_line FROM bronze.orders_quarantine", told);
        (rows, bad)
    }

    fn rows(&self, sql: &str, told: &str) -> Vec<Origin> {
        let json = self.succeed(&["query", sql, "--format", "json"], told);
        let rows: Vec<BTreeMap<String, Value>> = serde_json::from_str(&json).unwrap();
        let origin = |row: BTreeMap<String, Value>| {
            let file = row["_source_file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            (file, row["_source_line"].as_u64().unwrap())
        };
        let mut origins: Vec<Origin> = rows.into_iter().map(origin).collect();
        origins.sort_unstable();
        origins
    }

    /// Where something lies: a path or a URL.
    fn at(&self, path: &str) -> String {
        match self.place {
            Place::Local => self.home.path().join(path).to_str().unwrap().to_owned(),
            Place::S3(_) => format!("s3://{BUCKET}/{}/{path}", self.prefix),
        }
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn name(number: u64) -> String {
    format!("orders-{number:05}.csv")
}

fn variables(endpoint: &str) -> BTreeMap<String, String> {
    Weed::variables(endpoint).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn below(names: Vec<String>, folder: &str) -> Vec<String> {
    let mut names: Vec<String> =
        names.into_iter().filter_map(|name| name.strip_prefix(folder).map(str::to_owned)).collect();
    names.sort_unstable();
    names
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    // A folder that nothing was written into yet is an empty one.
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

fn compare(found: &[Origin], wanted: &[Origin], told: &str) {
    if found == wanted {
        return;
    }
    let missing: Vec<_> = wanted.iter().filter(|origin| found.binary_search(origin).is_err()).take(5).collect();
    let doubled: Vec<_> = found.windows(2).filter(|two| two[0] == two[1]).map(|two| &two[0]).take(5).collect();
    panic!("{told}: {} found, {} wanted; missing {missing:?}; doubled {doubled:?}", found.len(), wanted.len());
}

/// What a command said, for the message of a failed test.
pub(crate) fn words(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n{out}\n{err}", output.status)
}
