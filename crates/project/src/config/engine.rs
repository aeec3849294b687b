//! `engine:` of the environment that was picked: what it says, checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use headwater_plan::{Auto, Code, Diagnostic, Diagnostics, EngineKind, Location, Spark, SparkOn};
use indexmap::IndexMap;

use super::at::At;
use super::file::Plain;
use super::file::engine::{EngineFile, EngineName, EngineSettings, SparkOn as On};
use super::{paths, size};

/// Where `auto` switches when the user does not say: below it the start of a cluster costs more than it saves.
const DEFAULT_ABOVE: u64 = 50_000_000_000;

/// Settings of Spark that have a key of their own, or that Headwater must make itself.
const OWN: &[(&str, &str)] = &[
    ("spark.master", "write it as `master:`"),
    ("spark.jars", "write them as `jars:`"),
    ("spark.jars.packages", "write them as `packages:`"),
    ("spark.submit.deployMode", "headwater waits beside the driver, which runs where it is started"),
    ("spark.sql.ansi.enabled", "headwater's SQL is ANSI on every engine"),
    ("spark.sql.session.timeZone", "headwater's session is UTC on every engine"),
    ("spark.sql.caseSensitive", "headwater's names have no case on any engine"),
];

/// The engine that stands there; the embedded one if none does. What is wrong with it is added to `found`.
pub(super) fn engine(file: Option<&EngineFile>, at: At<'_>, dir: &Path, found: &mut Diagnostics) -> EngineKind {
    let (kind, settings) = match file {
        None => return EngineKind::Embedded,
        Some(EngineFile::Name(name)) => (*name, None),
        Some(EngineFile::Settings(settings)) => (settings.kind, Some(settings.as_ref())),
    };
    let mut reading = Reading { at, dir, found };
    if let Some(settings) = settings {
        reading.superfluous(kind, settings);
    }
    if kind == EngineName::Embedded {
        return EngineKind::Embedded;
    }
    let spark = reading.spark(settings);
    match kind {
        EngineName::Auto => {
            let above = settings.and_then(|settings| settings.above.as_ref()).map(Plain::text);
            EngineKind::Auto(Box::new(Auto { above: reading.above(above.as_deref()), spark }))
        }
        _ => EngineKind::Spark(Box::new(spark)),
    }
}

struct Reading<'a> {
    at: At<'a>,
    dir: &'a Path,
    found: &'a mut Diagnostics,
}

