//! `packages.yml`, the `packages:` of `dependencies.yml`, and `package-lock.yml`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Ignored, Plain};

/// The packages that a project uses: `packages.yml`, or `dependencies.yml`. `headwater deps` installs them.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the packages")]
pub(crate) struct PackagesFile {
    /// The packages.
    #[serde(default)]
    pub(crate) packages: Vec<PackageFile>,
}

/// What `headwater deps` installed: `package-lock.yml`, in dbt's own form.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a lock of packages")]
pub(crate) struct LockFile {
    /// The packages, those that packages use too, each at one version.
    #[serde(default)]
    pub(crate) packages: Vec<PackageFile>,
    /// The hash of the packages that were asked for.
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) sha1_hash: Option<Plain>,
}

/// A package: one of `package`, `git`, `local` and `tarball`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a package")]
pub(crate) struct PackageFile {
    /// A package of dbt's hub: `dbt-labs/dbt_utils`.
    #[schemars(length(min = 1))]
    pub(crate) package: Option<String>,
    /// For `package`: the version or versions that will do, such as `1.3.0` or `[">=1.1.0", "<2.0.0"]`.
    pub(crate) version: Option<VersionFile>,
    /// For `package`: whether a version such as `1.4.0-rc1` will do.
    pub(crate) install_prerelease: Option<bool>,
    /// A Git repository: its URL.
    #[schemars(length(min = 1))]
    pub(crate) git: Option<String>,
    /// For `git`: the tag, branch or commit.
    #[expect(dead_code, reason = "the tree's own JSON goes on")]
    pub(crate) revision: Option<Plain>,
    /// For `git`: the folder in the repository that the package lies in.
    pub(crate) subdirectory: Option<String>,
    /// For `git`: whether to tell that a branch is not a fixed revision.
    #[serde(rename = "warn-unpinned")]
    pub(crate) warn_unpinned: Option<bool>,
    /// A folder, relative to the project's.
    #[schemars(length(min = 1))]
    pub(crate) local: Option<String>,
    /// A `.tar.gz` file: its URL.
    #[schemars(length(min = 1))]
    pub(crate) tarball: Option<String>,
    /// The package's name. Needed for `tarball`.
    pub(crate) name: Option<String>,
    /// Of dbt's own; without effect.
    #[expect(dead_code, reason = "what dbt keeps beside")]
    pub(crate) unrendered: Option<Ignored>,
}

/// A version or several: texts, or numbers such as `1.0`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "its text, as it was written, is what counts")]
pub(crate) enum VersionFile {
    /// One.
    One(Plain),
    /// Several.
    Many(Vec<Plain>),
}
