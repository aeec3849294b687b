//! Which Delta Lake goes with which Spark.
//!
//! The pairs are those of <https://docs.delta.io/releases>. From 4.1 on, the name of the artefact says the Spark that it
//! was built for: `delta-spark_4.2_2.13`.

use super::version::{Version, of_jar};

/// The artefact that holds Delta Lake's part of Spark.
const ARTIFACT: &str = "delta-spark";
/// What it was called up to 2.4.
const OLD_ARTIFACT: &str = "delta-core";
/// What the artefact needs beside itself.
pub(super) const STORAGE: &str = "delta-storage";

/// A generation of Spark, and the Delta Lake that is known to work with it.
pub(super) struct Pair {
    pub(super) spark: (u32, u32),
    /// The package to name, for the Scala that this Spark is built with by default.
    pub(super) package: &'static str,
}

/// The generations that Headwater supports, oldest first.
pub(super) const PAIRS: &[Pair] = &[
    Pair { spark: (3, 5), package: "io.delta:delta-spark_2.12:3.3.2" },
    Pair { spark: (4, 0), package: "io.delta:delta-spark_2.13:4.0.0" },
    Pair { spark: (4, 1), package: "io.delta:delta-spark_4.1_2.13:4.1.0" },
    Pair { spark: (4, 2), package: "io.delta:delta-spark_4.2_2.13:4.4.0" },
];

/// A Delta Lake that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delta {
    /// Where it was found, for people: a file or a package.
    pub(super) found: String,
    /// Its version.
    pub(super) version: Version,
    /// The Spark that it was built for; `None` if its name does not say.
    spark: Option<(u32, u32)>,
    /// The Scala that it was built for.
    pub(super) scala: String,
}

impl Delta {
    /// The Delta Lake that a JAR is, by its name.
    pub(super) fn of_file(file: &str, found: &str) -> Option<Self> {
        let (suffix, version) = of_jar(file, ARTIFACT).or_else(|| of_jar(file, OLD_ARTIFACT))?;
        Some(Self::new(suffix, version, found))
    }

    /// The Delta Lake that a package `group:artifact:version` is.
    pub(super) fn of_package(package: &str) -> Option<Self> {
        let mut parts = package.split(':');
        let (group, artifact, version) = (parts.next()?, parts.next()?, parts.next()?);
        let suffix = artifact.strip_prefix(ARTIFACT).or_else(|| artifact.strip_prefix(OLD_ARTIFACT))?;
        if group != "io.delta" {
            return None;
        }
        Some(Self::new(suffix.strip_prefix('_')?, Version::read(version)?, package))
    }

    fn new(suffix: &str, version: Version, found: &str) -> Self {
        let (spark, scala) = match suffix.split_once('_') {
            Some((spark, scala)) => (Version::read(spark).map(Version::generation), scala),
            None => (None, suffix),
        };
        Self { found: found.to_owned(), version, spark, scala: scala.to_owned() }
    }

    /// The generation of Spark that it was built for; `None` for one that nobody has listed.
    pub(super) fn spark(&self) -> Option<(u32, u32)> {
        self.spark.or(match self.version.generation() {
            (3, _) => Some((3, 5)),
            (4, 0) => Some((4, 0)),
            (4, 1) => Some((4, 1)),
            (2, 4) => Some((3, 4)),
            (2, 1..=3) => Some((3, 3)),
            (2, 0) | (1, 1 | 2) => Some((3, 2)),
            _ => None,
        })
    }
}
