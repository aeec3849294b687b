//! Versions and what is asked of them, as dbt compares them.

use std::cmp::Ordering;
use std::fmt;

/// A version: `1.3.0`, `1.4.0-rc1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    /// What stands after `-`: the version comes before the one without.
    before: Option<String>,
}

impl Version {
    /// A released version.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self { major, minor, patch, before: None }
    }

    /// Reads `major.minor.patch`, with `-…` for what comes before a release and `+…`, which nothing depends on.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        let is_word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if build.is_some_and(|build| !build.split('.').all(is_word)) {
            return None;
        }
        let mut parts = text.splitn(3, '.');
        let (major, minor, rest) = (number(parts.next()?)?, number(parts.next()?)?, parts.next()?);
        // dbt reads `1.0.0rc1` as it does `1.0.0-rc1`.
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (patch, before) = rest.split_at(digits);
        let before = before.strip_prefix('-').unwrap_or(before);
        let fits = before.is_empty() && rest.len() == digits || before.split('.').all(is_word);
        fits.then_some(())?;
        let before = Some(before.to_owned()).filter(|before| !before.is_empty());
        Some(Self { major, minor, patch: number(patch)?, before })
    }

    /// Whether it comes before a release.
    pub fn is_prerelease(&self) -> bool {
        self.before.is_some()
    }

    fn release(&self) -> (u64, u64, u64) {
        (self.major, self.minor, self.patch)
    }
}

fn number(text: &str) -> Option<u64> {
    let plain =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        self.before.as_ref().map_or(Ok(()), |before| write!(f, "-{before}"))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let before = || match (&self.before, &other.before) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) => compare_words(one, other),
        };
        self.release().cmp(&other.release()).then_with(before)
    }
}

/// `rc.2` before `rc.10`, numbers before words, the shorter first.
fn compare_words(one: &str, other: &str) -> Ordering {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let (one, other) = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => (one, other),
        };
        let order = match (one.parse::<u64>(), other.parse::<u64>()) {
            (Ok(one), Ok(other)) => one.cmp(&other),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => one.cmp(other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// What is asked of a version: bounds that all hold. Without any, every version will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirement(Vec<Bound>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    comparison: &'static str,
    version: Version,
}

/// The comparisons, the longer first.
const COMPARISONS: [&str; 5] = [">=", "<=", ">", "<", "="];

impl Requirement {
    /// Exactly one version.
    pub fn exact(version: Version) -> Self {
        Self(vec![Bound { comparison: "=", version }])
    }

    /// Reads texts such as `>=1.0.0`, `1.0.0`, `>=1.0.0,<2.0.0`: all of them must hold.
    ///
    /// # Errors
    /// The text that is not a version.
    pub fn parse_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut bounds = Vec::new();
        for text in texts.into_iter().flat_map(|text| text.split(',')).map(str::trim) {
            let comparison = COMPARISONS.into_iter().find(|comparison| text.starts_with(comparison));
            let version = text.strip_prefix(comparison.unwrap_or_default()).and_then(Version::parse);
            let version = version.ok_or_else(|| text.to_owned())?;
            bounds.push(Bound { comparison: comparison.unwrap_or("="), version });
        }
        Ok(Self(bounds))
    }

    /// This and that.
    pub fn and(&mut self, other: &Self) {
        for bound in &other.0 {
            if !self.0.contains(bound) {
                self.0.push(bound.clone());
            }
        }
    }

    /// Whether a version will do.
    pub fn allows(&self, version: &Version) -> bool {
        self.0.iter().all(|bound| {
            let order = version.cmp(&bound.version);
            match bound.comparison {
                ">=" => order != Ordering::Less,
                ">" => order == Ordering::Greater,
                "<=" => order != Ordering::Greater,
                // `2.0.0-rc1` is not what someone wants who writes `<2.0.0`.
                "<" if version.is_prerelease() && !bound.version.is_prerelease() => {
                    version.release() < bound.version.release()
                }
                "<" => order == Ordering::Less,
                _ => order == Ordering::Equal,
            }
        })
    }

    /// The one version that will do, if it names one.
    pub fn exactly(&self) -> Option<&Version> {
        self.0.iter().find(|bound| bound.comparison == "=").map(|bound| &bound.version)
    }

    /// Whether a version before a release is named.
    pub fn names_prerelease(&self) -> bool {
        self.0.iter().any(|bound| bound.version.is_prerelease())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("any version");
        }
        for (number, Bound { comparison, version }) in self.0.iter().enumerate() {
            let comparison = if *comparison == "=" { "" } else { comparison };
            write!(f, "{}{comparison}{version}", if number == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
