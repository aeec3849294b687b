//! Settings by the sizes of the plan.

use serde::{Deserialize, Serialize};

use crate::doctor::Machine;

/// A shuffled partition of this size fills a core for seconds and fits its memory.
const PARTITION: u64 = 128 * 1024 * 1024;
/// Parquet unfolds to about so many times its size.
const UNFOLDED: u64 = 3;
/// More partitions than these cost more to plan than they save.
const MOST_PARTITIONS: u64 = 2000;
/// A dimension up to this size, as stored, is sent to every core rather than shuffled.
const BROADCAST: u64 = 64 * 1024 * 1024;
/// Below this a table's log is read faster by few tasks than by many.
const SMALL: u64 = 1024 * 1024 * 1024;

/// How much a stage reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sizes {
    /// The bytes of all that it reads, as stored.
    pub total: u64,
    /// Those of the node that reads most.
    pub largest: u64,
    /// The bytes of memory that the environment gives the engine.
    pub memory_limit: u64,
}

impl Sizes {
    /// The settings, by name. `master` tells whether Spark works inside its driver.
    pub(super) fn settings(&self, master: &str, machine: &Machine) -> Vec<(String, String)> {
        let cores = local_cores(master).map(|cores| cores.unwrap_or(machine.cores));
        let mut settings = Vec::new();
        let mut set = |name: &str, value: String| settings.push((name.to_owned(), value));
        set("spark.serializer", "org.apache.spark.serializer.KryoSerializer".to_owned());
        set("spark.sql.adaptive.enabled", "true".to_owned());
        set("spark.sql.adaptive.coalescePartitions.enabled", "true".to_owned());
        set("spark.sql.adaptive.skewJoin.enabled", "true".to_owned());
        set("spark.sql.adaptive.advisoryPartitionSizeInBytes", format!("{}b", PARTITION));
        set("spark.sql.autoBroadcastJoinThreshold", format!("{}b", self.broadcast()));
        set("spark.sql.shuffle.partitions", self.partitions(cores).to_string());
        if self.total < SMALL {
            set("spark.databricks.delta.snapshotPartitions", cores.unwrap_or(2).min(8).to_string());
        }
        if cores.is_some() {
            // One process does everything in its driver's memory, and nobody looks at a page of a job of minutes.
            set("spark.driver.memory", format!("{}m", (self.memory_limit / (1024 * 1024)).max(1024)));
            set("spark.ui.enabled", "false".to_owned());
        } else {
            set("spark.dynamicAllocation.enabled", "true".to_owned());
            set("spark.dynamicAllocation.shuffleTracking.enabled", "true".to_owned());
        }
        settings
    }

    /// As many as the largest node fills, and enough for all cores.
    fn partitions(&self, cores: Option<usize>) -> u64 {
        let filled = self.largest.saturating_mul(UNFOLDED).div_ceil(PARTITION);
        let at_least = cores.map_or(8, |cores| cores as u64);
        filled.clamp(at_least, MOST_PARTITIONS.max(at_least))
    }

    /// What is sent to every core stands in memory once more: a sixteenth of it at most, and never less than by default.
    fn broadcast(&self) -> u64 {
        (self.memory_limit / 16 / UNFOLDED).clamp(10 * 1024 * 1024, BROADCAST)
    }
}

/// The cores of a Spark that works inside its driver: `local[4]`; `Some(None)` for all of them, `None` for a cluster.
pub fn local_cores(master: &str) -> Option<Option<usize>> {
    if master == "local" {
        return Some(Some(1));
    }
    let inside = master.strip_prefix("local[")?.strip_suffix(']')?;
    let cores = inside.split(',').next().unwrap_or_default().trim();
    if cores == "*" { Some(None) } else { cores.parse().ok().map(Some) }
}

/// The bytes of an amount of memory as Spark writes it: `8g`, `512m`; a number alone counts mebibytes.
pub fn memory(text: &str) -> Option<u64> {
    let text = text.trim().to_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text.get(..end)?.parse().ok()?;
    let unit: u64 = match text.get(end..)?.trim_end_matches("ib").trim_end_matches('b') {
        "k" => 1 << 10,
        "" | "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_follow_the_size() {
        let of = |largest, cores| Sizes { largest, ..Sizes::default() }.partitions(cores);
        assert_eq!(of(0, Some(2)), 2);
        assert_eq!(of(10_000_000_000, Some(16)), 224);
        assert_eq!(of(10_u64.pow(13), Some(16)), 2000);
        assert_eq!(of(0, None), 8);
    }

    #[test]
    fn masters_and_memory_are_read() {
        let cores = ["local", "local[4]", "local[2,3]", "local[*]", "yarn", "local-cluster[2,1,1024]"].map(local_cores);
        assert_eq!(cores, [Some(Some(1)), Some(Some(4)), Some(Some(2)), Some(None), None, None]);
        let bytes = ["8g", "512m", "2048", "1 gib", "much"].map(memory);
        assert_eq!(bytes, [Some(8 << 30), Some(512 << 20), Some(2 << 30), None, None]);
    }
}
