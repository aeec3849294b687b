//! The packages that a project uses: what is asked for, what dbt's hub has, what becomes of both, and what is installed.
//!
//! | module | owns |
//! |---|---|
//! | `read` | `packages.yml` and `dependencies.yml` |
//! | `version` | versions and ranges of them |
//! | `hub` | the documents of dbt's hub |
//! | `resolve` | from what is asked for to one version of each package; pure |
//! | `lock` | `package-lock.yml` in dbt's form |
//! | `installed` | the folders of `dbt_packages` |
//!
//! Nothing here talks to a network or runs `git`: [`resolve`] says what it needs to know, and whoever can find out asks
//! again. Files on disk: reads the three files above; writes none.

use headwater_plan::{Location, Secret};
use serde_json::{Map, Value};

mod hub;
mod installed;
mod lock;
mod read;
mod resolve;
mod version;

pub use hub::{Index, Release};
pub(crate) use installed::{Installed, installed};
pub use lock::{LOCK_FILE, Lock};
pub(crate) use read::read_with;
pub use read::{DEPENDENCIES_FILE, PACKAGES_FILE, contents, read};
pub use resolve::{Contents, Facts, Need, Pinned, PinnedSource, Resolution, resolve};
pub use version::{Requirement, Version};

/// The dbt whose projects are read: what `require-dbt-version` is checked against.
pub const DBT_VERSION: Version = Version::new(1, 10, 15);

/// A package that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Where it comes from.
    pub source: PackageSource,
    /// The name of its project, where the user says it.
    pub name: Option<String>,
    /// The entry as it is written, Jinja not expanded.
    pub written: Map<String, Value>,
    /// What dbt's lock hashes of it; it may hold secrets.
    pub(crate) hashed: Secret,
    /// Where it is asked for.
    pub location: Location,
}

/// Where a package comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum PackageSource {
    /// dbt's hub.
    Hub {
        /// `dbt-labs/dbt_utils`.
        package: String,
        /// The versions that will do.
        version: Requirement,
        /// Whether versions before a release will do.
        prerelease: bool,
    },
    /// A Git repository.
    Git {
        /// Its URL, which may hold a token.
        url: Secret,
        /// The tag, branch or commit.
        revision: Option<String>,
        /// The folder in it.
        subdirectory: Option<String>,
        /// Whether to tell that a branch is not a fixed revision.
        warn_unpinned: bool,
    },
    /// A folder.
    Local {
        /// Its path, relative to the project that is run.
        path: String,
    },
    /// A `.tar.gz` file.
    Tarball {
        /// Its URL, which may hold a token.
        url: Secret,
    },
}

impl Spec {
    /// What tells it from other packages: equal keys are one package. It may hold a secret.
    pub fn key(&self) -> String {
        match &self.source {
            PackageSource::Hub { package, .. } => package.clone(),
            PackageSource::Git { url, subdirectory, .. } => {
                let url = url.expose();
                let url = url.strip_suffix(".git").unwrap_or(url);
                match subdirectory {
                    Some(subdirectory) => format!("{url}/{subdirectory}"),
                    None => url.to_owned(),
                }
            }
            PackageSource::Local { path } => path.clone(),
            PackageSource::Tarball { url } => url.expose().to_owned(),
        }
    }

    /// What it is called in messages: never with an expanded secret.
    pub fn shown(&self) -> String {
        let text = |key: &str| self.written.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match &self.source {
            PackageSource::Hub { package, .. } => package.clone(),
            PackageSource::Git { .. } => text("git"),
            PackageSource::Local { path } => path.clone(),
            PackageSource::Tarball { .. } => text("tarball"),
        }
    }
}
