//! What Headwater knows of dbt, Spark and its own plans, and refuses by name: a line per key or value.
//!
//! Also which texts hold SQL or documentation, whose Jinja is not expanded here. Every line names a type of
//! [`super::file`] by its name in the JSON Schema; a test holds that the type is there and that the key is not.

/// A key that is refused: the type, the keys, what to do instead.
type Keys = (&'static str, &'static [&'static str], &'static str);

const DBT_PROJECT: &str = "this is a key of `dbt_project.yml`, which `headwater.yml` does not have";
const IN_CONFIG: &str = "write it under `config:`";
const NO_HOOKS: &str = "hooks are not supported yet: make what they do a model";

const KEYS: &[Keys] = &[
    (
        "ProjectFile",
        &["models", "sources", "tests", "data_tests", "snapshots", "seeds"],
        "settings by folder are not supported yet: write `config:` in the YAML of each model, or `config(…)` in its SQL",
    ),
    ("ProjectFile", &["on-run-start", "on-run-end"], NO_HOOKS),
    (
        "ProjectFile",
        &["model-paths", "seed-paths", "test-paths", "macro-paths", "snapshot-paths", "analysis-paths", "asset-paths"],
        "the folders are `models/`, `seeds/`, `macros/` and `tests/`, always",
    ),
    ("ProjectFile", &["profile"], "the environments stand in this file, under `environments:`"),
    (
        "ProjectFile",
        &[
            "config-version",
            "require-dbt-version",
            "target-path",
            "log-path",
            "clean-targets",
            "packages-install-path",
            "docs-paths",
            "dispatch",
            "query-comment",
            "quoting",
            "flags",
            "restrict-access",
            "dbt-cloud",
            "require-dbt-compatible-version",
        ],
        DBT_PROJECT,
    ),
    (
        "EnvironmentFile",
        &["type", "host", "account", "warehouse", "database", "user", "password"],
        "an environment is a lake and an engine; another system is one of the `connections:`",
    ),
    ("PropertiesFile", &["snapshots"], "snapshots are not supported yet"),
    ("PropertiesFile", &["unit_tests"], "unit tests are not supported yet"),
    (
        "PropertiesFile",
        &["tests", "data_tests"],
        "settings of singular tests are not supported yet: write `config(…)` in the test's SQL",
    ),
    ("PropertiesFile", &["metrics", "semantic_models", "saved_queries"], "dbt's semantic layer is not supported"),
    ("PropertiesFile", &["functions"], "user-defined functions are not supported yet: write a macro"),
    ("PropertiesFile", &["catalogs"], "the catalog is a setting of the environment in `headwater.yml`"),
    ("SourceFile", &["freshness", "loaded_at_field", "loaded_at_query"], "freshness is not supported yet"),
    ("SourceFile", &["database"], "every table is in the environment's lake: `schema:` says where"),
    ("SourceFile", &["quoting"], "names are always quoted, and upper and lower case are the same"),
    ("SourceFile", &["overrides"], "packages are not supported yet"),
    ("SourceFile", &["ingest", "columns"], "write it under a table of `tables:`"),
    ("SourceFile", &["tests", "data_tests"], "write them under a table of `tables:` or one of its columns"),
    ("SourceConfig", &["freshness", "loaded_at_field", "loaded_at_query"], "freshness is not supported yet"),
    ("SourceConfig", &["event_time"], "microbatches are not supported yet"),
    ("TableFile", &["freshness", "loaded_at_field", "loaded_at_query"], "freshness is not supported yet"),
    ("TableFile", &["quoting"], "names are always quoted, and upper and lower case are the same"),
    ("TableFile", &["external"], "write `ingest:` with the files to load"),
    ("TableFile", &["schema", "database"], "`schema:` of the source says where its tables are"),
    ("IngestFile", &["path", "paths", "location", "url"], "write `files:` with a path or a pattern"),
    ("IngestFile", &["mode", "unique_key", "strategy"], "every file is appended once; merge in a model"),
    ("CsvOptionsFile", &["delimiter", "separator"], "Spark's short name is `sep`"),
    ("CsvOptionsFile", &["null_value", "nullvalue"], "Spark's name is `nullValue`"),
    ("CsvOptionsFile", &["dateFormat", "timestampFormat", "timestampNTZFormat"], "write `format:` on the column"),
    ("CsvOptionsFile", &["inferSchema", "schema", "enforceSchema"], "the types are those of `columns:`, always"),
    ("CsvOptionsFile", &["mode", "columnNameOfCorruptRecord"], "`on_bad_row:` says what happens to a bad row"),
    ("CsvOptionsFile", &["encoding", "charset"], "files are UTF-8"),
    ("CsvOptionsFile", &["multiLine"], "a quoted cell may always hold line breaks"),
    ("CsvOptionsFile", &["pathGlobFilter", "recursiveFileLookup"], "write the pattern in `files:`"),
    (
        "CsvOptionsFile",
        &[
            "escape",
            "comment",
            "ignoreLeadingWhiteSpace",
            "ignoreTrailingWhiteSpace",
            "nanValue",
            "positiveInf",
            "negativeInf",
            "emptyValue",
            "lineSep",
            "maxColumns",
            "maxCharsPerColumn",
            "locale",
            "quoteAll",
            "charToEscapeQuoteEscaping",
            "unescapedQuoteHandling",
            "samplingRatio",
            "preferDate",
        ],
        "this option of Spark's is not supported yet",
    ),
    ("ColumnFile", &["type"], "dbt's name is `data_type`"),
    ("ColumnFile", &["tags"], "tags of columns are not supported yet: tag the model or the table"),
    ("ColumnFile", &["constraints"], "constraints are not supported yet: write `tests:`"),
    ("ColumnFile", &["granularity", "dimension", "entity"], "dbt's semantic layer is not supported"),
    ("ColumnFile", &["policy_tags"], "policy tags are BigQuery's"),
    ("ModelFile", &["versions", "latest_version", "deprecation_date"], "versions of models are not supported yet"),
    ("ModelFile", &["constraints"], "constraints are not supported yet: write `tests:`"),
    ("ModelFile", &["group", "access"], "access by group is not supported yet"),
    ("ModelFile", &["time_spine"], "dbt's semantic layer is not supported"),
    ("ModelFile", &["freshness"], "freshness is not supported yet"),
    ("ModelFile", &["materialized", "schema", "alias", "tags", "enabled", "contract"], IN_CONFIG),
    ("ModelConfig", &["pre_hook", "post_hook", "pre-hook", "post-hook"], NO_HOOKS),
    (
        "ModelConfig",
        &[
            "unique_key",
            "incremental_strategy",
            "incremental_predicates",
            "merge_update_columns",
            "merge_exclude_columns",
            "on_schema_change",
            "full_refresh",
        ],
        "incremental models are not supported yet: use `table` or `view`",
    ),
    (
        "ModelConfig",
        &["event_time", "begin", "batch_size", "lookback", "concurrent_batches"],
        "microbatches are not supported yet: use `table` or `view`",
    ),
    (
        "ModelConfig",
        &[
            "partition_by",
            "partitioned_by",
            "clustered_by",
            "cluster_by",
            "liquid_clustered_by",
            "buckets",
            "sort",
            "location",
            "location_root",
            "tblproperties",
            "file_format",
            "table_format",
            "options",
        ],
        "the layout of tables cannot be set yet",
    ),
    ("ModelConfig", &["database", "catalog_name"], "every table is in the environment's lake: `schema` says where"),
    ("ModelConfig", &["group", "access"], "access by group is not supported yet"),
    ("ModelConfig", &["grants"], "grants are not supported yet"),
    ("ModelConfig", &["persist_docs"], "descriptions are not written to the lake yet"),
    ("ModelConfig", &["sql_header"], "a model is one query, without a header"),
    ("ModelConfig", &["quoting"], "names are always quoted, and upper and lower case are the same"),
    ("ModelConfig", &["freshness"], "freshness is not supported yet"),
    ("ModelConfig", &["contract"], "contracts are not enforced yet: write `tests:`"),
    ("SeedFile", &["schema", "alias", "tags", "enabled", "column_types", "delimiter", "quote_columns"], IN_CONFIG),
    ("SeedConfig", &["pre_hook", "post_hook", "pre-hook", "post-hook"], NO_HOOKS),
    ("SeedConfig", &["database"], "every table is in the environment's lake: `schema` says where"),
    ("SeedConfig", &["grants"], "grants are not supported yet"),
    ("SeedConfig", &["persist_docs"], "descriptions are not written to the lake yet"),
    ("SeedConfig", &["full_refresh"], "a seed is always written as a whole"),
    ("TestMapping", &["test_name", "name"], "write the test's name as the key: `- not_null: {name: …}`"),
    (
        "TestMapping",
        &["severity", "where", "config", "arguments", "values", "quote", "to", "field", "column_name"],
        "indent it below the test's name",
    ),
];

/// The same keys in all of these types: dbt's settings of a test that do nothing here.
const TEST_SETTINGS: &[&str] = &["BareTest", "AcceptedValuesTest", "RelationshipsTest", "TestConfig"];
const TEST_KEYS: &[(&[&str], &str)] = &[
    (&["error_if", "warn_if", "fail_calc"], "thresholds are not supported yet: one failing row fails a test"),
    (&["limit"], "limits are not supported yet: every failing row is counted"),
    (
        &["store_failures", "store_failures_as", "schema", "database", "alias"],
        "failing rows are not stored yet: `headwater query` shows them",
    ),
    (&["tags"], "tags of tests are not supported yet: tag the model or the table"),
    (&["enabled"], IN_CONFIG),
];

/// A value that is refused: the type, the values, what to do instead.
const VALUES: &[Keys] = &[
    (
        "FormatName",
        &["json", "jsonl", "ndjson", "parquet", "avro", "orc", "xml", "text", "excel", "xlsx", "delta"],
        "not supported yet: use `csv`",
    ),
    (
        "SchemaChange",
        &["add_columns", "rescue", "append_new_columns", "sync_all_columns"],
        "not supported yet: use `fail` or `ignore`",
    ),
    ("BadRow", &["quarantine", "skip", "drop", "permissive"], "not supported yet: use `fail`"),
    ("AfterLoad", &["archive", "delete", "move"], "not supported yet: use `keep`"),
    (
        "Materialized",
        &["incremental", "ephemeral", "materialized_view", "snapshot", "streaming_table", "seed", "dynamic_table"],
        "not supported yet: use `table` or `view`",
    ),
    (
        "ConnectionKind",
        &[
            "mysql",
            "mariadb",
            "sqlserver",
            "oracle",
            "bigquery",
            "redshift",
            "databricks",
            "mongodb",
            "kafka",
            "s3",
            "sqlite",
        ],
        "not supported: `postgres`, `snowflake` or `http`",
    ),
    ("CatalogName", &["hive", "unity", "iceberg", "rest"], "not supported: use `local`"),
    ("EngineName", &["duckdb", "datafusion", "polars", "trino", "athena"], "not supported: use `embedded`"),
];

/// Properties whose texts are SQL, arguments of tests, documentation or patterns of their own: Jinja stays in them.
const UNEXPANDED: &[(&str, &str)] = &[
    ("ProjectFile", "connections"),
    ("PropertiesFile", "macros"),
    ("PropertiesFile", "exposures"),
    ("PropertiesFile", "analyses"),
    ("PropertiesFile", "groups"),
    ("SourceFile", "description"),
    ("SourceFile", "meta"),
    ("SourceConfig", "meta"),
    ("TableFile", "description"),
    ("TableFile", "meta"),
    ("TableFile", "generate"),
    ("ColumnFile", "description"),
    ("ColumnFile", "meta"),
    ("ColumnFile", "generate"),
    ("ModelFile", "description"),
    ("ModelFile", "docs"),
    ("ModelFile", "meta"),
    ("ModelConfig", "docs"),
    ("ModelConfig", "meta"),
    ("SeedFile", "description"),
    ("SeedFile", "docs"),
    ("SeedFile", "meta"),
    ("SeedConfig", "docs"),
    ("SeedConfig", "meta"),
    ("BareTest", "where"),
    ("BareTest", "column_name"),
    ("BareTest", "description"),
    ("BareTest", "meta"),
    ("AcceptedValuesTest", "values"),
    ("AcceptedValuesTest", "where"),
    ("AcceptedValuesTest", "column_name"),
    ("AcceptedValuesTest", "description"),
    ("AcceptedValuesTest", "meta"),
    ("AcceptedValuesArguments", "values"),
    ("RelationshipsTest", "to"),
    ("RelationshipsTest", "field"),
    ("RelationshipsTest", "where"),
    ("RelationshipsTest", "column_name"),
    ("RelationshipsTest", "description"),
    ("RelationshipsTest", "meta"),
    ("RelationshipsArguments", "to"),
    ("RelationshipsArguments", "field"),
    ("TestConfig", "where"),
    ("TestConfig", "meta"),
];

/// Properties whose lines are never shown: they may hold passwords.
const SECRET: &[(&str, &str)] = &[("ProjectFile", "connections")];

/// What to do instead of a key that is refused.
pub(crate) fn key(definition: &str, key: &str) -> Option<&'static str> {
    let own = KEYS.iter().find(|(owner, keys, _)| *owner == definition && keys.contains(&key));
    if let Some((_, _, help)) = own {
        return Some(help);
    }
    let of_tests = TEST_KEYS.iter().filter(|_| TEST_SETTINGS.contains(&definition));
    of_tests.into_iter().find(|(keys, _)| keys.contains(&key)).map(|(_, help)| *help)
}

/// What to do instead of a value that is refused.
pub(crate) fn value(definition: &str, value: &str) -> Option<&'static str> {
    VALUES.iter().find(|(owner, values, _)| *owner == definition && values.contains(&value)).map(|(_, _, help)| *help)
}

/// What to do instead of any other name: there are more names than we can know.
pub(crate) fn open(definition: &str) -> Option<&'static str> {
    ["TestName", "TestMapping"].contains(&definition).then_some(
        "the tests are `not_null`, `unique`, `accepted_values` and `relationships`; generic tests of your own or of \
         packages are not supported yet: write the query to `tests/` as a singular test",
    )
}

/// Whether Jinja stays in the texts of a property.
pub(crate) fn is_unexpanded(definition: &str, property: &str) -> bool {
    UNEXPANDED.contains(&(definition, property))
}

/// Whether the lines of a property are never shown.
pub(crate) fn is_secret(definition: &str, property: &str) -> bool {
    SECRET.contains(&(definition, property))
}

#[cfg(test)]
mod tests;
