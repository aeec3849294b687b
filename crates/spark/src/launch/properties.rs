//! The settings that a Spark is started with, and whose they are.
//!
//! Four hands write them, each over the one before: Headwater from the plan's sizes, the machine's `spark-defaults.conf`,
//! the project's `settings:`, and what Delta Lake and the lake's storage cannot do without. Spark reads the defaults
//! itself only where a job names no file of its own, and a job of ours does, so that no secret stands on a command line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use headwater_plan::Spark;
use serde::Serialize;

use super::sizes::Sizes;
use super::storage;
use crate::doctor::{Installation, Machine};

/// Delta Lake's part of Spark's SQL.
pub const DELTA_EXTENSION: &str = "io.delta.sql.DeltaSparkSessionExtension";
/// Delta Lake's catalog of tables.
pub const DELTA_CATALOG: &str = "org.apache.spark.sql.delta.catalog.DeltaCatalog";

const EXTENSIONS: &str = "spark.sql.extensions";
const CATALOG: &str = "spark.sql.catalog.spark_catalog";
const JARS: &str = "spark.jars";
const PACKAGES: &str = "spark.jars.packages";
const MASTER: &str = "spark.master";

/// Whose a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// Headwater's, by the sizes of the plan.
    Sizes,
    /// The machine's `spark-defaults.conf`.
    Machine,
    /// The project's.
    Project,
    /// Headwater's, and not to be left out.
    Needed,
}

/// A setting of Spark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value; that of a secret is hidden.
    pub value: String,
    /// Whose it is.
    pub author: Author,
}

/// A setting of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// The file that has it.
    pub file: PathBuf,
}

/// All settings of a job. `Debug` is left out on purpose: some are secrets.
#[derive(Clone)]
pub struct Properties {
    entries: BTreeMap<String, (String, Author)>,
    /// The names that the machine's file has.
    of_machine: Vec<String>,
    machine_file: PathBuf,
    jars_absent: Vec<String>,
}

impl Properties {
    /// The settings as far as no size is known.
    pub fn of(spark: &Spark, installation: &Installation, machine: &Machine) -> Self {
        let machine_file = installation.defaults(machine);
        let defaults = fs::read_to_string(&machine_file).map(|text| read(&text)).unwrap_or_default();
        let mut properties = Self {
            of_machine: defaults.keys().cloned().collect(),
            entries: defaults.into_iter().map(|(name, value)| (name, (value, Author::Machine))).collect(),
            machine_file,
            jars_absent: Vec::new(),
        };
        for (name, value) in &spark.settings {
            properties.put(name, value, Author::Project);
        }
        match &spark.master {
            Some(master) => properties.put(MASTER, master, Author::Project),
            None => properties.propose(MASTER, "local[*]", Author::Sizes),
        }
        let jars = properties.existing(&spark.jars);
        properties.append(JARS, &jars);
        properties.append(PACKAGES, &spark.packages);
        properties.know_delta();
        properties
    }

    /// With what the lake's storage needs.
    #[must_use]
    pub fn for_lake(mut self, lake: &str, machine: &Machine) -> Self {
        for (name, value) in storage::settings(lake, machine) {
            self.propose(&name, &value, Author::Needed);
        }
        self
    }

    /// With what goes by the sizes of the plan, where nobody says otherwise.
    #[must_use]
    pub fn for_sizes(mut self, sizes: &Sizes, machine: &Machine) -> Self {
        for (name, value) in sizes.settings(&self.master(), machine) {
            self.propose(&name, &value, Author::Sizes);
        }
        self
    }

    /// A setting that the job makes for itself.
    pub(crate) fn need(&mut self, name: &str, value: &str) {
        self.put(name, value, Author::Needed);
    }

