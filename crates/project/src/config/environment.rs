//! The environment that was asked for: picked by name, then read with its Jinja expanded.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::Path;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Diagnostics, Environment, Location};
use serde_json::{Map, Value};

use super::at::At;
use super::check::{Check, Checked, Jinja};
use super::file::project::{CatalogName, EnvironmentFile};
use super::project::typed;
use super::source::{Source, Span};
use super::yaml::{Data, Entry, Node};
use super::{PROJECT_FILE, Render, Request, Scope, Target, engine, paths, size};

/// The environment that there is when the file names none.
const DEFAULT_ENVIRONMENT: &str = "local";
const DEFAULT_LAKE: &str = "./lake";
const DEFAULT_SCHEMA: &str = "main";
const DEFAULT_MEMORY_LIMIT: u64 = 2_000_000_000;

/// The environment that was asked for: its name and, if the file has it, its mapping.
pub(super) struct Picked<'a> {
    pub(super) name: String,
    at: Option<At<'a>>,
}

/// Picks the environment of `--env` or the default one; `root` is the file that names them, or a `dbt_project.yml`, which
/// names none.
pub(super) fn pick<'a>(
    request: &Request,
    default: Option<&str>,
    root: At<'a>,
    found: &mut Diagnostics,
) -> Option<Picked<'a>> {
    let written = root.get("environments").map(|at| at.node.entries()).unwrap_or_default();
    let mut names: BTreeSet<&str> = written.iter().map(|entry| entry.key.as_str()).collect();
    if names.is_empty() {
        names.insert(DEFAULT_ENVIRONMENT);
    }
    let known = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let unknown = |name: &str| {
        let help = match did_you_mean(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if root.source.path != Path::new(PROJECT_FILE) => {
                format!("there is {} alone: a `{PROJECT_FILE}` beside this file names others", known())
            }
            None => format!("`{PROJECT_FILE}` has {}", known()),
        };
        Diagnostic::error(Code::UnknownEnvironment, format!("no environment is called `{name}`")).help(help)
    };
    if let Some(wrong) = default.filter(|name| !names.contains(name)) {
        found.push(unknown(wrong).at(root.at("default_environment").location()));
    }
    let name = request.environment.as_deref().or(default).unwrap_or(DEFAULT_ENVIRONMENT);
    if names.contains(name) {
        let at = written.iter().find(|entry| entry.key == name).map(|entry| At { node: &entry.value, ..root });
        return Some(Picked { name: name.to_owned(), at });
    }
    if request.environment.is_some() {
        // Where they are written, if they are: that is where one more would go.
        let at = if written.is_empty() { root.key_location("name") } else { root.key_location("environments") };
        found.push(unknown(name).at(at));
    } else if default.is_none() {
        let message = format!("no environment is picked, and none is called `{DEFAULT_ENVIRONMENT}`");
        found.push(
            Diagnostic::error(Code::UnknownEnvironment, message)
                .at(root.key_location("environments"))
                .help(format!("pick one with `--env`, or with `default_environment:` in this file: {}", known())),
        );
    }
    None
}

/// The second look at the file: what has Jinja.
pub(super) struct Reading<'a> {
    pub(super) request: &'a Request,
    pub(super) render: &'a Render<'a>,
    pub(super) source: &'a Source,
    pub(super) schema: &'a Value,
    pub(super) name: &'a str,
    pub(super) found: &'a mut Diagnostics,
}

