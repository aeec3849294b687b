//! The tables of the run store. The format is SQLite's `user_version`; a step leads from each to the next.

use rusqlite::Connection;

/// The newest format, which this code writes.
pub(super) const FORMAT: i64 = 1;

/// The steps: the first makes format 1 out of an empty database. Never edited, only added to.
const STEPS: &[&str] = &["
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY,
        started_at TEXT NOT NULL,
        status TEXT NOT NULL,
        -- the RunReport without its nodes, as JSON
        report TEXT NOT NULL
    ) STRICT;
    CREATE INDEX runs_by_start ON runs (started_at);
    CREATE TABLE nodes (
        run_id TEXT NOT NULL REFERENCES runs (run_id),
        position INTEGER NOT NULL,
        status TEXT NOT NULL,
        -- the NodeReport, as JSON
        report TEXT NOT NULL,
        PRIMARY KEY (run_id, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE test_passes (
        environment TEXT NOT NULL,
        node TEXT NOT NULL,
        -- the Built that the test passed on, as JSON
        built TEXT NOT NULL,
        PRIMARY KEY (environment, node)
    ) STRICT, WITHOUT ROWID;
"];

/// The format of an open database.
pub(super) fn format(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Leads a database to the newest format; two processes at once do it once.
pub(super) fn upgrade(connection: &mut Connection) -> rusqlite::Result<()> {
    if format(connection)? == FORMAT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let done = usize::try_from(format(&transaction)?).unwrap_or(0);
    for step in STEPS.iter().skip(done) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}