impl Reading<'_> {
    /// Keys that mean nothing to this engine: most likely another was meant.
    fn superfluous(&mut self, kind: EngineName, settings: &EngineSettings) {
        let of_spark = [
            ("on", settings.on.is_some()),
            ("spark_home", settings.spark_home.is_some()),
            ("python", settings.python.is_some()),
            ("master", settings.master.is_some()),
            ("jars", !settings.jars.is_empty()),
            ("packages", !settings.packages.is_empty()),
            ("settings", !settings.settings.is_empty()),
            ("timeout", settings.timeout.is_some()),
        ];
        let for_spark = of_spark.iter().filter(|_| kind == EngineName::Embedded);
        for (key, _) in for_spark.filter(|(_, written)| *written) {
            let message = format!("`{key}` is a setting of Spark, and the engine is `embedded`");
            let wrong = Diagnostic::error(Code::InvalidValue, message).at(self.at.key_location(key));
            self.found.push(wrong.help("write `kind: spark`, or leave it out"));
        }
        if settings.above.is_some() && kind != EngineName::Auto {
            let message = "`above` says where `auto` takes Spark, and the engine is another";
            let wrong = Diagnostic::error(Code::InvalidValue, message).at(self.at.key_location("above"));
            self.found.push(wrong.help("write `kind: auto`, or leave it out"));
        }
    }

    fn above(&mut self, written: Option<&str>) -> u64 {
        let Some(written) = written else { return DEFAULT_ABOVE };
        let bytes = size::bytes(written);
        if bytes.is_none() {
            let message = format!("`above` must be a number with a unit, such as `50GB`, not `{written}`");
            let wrong = self.at.at("above").error(Code::InvalidValue, message);
            self.found.push(wrong.help("the units are `B`, `KB`, `MB`, `GB`, `TB`, `KiB`, `MiB`, `GiB`, `TiB`"));
        }
        bytes.unwrap_or(DEFAULT_ABOVE)
    }

    fn spark(&mut self, settings: Option<&EngineSettings>) -> Spark {
        let location = self.at.location();
        let nothing = Spark {
            location,
            places: BTreeMap::new(),
            on: SparkOn::SparkSubmit,
            home: None,
            python: None,
            master: None,
            jars: Vec::new(),
            packages: Vec::new(),
            settings: IndexMap::new(),
            timeout_ms: None,
        };
        let Some(settings) = settings else { return nothing };
        self.on(settings.on);
        Spark {
            places: self.places(settings),
            home: settings.spark_home.as_deref().and_then(|written| self.path("spark_home", written)),
            python: settings.python.as_deref().and_then(|written| self.python(written)),
            master: settings.master.as_ref().map(Plain::text),
            jars: self.jars(&settings.jars),
            packages: self.packages(&settings.packages),
            settings: self.settings(settings),
            timeout_ms: settings.timeout.as_ref().and_then(|written| self.timeout(&written.text())),
            ..nothing
        }
    }

    fn places(&self, settings: &EngineSettings) -> BTreeMap<String, Location> {
        let keys = ["spark_home", "python", "master", "jars", "packages", "timeout"];
        let own = self.at.node_keys().filter(|(key, _)| keys.contains(key));
        let own = own.map(|(key, location)| (key.to_owned(), location));
        let at = self.at.at("settings");
        let of_spark = settings.settings.keys().map(|name| (name.clone(), at.key_location(name)));
        own.chain(of_spark).collect()
    }

    fn on(&mut self, on: Option<On>) {
        if let Some(on) = on.filter(|on| *on != On::SparkSubmit) {
            let wrong = self.at.at("on").error(Code::Unsupported, format!("`on: {}` is not supported", on.word()));
            self.found
                .push(wrong.help("`on: spark-submit` runs a Spark of this machine, which may send work to a cluster"));
        }
    }

    fn path(&mut self, key: &str, written: &str) -> Option<PathBuf> {
        let wrong = paths::check_path(self.at.at(key), &format!("`{key}`"), written);
        let sound = wrong.is_none();
        self.found.extend(wrong);
        sound.then(|| PathBuf::from(paths::absolute(self.dir, written)))
    }

    /// A name alone is a command; whatever has a `/` is a path.
    fn python(&mut self, written: &str) -> Option<PathBuf> {
        if !written.trim().is_empty() && !written.contains('/') && !written.starts_with('~') {
            return Some(PathBuf::from(written));
        }
        self.path("python", written)
    }

    fn jars(&mut self, written: &[String]) -> Vec<String> {
        let places: Vec<At<'_>> = self.at.items("jars").collect();
        let mut jars = Vec::with_capacity(written.len());
        for (at, jar) in places.into_iter().zip(written) {
            self.found.extend(paths::check_path(at, "a JAR", jar));
            jars.push(paths::absolute(self.dir, jar));
        }
        jars
    }

    fn packages(&mut self, written: &[String]) -> Vec<String> {
        let places: Vec<At<'_>> = self.at.items("packages").collect();
        for (at, package) in places.into_iter().zip(written) {
            let parts: Vec<&str> = package.split(':').collect();
            if parts.len() != 3 || parts.iter().any(|part| part.trim().is_empty() || part.contains(',')) {
                let message = format!("a package is `group:artifact:version`, not `{package}`");
                let wrong = at.error(Code::InvalidValue, message);
                self.found.push(wrong.help("for Spark 3.5 that of Delta Lake is `io.delta:delta-spark_2.12:3.3.2`"));
            }
        }
        written.to_vec()
    }

    fn settings(&mut self, settings: &EngineSettings) -> IndexMap<String, String> {
        let at = self.at.at("settings");
        let mut read = IndexMap::new();
        for (name, value) in &settings.settings {
            let message = if !name.starts_with("spark.") {
                Some((format!("`{name}` is no setting of Spark: their names begin with `spark.`"), None))
            } else {
                let own = OWN.iter().find(|(own, _)| own == name);
                own.map(|(own, help)| (format!("`{own}` cannot be set here"), Some(*help)))
            };
            if let Some((message, help)) = message {
                let wrong = Diagnostic::error(Code::InvalidValue, message).at(at.key_location(name));
                self.found.push(match help {
                    Some(help) => wrong.help(help),
                    None => wrong,
                });
            }
            read.insert(name.clone(), value.text());
        }
        read
    }

    fn timeout(&mut self, written: &str) -> Option<u64> {
        let read = size::duration(written).and_then(|timeout| u64::try_from(timeout.num_milliseconds()).ok());
        let read = read.filter(|milliseconds| *milliseconds > 0);
        if read.is_none() {
            let message = format!("`timeout` must be a duration, such as `90s`, `30m` or `1h30m`, not `{written}`");
            self.found.push(self.at.at("timeout").error(Code::InvalidValue, message));
        }
        read
    }
}
