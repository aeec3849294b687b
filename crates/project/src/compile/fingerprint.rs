//! Fingerprints: a hash of all that, when changed, makes a node's result another.

use headwater_plan::{Contract, FileFormat, Step, TableName};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The form of what is hashed; a new one builds everything anew.
const FORMAT: u32 = 1;

/// What is hashed. Where something is written, and in which words a file pattern, does not belong in it.
#[derive(Serialize)]
struct Hashed<'a> {
    format: u32,
    relation: Option<&'a TableName>,
    kind: &'static str,
    sql: Option<&'a str>,
    columns: Vec<(&'a str, String, &'a [String])>,
    files: Option<&'a FileFormat>,
    /// The file of a seed.
    content: Option<&'a str>,
    /// The fingerprints of the views that are read: a view has no version of its own in the lake that tells.
    views: &'a [&'a str],
}

/// The fingerprint of a node.
pub(super) fn fingerprint(
    step: &Step,
    relation: Option<&TableName>,
    content: Option<&str>,
    views: &[&str],
) -> Result<String, serde_json::Error> {
    let (sql, contract, files) = match step {
        Step::Ingest(ingest) => (None, Some(&ingest.contract), Some(&ingest.format)),
        Step::Seed(seed) => (None, Some(&seed.contract), None),
        Step::Table(query) | Step::View(query) => (Some(query.sql.as_str()), None, None),
        Step::Test(test) => (Some(test.query.sql.as_str()), None, None),
        Step::External => (None, None, None),
    };
    let columns = contract.map_or_else(Vec::new, columns);
    let hashed = Hashed { format: FORMAT, relation, kind: step.word(), sql, columns, files, content, views };
    Ok(hex(&Sha256::digest(serde_json::to_vec(&hashed)?)))
}

fn columns(contract: &Contract) -> Vec<(&str, String, &[String])> {
    let columns = contract.columns.iter();
    columns.map(|column| (column.name.as_str(), column.data_type.to_string(), column.format.as_slice())).collect()
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
