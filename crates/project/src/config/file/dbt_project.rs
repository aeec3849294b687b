//! `dbt_project.yml`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Ignored, OneOrMany, Plain};

/// A dbt project: its name, its folders, its variables, and settings by folder. It may stand alone, or beside a
/// `headwater.yml` of the same name that says where the project runs. `profiles.yml` is not read: a dbt project alone has
/// one environment, `local`, with its lake in `./lake` and the schema `main`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "a dbt project")]
pub(crate) struct DbtProjectFile {
    /// The project's name: letters, digits and `_`. It is part of every node's id.
    pub(crate) name: String,
    /// The project's version, for people.
    #[expect(dead_code, reason = "for people")]
    pub(crate) version: Option<Plain>,
    /// The version of this format: 2.
    #[schemars(range(min = 2, max = 2))]
    #[expect(dead_code, reason = "checked by its schema")]
    pub(crate) config_version: Option<u8>,
    /// dbt's profile; without effect: the environments stand in `headwater.yml`.
    #[expect(dead_code, reason = "profiles are dbt's own")]
    pub(crate) profile: Option<Plain>,
    /// The folders of models: `models` by default.
    pub(crate) model_paths: Option<Vec<String>>,
    /// The folders of CSV files that become tables: `seeds` by default.
    pub(crate) seed_paths: Option<Vec<String>>,
    /// The folders of singular tests, with `generic/` and `fixtures/` in them: `tests` by default.
    pub(crate) test_paths: Option<Vec<String>>,
    /// The folders of macros: `macros` by default.
    pub(crate) macro_paths: Option<Vec<String>>,
    /// The folders of snapshots: `snapshots` by default.
    pub(crate) snapshot_paths: Option<Vec<String>>,
    /// The folders of analyses, which are compiled and never run: `analyses` by default.
    pub(crate) analysis_paths: Option<Vec<String>>,
    /// The folders of Markdown files with `{% docs %}` blocks: all of the above by default.
    pub(crate) docs_paths: Option<Vec<String>>,
    /// The folders of pictures for documentation.
    #[expect(dead_code, reason = "documentation")]
    pub(crate) asset_paths: Option<Vec<String>>,
    /// Where compiled SQL goes: `target` by default.
    pub(crate) target_path: Option<String>,
    /// Where dbt writes its log; without effect.
    #[expect(dead_code, reason = "a log of dbt's own")]
    pub(crate) log_path: Option<String>,
    /// What `headwater clean` takes away: the target path by default.
    pub(crate) clean_targets: Option<Vec<String>>,
    /// Where packages are installed: `dbt_packages` by default.
    pub(crate) packages_install_path: Option<String>,
    /// The versions of dbt that the project was written for. Headwater reads projects as dbt 1.10 does.
    pub(crate) require_dbt_version: Option<OneOrMany>,
    /// Variables for `{{ var('name') }}`; below the name of a package, those for that package. Those of `headwater.yml`
    /// win over them, and `--vars` over both.
    #[serde(default)]
    pub(crate) vars: Map<String, Value>,
    /// Which names dbt quotes; without effect: names are always quoted, and upper and lower case are the same.
    #[expect(dead_code, reason = "names are always quoted")]
    pub(crate) quoting: Option<Ignored>,
    /// Which packages are asked for the macros of another, and in which order.
    #[serde(default)]
    pub(crate) dispatch: Vec<DispatchFile>,
    /// SQL that runs before everything else.
    pub(crate) on_run_start: Option<OneOrMany>,
    /// SQL that runs after everything else.
    pub(crate) on_run_end: Option<OneOrMany>,
    /// A comment for the queries in a warehouse's log; without effect.
    #[expect(dead_code, reason = "there is no warehouse with a log")]
    pub(crate) query_comment: Option<Ignored>,
    /// dbt's own flags; without effect.
    #[expect(dead_code, reason = "of dbt's command line")]
    pub(crate) flags: Option<Ignored>,
    /// Whether models of this package with `access: protected` are closed to others; without effect.
    #[expect(dead_code, reason = "for projects that are used by others")]
    pub(crate) restrict_access: Option<bool>,
    /// Of dbt's own service; without effect.
    #[expect(dead_code, reason = "of dbt's own service")]
    pub(crate) dbt_cloud: Option<Ignored>,
    /// Settings of models by folder: `+key` is a setting, a plain key with a mapping is a package, a folder or a file.
    #[expect(dead_code, reason = "the tree is walked with its places")]
    pub(crate) models: Option<FolderSettings>,
    /// Settings of seeds by folder.
    #[expect(dead_code, reason = "the tree is walked with its places")]
    pub(crate) seeds: Option<FolderSettings>,
    /// Settings of snapshots by folder.
    #[expect(dead_code, reason = "the tree is walked with its places")]
    pub(crate) snapshots: Option<FolderSettings>,
    /// Settings of tests by folder.
    #[serde(rename = "data_tests")]
    #[expect(dead_code, reason = "the tree is walked with its places")]
    pub(crate) data_tests: Option<FolderSettings>,
    /// dbt's older name for `data_tests`.
    #[expect(dead_code, reason = "the tree is walked with its places")]
    pub(crate) tests: Option<FolderSettings>,
    /// Settings of sources by folder.
    #[expect(dead_code, reason = "the tree is walked with its places")]
    pub(crate) sources: Option<FolderSettings>,
    /// Settings of unit tests by folder.
    #[serde(rename = "unit_tests")]
    #[expect(dead_code, reason = "the tree is walked with its places")]
    pub(crate) unit_tests: Option<FolderSettings>,
    /// Settings of exposures by folder.
    #[expect(dead_code, reason = "the tree is walked with its places")]
    pub(crate) exposures: Option<FolderSettings>,
    /// Settings of analyses by folder; without effect.
    #[expect(dead_code, reason = "an analysis is compiled and never run")]
    pub(crate) analyses: Option<FolderSettings>,
}

/// Settings by folder. They are read by the walk of the tree, not from here.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct FolderSettings(
    #[expect(dead_code, reason = "the tree is walked with its places")] Map<String, Value>,
);

impl JsonSchema for FolderSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FolderSettings".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "title": "settings by folder",
            "description": "Settings (`+key`), and packages, folders and files with settings of their own.",
            "type": "object",
            "additionalProperties": true,
        })
    }
}

/// Where macros of a namespace are looked for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an entry of `dispatch`")]
pub(crate) struct DispatchFile {
    /// The package that the macros are called by.
    pub(crate) macro_namespace: String,
    /// The packages that may have them, in this order.
    pub(crate) search_order: Vec<String>,
}
