//! Sorting the files that are there by what the ledger knows of them. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Batch, Forgotten, LedgerFile};
use crate::LakeError;

/// Files and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileCount {
    /// How many.
    pub files: u64,
    /// Their bytes, as stored.
    pub bytes: u64,
}

impl FileCount {
    /// Counts files.
    pub fn of<'a>(files: impl IntoIterator<Item = &'a LedgerFile>) -> Self {
        files
            .into_iter()
            .fold(Self::default(), |count, file| Self { files: count.files + 1, bytes: count.bytes + file.size })
    }
}

/// The files that are there, by what must happen to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrivals {
    /// The numbers of batches that were written and not loaded: to be loaded exactly as written, in this order, before
    /// anything new.
    pub pending: Vec<i64>,
    /// Files of pending batches at whose path there is nothing now.
    pub vanished: Vec<LedgerFile>,
    /// Files of pending batches, as they are now, that are not what was planned: their batch must be withdrawn.
    pub replaced: Vec<LedgerFile>,
    /// Files in no batch, in the order in which they were listed.
    pub new: Vec<LedgerFile>,
    /// Files at a path from which the table holds rows, with another size or tag than what was loaded from it.
    pub changed: Vec<LedgerFile>,
    /// The files that the table holds.
    pub loaded: FileCount,
}

/// The batches that the table holds: the one that its transaction names, the one that that one follows, and so on. A
/// commit is only made when the table stands at exactly the batch that the new one follows, so that nothing else can
/// be in the table: neither what was withdrawn, nor what was overtaken, and whoever says otherwise.
pub(super) fn committed(batches: &[Batch], through: i64) -> Result<BTreeSet<i64>, i64> {
    let mut committed = BTreeSet::new();
    let mut number = through;
    while number > 0 {
        let batch = find(batches, number).ok_or(number)?;
        // A batch follows a lower one; anything else would go round in circles.
        if !committed.insert(number) || batch.follows >= number {
            return Err(number);
        }
        number = batch.follows;
    }
    Ok(committed)
}

/// The batches that wait to be loaded, in order: each follows the one before it, the first what the table holds.
/// A batch that follows anything else can never be loaded, so that its files are free.
pub(super) fn pending(batches: &[Batch], withdrawn: &BTreeSet<i64>, through: i64) -> Vec<i64> {
    let mut pending = Vec::new();
    let mut last = through;
    for batch in batches.iter().filter(|batch| batch.number > through && !withdrawn.contains(&batch.number)) {
        if batch.follows == last {
            pending.push(batch.number);
            last = batch.number;
        }
    }
    pending
}

pub(super) fn find(batches: &[Batch], number: i64) -> Option<&Batch> {
    batches.binary_search_by_key(&number, |batch| batch.number).ok().and_then(|at| batches.get(at))
}

/// Everything that sorting needs.
pub(super) struct Known<'a> {
    pub(super) batches: &'a [Batch],
    pub(super) committed: &'a BTreeSet<i64>,
    pub(super) pending: Vec<i64>,
    pub(super) forgotten: &'a [Forgotten],
}

impl<'a> Known<'a> {
    /// The files that the table holds and that nobody asked to forget, with the batch that they were loaded in.
    pub(super) fn loaded(&self) -> Vec<(&'a LedgerFile, i64)> {
        let mut forgotten: HashMap<&LedgerFile, i64> = HashMap::new();
        for act in self.forgotten {
            for file in &act.files {
                let through = forgotten.entry(file).or_default();
                *through = act.through.max(*through);
            }
        }
        let committed = self.batches.iter().filter(|batch| self.committed.contains(&batch.number));
        let files = committed.flat_map(|batch| batch.files().iter().map(|file| (file, batch.number)));
        files.filter(|(file, batch)| forgotten.get(file).is_none_or(|through| batch > through)).collect()
    }

    pub(super) fn sort_out(&self, listed: &[LedgerFile]) -> Arrivals {
        let loaded = self.loaded();
        let mut known: HashMap<&str, Vec<&LedgerFile>> = HashMap::new();
        for (file, _) in &loaded {
            known.entry(&file.path).or_default().push(file);
        }
        let waiting: HashMap<&str, &LedgerFile> = self
            .pending
            .iter()
            .filter_map(|number| find(self.batches, *number))
            .flat_map(|batch| batch.files().iter().map(|file| (file.path.as_str(), file)))
            .collect();
        let mut arrivals =
            Arrivals { loaded: FileCount::of(loaded.iter().map(|(file, _)| *file)), ..Arrivals::default() };
        let mut seen = HashSet::new();
        for file in listed.iter().filter(|file| seen.insert(file.path.as_str())) {
            match (waiting.get(file.path.as_str()), known.get(file.path.as_str())) {
                (Some(planned), _) if *planned == file => {}
                (Some(_), _) => arrivals.replaced.push(file.clone()),
                (None, Some(versions)) if versions.contains(&file) => {}
                (None, Some(_)) => arrivals.changed.push(file.clone()),
                (None, None) => arrivals.new.push(file.clone()),
            }
        }
        let planned = self.pending.iter().filter_map(|number| find(self.batches, *number)).flat_map(Batch::files);
        arrivals.vanished = planned.filter(|file| !seen.contains(file.path.as_str())).cloned().collect();
        arrivals.pending.clone_from(&self.pending);
        arrivals
    }
}

/// Refuses numbers with a gap: a batch that went missing is a file of the ledger that somebody removed.
pub(super) fn check_numbers(numbers: &[i64], file: impl Fn(i64) -> String) -> Result<(), LakeError> {
    for (expected, number) in (1..).zip(numbers) {
        if *number != expected {
            let why = format!("batch {expected} before it is missing");
            return Err(LakeError::DamagedLedger { file: file(*number), why });
        }
    }
    Ok(())
}
