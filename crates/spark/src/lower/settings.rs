//! The settings of a session without which SQL would mean something else than in the embedded engine, or tables would be
//! written otherwise.

use std::collections::BTreeMap;

const SESSION: &[(&str, &str)] = &[
    // What SQL means.
    ("spark.sql.ansi.enabled", "true"),
    ("spark.sql.ansi.doubleQuotedIdentifiers", "false"),
    ("spark.sql.storeAssignmentPolicy", "ANSI"),
    ("spark.sql.session.timeZone", "UTC"),
    ("spark.sql.timestampType", "TIMESTAMP_LTZ"),
    ("spark.sql.caseSensitive", "false"),
    ("spark.sql.legacy.timeParserPolicy", "CORRECTED"),
    ("spark.sql.mapKeyDedupPolicy", "EXCEPTION"),
    // A `${…}` in a model is nobody's variable.
    ("spark.sql.variable.substitute", "false"),
    ("spark.sql.decimalOperations.allowPrecisionLoss", "true"),
    ("spark.sql.parser.escapedStringLiterals", "false"),
    ("spark.sql.parser.quotedRegexColumnNames", "false"),
    // Of two CTEs of one name the inner is meant; Spark 3 refuses to choose.
    ("spark.sql.legacy.ctePrecedencePolicy", "CORRECTED"),
    // Days before 1582 are those that stand in the files.
    ("spark.sql.parquet.datetimeRebaseModeInRead", "CORRECTED"),
    ("spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED"),
    ("spark.sql.parquet.int96RebaseModeInRead", "CORRECTED"),
    ("spark.sql.parquet.int96RebaseModeInWrite", "CORRECTED"),
    // What a statement that writes may do beside what it says.
    ("spark.sql.sources.partitionOverwriteMode", "static"),
    ("spark.databricks.delta.schema.autoMerge.enabled", "false"),
    // Delta, and a catalog of the job's own: the lake is the only truth.
    ("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension"),
    ("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"),
    ("spark.sql.catalogImplementation", "in-memory"),
    ("spark.sql.defaultCatalog", "spark_catalog"),
    // How tables are written: every reader of Delta knows reader version 1, and 96-bit times are nobody's any more.
    ("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS"),
    ("spark.databricks.delta.properties.defaults.minReaderVersion", "1"),
    ("spark.databricks.delta.properties.defaults.minWriterVersion", "2"),
    ("spark.databricks.delta.properties.defaults.enableDeletionVectors", "false"),
    // Its standard error is a log that people read.
    ("spark.ui.showConsoleProgress", "false"),
    // Delta's log says how a table was built, also where a commit adds no rows: an increment of none was made from newer
    // inputs, and a node is done with its statements.
    ("spark.databricks.delta.commitInfo.enabled", "true"),
    ("spark.databricks.delta.skipRecordingEmptyCommits", "false"),
];

/// The settings, by name.
pub(super) fn session() -> BTreeMap<String, String> {
    SESSION.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
