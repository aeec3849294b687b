//! `headwater.yml`, `.env` and the YAML below the folders: fixture projects in `tests/fixtures/config/`.
//!
//! A folder `wrong-*` is a project with mistakes: its snapshot holds every message, with the marked line.

use std::fs;
use std::path::{Path, PathBuf};

use headwater_plan::{Code, Diagnostic, Diagnostics, Location};
use headwater_project::config::{self, Environ, Loaded, Request, Scope};
use headwater_project::schemas;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config")
}

fn request(dir: &Path) -> Request {
    let process = [("REGION".to_owned(), "eu".to_owned()), ("HALF".to_owned(), "0.5".to_owned())];
    Request {
        dir: dir.to_path_buf(),
        environment: None,
        vars: serde_json::Map::new(),
        environ: Environ::read(dir, process).unwrap_or_default(),
        threads: Some(4),
        invocation: Default::default(),
    }
}

/// Jinja as the templates of the crate expand it, as far as YAML goes.
fn render(scope: &Scope<'_>, text: &str, at: &Location) -> Result<String, Diagnostic> {
    let mut jinja = minijinja::Environment::new();
    let (vars, environ) = (scope.vars.clone(), scope.environ.clone());
    let missing =
        |name: &str| minijinja::Error::new(minijinja::ErrorKind::UndefinedError, format!("`{name}` is not set"));
    jinja.add_function("var", move |name: String, default: Option<String>| {
        let value = vars.get(&name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        value.or(default).ok_or_else(|| missing(&name))
    });
    jinja.add_function("env_var", move |name: String, default: Option<String>| {
        environ.get(&name).map(str::to_owned).or(default).ok_or_else(|| missing(&name))
    });
    let target = minijinja::Value::from_pairs([("name", scope.target.name.as_str()), ("schema", &scope.target.schema)]);
    let context = minijinja::Value::from_pairs([("target", target)]);
    jinja.render_str(text, context).map_err(|error| {
        Diagnostic::error(Code::InvalidTemplate, error.detail().unwrap_or("wrong template").to_owned()).at(at.clone())
    })
}

fn load(request: &Request) -> (Option<Loaded>, Diagnostics) {
    config::load(request, &render)
}

/// As a user sees it, with the place marked.
pub(crate) fn show(found: &Diagnostics) -> String {
    let mut shown = String::new();
    for wrong in &found.0 {
        if let Some(at) = &wrong.location {
            shown += &format!("{at} ");
        }
        shown += &format!("{}: {}\n", wrong.code, wrong.message);
        if let Some(Location { text: Some(text), column, length, .. }) = &wrong.location {
            let indent = " ".repeat(*column as usize - 1);
            shown += &format!("  | {text}\n  | {indent}{}\n", "^".repeat(*length as usize));
        }
        if let Some(help) = &wrong.help {
            shown += &format!("  help: {help}\n");
        }
    }
    shown
}

#[test]
fn wrong_projects_are_told_all_at_once() {
    let mut folders: Vec<PathBuf> = fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("wrong-") {
            let (_, found) = load(&request(&folder));
            insta::assert_snapshot!(name, show(&found));
        }
    }
}

#[test]
fn a_right_project_is_read_whole() {
    let dir = fixtures().join("right");
    let (loaded, found) = load(&request(&dir));
    assert_eq!(show(&found), "");
    insta::assert_snapshot!("right", without_places(&loaded.unwrap(), &dir));
}

/// The places are held by the snapshots of wrong projects.
fn without_places(loaded: &Loaded, dir: &Path) -> String {
    let text = format!("{loaded:#?}").replace(&dir.display().to_string(), "[dir]");
    let mut lines = Vec::new();
    let mut inside = None;
    for line in text.lines() {
        let depth = line.len() - line.trim_start().len();
        match inside {
            Some(outer) if depth > outer => {}
            Some(_) => inside = None,
            None if line.ends_with("location: Location {") => inside = Some(depth),
            None => lines.push(line),
        }
    }
    lines.join("\n")
}

#[test]
fn a_dbt_project_is_read_whole() {
    let dir = fixtures().join("dbt");
    let (loaded, found) = load(&request(&dir));
    insta::assert_snapshot!("dbt-warnings", show(&found));
    insta::assert_snapshot!("dbt", without_places(&loaded.unwrap(), &dir));
}

#[test]
fn environments_are_picked_by_name() {
    let dir = fixtures().join("environments");
    let pick = |environment: Option<&str>| {
        let request = Request { environment: environment.map(str::to_owned), threads: None, ..request(&dir) };
        config::project(&request, &render)
    };
    let (local, found) = pick(None);
    assert_eq!(show(&found), "");
    let local = local.unwrap();
    assert_eq!(local.environment.lake, dir.join("lake").display().to_string());
    assert_eq!((local.environment.threads, local.environment.memory_limit), (3, 512 * 1024 * 1024));
    assert_eq!(local.target.schema, "scratch");

    let (staging, found) = pick(Some("staging"));
    assert_eq!(show(&found), "");
    assert_eq!(staging.unwrap().environment.lake, "s3://lake-eu/staging");

    insta::assert_snapshot!("environment-prod", show(&pick(Some("prod")).1));
    insta::assert_snapshot!("environment-stagging", show(&pick(Some("stagging")).1));
}

