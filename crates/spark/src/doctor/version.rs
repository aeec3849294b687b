//! Versions as Spark, Java, Python and Delta Lake number themselves.

use std::fmt;

use serde::Serialize;

/// A version's numbers; what stands behind them (`-SNAPSHOT`, `+15`, `-amzn-0`) is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
    /// The third; 0 if there is none.
    pub patch: u32,
}

impl Version {
    /// A version.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads the beginning of a text.
    pub fn read(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut numbers = text.get(..end)?.split('.').filter(|number| !number.is_empty()).map(str::parse);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next().and_then(Result::ok).unwrap_or(0);
        let patch = numbers.next().and_then(Result::ok).unwrap_or(0);
        Some(Self { major, minor, patch })
    }

    /// The first two numbers, which name a generation of Spark.
    pub fn generation(self) -> (u32, u32) {
        (self.major, self.minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The major version of Java: of `openjdk version "17.0.15"` 17, of `java version "1.8.0_292"` 8.
pub(crate) fn java(text: &str) -> Option<u32> {
    let version = Version::read(text.split('"').nth(1)?)?;
    Some(if version.major == 1 { version.minor } else { version.major })
}

/// The Scala version and the version of a JAR: of `delta-spark_4.2_2.13-4.4.0.jar` and `delta-spark` these are
/// `4.2_2.13` and 4.4.0; of `delta-storage-4.4.0.jar` an empty text and 4.4.0.
pub(crate) fn of_jar<'a>(file: &'a str, artifact: &str) -> Option<(&'a str, Version)> {
    let rest = file.strip_suffix(".jar")?.strip_prefix(artifact)?;
    let (suffix, version) = match rest.strip_prefix('_') {
        Some(rest) => rest.split_once('-')?,
        None => ("", rest.strip_prefix('-')?),
    };
    Some((suffix, Version::read(version).filter(|_| version.starts_with(|c: char| c.is_ascii_digit()))?))
}
