//! Settings that Spark refuses in its first second: their forms, and what a master needs.

use headwater_plan::{Code, Diagnostic};

use super::Check;
use super::submit::Looking;
use crate::launch::memory;

/// Settings that are amounts of memory.
const AMOUNTS: &[&str] = &["spark.driver.memory", "spark.executor.memory", "spark.driver.maxResultSize"];
/// Settings that are whole numbers above zero.
const COUNTS: &[&str] = &[
    "spark.executor.instances",
    "spark.executor.cores",
    "spark.driver.cores",
    "spark.sql.shuffle.partitions",
    "spark.default.parallelism",
];
/// What a driver needs before it does anything: 1.5 times the 300 MiB that Spark keeps for itself.
const LEAST: u64 = 450 * 1024 * 1024;

pub(super) fn checks(looking: &Looking<'_>) -> Vec<Check> {
    let amounts = AMOUNTS.iter().filter_map(|name| Some((*name, looking.properties.get(name)?)));
    let counts = COUNTS.iter().filter_map(|name| Some((*name, looking.properties.get(name)?)));
    let mut wrong: Vec<Check> = amounts
        .filter_map(|(name, value)| Some((name, amount(name, value)?)))
        .chain(counts.filter_map(|(name, value)| Some((name, count(name, value)?))))
        .map(|(name, told)| Check::of("settings", told.at(looking.spark.place(&[name]))))
        .collect();
    wrong.extend(master(looking));
    wrong
}

fn refused(message: String, help: &str) -> Diagnostic {
    Diagnostic::error(Code::EngineSetting, message).help(help)
}

fn amount(name: &str, value: &str) -> Option<Diagnostic> {
    let help = "write a number with a unit: `4g`, `512m`";
    match memory(value) {
        None => Some(refused(format!("`{name}` is no amount of memory: `{value}`"), help)),
        Some(0) if name == "spark.driver.maxResultSize" => None,
        Some(bytes) if bytes < LEAST && name != "spark.driver.maxResultSize" => Some(refused(
            format!("`{name}` is too little for Spark to start: `{value}`, expected 450 MiB or more"),
            help,
        )),
        Some(_) => None,
    }
}

fn count(name: &str, value: &str) -> Option<Diagnostic> {
    let is_count = value.trim().parse::<u32>().is_ok_and(|number| number > 0);
    (!is_count).then(|| {
        refused(format!("`{name}` must be a whole number above 0, not `{value}`"), "change it, or leave it out")
    })
}

/// The forms of <https://spark.apache.org/docs/latest/submitting-applications.html#master-urls>.
fn master(looking: &Looking<'_>) -> Option<Check> {
    let master = looking.properties.master();
    let is_known = ["local", "yarn"].contains(&master.as_str())
        || ["local[", "local-cluster[", "spark://", "k8s://"].iter().any(|form| master.starts_with(form));
    if !is_known {
        let message = format!("`{master}` is no master that Spark knows");
        return Some(Check::of(
            "master",
            refused(message, "`local[4]`, `yarn`, `spark://host:7077`, `k8s://https://host:443`"),
        ));
    }
    let is_set = ["HADOOP_CONF_DIR", "YARN_CONF_DIR"].iter().any(|name| looking.machine.variable(name).is_some());
    // It may set them when Spark starts.
    let script = looking.installation.defaults(looking.machine).with_file_name("spark-env.sh");
    if master == "yarn" && !is_set && !script.is_file() {
        let message = "`master: yarn` needs `HADOOP_CONF_DIR` or `YARN_CONF_DIR`, and neither is set".to_owned();
        return Some(Check::of(
            "master",
            refused(message, "let one of them name the folder of the cluster's `yarn-site.xml`"),
        ));
    }
    None
}