    /// The value of a setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.get(name).map(|(value, _)| value.as_str())
    }

    /// Where the work goes.
    pub fn master(&self) -> String {
        self.get(MASTER).unwrap_or("local[*]").to_owned()
    }

    /// The JARs that the job adds.
    pub fn jars(&self) -> Vec<String> {
        list(self.get(JARS))
    }

    /// The packages that Spark fetches.
    pub fn packages(&self) -> Vec<String> {
        list(self.get(PACKAGES))
    }

    /// The JARs that the project names and that are not there.
    pub fn jars_absent(&self) -> &[String] {
        &self.jars_absent
    }

    /// A setting of the machine whose name begins so.
    pub fn defaults_with(&self, prefix: &str) -> Option<Owner> {
        let name = self.of_machine.iter().find(|name| name.starts_with(prefix))?;
        Some(Owner { name: name.clone(), file: self.machine_file.clone() })
    }

    /// All of them, for people: secrets are hidden.
    pub fn shown(&self) -> Vec<Setting> {
        let shown = |(name, (value, author)): (&String, &(String, Author))| Setting {
            name: name.clone(),
            value: if is_secret(name) { "***".to_owned() } else { value.clone() },
            author: *author,
        };
        self.entries.iter().map(shown).collect()
    }

    /// The file that `spark-submit --properties-file` reads.
    pub fn file(&self) -> String {
        let mut text = String::new();
        for (name, (value, _)) in &self.entries {
            // Writing into a text cannot fail.
            let _ = writeln!(text, "{}={}", escaped(name, true), escaped(value, false));
        }
        text
    }

    fn put(&mut self, name: &str, value: &str, author: Author) {
        self.entries.insert(name.to_owned(), (value.to_owned(), author));
    }

    fn propose(&mut self, name: &str, value: &str, author: Author) {
        self.entries.entry(name.to_owned()).or_insert_with(|| (value.to_owned(), author));
    }

    fn append(&mut self, name: &str, more: &[String]) {
        if more.is_empty() {
            return;
        }
        let mut all = list(self.get(name));
        all.extend(more.iter().cloned());
        self.put(name, &all.join(","), Author::Project);
    }

    /// Makes Delta Lake known. What the machine says of extensions is kept; what the project says is the project's.
    fn know_delta(&mut self) {
        match self.entries.get(EXTENSIONS).cloned() {
            None => self.put(EXTENSIONS, DELTA_EXTENSION, Author::Needed),
            Some((value, Author::Machine)) if !list(Some(&value)).iter().any(|class| class == DELTA_EXTENSION) => {
                self.put(EXTENSIONS, &format!("{value},{DELTA_EXTENSION}"), Author::Needed);
            }
            Some(_) => {}
        }
        self.propose(CATALOG, DELTA_CATALOG, Author::Needed);
    }

    /// The files that paths and patterns name; URLs stay as they are.
    fn existing(&mut self, written: &[String]) -> Vec<String> {
        let mut jars = Vec::new();
        for jar in written {
            if jar.contains("://") {
                jars.push(jar.clone());
                continue;
            }
            let found = glob::glob(jar).into_iter().flatten().filter_map(Result::ok);
            let found: Vec<String> = found.filter_map(|path| path.to_str().map(str::to_owned)).collect();
            let is_folder = found.iter().any(|path| PathBuf::from(path).is_dir());
            if found.is_empty() || is_folder {
                self.jars_absent.push(jar.clone());
            }
            jars.extend(Some(found).filter(|_| !is_folder).into_iter().flatten());
        }
        jars
    }
}

fn list(value: Option<&str>) -> Vec<String> {
    let parts = value.unwrap_or_default().split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// As Spark itself redacts them.
fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["secret", "password", "token", "access.key", "accesskey", "credential"].iter().any(|word| name.contains(word))
}

/// A file of properties, as Spark writes its defaults: names and values with spaces or `=` between them.
fn read(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '!']));
    let pairs = lines.filter_map(|line| {
        let (name, value) = line.split_once(|c: char| c.is_whitespace() || c == '=')?;
        let value = value.trim_start();
        Some((name.to_owned(), value.strip_prefix('=').unwrap_or(value).trim().to_owned()))
    });
    pairs.filter(|(name, _)| name.starts_with("spark.")).collect()
}

/// A name or a value as Java's properties have them.
fn escaped(text: &str, is_name: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, letter) in text.chars().enumerate() {
        match letter {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            ' ' if is_name || at == 0 => escaped.push_str("\\ "),
            ':' | '=' | '#' | '!' if is_name => {
                escaped.push('\\');
                escaped.push(letter);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_file_is_read_as_spark_reads_it() {
        let text = "# a comment\nspark.master   yarn\nspark.a=b=c\n\nspark.empty =\nlog4j.x y\nspark.x = 1 2 \n";
        let read = read(text);
        let expected = [("spark.a", "b=c"), ("spark.empty", ""), ("spark.master", "yarn"), ("spark.x", "1 2")];
        assert_eq!(read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn values_come_back_as_they_were() {
        assert_eq!(escaped(" a\\b\nc = d", false), "\\ a\\\\b\\nc = d");
        assert_eq!(escaped("spark.a:b", true), "spark.a\\:b");
    }
}
