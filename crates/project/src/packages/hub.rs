//! What dbt's hub says of a package: `<hub>/api/v1/<namespace>/<name>.json`.

use serde::Deserialize;
use serde_json::Value;

use super::{Requirement, Version};

/// All versions of a package.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Index {
    /// The versions, the newest last.
    pub releases: Vec<Release>,
    /// The package that this one is called now, if it was renamed: `dbt-labs/dbt_utils`.
    pub redirect: Option<String>,
}

/// A version of a package.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// The name of its project.
    pub name: String,
    /// The versions of dbt that it is for.
    pub require_dbt_version: Requirement,
    /// The packages that it uses, as `packages.yml` would have them.
    pub packages: Vec<Value>,
    /// The URL of its `.tar.gz` file.
    pub tarball: String,
}

#[derive(Deserialize)]
struct IndexFile {
    #[serde(default)]
    versions: serde_json::Map<String, Value>,
    redirectnamespace: Option<String>,
    redirectname: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct ReleaseFile {
    name: String,
    #[serde(default)]
    packages: Vec<Value>,
    #[serde(default)]
    require_dbt_version: Value,
    downloads: DownloadsFile,
}

#[derive(Deserialize)]
struct DownloadsFile {
    tarball: String,
}

impl Index {
    /// Reads the hub's document. Versions that are none, or say nothing that can be installed, are left aside, as dbt
    /// does.
    ///
    /// # Errors
    /// A document that is not of that form.
    pub fn parse(document: &Value) -> Result<Self, serde_json::Error> {
        let file: IndexFile = serde_json::from_value(document.clone())?;
        let release = |(version, document): (&String, &Value)| {
            let file: ReleaseFile = serde_json::from_value(document.clone()).ok()?;
            let asked: Vec<&str> = match &file.require_dbt_version {
                Value::String(text) => vec![text],
                Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            Some(Release {
                version: Version::parse(version)?,
                name: file.name,
                // dbt takes a version whose requirement it cannot read for one that will do.
                require_dbt_version: Requirement::parse_all(asked).unwrap_or_default(),
                packages: file.packages,
                tarball: file.downloads.tarball,
            })
        };
        let mut releases: Vec<Release> = file.versions.iter().filter_map(release).collect();
        releases.sort_by(|one, other| one.version.cmp(&other.version));
        let redirect = match (file.redirectnamespace, file.redirectname) {
            (None, None) => None,
            (namespace, name) => {
                let namespace = namespace.or(file.namespace).unwrap_or_default();
                Some(format!("{namespace}/{}", name.or(file.name).unwrap_or_default()))
            }
        };
        Ok(Self { releases, redirect })
    }

    /// The release of that version.
    pub fn release(&self, version: &Version) -> Option<&Release> {
        self.releases.iter().find(|release| release.version == *version)
    }
}
