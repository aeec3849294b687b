//! Which folders of a project hold what: dbt's defaults, or what `dbt_project.yml` says.

use std::path::{Component, Path, PathBuf};

use super::file::dbt_project::DbtProjectFile;

/// The folders of a project or package, relative to its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// SQL models.
    pub models: Vec<PathBuf>,
    /// CSV files that become tables.
    pub seeds: Vec<PathBuf>,
    /// Singular tests, with `generic/` and `fixtures/` in them.
    pub tests: Vec<PathBuf>,
    /// Macros.
    pub macros: Vec<PathBuf>,
    /// Snapshots.
    pub snapshots: Vec<PathBuf>,
    /// Analyses.
    pub analyses: Vec<PathBuf>,
    /// Markdown files with `{% docs %}` blocks.
    pub docs: Vec<PathBuf>,
    /// Where compiled SQL and dbt's artefacts go: `target`.
    pub target: PathBuf,
    /// Where packages are installed: `dbt_packages`.
    pub packages: PathBuf,
    /// What `headwater clean` takes away.
    pub clean: Vec<PathBuf>,
}

impl Default for Folders {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Folders {
    /// dbt's defaults under what the file says.
    pub(super) fn new(file: Option<&DbtProjectFile>) -> Self {
        let several = |written: Option<&Vec<String>>, default: &str| match written {
            Some(written) => written.iter().map(|folder| plain(folder)).collect(),
            None => vec![PathBuf::from(default)],
        };
        let one = |written: Option<&String>, default: &str| written.map_or_else(|| default.into(), |text| plain(text));
        let target = one(file.and_then(|file| file.target_path.as_ref()), "target");
        let mut folders = Self {
            models: several(file.and_then(|file| file.model_paths.as_ref()), "models"),
            seeds: several(file.and_then(|file| file.seed_paths.as_ref()), "seeds"),
            tests: several(file.and_then(|file| file.test_paths.as_ref()), "tests"),
            macros: several(file.and_then(|file| file.macro_paths.as_ref()), "macros"),
            snapshots: several(file.and_then(|file| file.snapshot_paths.as_ref()), "snapshots"),
            analyses: several(file.and_then(|file| file.analysis_paths.as_ref()), "analyses"),
            docs: Vec::new(),
            packages: one(file.and_then(|file| file.packages_install_path.as_ref()), "dbt_packages"),
            clean: match file.and_then(|file| file.clean_targets.as_ref()) {
                Some(written) => written.iter().map(|folder| plain(folder)).collect(),
                None => vec![target.clone()],
            },
            target,
        };
        folders.docs = match file.and_then(|file| file.docs_paths.as_ref()) {
            Some(written) => written.iter().map(|folder| plain(folder)).collect(),
            None => folders.of_properties().cloned().collect(),
        };
        folders
    }

    /// The folders whose YAML files are read.
    pub(super) fn of_properties(&self) -> impl Iterator<Item = &PathBuf> {
        let of_models = self.models.iter().chain(&self.seeds).chain(&self.snapshots);
        of_models.chain(&self.macros).chain(&self.tests).chain(&self.analyses)
    }
}

/// `./models/` and `models` are one folder.
fn plain(written: &str) -> PathBuf {
    Path::new(written).components().filter(|part| *part != Component::CurDir).collect()
}
