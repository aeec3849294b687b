//! The project's own files, resolved for one environment: `headwater.yml`, `dbt_project.yml`, or both.
//!
//! `headwater.yml` is checked twice: as a whole with its Jinja left out, since only the picked environment's variables need
//! be there, then the picked environment and the variables with their Jinja expanded. A `dbt_project.yml` alone has one
//! environment, all defaults; beside a `headwater.yml` it has the environments of that.

use std::path::Path;

use headwater_plan::{Code, Diagnostic, Diagnostics, Environment, Location, Secret};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::at::At;
use super::check::{Check, Checked, Jinja};
use super::dbt_project::{self, DbtFile};
use super::environment::{self, Reading};
use super::file::project::{ConnectionFile, ProjectFile};
use super::source::Source;
use super::yaml::{self, Node};
use super::{Connection, DBT_PROJECT_FILE, PROJECT_FILE, Project, Render, Request, Scope, find, paths};

/// What the project's own files say for the requested environment; `None` when that cannot be known. Reads nothing else.
pub fn project(request: &Request, render: &Render<'_>) -> (Option<Project>, Diagnostics) {
    let mut found = Diagnostics::default();
    let project = read(request, render, &mut found);
    (project, found)
}

/// The requested environment. Reads nothing but the project's own files: a query needs no more.
///
/// # Errors
/// Whatever is wrong with those files.
pub fn environment(request: &Request, render: &Render<'_>) -> Result<Environment, Diagnostics> {
    match project(request, render) {
        (Some(project), found) if !found.has_errors() => Ok(project.environment),
        (_, found) => Err(found),
    }
}

fn read(request: &Request, render: &Render<'_>, found: &mut Diagnostics) -> Option<Project> {
    let has = |file: &str| request.dir.join(file).is_file();
    match (has(PROJECT_FILE), has(DBT_PROJECT_FILE)) {
        (false, false) => {
            found.push(find::no_project(&request.dir));
            None
        }
        (true, false) => headwater(request, render, found),
        (false, true) => {
            let file = DbtFile::open(&request.dir, "".as_ref(), found)?;
            let project = alone(request, render, &file, found)?;
            with_dbt(request, render, project, &file, found)
        }
        (true, true) => {
            let project = headwater(request, render, found);
            let file = DbtFile::open(&request.dir, "".as_ref(), found);
            let (Some(project), Some(file)) = (project, &file) else {
                // Nothing to go on with, but what is wrong in the other file is told as well.
                if let Some(file) = &file {
                    file.read(Jinja::LeaveOut, found);
                }
                return None;
            };
            if file.name().is_some_and(|name| name != project.name) {
                let name = file.name().unwrap_or_default();
                let message = format!("the project is `{name}` here and `{}` in `{PROJECT_FILE}`", project.name);
                let wrong = Diagnostic::error(Code::InvalidValue, message).at(file.name_location());
                found.push(wrong.help("give both files the same `name:`"));
            }
            with_dbt(request, render, project, file, found)
        }
    }
}

/// Reads `dbt_project.yml` for an environment that is known.
fn with_dbt(
    request: &Request,
    render: &Render<'_>,
    mut project: Project,
    file: &DbtFile,
    found: &mut Diagnostics,
) -> Option<Project> {
    // As in dbt, a variable is known here only if the command line tells it.
    let scope =
        Scope { project: &project.name, vars: &request.vars, environ: &request.environ, target: &project.target };
    let expand = |text: &str, at: &Location| render(&scope, text, at);
    let dbt = file.read(Jinja::Expand(&expand), found)?;
    let own = std::mem::take(&mut project.vars);
    project.vars = dbt_project::merged_vars(&[&dbt.vars, &own, &request.vars], &project.name);
    project.headwater_vars = own;
    project.dbt = Some(dbt);
    Some(project)
}

