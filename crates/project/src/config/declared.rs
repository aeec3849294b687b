//! What the project's files say, as the passes of the compiler take it up.

use std::path::PathBuf;

use headwater_plan::{ContractColumn, DataType, Environment, Location, Severity};
use serde_json::{Map, Value};

use super::{
    Connection, ConstraintDecl, ExposureDecl, Folders, GroupDecl, Layer, MacroProperties, Reading, SettingsKind,
    SettingsTree, SourceTable, Target, UnitTestDecl,
};
use crate::generate::ColumnHint;

/// All that the project's files say.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The project's name.
    pub name: String,
    /// The variables as the project's own templates see them: those of `dbt_project.yml` under those of
    /// `headwater.yml` under those of `--vars`.
    pub vars: Map<String, Value>,
    /// The environment.
    pub environment: Environment,
    /// The same environment as templates see it.
    pub target: Target,
    /// The other systems that the project names.
    pub connections: Vec<Connection>,
    /// Whether a `dbt_project.yml` governs: then dbt's own rules for schema names hold (`generate_schema_name`), not the
    /// layer folder's.
    pub dbt: bool,
    /// Which folders hold what, and where compiled SQL goes.
    pub folders: Folders,
    /// The project itself first, then its dependencies in the order of `packages.yml`, each once.
    pub packages: Vec<Package>,
    /// Where macros of a namespace are looked for.
    pub dispatch: Vec<Dispatch>,
    /// What runs before everything else: the hooks of packages, by their names, then the project's own, as in dbt.
    pub on_run_start: Vec<HookDecl>,
    /// What runs after everything else, in the same order.
    pub on_run_end: Vec<HookDecl>,
    /// False when an error hid a named thing (a file that is not YAML, a table without a name): a `source` or `ref`
    /// that is not found may then be a consequence, and is not worth a message of its own.
    pub complete: bool,
}

/// The settings by folder of `dbt_project.yml` that hold for a thing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layers<'a> {
    /// Below what the thing's own YAML and SQL say, least specific first: those of its own package.
    pub below: Vec<&'a Layer>,
    /// Above all that: those of the project, for a thing of a package that it uses.
    pub above: Vec<&'a Layer>,
}

impl Loaded {
    /// The project itself.
    ///
    /// # Panics
    /// Never: the project is always the first of its packages.
    pub fn own(&self) -> &Package {
        &self.packages[0]
    }

    /// The settings by folder that hold for a thing of a package; `fqn` is package, folders, name. As in dbt, what the
    /// project says of a package that it uses wins over everything that the package says, in its SQL too.
    pub fn layers(&self, package: &Package, kind: SettingsKind, fqn: &[&str]) -> Layers<'_> {
        let of = |name: &str| self.packages.iter().find(|package| package.name == name);
        let below = of(&package.name).map(|package| package.settings.layers(kind, fqn)).unwrap_or_default();
        let above = if package.name == self.name { Vec::new() } else { self.own().settings.layers(kind, fqn) };
        Layers { below, above }
    }
}

/// The project itself or one that it uses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the project: empty for the project itself, else `dbt_packages/dbt_utils`.
    pub dir: PathBuf,
    /// The variables as its templates see them, all layers merged as dbt does: its own under those of the project,
    /// under those that the project has for this package, under those of `--vars`.
    pub vars: Map<String, Value>,
    /// The tables of all sources, in the order of the files.
    pub sources: Vec<SourceTable>,
    /// What YAML says of models.
    pub models: Vec<Properties>,
    /// What YAML says of seeds.
    pub seeds: Vec<Properties>,
    /// What YAML says of snapshots; those with a `relation` are defined by it.
    pub snapshots: Vec<Properties>,
    /// What YAML says of singular tests.
    pub singular_tests: Vec<Properties>,
    /// What YAML says of analyses.
    pub analyses: Vec<Properties>,
    /// What YAML says of macros.
    pub macros: Vec<MacroProperties>,
    /// Tests of models' code.
    pub unit_tests: Vec<UnitTestDecl>,
    /// Who uses the models.
    pub exposures: Vec<ExposureDecl>,
    /// Who owns what.
    pub groups: Vec<GroupDecl>,
    /// `models/**/*.sql`, sorted.
    pub model_files: Vec<SqlFile>,
    /// `macros/**/*.sql` and `tests/generic/**/*.sql`, sorted.
    pub macro_files: Vec<SqlFile>,
    /// `tests/**/*.sql` but for generic tests and fixtures, sorted.
    pub test_files: Vec<SqlFile>,
    /// `snapshots/**/*.sql`, sorted.
    pub snapshot_files: Vec<SqlFile>,
    /// `analyses/**/*.sql`, sorted.
    pub analysis_files: Vec<SqlFile>,
    /// `*.md` of all folders, sorted.
    pub doc_files: Vec<SqlFile>,
    /// `seeds/**/*.csv`, sorted.
    pub seed_files: Vec<SeedPath>,
    /// The settings by folder of its `dbt_project.yml`.
    pub settings: SettingsTree,
}

/// Where macros of a namespace are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// The package that the macros are called by.
    pub macro_namespace: String,
    /// The packages that may have them, in this order.
    pub search_order: Vec<String>,
}

/// A statement that runs before or after everything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookDecl {
    /// The package that has it: its macros and variables are those that the statement may use.
    pub package: String,
    /// SQL, Jinja not expanded.
    pub sql: String,
    /// Where it stands.
    pub location: Location,
}