impl Reading<'_> {
    /// As templates see the environment before it is read.
    pub(super) fn target(&self, picked: Option<&Picked<'_>>) -> Target {
        Target {
            name: picked.map_or(DEFAULT_ENVIRONMENT, |picked| &picked.name).to_owned(),
            schema: DEFAULT_SCHEMA.to_owned(),
            threads: self.threads(None),
        }
    }

    fn threads(&self, written: Option<u32>) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        self.request.threads.or(written.map(|threads| threads as usize)).unwrap_or_else(cores).max(1)
    }

    /// The variables below `vars:`, under those of `--vars`.
    pub(super) fn vars(&mut self, node: Option<&Node>, target: &Target) -> Map<String, Value> {
        let nothing = Map::new();
        let scope = Scope { project: self.name, vars: &nothing, environ: &self.request.environ, target };
        let expand = |text: &str, at: &Location| (self.render)(&scope, text, at);
        let mut vars = Map::new();
        for Entry { key, value, .. } in node.map(Node::entries).unwrap_or_default() {
            // What `--vars` replaces need not be there.
            if self.request.vars.contains_key(key) {
                continue;
            }
            let mut check = Check::new(self.source, self.schema, Jinja::Expand(&expand), self.found);
            if let Checked::Sound(value) = check.check_free(value, &format!("`{key}`")) {
                vars.insert(key.clone(), value.to_json());
            }
        }
        vars.extend(self.request.vars.clone());
        vars
    }

    /// The environment, and how templates see it.
    pub(super) fn environment(
        &mut self,
        picked: &Picked<'_>,
        vars: &Map<String, Value>,
        target: Target,
    ) -> Option<(Environment, Target)> {
        let scope = Scope { project: self.name, vars, environ: &self.request.environ, target: &target };
        let expand = |text: &str, at: &Location| (self.render)(&scope, text, at);
        let empty = Node::new(Span::START, Data::Map(Vec::new()));
        let node = picked.at.map_or(&empty, |at| at.node);
        let mut check = Check::new(self.source, self.schema, Jinja::Expand(&expand), self.found);
        let Checked::Sound(clean) = check.check(node, "EnvironmentFile", &format!("`{}`", picked.name)) else {
            return None;
        };
        let file: EnvironmentFile = typed(&clean, self.found)?;
        let at = At::new(self.source, &clean);
        let before = self.found.0.len();
        self.refuse(&file, at, &picked.name);

        let lake_written = file.lake.clone().unwrap_or_else(|| DEFAULT_LAKE.to_owned());
        self.found.extend(paths::check_path(at.at("lake"), "`lake`", &lake_written));
        let schema = file.schema.clone().unwrap_or_else(|| DEFAULT_SCHEMA.to_owned());
        self.found.extend(paths::check_schema(at.at("schema"), &schema));
        let memory_limit = self.memory_limit(&file, at);
        let threads = self.threads(file.threads);
        let engine = engine::engine(file.engine.as_ref(), at.at("engine"), &self.request.dir, self.found);
        if self.found.0.len() > before {
            return None;
        }
        let environment = Environment {
            name: picked.name.clone(),
            lake: paths::absolute(&self.request.dir, &lake_written),
            lake_written,
            lake_location: at.at("lake").location(),
            engine,
            threads,
            memory_limit,
        };
        Some((environment, Target { schema, threads, ..target }))
    }

    fn memory_limit(&mut self, file: &EnvironmentFile, at: At<'_>) -> u64 {
        let Some(written) = &file.memory_limit else { return DEFAULT_MEMORY_LIMIT };
        let limit = size::bytes(written);
        if limit.is_none_or(|limit| limit == 0) {
            let message = format!("`memory_limit` must be a number with a unit, such as `4GB`, not `{written}`");
            let wrong = at.at("memory_limit").error(Code::InvalidValue, message);
            self.found.push(wrong.help("the units are `B`, `KB`, `MB`, `GB`, `TB`, `KiB`, `MiB`, `GiB`, `TiB`"));
        }
        limit.unwrap_or(DEFAULT_MEMORY_LIMIT)
    }

    /// What other environments may name and a run cannot do yet.
    fn refuse(&mut self, file: &EnvironmentFile, at: At<'_>, name: &str) {
        if file.catalog == Some(CatalogName::Glue) {
            let message = format!("the catalog `glue` of the environment `{name}` is not supported yet");
            let wrong = at.at("catalog").error(Code::Unsupported, message);
            self.found.push(wrong.help("use `catalog: local`, or pick another environment with `--env`"));
        }
    }
}
