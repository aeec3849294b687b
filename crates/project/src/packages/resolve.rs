//! From what is asked for to one version of each package, as dbt resolves: breadth first, the newest version that all who
//! ask for a package will take.
//!
//! Pure: what is not known yet is asked for ([`Need`]), and the caller comes back with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use headwater_plan::{Code, Diagnostic, Diagnostics, Location, Secret};
use indexmap::IndexMap;
use serde_json::Value;

use super::{DBT_VERSION, Index, PackageSource, Release, Requirement, Spec, Version};

/// What is known so far.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The hub's documents, by package: `dbt-labs/dbt_utils`.
    pub indexes: BTreeMap<String, Index>,
    /// What fetched packages say of themselves, by [`Spec::key`].
    pub contents: BTreeMap<String, Contents>,
}

/// What a fetched package says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// The name of its project.
    pub name: String,
    /// The packages that it asks for.
    pub packages: Vec<Spec>,
    /// For Git: the commit that was fetched.
    pub revision: Option<String>,
}

/// What must be known to go on.
#[derive(Debug, Clone, PartialEq)]
pub enum Need {
    /// The hub's document of a package.
    Index {
        /// `dbt-labs/dbt_utils`.
        package: String,
        /// Where it is asked for.
        location: Location,
    },
    /// What a package says of itself: it has to be fetched.
    Contents(Spec),
}

/// How far it goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// Not to the end: this must be known.
    Needs(Vec<Need>),
    /// To the end: the packages in the order in which they are asked for, those that packages use behind them.
    Pinned(Vec<Pinned>),
}

/// A package at one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Pinned {
    /// The name of its project: its folder in `dbt_packages`. Locks of dbt before 1.10 do not tell.
    pub name: Option<String>,
    /// Where it comes from.
    pub source: PinnedSource,
}

/// Where a package comes from, at one version.
#[derive(Debug, Clone, PartialEq)]
pub enum PinnedSource {
    /// dbt's hub.
    Hub {
        /// `dbt-labs/dbt_utils`.
        package: String,
        /// The version.
        version: Version,
    },
    /// A Git repository.
    Git {
        /// Its URL, which may hold a token.
        url: Secret,
        /// The URL as it is written, Jinja not expanded.
        written: String,
        /// The commit, or what was asked for.
        revision: String,
        /// The folder in it.
        subdirectory: Option<String>,
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
        /// The URL as it is written, Jinja not expanded.
        written: String,
    },
}

/// One version of each package that the project of that name asks for, and of each that those ask for.
///
/// # Errors
/// [`Code::PackageConflict`] where no version will do for all who ask.
pub fn resolve(project: &str, asked: &[Spec], facts: &Facts) -> Result<Resolution, Diagnostics> {
    let mut resolver = Resolver { facts, wanted: IndexMap::new(), needs: Vec::new(), wrong: Diagnostics::default() };
    let mut round: Vec<Spec> = asked.to_vec();
    // Each package that is new, or wanted more narrowly than before, brings its own.
    while !round.is_empty() {
        let changed: BTreeSet<String> = round.iter().filter_map(|spec| resolver.want(spec)).collect();
        round = changed.iter().flat_map(|key| resolver.asks(key)).collect();
    }
    if resolver.wrong.has_errors() {
        return Err(resolver.wrong);
    }
    if !resolver.needs.is_empty() {
        return Ok(Resolution::Needs(resolver.needs));
    }
    resolver.pinned(project, asked).map(Resolution::Pinned)
}

struct Resolver<'a> {
    facts: &'a Facts,
    /// What is wanted of each package, all who ask for it together.
    wanted: IndexMap<String, Spec>,
    needs: Vec<Need>,
    wrong: Diagnostics,
}

