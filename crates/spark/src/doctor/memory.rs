//! More than the machine has: cores and memory of a Spark that works inside one process.

use headwater_plan::{Code, Diagnostic};

use super::Check;
use super::submit::Looking;
use crate::launch::{local_cores, memory};

/// Memory that the system and the program itself need beside Spark.
const REST: u64 = 512 * 1024 * 1024;

pub(super) fn checks(looking: &Looking<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    let master = looking.properties.master();
    let Some(asked) = local_cores(&master) else {
        // What a cluster has to give is the cluster's to say.
        checks.push(Check::sound("cores", format!("those of `{master}`")));
        return checks;
    };
    let cores = looking.machine.cores;
    let asked = asked.unwrap_or(cores);
    checks.push(if asked > cores {
        let message = format!("`{master}` asks for {asked} cores, and this machine has {cores}");
        let told = Diagnostic::error(Code::EngineSetting, message);
        Check::of("cores", told.help(format!("write `master: \"local[{cores}]\"`, or leave it out")))
    } else {
        Check::sound("cores", format!("{asked} of {cores}"))
    });
    let asked = looking.properties.get("spark.driver.memory").and_then(memory);
    if let (Some(asked), Some(there)) = (asked, looking.machine.memory) {
        let megabytes = |bytes: u64| bytes / (1024 * 1024);
        checks.push(if asked + REST > there {
            let message = format!(
                "`spark.driver.memory` asks for {} MiB, and this machine has {} MiB",
                megabytes(asked),
                megabytes(there)
            );
            let told = Diagnostic::error(Code::EngineSetting, message);
            Check::of("memory", told.help("a `local` Spark works in its driver's memory alone: ask for less of it"))
        } else {
            Check::sound("memory", format!("{} of {} MiB", megabytes(asked), megabytes(there)))
        });
    }
    checks
}
