//! Machines made of empty JARs and shell scripts: every mistake that a machine can have, and what is told of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use headwater_plan::{Location, Spark, SparkOn};
use indexmap::IndexMap;
use tempfile::TempDir;

use super::{Check, Machine, Outcome, examine};

/// A machine with a Spark.
struct Fake {
    folder: TempDir,
    variables: BTreeMap<String, String>,
    spark: Spark,
    cores: usize,
}

impl Fake {
    /// A machine on which all is well.
    fn sound() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spark = Spark {
            location: Location::line("headwater.yml", 4),
            places: BTreeMap::new(),
            on: SparkOn::SparkSubmit,
            home: Some(folder.path().join("spark")),
            python: None,
            master: None,
            jars: Vec::new(),
            packages: Vec::new(),
            settings: IndexMap::new(),
            timeout_ms: None,
        };
        let variables = BTreeMap::from([("PATH".to_owned(), folder.path().join("bin").display().to_string())]);
        let fake = Self { folder, variables, spark, cores: 4 };
        fake.program("java", "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2");
        fake.program("python3", "echo 3.11.7");
        fake.write("spark/bin/spark-submit", "");
        fake.jar("spark-core_2.13-4.2.1.jar");
        fake.jar("hadoop-client-api-3.5.0.jar");
        fake.jar("delta-spark_4.2_2.13-4.4.0.jar");
        fake.jar("delta-storage-4.4.0.jar");
        fake
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn program(&self, name: &str, script: &str) {
        self.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(self.path(&format!("bin/{name}")), mode).unwrap();
    }

    fn jar(&self, name: &str) {
        self.write(&format!("spark/jars/{name}"), "");
    }

    fn without(self, names: &[&str]) -> Self {
        for name in names {
            fs::remove_file(self.path(&format!("spark/jars/{name}"))).unwrap();
        }
        self
    }

    fn checks(&self, lake: &str) -> Vec<Check> {
        let variables = self.variables.clone();
        let machine = Machine {
            variables: Arc::new(move |name| variables.get(name).cloned()),
            cores: self.cores,
            memory: Some(8 << 30),
        };
        examine(&self.spark, &machine, lake).checks
    }

    /// What is wrong, as it is told.
    fn problems(&self, lake: &str) -> String {
        let mut told = String::new();
        for check in self.checks(lake) {
            let (word, wrong) = match check.outcome {
                Outcome::Sound(_) => continue,
                Outcome::Warning(wrong) => ("warning", wrong),
                Outcome::Problem(wrong) => ("problem", wrong),
            };
            let location = wrong.location.unwrap();
            told += &format!("{word} {}: {} {}\n  {}\n", check.name, wrong.code, location, wrong.message);
            told += &format!("  help: {}\n", wrong.help.unwrap());
        }
        told.replace(&self.folder.path().display().to_string(), "[dir]")
    }
}

const DELTA: [&str; 2] = ["delta-spark_4.2_2.13-4.4.0.jar", "delta-storage-4.4.0.jar"];

#[test]
fn a_sound_machine_has_no_problem() {
    let fake = Fake::sound();
    assert_eq!(fake.problems("/lake"), "");
    let names: Vec<&str> = fake.checks("/lake").iter().map(|check| check.name).collect();
    assert_eq!(names, ["spark", "java", "python", "delta lake", "delta settings", "cores", "storage"]);
}

#[test]
fn what_is_absent_is_told_with_its_cure() {
    let mut told = Vec::new();

    let mut nowhere = Fake::sound();
    nowhere.spark.home = None;
    told.push(nowhere.problems("/lake"));

    let mut empty = Fake::sound();
    empty.spark.home = Some(empty.path("bin"));
    told.push(empty.problems("/lake"));

    let mut no_python = Fake::sound();
    no_python.spark.python = Some("python9".into());
    told.push(no_python.problems("/lake"));

    let mut no_pyspark = Fake::sound();
    no_pyspark.spark.home = None;
    no_pyspark.spark.python = Some("python-bare".into());
    no_pyspark.program("python-bare", "echo none");
    told.push(no_pyspark.problems("/lake"));

    let mut folder = Fake::sound();
    folder.spark.home = None;
    folder.spark.python = Some(folder.path("bin"));
    told.push(folder.problems("/lake"));

    let mut jars = Fake::sound().without(&DELTA);
    jars.spark.jars = vec![jars.path("spark/jars").display().to_string()];
    told.push(jars.problems("/lake"));

    let mut elsewhere = Fake::sound();
    elsewhere.variables.insert("JAVA_HOME".to_owned(), "/nonsense".to_owned());
    told.push(elsewhere.problems("/lake"));

    let no_java = Fake::sound();
    fs::remove_file(no_java.path("bin/java")).unwrap();
    told.push(no_java.problems("/lake"));

    told.push(Fake::sound().without(&DELTA).problems("/lake"));
    told.push(Fake::sound().without(&DELTA[1..]).problems("/lake"));
    told.push(Fake::sound().problems("s3://bucket/lake"));

    let mut no_jar = Fake::sound();
    no_jar.spark.jars = vec![no_jar.path("jars/*.jar").display().to_string()];
    told.push(no_jar.problems("/lake"));
    insta::assert_snapshot!("absent", told.join("\n"));
}

