//! A CSV file of the project to a table: the whole file, in place of what was there.
//!
//! Risk: none that a second run does not mend. The table is replaced in one commit, from a file of the project.

use headwater_connect::files::{self, LoadOptions};
use headwater_lake::{WriteMode, WriteOptions};
use headwater_plan::{
    Built, Compression, FileFormat, FileSet, Node, OnSchemaChange, Progress, RowCounts, Seed, StepContext, StepReport,
    TableName,
};

use crate::EmbeddedEngine;
use crate::constraints;
use crate::error::EmbeddedError;
use crate::intake::open;
use crate::load::{BadRows, Work, load};

pub(crate) async fn execute(
    engine: &EmbeddedEngine,
    node: &Node,
    seed: &Seed,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    let target = node.relation.clone().unwrap_or_else(|| TableName::new("seeds", &node.name));
    let path = seed.file.display().to_string();
    let set = FileSet { pattern: literal(&path), written: path, location: node.location.clone() };
    let found = files::list(&set, &engine.stores).await?;
    if found.is_empty() {
        return Err(EmbeddedError::NoFiles { set: Box::new(set), target });
    }
    let bytes = found.iter().map(|file| file.size).sum();
    let options = LoadOptions {
        format: FileFormat::Csv(seed.csv.clone()),
        compression: Compression::Auto,
        contract: seed.contract.clone(),
        on_schema_change: OnSchemaChange::Fail,
        ingested_at: context.clock.now(),
        run_id: context.run_id.0.clone(),
        stamp: false,
        rescue: false,
        root: None,
        check: constraints::check(&seed.contract, context.clock.now())?,
    };
    let source = open(engine, found, options).await?;
    let built = Some(Built { fingerprint: node.fingerprint.clone(), inputs: Default::default() });
    let options = WriteOptions::new(target.clone(), seed.contract.schema(), WriteMode::Replace, "SEED", context);
    let writer = engine.lake.begin_write(WriteOptions { built, ..options }).await?;
    let before = Progress { total_bytes: bytes, ..Progress::default() };
    let work = Work { target: &target, spare_threads: &engine.spare_threads, context, before };
    let loaded = load(source, bytes, &writer, BadRows::Refuse, work).await?;
    let committed = writer.commit(loaded.parts).await?;
    Ok(StepReport {
        rows: RowCounts { read: loaded.records, written: committed.rows, quarantined: 0 },
        files: 1,
        bytes,
        version: Some(committed.version),
        ..StepReport::default()
    })
}

/// A pattern that matches one path and nothing else.
fn literal(path: &str) -> String {
    path.chars().fold(String::new(), |mut pattern, letter| {
        match letter {
            '*' | '?' | '[' => pattern.extend(['[', letter, ']']),
            _ => pattern.push(letter),
        }
        pattern
    })
}