impl Resolver<'_> {
    /// Takes up that a package is asked for; its key if that says anything new.
    fn want(&mut self, spec: &Spec) -> Option<String> {
        let key = spec.key();
        let Some(wanted) = self.wanted.get_mut(&key) else {
            self.wanted.insert(key.clone(), spec.clone());
            return Some(key);
        };
        match (&mut wanted.source, &spec.source) {
            (
                PackageSource::Hub { version, prerelease, .. },
                PackageSource::Hub { version: other, prerelease: also, .. },
            ) => {
                let before = (version.clone(), *prerelease);
                version.and(other);
                *prerelease |= also;
                (before != (version.clone(), *prerelease)).then_some(key)
            }
            (PackageSource::Git { revision, .. }, PackageSource::Git { revision: other, .. }) => {
                if let (Some(one), Some(other)) = (&*revision, other)
                    && one != other
                {
                    let message = format!("`{}` is asked for at `{one}` and at `{other}`", spec.shown());
                    let wrong = Diagnostic::error(Code::PackageConflict, message).at(spec.location.clone());
                    let help = format!("it is first asked for at {}: agree on one revision", wanted.location);
                    self.wrong.push(wrong.help(help));
                }
                if revision.is_none() {
                    revision.clone_from(other);
                    return other.is_some().then_some(key);
                }
                None
            }
            _ => None,
        }
    }

    /// What a package asks for in its turn.
    fn asks(&mut self, key: &str) -> Vec<Spec> {
        let Some(spec) = self.wanted.get(key).cloned() else { return Vec::new() };
        if !matches!(spec.source, PackageSource::Hub { .. }) {
            if let Some(contents) = self.facts.contents.get(key) {
                return contents.packages.clone();
            }
            self.need(Need::Contents(spec));
            return Vec::new();
        }
        let packages = match self.release(&spec) {
            Some(Ok(release)) => release.packages.clone(),
            Some(Err(wrong)) => {
                self.wrong.push(*wrong);
                return Vec::new();
            }
            None => {
                self.need(Need::Index { package: key.to_owned(), location: spec.location });
                return Vec::new();
            }
        };
        let mut specs = Vec::new();
        for entry in &packages {
            match Spec::of_json(entry, &spec.location) {
                Some(spec) => specs.push(spec),
                None => {
                    let message = format!("the hub says of `{key}` that it uses `{entry}`, which is not a package");
                    self.wrong.push(Diagnostic::error(Code::Unsupported, message).at(spec.location.clone()));
                }
            }
        }
        specs
    }

    fn need(&mut self, need: Need) {
        if !self.needs.contains(&need) {
            self.needs.push(need);
        }
    }

    /// The release of a package of the hub that all will take; `None` while the hub has not been asked.
    fn release(&self, spec: &Spec) -> Option<Result<&Release, Box<Diagnostic>>> {
        let PackageSource::Hub { package, version, prerelease } = &spec.source else { return None };
        let index = self.facts.indexes.get(package)?;
        let prerelease = *prerelease || version.names_prerelease();
        let installable = |release: &&Release| {
            release.require_dbt_version.allows(&DBT_VERSION) && (prerelease || !release.version.is_prerelease())
        };
        let fitting = index.releases.iter().rev().filter(|release| version.allows(&release.version));
        if let Some(release) = fitting.clone().find(installable) {
            return Some(Ok(release));
        }
        let message = format!("no version of the package `{package}` is {version}");
        let wrong = Diagnostic::error(Code::PackageConflict, message).at(spec.location.clone());
        let all: Vec<&Release> = index.releases.iter().rev().filter(installable).take(5).collect();
        Some(Err(Box::new(match (fitting.clone().next(), all.as_slice()) {
            (Some(release), _) if !release.require_dbt_version.allows(&DBT_VERSION) => wrong.help(format!(
                "its version {} is for dbt {}, and projects are read as dbt {DBT_VERSION} does",
                release.version, release.require_dbt_version
            )),
            (Some(release), _) => wrong.help(format!(
                "its version {} comes before a release: write `install_prerelease: true` to take it",
                release.version
            )),
            (None, []) => wrong.help("the hub has no version of it that could be installed"),
            (None, all) => {
                let all: Vec<String> = all.iter().map(|release| release.version.to_string()).collect();
                wrong.help(format!("the newest are {}", all.join(", ")))
            }
        })))
    }

    /// The packages that are still asked for once every version is picked.
    fn pinned(&self, project: &str, asked: &[Spec]) -> Result<Vec<Pinned>, Diagnostics> {
        let mut pinned: IndexMap<String, Pinned> = IndexMap::new();
        let mut names: HashMap<String, String> = HashMap::from([(project.to_owned(), "the project itself".to_owned())]);
        let mut wrong = Diagnostics::default();
        let mut round: Vec<String> = asked.iter().map(Spec::key).collect();
        while !round.is_empty() {
            let mut next = Vec::new();
            for key in round {
                let Some(spec) = self.wanted.get(&key).filter(|_| !pinned.contains_key(&key)) else { continue };
                let Some((pin, asks)) = self.pin(spec, &key) else { continue };
                let name = pin.name.clone().unwrap_or_default();
                if let Some(first) = names.insert(name.clone(), spec.shown()) {
                    let message = format!("two packages are named `{name}`: `{}` and `{first}`", spec.shown());
                    let diagnostic = Diagnostic::error(Code::DuplicateName, message).at(spec.location.clone());
                    wrong.push(diagnostic.help("take the package from one place alone"));
                }
                next.extend(asks);
                pinned.insert(key, pin);
            }
            round = next;
        }
        if wrong.has_errors() { Err(wrong) } else { Ok(pinned.into_values().collect()) }
    }

    /// A package at its version, and the keys of those that it asks for.
    fn pin(&self, spec: &Spec, key: &str) -> Option<(Pinned, Vec<String>)> {
        if let PackageSource::Hub { package, .. } = &spec.source {
            let release = self.release(spec)?.ok()?;
            let source = PinnedSource::Hub { package: package.clone(), version: release.version.clone() };
            let asks = release.packages.iter().filter_map(|entry| Spec::of_json(entry, &spec.location));
            let asks = asks.map(|spec| spec.key()).collect();
            return Some((Pinned { name: Some(release.name.clone()), source }, asks));
        }
        let contents = self.facts.contents.get(key)?;
        let source = match spec.source.clone() {
            PackageSource::Hub { .. } => return None,
            PackageSource::Git { url, revision, subdirectory, .. } => PinnedSource::Git {
                url,
                written: spec.shown(),
                revision: contents.revision.clone().or(revision).unwrap_or_else(|| "HEAD".into()),
                subdirectory,
            },
            PackageSource::Local { path } => PinnedSource::Local { path },
            PackageSource::Tarball { url } => PinnedSource::Tarball { url, written: spec.shown() },
        };
        // A tarball is called what the user says.
        let name = spec.name.clone().filter(|_| matches!(source, PinnedSource::Tarball { .. }));
        let asks = contents.packages.iter().map(Spec::key).collect();
        Some((Pinned { name: name.or_else(|| Some(contents.name.clone())), source }, asks))
    }
}

impl Spec {
    /// An entry as the hub has it. The place is that of the package that asks for it.
    fn of_json(entry: &Value, location: &Location) -> Option<Self> {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        let source = if let Some(package) = text("package") {
            let version = match entry.get("version")? {
                Value::Array(texts) => Requirement::parse_all(texts.iter().filter_map(Value::as_str)),
                Value::String(text) => Requirement::parse_all([text.as_str()]),
                _ => return None,
            };
            let prerelease = entry.get("install_prerelease").and_then(Value::as_bool).unwrap_or(false);
            PackageSource::Hub { package, version: version.ok()?, prerelease }
        } else if let Some(git) = text("git") {
            let revision = entry.get("revision").and_then(|revision| match revision {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            });
            let (url, subdirectory) = (Secret::new(git), text("subdirectory"));
            PackageSource::Git { url, revision, subdirectory, warn_unpinned: true }
        } else {
            PackageSource::Tarball { url: Secret::new(text("tarball")?) }
        };
        Some(Self {
            source,
            name: text("name"),
            written: entry.as_object()?.clone(),
            hashed: Secret::new(""),
            location: location.clone(),
        })
    }
}