#[test]
fn versions_that_do_not_go_together_are_told_with_their_cure() {
    let mut told = Vec::new();
    let other = |spark: &str| {
        let fake = Fake::sound().without(&["spark-core_2.13-4.2.1.jar"]);
        fake.jar(spark);
        fake.problems("/lake")
    };
    told.extend(["spark-core_2.12-3.3.1.jar", "spark-core_2.13-4.3.0.jar", "spark-core_2.12-3.5.9.jar"].map(other));

    let java_11 = Fake::sound();
    java_11.program("java", "echo 'openjdk version \"11.0.2\"' >&2");
    told.push(java_11.problems("/lake"));

    let old_python = Fake::sound();
    old_python.program("python3", "echo 3.9.2");
    told.push(old_python.problems("/lake"));

    let mut workers = Fake::sound();
    workers.program("python-old", "echo 3.10.1");
    workers.spark.settings.insert("spark.pyspark.python".into(), "python-old".into());
    told.push(workers.problems("/lake"));

    let mut other_delta = Fake::sound().without(&DELTA);
    other_delta.spark.packages = vec!["io.delta:delta-spark_2.12:3.3.2".into()];
    told.push(other_delta.problems("/lake"));

    let mut twice = Fake::sound();
    twice.spark.packages = vec!["io.delta:delta-spark_4.2_2.13:4.3.0".into()];
    told.push(twice.problems("/lake"));

    let mut hadoop = Fake::sound();
    hadoop.spark.packages = vec!["org.apache.hadoop:hadoop-aws:3.3.4".into()];
    told.push(hadoop.problems("s3://bucket/lake"));
    insta::assert_snapshot!("versions", told.join("\n"));
}

#[test]
fn settings_with_which_nothing_can_work_are_told_with_their_cure() {
    let mut told = Vec::new();
    let with = |name: &str, value: &str| {
        let mut fake = Fake::sound();
        fake.spark.settings.insert(name.into(), value.into());
        fake.write("spark/conf/spark-defaults.conf", "spark.eventLog.dir file:///var/log/spark\n");
        fake.problems("/lake")
    };
    told.push(with("spark.sql.extensions", "org.example.Extension"));
    told.push(with("spark.sql.catalog.spark_catalog", "org.apache.iceberg.spark.SparkSessionCatalog"));
    told.push(with("spark.eventLog.enabled", "true"));
    told.push(with("spark.driver.memory", "9g"));

    let folder = Fake::sound();
    folder.write("spark/conf/spark-defaults.conf", "spark.eventLog.enabled true\nspark.eventLog.dir /nowhere/at/all\n");
    told.push(folder.problems("/lake"));

    let mut cores = Fake::sound();
    cores.spark.master = Some("local[16]".into());
    told.push(cores.problems("/lake"));

    let mut unreadable = Fake::sound();
    for (name, value) in
        [("spark.executor.memory", "1q"), ("spark.driver.memory", "100m"), ("spark.sql.shuffle.partitions", "lots")]
    {
        unreadable.spark.settings.insert(name.to_owned(), value.to_owned());
        unreadable.spark.places.insert(name.to_owned(), Location::line("headwater.yml", 9));
    }
    unreadable.spark.master = Some("5".into());
    told.push(unreadable.problems("file:///lake"));

    let mut yarn = Fake::sound();
    yarn.spark.master = Some("yarn".into());
    told.push(yarn.problems("/lake"));

    let mut writers = Fake::sound();
    writers.spark.packages = vec!["org.apache.hadoop:hadoop-aws:3.5.0".into()];
    told.push(writers.problems("s3://bucket/lake"));
    insta::assert_snapshot!("settings", told.join("\n"));
}

#[test]
fn the_machine_s_extensions_are_kept() {
    let fake = Fake::sound();
    fake.write("spark/conf/spark-defaults.conf", "spark.sql.extensions org.example.Extension\nspark.master yarn\n");
    fake.write("spark/conf/spark-env.sh", "export HADOOP_CONF_DIR=/etc/hadoop\n");
    assert_eq!(fake.problems("/lake"), "");
    let cores = fake.checks("/lake").into_iter().find(|check| check.name == "cores").unwrap();
    assert_eq!(cores.outcome, Outcome::Sound("those of `yarn`".to_owned()));
}