/// A file of SQL (or Markdown) with Jinja.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqlFile {
    /// The path, relative to the project: `dbt_packages/…` for a package's.
    pub path: PathBuf,
    /// The text.
    pub text: String,
    /// The folders between the resource folder (`models/`, …) and the file.
    pub folders: Vec<String>,
}

/// A CSV file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeedPath {
    /// The path, relative to the project.
    pub path: PathBuf,
    /// The folders between the resource folder and the file.
    pub folders: Vec<String>,
}

/// What YAML says of a model, a seed, a snapshot, an analysis or a singular test.
#[derive(Debug, Clone, PartialEq)]
pub struct Properties {
    /// Its name.
    pub name: String,
    /// The user's description; `{{ doc(…) }}` is not expanded.
    pub description: Option<String>,
    /// The checked `config:`: keys and kinds are right, Jinja is expanded (but in hooks). `pre-hook` and `post-hook` are
    /// `pre_hook` and `post_hook`. Keys that nobody knows are the user's own.
    pub config: Map<String, Value>,
    /// `meta` at the top, under that of `config:`.
    pub meta: Map<String, Value>,
    /// The columns.
    pub columns: Vec<ColumnDecl>,
    /// dbt's constraints of the whole, as they are written.
    pub constraints: Vec<Value>,
    /// The tests of the whole.
    pub tests: Vec<TestDecl>,
    /// What a snapshot that YAML defines is the history of: `ref('x')` or `source('a', 'b')`.
    pub relation: Option<String>,
    /// The file that says it, relative to the project.
    pub patch: PathBuf,
    /// Where its name stands.
    pub location: Location,
}

/// A column as YAML declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDecl {
    /// The name, in the user's own case.
    pub name: String,
    /// The type.
    pub data_type: Option<DataType>,
    /// Spark datetime patterns, tried in order.
    pub format: Vec<String>,
    /// How it is read from files.
    pub reading: Reading,
    /// What must hold for every value that is loaded.
    pub constraints: Vec<ConstraintDecl>,
    /// dbt's constraints of a model's column, as they are written.
    pub dbt_constraints: Vec<Value>,
    /// The user's description; `{{ doc(…) }}` is not expanded.
    pub description: Option<String>,
    /// Anything, for people and other tools.
    pub meta: Map<String, Value>,
    /// Tags: those of its tests too.
    pub tags: Vec<String>,
    /// The tests of the column.
    pub tests: Vec<TestDecl>,
    /// What `headwater generate` fills it with.
    pub generate: Option<ColumnHint>,
    /// Where its name stands.
    pub location: Location,
    /// False when something is wrong with it: then it has been told.
    pub sound: bool,
}

impl ColumnDecl {
    /// A column of which nothing but the name is known.
    pub(super) fn new(name: impl Into<String>, location: Location) -> Self {
        Self {
            name: name.into(),
            data_type: None,
            format: Vec::new(),
            reading: Reading::default(),
            constraints: Vec::new(),
            dbt_constraints: Vec::new(),
            description: None,
            meta: Map::new(),
            tags: Vec::new(),
            tests: Vec::new(),
            generate: None,
            location,
            sound: true,
        }
    }

    /// The column of a contract; `None` without a type.
    pub fn contract_column(&self) -> Option<ContractColumn> {
        let Reading { nullable, source_name, default, trim, null_values, decimal_sep, group_sep } =
            self.reading.clone();
        Some(ContractColumn {
            name: self.name.clone(),
            data_type: self.data_type.clone()?,
            format: self.format.clone(),
            nullable,
            source_name,
            default,
            trim,
            null_values,
            decimal_sep,
            group_sep,
            location: self.location.clone(),
        })
    }
}

/// A generic test as YAML asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct TestDecl {
    /// Which test, with its arguments.
    pub kind: TestKind,
    /// The `column_name` of a test that stands under a table instead of a column; always there in that case.
    pub column: Option<String>,
    /// The user's own name for it.
    pub name: Option<String>,
    /// Whether failures stop the run or are only told.
    pub severity: Severity,
    /// The rows it looks at, as SQL with Jinja not yet expanded.
    pub where_clause: Option<String>,
    /// All of its own settings, `severity` (in lower case) and `where` too: `limit`, `error_if`, `warn_if`, `fail_calc`,
    /// `store_failures`, `store_failures_as`, `tags`, `alias`, `schema`, `database`, `meta`, `enabled`, and the user's own.
    pub config: Map<String, Value>,
    /// What it is for, for people.
    pub description: Option<String>,
    /// Where it stands.
    pub location: Location,
}

/// The generic tests.
#[derive(Debug, Clone, PartialEq)]
pub enum TestKind {
    /// No row lacks a value.
    NotNull,
    /// No value comes twice.
    Unique,
    /// Every value is one of these.
    AcceptedValues {
        /// The values: texts, numbers, booleans.
        values: Vec<Value>,
        /// Whether they are written as SQL texts (`'a'`) or as they are.
        quote: bool,
    },
    /// Every value is in that column of another model, seed or source.
    Relationships {
        /// `ref('x')` or `source('a', 'b')`.
        to: String,
        /// The column there.
        field: String,
    },
    /// A generic test of the project's own or of a package: `{% test name(model, …) %}`.
    Custom {
        /// The package, where one is named: `dbt_utils.at_least_one`.
        package: Option<String>,
        /// The test's name.
        name: String,
        /// Its arguments, Jinja not expanded; `model` and `column_name` are not among them.
        arguments: Map<String, Value>,
    },
}