#[test]
fn engines_are_read_with_their_settings() {
    let dir = fixtures().join("engines");
    let pick = |environment: &str| {
        let request = Request { environment: Some(environment.to_owned()), ..request(&dir) };
        config::project(&request, &render)
    };
    let mut right = String::new();
    for name in ["local", "bare", "whole", "auto"] {
        let (project, found) = pick(name);
        assert_eq!(show(&found), "", "{name}");
        let engine = project.unwrap().environment.engine;
        right += &format!("{name}: {}\n", serde_json::to_string_pretty(&engine).unwrap());
    }
    insta::assert_snapshot!("engines", right.replace(&dir.display().to_string(), "[dir]"));
    let wrong = ["wrong-embedded", "wrong-place", "wrong-values"].map(|name| show(&pick(name).1));
    insta::assert_snapshot!("engines-wrong", wrong.join("\n"));
}

#[test]
fn a_file_with_a_name_alone_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("headwater.yml"), "name: small\n").unwrap();
    let (loaded, found) = load(&request(dir.path()));
    assert_eq!(show(&found), "");
    let environment = loaded.unwrap().environment;
    assert_eq!((environment.name.as_str(), environment.lake_written.as_str()), ("local", "./lake"));
    let unknown = Request { environment: Some("prod".into()), ..request(dir.path()) };
    insta::assert_snapshot!("environment-of-none", show(&load(&unknown).1));
}

#[test]
fn variables_of_the_command_line_win() {
    let dir = tempfile::tempdir().unwrap();
    let text = "name: small\nvars:\n  incoming: \"{{ env_var('NOT_SET') }}\"\n  days: 7\n";
    fs::write(dir.path().join("headwater.yml"), text).unwrap();
    let vars = serde_json::json!({ "incoming": "/data" }).as_object().unwrap().clone();
    let (loaded, found) = load(&Request { vars, ..request(dir.path()) });
    assert_eq!(show(&found), "");
    assert_eq!(serde_json::Value::from(loaded.unwrap().vars), serde_json::json!({ "days": 7, "incoming": "/data" }));
}

#[test]
fn no_project_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = config::find(dir.path()).unwrap_err();
    let shown = |wrong: &Diagnostic| {
        show(&Diagnostics(vec![wrong.clone()])).replace(&dir.path().display().to_string(), "[dir]")
    };
    insta::assert_snapshot!("no-project", shown(&wrong));
    assert_eq!(load(&request(dir.path())).1.0, [wrong]);

    let below = dir.path().join("models/gold");
    fs::create_dir_all(&below).unwrap();
    fs::write(dir.path().join("dbt_project.yml"), "name: old\n").unwrap();
    assert_eq!(config::find(&below).unwrap(), dir.path());
    fs::remove_file(dir.path().join("dbt_project.yml")).unwrap();

    fs::write(dir.path().join("headwater.yml"), "name: new\n").unwrap();
    assert_eq!(config::find(&below).unwrap(), dir.path());
}

#[test]
fn the_process_wins_over_dot_env_and_nothing_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".env"), "# secrets\nA=file-secret\nexport B='two words'\nC=\n").unwrap();
    let process = [("A".to_owned(), "process-secret".to_owned())];
    let environ = Environ::read(dir.path(), process).unwrap();
    let values = ["A", "B", "C", "D"].map(|name| environ.get(name));
    assert_eq!(values, [Some("process-secret"), Some("two words"), Some(""), None]);
    insta::assert_snapshot!("environ", format!("{environ:?}"));

    fs::write(dir.path().join(".env"), "A=1\n\nB=two secret words\n").unwrap();
    let wrong = Environ::read(dir.path(), []).unwrap_err();
    assert!(!format!("{wrong:?}").contains("secret"));
    insta::assert_snapshot!("dot-env", show(&wrong.into()));

    fs::write(dir.path().join(".env"), [0xff, 0xfe, 0x00]).unwrap();
    assert_eq!(Environ::read(dir.path(), []).unwrap_err().code, Code::UnreadableFile);
}

#[test]
fn passwords_in_connections_are_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let right = "name: p\nconnections:\n  w: { type: postgres, password: hunter2, port: 5432 }\n";
    fs::write(dir.path().join("headwater.yml"), right).unwrap();
    let (loaded, found) = load(&request(dir.path()));
    assert_eq!(show(&found), "");
    let loaded = loaded.unwrap();
    assert!(!format!("{loaded:?}").contains("hunter2"));
    assert_eq!(loaded.connections[0].settings[0].1.expose(), "hunter2");

    for wrong in ["  w: hunter2\n", "  w: { type: postgre, password: hunter2 }\n", "  w: { password: hunter2 }\n"] {
        fs::write(dir.path().join("headwater.yml"), format!("name: p\nconnections:\n{wrong}")).unwrap();
        let (_, found) = load(&request(dir.path()));
        assert!(found.has_errors());
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }
}

#[test]
fn a_folder_with_stars_is_not_a_pattern() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("a[1]*");
    fs::create_dir_all(dir.join("models")).unwrap();
    fs::write(dir.join("headwater.yml"), "name: p\n").unwrap();
    let sources = "sources: [{ name: s, tables: [{ name: t, ingest: { files: './in/*.csv' }, \
                   columns: [{ name: a, data_type: int }] }] }]\n";
    fs::write(dir.join("models/s.yml"), sources).unwrap();
    let (loaded, found) = load(&request(&dir));
    assert_eq!(show(&found), "");
    let loaded = loaded.unwrap();
    let files = &loaded.own().sources[0].ingest.as_ref().unwrap().files;
    assert!(files.pattern.ends_with("a[[]1[]][*]/in/*.csv"), "{}", files.pattern);
    assert!(glob::Pattern::new(&files.pattern).unwrap().matches(&dir.join("in/x.csv").display().to_string()));
    assert_eq!(files.written, "./in/*.csv");
}

#[test]
fn committed_schemas_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    for (name, text) in schemas::all() {
        let committed = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(committed == text, "`schemas/{name}` is not what the types say: run `cargo xtask generate`");
    }
}
