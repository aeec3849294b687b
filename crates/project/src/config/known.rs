//! What Headwater knows of dbt, Spark and its own plans, and refuses by name: a line per key or value.
//!
//! Also which texts hold SQL or documentation, whose Jinja is not expanded here. Every line names a type of
//! [`super::file`] by its name in the JSON Schema; a test holds that the type is there and that the key is not.

use super::file::tests::OLDER;
use super::yaml::{Data, Entry, Node};

/// A key that is refused: the type, the keys, what to do instead.
type Keys = (&'static str, &'static [&'static str], &'static str);

const DBT_PROJECT: &str = "this is a key of `dbt_project.yml`: a file of that name beside this one may have it";
const IN_CONFIG: &str = "write it under `config:`";
const FROM_FILES: &str = "it is for tables that are loaded from files: write it in SQL";
/// Why a key of dbt's semantic layer is left out.
pub(crate) const SEMANTIC: &str = "dbt's semantic layer is not supported";

const KEYS: &[Keys] = &[
    (
        "ProjectFile",
        &["models", "sources", "tests", "data_tests", "snapshots", "seeds", "unit_tests", "exposures"],
        "settings by folder stand in a `dbt_project.yml` beside this file; or write `config:` in the YAML of each model, or \
         `config(…)` in its SQL",
    ),
    (
        "ProjectFile",
        &["on-run-start", "on-run-end"],
        "hooks of the whole run stand in a `dbt_project.yml` beside this file",
    ),
    (
        "ProjectFile",
        &["model-paths", "seed-paths", "test-paths", "macro-paths", "snapshot-paths", "analysis-paths", "asset-paths"],
        "the folders are `models/`, `seeds/`, `macros/`, `tests/` and `snapshots/`, unless a `dbt_project.yml` beside this \
         file says otherwise",
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
    ("DbtProjectFile", &["source-paths"], "dbt's name for it is `model-paths`"),
    ("DbtProjectFile", &["data-paths"], "dbt's name for it is `seed-paths`"),
    ("DbtProjectFile", &["modules-path"], "dbt's name for it is `packages-install-path`"),
    ("DbtProjectFile", &["metrics", "semantic-models", "saved-queries"], SEMANTIC),
    ("DbtProjectFile", &["functions", "function-paths"], "user-defined functions are not supported yet: write a macro"),
    (
        "DbtProjectFile",
        &["environments", "default_environment", "connections"],
        "this is a key of `headwater.yml`: a file of that name beside this one may have it",
    ),
    ("DbtProjectFile", &["packages"], "the packages stand in `packages.yml`"),
    ("PackagesFile", &["projects"], "other projects cannot be referred to: install them as packages"),
    ("PackageFile", &["private"], "packages of dbt's own service cannot be installed: write `git:`"),
    ("PackageFile", &["url"], "write `git:` or `tarball:`"),
    ("PackageFile", &["versions"], "dbt's name is `version`"),
    (
        "EnvironmentFile",
        &["type", "host", "account", "warehouse", "database", "user", "password"],
        "an environment is a lake and an engine; another system is one of the `connections:`",
    ),
    ("PropertiesFile", &["metrics", "semantic_models", "saved_queries", "time_spines"], SEMANTIC),
    ("PropertiesFile", &["functions"], "user-defined functions are not supported yet: write a macro"),
    ("PropertiesFile", &["catalogs"], "the catalog is a setting of the environment in `headwater.yml`"),
    ("SourceFile", &["database"], "every table is in the environment's lake: `schema:` says where"),
    ("SourceFile", &["ingest", "columns"], "write it under a table of `tables:`"),
    ("SourceFile", &["tests", "data_tests"], "write them under a table of `tables:` or one of its columns"),
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
    ("ColumnFile", &["not_null", "required"], "write `nullable: false`, or `tests: [not_null]`"),
    ("ColumnFile", &["rename", "source", "source_column", "from"], "write `source_name:` with the name in the files"),
    ("ColumnFile", &["null_value", "nullValue"], "for one column, write `null_values:`"),
    ("ColumnFile", &["between", "matches", "in", "expression"], "write it as an item of `constraints:`"),
    ("ColumnFile", &["granularity", "dimension", "entity"], SEMANTIC),
    ("ColumnFile", &["policy_tags"], "policy tags are BigQuery's"),
    ("ModelColumnFile", &["type"], "dbt's name is `data_type`"),
    ("ModelColumnFile", &["dimension", "entity"], SEMANTIC),
    ("ModelColumnFile", &["policy_tags"], "policy tags are BigQuery's"),
    ("ModelColumnFile", &["nullable", "not_null", "required"], "write `tests: [not_null]`"),
    (
        "ModelColumnFile",
        &["format", "source_name", "default", "trim", "null_values", "decimal_sep", "group_sep", "generate"],
        FROM_FILES,
    ),
    ("ModelConstraintFile", &["between", "matches", "in"], FROM_FILES),
    ("ModelFile", &["versions", "latest_version"], "versions of models are not supported yet"),
    ("ModelFile", &["time_spine"], SEMANTIC),
    ("ModelFile", &["freshness"], "freshness is not supported yet"),
    ("ModelFile", &["materialized", "schema", "alias", "tags", "enabled", "contract", "unique_key"], IN_CONFIG),
    ("ModelConfig", &["freshness"], "freshness is not supported yet"),
    (
        "ModelConfig",
        &["options", "table_format", "catalog_name"],
        "every table is a Delta table of the environment's lake",
    ),
    ("SeedFile", &["schema", "alias", "tags", "enabled", "column_types", "delimiter", "quote_columns"], IN_CONFIG),
    (
        "SnapshotFile",
        &["strategy", "unique_key", "updated_at", "check_cols", "schema", "alias", "tags", "enabled", "hard_deletes"],
        IN_CONFIG,
    ),
    ("SingularTestFile", &["severity", "where", "tags", "enabled", "error_if", "warn_if", "limit"], IN_CONFIG),
    ("SingularTestFile", &["columns"], "a test has no columns"),
    ("UnitTestFile", &["tags", "meta", "enabled"], IN_CONFIG),
    ("UnitTestFile", &["versions"], "versions of models are not supported yet"),
    ("TestMapping", &["name"], "write the test's name as the key: `- not_null: {name: …}`"),
    (
        "TestMapping",
        &["severity", "where", "config", "arguments", "values", "quote", "to", "field", "column_name"],
        "indent it below the test's name",
    ),
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
        &["materialized_view", "streaming_table", "dynamic_table"],
        "not supported: use `table`, or `incremental`",
    ),
    ("Materialized", &["snapshot"], "a snapshot stands in `snapshots/`"),
    ("Materialized", &["seed"], "a seed is a CSV file in `seeds/`"),
    (
        "TableFormat",
        &["parquet", "orc", "csv", "json", "avro", "iceberg", "hudi", "openhouse", "hive"],
        "every table is a Delta table: leave it out",
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
    (
        "EngineName",
        &["duckdb", "datafusion", "polars", "trino", "athena"],
        "not supported: `embedded`, `spark` or `auto`",
    ),
    (
        "SparkOn",
        &["databricks", "dataproc", "synapse", "hdinsight", "kubernetes", "livy", "yarn", "connect"],
        "not supported: `spark-submit`, with `master:` for a cluster that it reaches",
    ),
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
const UNEXPANDED: &[(&str, &[&str])] = &[
    ("ProjectFile", &["connections"]),
    (
        "DbtProjectFile",
        &[
            "vars",
            "on-run-start",
            "on-run-end",
            "query-comment",
            "flags",
            "models",
            "seeds",
            "snapshots",
            "tests",
            "data_tests",
            "sources",
            "unit_tests",
            "exposures",
            "analyses",
        ],
    ),
    ("PropertiesFile", &["macros", "groups"]),
    ("SourceFile", &["description"]),
    ("FreshnessFile", &["filter"]),
    ("TableFile", &["description", "generate", "loaded_at_field", "loaded_at_query"]),
    ("ColumnFile", &["description", "generate"]),
    ("ModelColumnFile", &["description", "constraints"]),
    ("ColumnConstraintFile", &["matches"]),
    ("ModelFile", &["description", "constraints"]),
    ("ModelConfig", &["sql_header"]),
    ("SeedFile", &["description"]),
    ("SnapshotFile", &["description", "relation"]),
    ("AnalysisFile", &["description"]),
    ("SingularTestFile", &["description"]),
    ("UnitTestFile", &["description", "given", "expect", "overrides"]),
    ("ExposureFile", &["description", "depends_on"]),
    ("BareTest", &["where", "column_name", "description", "arguments"]),
    ("AcceptedValuesTest", &["values", "where", "column_name", "description", "arguments"]),
    ("RelationshipsTest", &["to", "field", "where", "column_name", "description", "arguments"]),
    ("TestConfig", &["where", "fail_calc"]),
];

/// The hooks of all settings: their Jinja is expanded when they run.
const HOOKS: [&str; 4] = ["pre_hook", "post_hook", "pre-hook", "post-hook"];

/// The types that are settings, to which dbt's users may add keys of their own.
const SETTINGS: [&str; 7] =
    ["ModelConfig", "SeedConfig", "SnapshotConfig", "TestConfig", "SourceConfig", "UnitTestConfig", "DescribedConfig"];

/// Properties whose lines are never shown: they may hold passwords.
const SECRET: &[(&str, &str)] = &[("ProjectFile", "connections")];

/// What to do instead of a key that is refused.
pub(crate) fn key(definition: &str, key: &str) -> Option<&'static str> {
    KEYS.iter().find(|(owner, keys, _)| *owner == definition && keys.contains(&key)).map(|(_, _, help)| *help)
}

/// Whether a type is settings: keys that nobody knows are the user's own.
pub(crate) fn is_settings(definition: &str) -> bool {
    SETTINGS.contains(&definition)
}

/// Whether upper and lower case of a value are the same.
pub(crate) fn is_any_case(definition: &str) -> bool {
    definition == "SeverityName"
}

/// dbt's other form of a test, `{ test_name: unique, name: x }`, as the one that the types have: `{ unique: { name: x } }`.
pub(crate) fn inside_out(definition: &str, node: &Node) -> Option<Node> {
    let entries = node.entries();
    let name = entries.iter().find(|entry| definition == "TestMapping" && entry.key == "test_name")?;
    let key = name.value.text()?.to_owned();
    let rest = entries.iter().filter(|entry| entry.key != "test_name").cloned().collect();
    let value = Node::new(node.span, Data::Map(rest));
    Some(Node::new(node.span, Data::Map(vec![Entry { key, span: name.span, value }])))
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
    match definition {
        "Materialized" => Some("materializations of your own are not supported: use one of the four, and hooks"),
        "IncrementalStrategy" => Some("strategies of your own are not supported: use one of the five"),
        "SnapshotStrategy" => Some("strategies of your own are not supported: use `timestamp` or `check`"),
        _ => None,
    }
}

/// Whether Jinja stays in the texts of a property.
pub(crate) fn is_unexpanded(definition: &str, property: &str) -> bool {
    if definition == "CustomTestFile" {
        // All but settings are arguments, which the test itself expands.
        return property != "config" && (property == "where" || !OLDER.contains(&property));
    }
    let is_settings = is_settings(definition);
    is_settings && HOOKS.contains(&property)
        || UNEXPANDED.iter().any(|(owner, properties)| *owner == definition && properties.contains(&property))
}

/// Whether the lines of a property are never shown.
pub(crate) fn is_secret(definition: &str, property: &str) -> bool {
    SECRET.contains(&(definition, property))
}

#[cfg(test)]
mod tests;