/// A `dbt_project.yml` without a `headwater.yml`: one environment, all defaults.
fn alone(request: &Request, render: &Render<'_>, file: &DbtFile, found: &mut Diagnostics) -> Option<Project> {
    let root = file.at();
    let Some(name) = file.name() else {
        // Something is wrong with the name, and the check says what.
        file.read(Jinja::LeaveOut, found);
        return None;
    };
    let picked = environment::pick(request, None, root, found);
    let schema = crate::schemas::of::<ProjectFile>();
    let mut reading = Reading { request, render, source: root.source, schema: &schema, name, found };
    let target = reading.target(picked.as_ref());
    let (environment, target) = reading.environment(&picked?, &request.vars, target)?;
    Some(Project {
        name: name.to_owned(),
        vars: request.vars.clone(),
        headwater_vars: Map::new(),
        environment,
        target,
        connections: Vec::new(),
        dbt: None,
    })
}

fn headwater(request: &Request, render: &Render<'_>, found: &mut Diagnostics) -> Option<Project> {
    let source = Source::read(&request.dir, PROJECT_FILE.as_ref()).map_err(|wrong| found.push(wrong)).ok()?;
    let root = yaml::parse(&source, found)?;
    let schema = crate::schemas::of::<ProjectFile>();
    let mut check = Check::new(&source, &schema, Jinja::LeaveOut, found);
    let checked = check.check(&root, "ProjectFile", "`headwater.yml`");
    let Checked::Sound(clean) = checked else {
        if matches!(checked, Checked::LeftOut) {
            let wrong = Diagnostic::error(Code::InvalidValue, "`name` must be written out: it cannot be a template");
            found.push(wrong.at(At::new(&source, &root).key_location("name")));
        }
        return None;
    };
    let file: ProjectFile = typed(&clean, found)?;
    let at = At::new(&source, &clean);
    found.extend(paths::check_identifier(at.at("name"), "the project", &file.name));

    let raw = At::new(&source, &root);
    let picked = environment::pick(request, file.default_environment.as_deref(), raw, found);
    let vars_node = clean.get("vars").cloned();
    let mut reading = Reading { request, render, source: &source, schema: &schema, name: &file.name, found };
    let target = reading.target(picked.as_ref());
    let vars = reading.vars(raw.get("vars").map(|at| at.node).or(vars_node.as_ref()), &target);
    let connections = connections(at, file.connections);
    let picked = picked?;
    let (environment, target) = reading.environment(&picked, &vars, target)?;
    Some(Project { name: file.name, headwater_vars: vars.clone(), vars, environment, target, connections, dbt: None })
}

/// The name in the `dbt_project.yml` of a package; what is wrong with the file is told.
pub(crate) fn package_name(dir: &Path, package: &Path, found: &mut Diagnostics) -> Option<String> {
    let file = DbtFile::open(dir, package, found)?;
    let name = file.name().map(str::to_owned);
    if name.is_none() {
        let wrong = file.at().error(Code::MissingKey, "a dbt project needs the key `name`");
        found.push(wrong.help("letters, digits and `_`, such as `dbt_utils`"));
    }
    name
}

/// A checked tree as its type. That it always succeeds is the checker's promise.
pub(crate) fn typed<T: DeserializeOwned>(clean: &Node, found: &mut Diagnostics) -> Option<T> {
    match serde_json::from_value(clean.to_json()) {
        Ok(value) => Some(value),
        Err(error) => {
            found.push(Diagnostic::internal("a checked YAML file does not fit its own type").caused_by(&error));
            None
        }
    }
}

fn connections(at: At<'_>, files: indexmap::IndexMap<String, ConnectionFile>) -> Vec<Connection> {
    let connection = |(name, file): (String, ConnectionFile)| {
        let place = at.at("connections").key_location(&name);
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Connection {
            kind: file.kind.word().to_owned(),
            settings: file.settings.into_iter().map(|(key, value)| (key, Secret::new(text(value)))).collect(),
            // The line may hold a password.
            location: Location { text: None, ..place },
            name,
        }
    };
    files.into_iter().map(connection).collect()
}
