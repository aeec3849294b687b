//! Sorting the files that are there by what the ledger knows of them. Pure.

use std::collections::{HashMap, HashSet};

use super::{Batch, LedgerFile};

/// The files that are there, by what must happen to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrivals {
    /// Batches that were written and not loaded: to be loaded exactly as written, in this order, before anything new.
    pub pending: Vec<Batch>,
    /// Files of pending batches that are not there any more as they were written; loading their batch must fail.
    pub missing: Vec<LedgerFile>,
    /// Files in no batch, in the order in which they were listed.
    pub new: Vec<LedgerFile>,
    /// Files at a path that a batch holds, with another size or tag than any batch holds for it.
    pub changed: Vec<LedgerFile>,
    /// How many files the table holds.
    pub loaded: usize,
}

pub(super) fn sort_out(batches: &[Batch], listed: &[LedgerFile], loaded_through: i64) -> Arrivals {
    let mut known: HashMap<&str, HashSet<&LedgerFile>> = HashMap::new();
    for file in batches.iter().flat_map(|batch| &batch.files) {
        known.entry(&file.path).or_default().insert(file);
    }
    let mut arrivals = Arrivals::default();
    let mut seen = HashSet::new();
    for file in listed.iter().filter(|file| seen.insert(*file)) {
        match known.get(file.path.as_str()) {
            None => arrivals.new.push(file.clone()),
            Some(versions) if !versions.contains(file) => arrivals.changed.push(file.clone()),
            Some(_) => {}
        }
    }
    for batch in batches {
        if batch.number <= loaded_through {
            arrivals.loaded += batch.files.len();
        } else {
            arrivals.missing.extend(batch.files.iter().filter(|file| !seen.contains(file)).cloned());
            arrivals.pending.push(batch.clone());
        }
    }
    arrivals
}
