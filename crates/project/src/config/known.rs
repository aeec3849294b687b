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
    ("IngestFile", &["constraints", "columns", "tests", "data_tests"], "write it beside `ingest:`, not below it"),
    ("IngestFile", &["schema_change", "schema_evolution"], "write `on_schema_change:`"),
    ("IngestFile", &["partitioned_by", "partitions"], "write `partition_by:`"),
    ("IngestFile", &["clustered_by", "liquid_clustered_by", "sort_by", "zorder_by"], "write `cluster_by:`"),
    ("OptionsFile", &["delimiter", "separator"], "Spark's short name is `sep`"),
    ("OptionsFile", &["charset"], "Spark's other name for it is `encoding`"),
    ("OptionsFile", &["null_value", "nullvalue", "null_values"], "Spark's name is `nullValue`"),
    ("OptionsFile", &["multiline", "multi_line"], "Spark's name is `multiLine`"),
    ("OptionsFile", &["linesep", "line_sep", "lineTerminator"], "Spark's name is `lineSep`"),
    ("OptionsFile", &["dateFormat", "timestampFormat", "timestampNTZFormat"], "write `format:` on the column"),
    ("OptionsFile", &["inferSchema", "schema", "enforceSchema"], "the types are those of `columns:`, always"),
    ("OptionsFile", &["mode", "columnNameOfCorruptRecord"], "`on_bad_row:` says what happens to a bad row"),
    ("OptionsFile", &["compression"], "write `compression:` beside `options:`, not below it"),
    ("OptionsFile", &["pathGlobFilter", "recursiveFileLookup"], "write the pattern in `files:`"),
    (
        "OptionsFile",
        &[
            "nanValue",
            "positiveInf",
            "negativeInf",
            "maxColumns",
            "maxCharsPerColumn",
            "locale",
            "quoteAll",
            "charToEscapeQuoteEscaping",
            "unescapedQuoteHandling",
            "samplingRatio",
            "preferDate",
            "allowComments",
            "allowUnquotedFieldNames",
            "allowSingleQuotes",
            "primitivesAsString",
            "prefersDecimal",
        ],
        "this option of Spark's is not supported yet",
    ),
    ("ArchiveFile", &["delete", "keep"], "write it as one word: `after_load: delete`"),
    ("ArchiveFile", &["move", "to", "folder"], "write `archive:` with the folder"),
    ("ColumnConstraintFile", &["warn_unenforced", "warn_unsupported"], "every constraint is enforced: leave it out"),
    ("ColumnConstraintFile", &["columns", "to", "to_columns"], "it is a constraint of this column alone"),
    ("ColumnConstraintFile", &["accepted_values", "values", "isin"], "write `in: [a, b]`"),
    ("ColumnConstraintFile", &["min", "max"], "write `between: [least, greatest]`"),
    ("ColumnConstraintFile", &["regex", "pattern", "like", "rlike"], "write `matches: \"^[A-Z]+$\"`"),
    ("ColumnConstraintFile", &["not_null", "check"], "write `type: not_null`, or `type: check` with an `expression`"),
    ("TableConstraintFile", &["warn_unenforced", "warn_unsupported"], "every constraint is enforced: leave it out"),
    ("TableConstraintFile", &["between", "matches", "in"], "write it under the column"),
    ("TableConstraintFile", &["to", "to_columns"], "write `tests: [relationships: …]` under the column"),
    ("ColumnFile", &["type"], "dbt's name is `data_type`"),
    ("ColumnFile", &["tags"], "tags of columns are not supported yet: tag the model or the table"),
    ("ColumnFile", &["not_null", "required"], "write `nullable: false`, or `tests: [not_null]`"),
    ("ColumnFile", &["rename", "source", "source_column", "from"], "write `source_name:` with the name in the files"),
    ("ColumnFile", &["null_value", "nullValue"], "for one column, write `null_values:`"),
    ("ColumnFile", &["between", "matches", "in", "expression"], "write it as an item of `constraints:`"),
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
        &["orc", "xml", "text", "excel", "xlsx", "delta", "iceberg", "protobuf"],
        "not supported yet: use `csv`, `json`, `parquet` or `avro`",
    ),
    ("SchemaChange", &["append_new_columns", "sync_all_columns"], "write `add_columns`; no column is ever taken away"),
    ("BadRow", &["skip", "drop", "permissive"], "no row vanishes: use `quarantine` or `fail`"),
    ("ConstraintKind", &["unique", "primary_key"], "a constraint looks at one row: write `tests: [unique]`"),
    ("ConstraintKind", &["foreign_key"], "a constraint looks at one row: write `tests: [relationships: …]`"),
    ("ConstraintKind", &["custom"], "write `type: check` with an `expression`"),
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

/// A value that is right in another form: the type, the values, the form.
const FORMS: &[Keys] = &[
    ("FormatName", &["jsonl", "ndjson", "json_lines"], "write `json`: objects on lines and arrays are told apart"),
    ("FormatName", &["tsv"], "write `csv` with `options: { sep: \"\\t\" }`"),
    ("CompressionName", &["gz"], "write `gzip`"),
    ("CompressionName", &["zst", "zstandard"], "write `zstd`"),
    ("CompressionName", &["bz2"], "write `bzip2`"),
    ("CompressionName", &["uncompressed"], "write `none`"),
    ("CompressionName", &["snappy", "lz4"], "inside Parquet and Avro files it needs no mention; whole files cannot be"),
    ("AfterLoadName", &["archive", "move"], "say where to: `after_load: { archive: \"archive/\" }`"),
    ("FileChange", &["reload"], "write `load_again`"),
    ("SchemaChange", &["add_column", "merge", "evolve"], "write `add_columns`"),
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
    ("ColumnConstraintFile", "matches"),
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

/// The right form of a value.
pub(crate) fn form(definition: &str, value: &str) -> Option<&'static str> {
    FORMS.iter().find(|(owner, values, _)| *owner == definition && values.contains(&value)).map(|(_, _, help)| *help)
}

/// Whether a word for null, where the property has texts, was most likely meant as the text.
pub(crate) fn is_text_of_null(definition: &str, property: &str) -> bool {
    [("OptionsFile", "nullValue"), ("ColumnFile", "null_values"), ("ColumnFile", "default")]
        .contains(&(definition, property))
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
